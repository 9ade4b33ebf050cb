"""Pictures made small: whole, upright, in their own proportions, and never more than a sentence when they are bad."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest
from cli_kit import bomb, truncated_photo
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from curator.kit.images import Unreadable, opened, taken, thumbnail


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    return tmp_path_factory.mktemp("pictures") / "picture.png"


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 300), st.integers(1, 300), st.integers(8, 90), st.integers(8, 90), st.integers(1, 5))
def test_a_thumbnail_fits_and_keeps_the_proportions(file, width, height, most_wide, most_high, enlarge):
    Image.new("L", (width, height)).save(file)
    small = thumbnail(file, most_wide, most_high, enlarge)
    assert small.mode == "RGB" and small.width <= most_wide and small.height <= most_high
    factor = min(most_wide / width, most_high / height)
    if factor < 1:
        assert abs(small.width - width * factor) <= 0.5 or small.width == 1
        assert abs(small.height - height * factor) <= 0.5 or small.height == 1
    else:
        times = min(enlarge, int(factor))
        assert small.size == (width * times, height * times)


def test_a_photo_is_turned_as_its_exif_says(tmp_path):
    image = Image.new("RGB", (400, 200), "red")
    image.paste("blue", (200, 0, 400, 200))
    exif = Image.Exif()
    exif[0x0112] = 6
    image.save(tmp_path / "turned.jpg", exif=exif)
    small = thumbnail(tmp_path / "turned.jpg", 100, 100)
    assert small.size == (50, 100)
    assert small.getpixel((25, 10))[0] > 200 and small.getpixel((25, 90))[2] > 200


def test_transparent_is_white_and_16_bits_keep_their_range(tmp_path):
    hidden = Image.new("RGBA", (40, 40), (255, 0, 0, 0))
    hidden.save(tmp_path / "hidden.png")
    assert thumbnail(tmp_path / "hidden.png", 20, 20).getcolors() == [(400, (255, 255, 255))]
    Image.fromarray(np.full((40, 40), 32768, np.uint16)).save(tmp_path / "deep.png")
    assert thumbnail(tmp_path / "deep.png", 20, 20).getpixel((5, 5)) == (127, 127, 127)


@pytest.mark.parametrize(
    ("ending", "alone"), [("jpg", True), ("png", True), ("gif", True), ("mpo", True), ("tif", False)]
)
def test_a_common_picture_is_opened_by_its_decoder_alone(tmp_path, ending, alone):
    path = tmp_path / f"picture.{ending}"
    pages = {"save_all": True, "append_images": [Image.new("L", (40, 30), 9)]} if ending in ("mpo", "gif") else {}
    Image.new("L", (40, 30)).save(path, **pages)
    with opened(path) as ours, Image.open(path) as theirs:
        assert (ours.format, ours.size, ours.mode) == (theirs.format, theirs.size, theirs.mode)
        assert ours.format == {"jpg": "JPEG", "tif": "TIFF"}.get(ending, ending.upper())
    code = f"import sys, curator.kit.images as i; i.opened({str(path)!r}); print('PIL.FitsImagePlugin' in sys.modules)"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert told == f"{not alone}\n"


def test_what_is_no_picture_says_why(tmp_path):
    (tmp_path / "text.txt").write_text("not a picture")
    truncated_photo(tmp_path / "cut.jpg", 1)
    bomb(tmp_path / "bomb.png")
    os.mkfifo(tmp_path / "fifo.jpg")
    (tmp_path / "folder.jpg").mkdir()
    reasons = {
        **{"text.txt": "not an image", "cut.jpg": "truncated", "bomb.png": "bomb", "gone.jpg": "no such file"},
        **dict.fromkeys(["fifo.jpg", "folder.jpg"], "not a regular file"),
    }
    for name, reason in reasons.items():
        with pytest.raises(Unreadable, match=reason):
            thumbnail(tmp_path / name, 20, 20)


TIMES = {0x9003: "2026:11:05 10:30:15", 0x9004: "2020:01:01 00:00:00", 0x0132: "2019:02:03 04:05:06"}


def told(path, image, tags, **how):
    """When a picture says that it was taken, with these tags of EXIF."""
    exif = Image.Exif()
    for tag, value in tags.items():
        (exif if tag < 0x8000 else exif.get_ifd(0x8769))[tag] = value
    image.save(path, exif=exif, **how)
    with opened(path) as picture:
        return taken(picture)


@pytest.mark.parametrize("ending", ["jpg", "png", "webp"])
def test_when_a_picture_was_taken_is_told_by_its_exif_the_best_first(tmp_path, ending):
    image = Image.new("RGB", (20, 10), "red")
    for tags, wanted in (
        ([0x9003, 0x9004, 0x0132], "2026-11-05T10:30:15"),
        ([0x9004, 0x0132], "2020-01-01T00:00:00"),
        ([0x0132], "2019-02-03T04:05:06"),
        ([], ""),
    ):
        path = tmp_path / f"{len(tags)}.{ending}"
        assert told(path, image, {tag: TIMES[tag] for tag in tags}) == wanted, (ending, tags)


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        ("2026:11:05 10:30:15\0", "2026-11-05T10:30:15"),
        ("2026:11:05T10:30:15+08:00", "2026-11-05T10:30:15"),
        ("0000:00:00 00:00:00", ""),
        ("    :  :     :  :  ", ""),
        ("2026:13:40 10:30:15", ""),
        ("2026-11-05 10:30:15", ""),
        ("yesterday", ""),
        ("", ""),
    ],
)
def test_a_time_that_is_none_is_not_told(tmp_path, said, wanted):
    assert told(tmp_path / "a.jpg", Image.new("RGB", (20, 10)), {0x9003: said}) == wanted
    # The next that is one is taken instead.
    both = {0x9003: said, 0x0132: TIMES[0x0132]}
    assert told(tmp_path / "b.jpg", Image.new("RGB", (20, 10)), both) == (wanted or "2019-02-03T04:05:06")


def test_a_tiff_tells_it_too(tmp_path):
    assert told(tmp_path / "a.tif", Image.new("RGB", (20, 10)), {0x0132: TIMES[0x0132]}) == "2019-02-03T04:05:06"


def test_damaged_exif_tells_nothing(tmp_path):
    image = Image.new("RGB", (20, 10), "red")
    image.save(tmp_path / "a.jpg", exif=b"Exif\0\0II*\0\xff\xff\xff\xff" + b"\xff" * 60)
    with opened(tmp_path / "a.jpg") as picture:
        assert taken(picture) == ""
