"""Copies of pictures: each kind by itself, what is no copy, and that nothing is looked at twice."""

from __future__ import annotations

import random
from unittest import mock

import cv2
import numpy as np
import PIL.ImageFile
import pytest
from fakes import open_fake
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageOps
from scenes import backdrop, save, scene, things

from curator.kit.copies import image_copies


@pytest.fixture
def photos(tmp_path):
    return tmp_path / "photos"


@pytest.fixture
def ws(tmp_path):
    with open_fake(tmp_path / "workspace", "histogram", "numbers") as workspace:
        yield workspace


def dedupe(ws, folder, **options):
    ws.add(folder)
    return ws.run("dedupe", **options)


def shown(rows):
    """(kind of copy, what is done, name) of each file."""
    return [(row["match"], row["do"], row["path"].name) for row in rows if row["kind"] == "duplicate"]


def with_comment(data: bytes) -> bytes:
    """The same JPEG with a comment: other bytes, the same pixels."""
    return data[:2] + b"\xff\xfe\x00\x07hello" + data[2:]


def written_over(image):
    image = image.copy()
    ImageDraw.Draw(image).text((40, 120), "SAMPLE PICTURE", font_size=28, fill="yellow")
    return image


VARIANTS = {
    "jpeg": lambda image: image,
    "half": lambda image: image.resize((180, 150), Image.Resampling.LANCZOS),
    "double": lambda image: image.resize((720, 600), Image.Resampling.BICUBIC),
    "crop-2": lambda image: image.crop((3, 2, 357, 297)),
    "crop-10": lambda image: image.crop((20, 10, 344, 280)),
    "crop-30": lambda image: image.crop((60, 70, 312, 280)),
    "mirror": ImageOps.mirror,
    "upside-down": ImageOps.flip,
    "rotate-90": lambda image: image.transpose(Image.Transpose.ROTATE_90),
    "mirror-rotate": lambda image: ImageOps.mirror(image).transpose(Image.Transpose.ROTATE_270),
    "slant": lambda image: image.rotate(7, resample=Image.Resampling.BICUBIC).crop((40, 40, 320, 260)),
    "text": written_over,
    "brighter": lambda image: ImageEnhance.Brightness(image).enhance(1.4),
    "grey": lambda image: image.convert("L"),
}


# --- exact ---


def test_the_same_bytes_twice_are_exact(ws, photos):
    save(scene(1), photos / "a.jpg")
    (photos / "b.jpg").write_bytes((photos / "a.jpg").read_bytes())
    save(scene(2), photos / "other.jpg")
    rows = dedupe(ws, photos, keep=("path:b.jpg",))
    assert shown(rows) == [("exact", "keep", "b.jpg"), ("exact", "go", "a.jpg")]
    size = (photos / "a.jpg").stat().st_size
    (total,) = [row for row in rows if row["kind"] == "total"]
    assert total == {"kind": "total", "match": "exact", "groups": 1, "copies": 1, "go": 1, "bytes": size}


def test_nothing_is_moved_by_looking(ws, photos):
    for name in ("a", "b"):
        save(scene(1), photos / f"{name}.jpg")
    before = sorted(path.name for path in photos.iterdir())
    assert len(shown(dedupe(ws, photos))) == 2
    assert sorted(path.name for path in photos.iterdir()) == before


def test_a_copy_that_is_gone_or_changed_is_no_copy(ws, photos):
    for name in "abc":
        save(scene(1), photos / f"{name}.jpg")
    ws.add(photos)
    (photos / "b.jpg").unlink()
    save(scene(2), photos / "c.jpg")
    assert shown(ws.run("dedupe")) == []


# --- same picture ---


def test_the_same_pixels_in_another_file_are_the_same_picture(ws, photos):
    path = save(scene(1), photos / "plain.jpg")
    (photos / "comment.jpg").write_bytes(with_comment(path.read_bytes()))
    with Image.open(path) as image:
        save(image, photos / "lossless.png")
        turned = image.transpose(Image.Transpose.ROTATE_90)
    exif = Image.Exif()
    exif[0x0112] = 6  # stored turned; upright again when it is shown
    save(turned, photos / "turned.png", exif=exif)
    save(scene(2), photos / "other.png")
    rows = dedupe(ws, photos, keep=("path:plain.jpg",))
    names = ["comment.jpg", "lossless.png", "turned.png"]
    assert shown(rows) == [("same picture", "keep", "plain.jpg"), *(("same picture", "go", name) for name in names)]


def test_a_single_pixel_or_another_mode_is_not_the_same_picture(ws, photos):
    image = scene(1)
    save(image, photos / "a.png")
    image.putpixel((7, 7), (1, 2, 3))
    save(image, photos / "pixel.png")
    image = image.convert("RGBA")
    image.putpixel((8, 8), (*image.getpixel((8, 8))[:3], 0))
    save(image, photos / "transparent.png")
    assert {match for match, _, _ in shown(dedupe(ws, photos))} == {"edited"}


def test_films_are_compared_by_their_bytes_alone(ws, photos):
    frames = [scene(seed).quantize() for seed in (1, 2, 3)]
    save(frames[0], photos / "a.gif", save_all=True, append_images=[frames[1]])
    save(frames[0], photos / "b.gif", save_all=True, append_images=[frames[2]])
    save(frames[0], photos / "still.gif")
    assert shown(dedupe(ws, photos)) == []
    assert any("2 of 3 images compared by their bytes alone" in line for line in ws.reporter.said)


# --- copies, and what was edited ---

COPIES = {"jpeg", "half", "double", "crop-2"}


@pytest.mark.parametrize("name", VARIANTS)
def test_a_variant_is_found_and_goes_only_when_asked_for(ws, photos, name):
    for seed in range(4, 9):
        save(scene(seed), photos / f"photo-{seed}.png")
    save(VARIANTS[name](scene(8)), photos / f"{name}.jpg", quality=90)
    level = "copy" if name in COPIES else "edited"
    rows = dedupe(ws, photos, keep=("path:photo-*",))
    assert shown(rows) == [(level, "keep", "photo-8.png"), (level, "stay", f"{name}.jpg")]
    evidence = rows[1]["evidence"]
    assert evidence["agreeing"] >= 0.6 and evidence["correlation"] >= 0.8
    assert evidence["mirrored"] == (name in ("mirror", "upside-down", "mirror-rotate"))
    turns = {"upside-down": 180, "rotate-90": 90, "mirror-rotate": 270, "slant": 7}
    assert abs(evidence["turned"] - turns.get(name, 0)) in (0, 1, 359, 360)
    for included, goes in (("copy", level == "copy"), ("edited", level == "edited"), ("near", True)):
        rows = dedupe(ws, photos, keep=("path:photo-*",), include=(included,))
        assert shown(rows)[1:] == [(level, "go" if goes else "stay", f"{name}.jpg")]


@pytest.mark.parametrize("size", [(180, 150), (540, 450), (1440, 1200)])
def test_the_scale_is_that_of_the_files_and_not_of_what_is_kept_of_them(ws, photos, size):
    save(scene(1), photos / "a.png")
    save(scene(1).resize(size, Image.Resampling.LANCZOS), photos / "b.jpg")
    rows = [row for row in dedupe(ws, photos, keep=("path:a.png",)) if row["kind"] == "duplicate"]
    assert rows[1]["evidence"]["scale"] == pytest.approx(size[0] / 360, rel=0.01)
    assert f"scale {size[0] / 360:.2f}" in rows[1]["why"]


def test_what_a_filter_painted_is_edited_and_never_a_copy(ws, photos):
    save(scene(1), photos / "a.jpg")
    save(Image.fromarray(cv2.stylization(np.asarray(scene(1)), sigma_s=40, sigma_r=0.45)), photos / "painted.jpg")
    save(scene(2), photos / "other.jpg")
    rows = dedupe(ws, photos, keep=("path:a.jpg",), include=("copy",))
    assert shown(rows) == [("edited", "keep", "a.jpg"), ("edited", "stay", "painted.jpg")]
    assert rows[1]["why"] == "same outlines" and rows[1]["evidence"]["outlines"]
    assert shown(ws.run("dedupe", keep=("path:painted.jpg",)))[1:] == [("edited", "stay", "a.jpg")]


@pytest.mark.parametrize("softened", [False, True])
def test_a_view_from_elsewhere_is_none(ws, photos, softened):
    """Its outlines lie nearly where they did, and it is as fine or as soft all over."""
    behind = backdrop(1, (420, 300))
    for number, shift in enumerate((0, 14, 28)):
        view = things(behind.crop((0, 0, 360, 300)), 1, shift=shift)
        save(view.filter(ImageFilter.GaussianBlur(1)) if softened and number else view, photos / f"{number}.png")
    assert shown(dedupe(ws, photos)) == []


def test_a_step_aside_is_no_crop(ws, photos):
    """Each shows a strip that the other does not, though only a twentieth of it."""
    wide = scene(5, (400, 300))
    save(wide.crop((0, 0, 380, 300)), photos / "a.jpg")
    save(wide.crop((20, 0, 400, 300)), photos / "b.jpg")
    assert [kind for kind, _, _ in shown(dedupe(ws, photos))] == ["edited", "edited"]
    save(wide.crop((5, 4, 375, 296)), photos / "b.jpg")
    assert [kind for kind, _, _ in shown(dedupe(ws, photos))] == ["copy", "copy"]


def test_blank_pictures_are_one_only_by_their_pixels(ws, photos):
    for name, shade in (("light", (200, 190, 60)), ("dark", (90, 80, 60)), ("blue", (60, 190, 255))):
        save(Image.new("RGB", (300, 200), shade), photos / f"{name}.png")
    noise = np.random.default_rng(0).integers(-1, 2, (200, 300, 3)) + np.array((200, 190, 60))
    save(Image.fromarray(noise.astype(np.uint8)), photos / "light-noise.png")
    save(Image.new("RGB", (300, 200), (90, 80, 60)), photos / "dark.bmp")
    rows = dedupe(ws, photos, keep=("path:*.png",))
    assert shown(rows) == [("same picture", "keep", "dark.png"), ("same picture", "go", "dark.bmp")]


def test_tiny_pictures_are_compared_too(ws, photos):
    icon = scene(1).resize((24, 20), Image.Resampling.LANCZOS)
    save(icon, photos / "a.png")
    save(icon, photos / "b.jpg", quality=95)
    save(scene(2).resize((24, 20), Image.Resampling.LANCZOS), photos / "c.png")
    assert [name for _, _, name in shown(dedupe(ws, photos))] == ["a.png", "b.jpg"]
    for size in ((1, 1), (1, 300), (300, 1)):
        save(Image.new("RGB", size, "red"), photos / f"{size}.png")
    assert [name for _, _, name in shown(dedupe(ws, photos))] == ["a.png", "b.jpg"]


def test_each_that_goes_matches_the_one_that_stays(ws, photos):
    whole = scene(1, (600, 400))
    save(whole.crop((0, 0, 360, 400)), photos / "left.png")
    save(whole.crop((120, 0, 480, 400)), photos / "middle.png")
    save(whole.crop((240, 0, 600, 400)), photos / "right.png")
    rows = dedupe(ws, photos, keep=("path:left.png",), include=("near",))
    # The right one matches the middle, which goes; with the left, which stays, it shares too little.
    assert shown(rows) == [("edited", "keep", "left.png"), ("edited", "go", "middle.png")]
    rows = dedupe(ws, photos, keep=("path:middle.png",), include=("near",))
    assert [name for _, _, name in shown(rows)] == ["middle.png", "left.png", "right.png"]


def test_a_crop_is_found_though_the_nearest_of_its_photo_are_other_versions(ws, photos):
    """The encoder of this test knows shades alone: the pieces of a picture in any order are as near as can be."""
    lighter = np.linspace(-40, 40, 200)[None, :, None]
    pixels = (np.asarray(scene(8, (200, 200)), float) * 0.6 + 50 + lighter).astype(np.uint8)
    crop, many = pixels[30:170, 60:], image_copies.NEIGHBOURS + 2
    save(Image.fromarray(pixels), photos / "original.png")
    save(Image.fromarray(crop), photos / "crop.png")
    for number in range(many):
        save(Image.fromarray(pixels - np.uint8(number // 4)), photos / f"version-{number:02d}.jpg", quality=95 - number)
        pieces = crop.reshape(10, 14, 10, 14, 3).swapaxes(1, 2).reshape(100, 14, 14, 3)
        pieces = np.random.default_rng(number).permutation(pieces).reshape(10, 10, 14, 14, 3).swapaxes(1, 2)
        save(Image.fromarray(pieces.reshape(140, 140, 3) + np.uint8(number // 4)), photos / f"pieces-{number:02d}.png")
    ws.add(photos)

    def with_original():
        rows = ws.run("dedupe", keep=("path:original.png",), include=("near",))
        return {row["path"].name for row in rows if row["kind"] == "duplicate"}

    with mock.patch.object(image_copies, "ROUNDS", 0):
        before = with_original()
    assert "crop.png" not in before and len(before) == image_copies.NEIGHBOURS + 3
    assert with_original() == before | {"crop.png"}


def test_what_goes_as_a_copy_takes_its_exact_copies_along(ws, photos):
    save(scene(1), photos / "keep.png")
    for name in ("a.jpg", "b.jpg"):
        save(scene(1), photos / name)
    rows = dedupe(ws, photos, keep=("path:keep.png",))
    assert shown(rows) == [
        ("exact", "keep", "a.jpg"),
        ("exact", "go", "b.jpg"),
        ("copy", "keep", "keep.png"),
        ("copy", "stay", "a.jpg"),
    ]
    rows = dedupe(ws, photos, keep=("path:keep.png",), include=("near",))
    assert shown(rows) == [("copy", "keep", "keep.png"), ("copy", "go", "a.jpg"), ("copy", "go", "b.jpg")]
    assert rows[2]["why"].startswith("same bytes as a.jpg, of which keep.png stays: saved again")


def test_similar_only_when_asked_for_and_never_to_go(ws, photos):
    behind = backdrop(1, (360, 300))
    for shift in (0, 60):
        save(things(behind, 1, shift=shift), photos / f"{shift}.png")
    assert shown(dedupe(ws, photos)) == []
    rows = dedupe(ws, photos, similar=True, include=("near",), keep=("path:0.png",))
    assert shown(rows) == [("similar", "keep", "0.png"), ("similar", "stay", "60.png")]
    assert 0.9 <= rows[1]["evidence"]["cosine"] <= 1
    assert shown(dedupe(ws, photos, similar=True, threshold=1.0)) == []


# --- the whole ---


def test_the_second_run_looks_only_at_what_may_be_a_copy(ws, photos):
    for seed in range(6):
        save(scene(seed), photos / f"{seed}.png")
    save(scene(0), photos / "0.jpg")
    (photos / "again.jpg").write_bytes(with_comment((photos / "0.jpg").read_bytes()))
    ws.add(photos)

    def opened():
        decoded = []

        def load(image):
            decoded.extend([image.filename] if image.tile else [])
            return real(image)

        real = PIL.ImageFile.ImageFile.load
        with mock.patch.object(PIL.ImageFile.ImageFile, "load", load):
            rows = ws.run("dedupe")
        return rows, len(decoded)

    first, decoded = opened()
    # Each once for its sketch, the candidates of one picture once more, whole, and two that may be copies twice more:
    # to see whether they are, and which of them shows more.
    assert 8 <= decoded <= 8 + 3 + 2 + 2
    second, again = opened()
    assert second == first and again <= 2


def test_the_order_of_adding_changes_nothing(tmp_path, photos):
    for seed in range(4):
        save(scene(seed), photos / f"{seed}.png")
        save(VARIANTS["crop-10"](scene(seed)), photos / f"{seed}-crop.jpg")
        save(VARIANTS["mirror"](scene(seed)), photos / f"{seed}-mirror.jpg")
        (photos / f"{seed}-copy.png").write_bytes((photos / f"{seed}.png").read_bytes())
    found = []
    for seed in range(3):
        paths = sorted(photos.iterdir())
        random.Random(seed).shuffle(paths)
        with open_fake(tmp_path / f"workspace-{seed}") as ws:
            for path in paths:
                ws.add(path, encode=False)
            rows = ws.run("dedupe", include=("near",))
            found.append([{name: value for name, value in row.items() if name != "id"} for row in rows])
    assert len(found[0]) == 4 * (2 + 3) + 2  # the exact pair, the edited three; a total for each kind
    assert found[0] == found[1] == found[2]


def test_a_damaged_picture_is_left_out_with_a_note(ws, photos):
    save(scene(1), photos / "a.png")
    save(scene(1), photos / "b.jpg")
    data = save(scene(2), photos / "broken.jpg").read_bytes()
    (photos / "broken.jpg").write_bytes(data[: len(data) // 2])
    assert [name for _, _, name in shown(dedupe(ws, photos))] == ["a.png", "b.jpg"]
    assert any("1 of 3 images compared by their bytes alone" in line for line in ws.reporter.said)
