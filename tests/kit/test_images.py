"""Pictures made small: whole, upright, in their own proportions, and never more than a sentence when they are bad."""

from __future__ import annotations

import os

import numpy as np
import pytest
from cli_kit import bomb, truncated_photo
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from curator.kit.images import Unreadable, thumbnail


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
