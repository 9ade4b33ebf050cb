"""What a file holds that a copy of it lacks, through the real command line: such a file is still there afterwards."""

from __future__ import annotations

import io
import os
import struct
import zlib

import cv2
import numpy as np
import pytest
import setting_aside
from PIL import Image, PngImagePlugin, TiffImagePlugin
from scenes import scene


@pytest.fixture
def left(run, tmp_path):
    """Adds the folder, lets copies go as they do by themselves, and says what is still there; then takes it back."""

    def left(*options):
        folder = tmp_path / "photos"
        assert run("add", "photos", "--no-encode").code == 0
        before = setting_aside.state(folder)
        ran = run("dedupe", "--apply", *options)
        assert ran.code == 0, ran.err
        after = setting_aside.state(folder)
        if after != before:
            assert run("undo").code == 0
        assert setting_aside.state(folder) == before
        return sorted(os.path.relpath(path, folder) for path in after), ran.out

    return left


def colours(seed=1, factor=256):
    """Colours of 16 bits: a picture's, and noise below what 8 bits show."""
    values = np.asarray(scene(seed, (240, 180)))[..., ::-1].astype(np.uint16) * factor
    return values + np.random.default_rng(seed).integers(0, min(factor, 200), values.shape, dtype=np.uint16)


def written(path, values, days=0):
    path.parent.mkdir(exist_ok=True)
    assert cv2.imwrite(str(path), values)
    when = 10**9 + days * 86_400
    os.utime(path, (when, when))
    return path


# --- colours of more than 8 bits ---


def test_pictures_that_differ_beyond_8_bits_all_stay(left, tmp_path):
    for seed, ending in enumerate((".png", ".tif")):
        written(tmp_path / "photos" / f"a{ending}", colours(seed))
        written(tmp_path / "photos" / f"b{ending}", colours(seed) + 40)
        written(tmp_path / "photos" / f"dark{ending}", colours(seed, 1))  # black, but for what 8 bits do not show
    opaque = np.full((*colours().shape[:2], 1), 65535, np.uint16)
    written(tmp_path / "photos" / "transparent.png", np.dstack([colours(4, 1), opaque]))
    written(tmp_path / "photos" / "transparent too.png", np.dstack([colours(5, 1), opaque]))
    assert len(left("--include", "near")[0]) == 8


def test_the_same_16_bits_in_another_file_go(left, tmp_path):
    written(tmp_path / "photos" / "a.png", colours())
    written(tmp_path / "photos" / "b.tif", colours(), 1)
    cv2.imwrite(str(tmp_path / "photos" / "c.png"), colours(), [cv2.IMWRITE_PNG_COMPRESSION, 1])
    assert left()[0] == ["a.png"]


def test_a_scan_of_16_bits_stays_and_its_older_export_goes_if_asked(left, tmp_path):
    written(tmp_path / "photos" / "scan.tif", colours(), 5)
    written(tmp_path / "photos" / "export.png", (colours() >> 8).astype(np.uint8), 1)
    written(tmp_path / "photos" / "grey.png", colours(2)[..., 1], 5)
    written(tmp_path / "photos" / "grey export.png", (colours(2)[..., 1] >> 8).astype(np.uint8), 1)
    names, out = left("--include", "copy")
    assert "scan.tif" in names and "grey.png" in names and "export.png" not in names
    assert "16 bits of each colour, not 8" in out


def test_16_bits_that_were_made_of_8_are_no_more_than_these(left, tmp_path):
    written(tmp_path / "photos" / "wide.png", colours() >> 8 << 8, 5)
    written(tmp_path / "photos" / "a.png", (colours() >> 8).astype(np.uint8), 1)
    assert left("--include", "copy")[0] == ["a.png"]


def test_a_heic_of_10_bits_is_not_known_to_be_the_same(left, tmp_path):
    heif = pytest.importorskip("pillow_heif")
    for name, values in (("a", colours()), ("b", colours() + 64)):
        height, width = values.shape[:2]
        made = heif.from_bytes(mode="RGB;16", size=(width, height), data=values[..., ::-1].tobytes())
        (tmp_path / "photos").mkdir(exist_ok=True)
        made.save(tmp_path / "photos" / f"{name}.heic", quality=-1)
    assert len(left("--include", "copy")[0]) == 2


# --- what else is in the file ---

FILM = b"\0\0\0\x18ftypmp42" + bytes(range(256)) * 8


def still(seed=1):
    data = io.BytesIO()
    scene(seed).save(data, "JPEG", quality=88)
    return data.getvalue()


def private(chunk, data):
    """A PNG of a scene with a chunk of some program's own."""
    made = io.BytesIO()
    scene(1).save(made, "PNG")
    whole = struct.pack(">I", len(data)) + chunk + data + struct.pack(">I", zlib.crc32(chunk + data))
    return made.getvalue()[:33] + whole + made.getvalue()[33:]


def second(seed):
    made = io.BytesIO()
    scene(1).save(made, "MPO", save_all=True, append_images=[scene(seed)], quality=85)
    return made.getvalue()


def described(**told):
    exif = Image.Exif()
    exif[0x010F] = "Canon"
    exif[{"words": 0x010E, "rights": 0x8298}[next(iter(told))]] = next(iter(told.values()))
    made = io.BytesIO()
    Image.open(io.BytesIO(still())).save(made, "JPEG", quality="keep", exif=exif)
    return made.getvalue()


def generated(prompt):
    info, made = PngImagePlugin.PngInfo(), io.BytesIO()
    info.add_text("parameters", prompt)
    scene(1).save(made, "PNG", pnginfo=info)
    return made.getvalue()


def layered(data):
    tags, made = TiffImagePlugin.ImageFileDirectory_v2(), io.BytesIO()
    if data:
        tags[37724], tags.tagtype[37724] = data, 7
    scene(1).save(made, "TIFF", tiffinfo=tags)
    return made.getvalue()


@pytest.mark.parametrize(
    ("one", "other", "why"),
    [
        (still() + FILM, still() + FILM + b"another", "a film that is not the other one's"),
        (second(2), second(3), "another picture that is not the other one's"),
        (described(words="Grandma in Rome"), described(words="A wedding"), "something else of words"),
        (described(rights="Reuters"), described(rights="free for all"), "something else of rights"),
        (generated("a dog, seed 1"), generated("a cat, seed 2"), "something else of words"),
        (layered(b"8BPS" * 90), layered(b"layer" * 90), "more data that is not the other one's"),
        (private(b"gAMA", struct.pack(">I", 100000)), private(b"gAMA", struct.pack(">I", 45455)), ""),
        (private(b"cICP", bytes([9, 16, 0, 1])), private(b"cICP", bytes([1, 13, 0, 1])), ""),
    ],
    ids=["films", "pictures", "words", "rights", "prompts", "layers", "gamma", "colours"],
)
def test_two_that_each_hold_something_of_their_own_both_stay(left, tmp_path, one, other, why):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "a").write_bytes(one)
    (tmp_path / "photos" / "b").write_bytes(other)
    for name in "ab":
        os.rename(tmp_path / "photos" / name, tmp_path / "photos" / f"{name}.jpg")
    names, out = left()
    assert len(names) == 2 and why in out


def test_what_alone_holds_layers_is_kept_and_the_same_words_are_no_more(left, tmp_path):
    (tmp_path / "photos").mkdir()
    for name, data in (
        ("flat.tif", layered(b"")),
        ("layers.tif", layered(b"8BPS" * 90)),
        ("fireworks.png", private(b"mkBT", b"layer" * 90)),
    ):
        (tmp_path / "photos" / name).write_bytes(data)
    assert left()[0] == ["fireworks.png", "layers.tif"]


# --- what lies beside it, or leads to it ---


def test_what_lies_beside_one_alone_keeps_it_whatever_it_is_called(left, tmp_path):
    for number, ending in enumerate(("jgw", "srt", "blend", "npz")):
        for folder in ("keep", "zz"):
            path = tmp_path / "photos" / folder / f"{number}.jpg"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(still(number))
        (tmp_path / "photos" / "zz" / f"{number}.{ending}").write_text("only here")
    names, _ = left()
    assert names == sorted(name for name in names if name.startswith("zz/")) and len(names) == 8
    names, out = left("--keep", "path:keep/*")
    assert len(names) == 12 and "only beside it lies 0.jgw" in out


def test_labels_in_a_tree_of_their_own_and_links_keep_what_they_are_about(left, tmp_path):
    for name in ("data/images/x1.jpg", "data/images/x2.jpg", "album/y1.jpg", "album/y2.jpg"):
        path = tmp_path / "photos" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(still("y" in name))
    (tmp_path / "photos" / "data" / "labels").mkdir()
    for number in (1, 2):
        (tmp_path / "photos" / "data" / "labels" / f"x{number}.txt").write_text(f"0 0.5 0.5 0.{number} 0.2")
    (tmp_path / "photos" / "best").mkdir()
    (tmp_path / "photos" / "best" / "one.jpg").symlink_to("../album/y2.jpg")
    names, out = left()
    assert {"data/images/x2.jpg", "album/y2.jpg"} <= {*names}
    assert "labels/x2.txt is about it alone" in out and "one.jpg is a link to it" in out
