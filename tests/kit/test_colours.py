"""Colour profiles: what encoders see is sRGB, and a picture without one, or with sRGB's own, is what it was."""

from __future__ import annotations

import numpy as np
import phone
import pytest
from PIL import Image, ImageCms

from curator.kit.images import opened, room_for, thumbnail, upright

SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
PATCH = (200, 60, 90)
SILENT = {"sRGB": SRGB, "none": b"", "text": b"nonsense", "cut": phone.profile()[:200], "zeros": b"\0" * 500}


def saved(path, image, profile=None, **options):
    image.save(path, **({"icc_profile": profile} if profile else {}), **options)
    return path


def seen(path, side=64):
    with opened(path) as image, room_for(image, side):
        return np.asarray(upright(image, side))


def as_screens_show(numbers, primaries, gamma):
    """By the definition of a profile: curve, primaries, and back by those of sRGB."""
    linear = (np.array(numbers) / 255) ** gamma
    linear = np.linalg.solve(np.array(phone.SRGB).T, np.array(primaries).T @ linear).clip(0, 1)
    return 255 * np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)


@pytest.mark.parametrize(("ending", "gamma"), [("png", 2.2), ("jpg", 2.2), ("tif", 1.8), ("webp", 1.8), ("avif", 2.2)])
def test_a_picture_in_display_p3_is_seen_in_srgb(tmp_path, ending, gamma):
    profile = phone.profile(phone.DISPLAY_P3, gamma)
    path = saved(tmp_path / f"a.{ending}", Image.new("RGB", (80, 60), PATCH), profile, quality=100)
    wanted = as_screens_show(PATCH, phone.DISPLAY_P3, gamma)
    assert abs(wanted - PATCH).max() > 10
    assert np.allclose(seen(path)[30, 40], wanted, atol=4)
    assert np.allclose(thumbnail(path, 20, 20).getpixel((10, 7)), wanted, atol=4)


@pytest.mark.skipif(not phone.HAS_HEIC, reason="pillow-heif is not installed")
def test_so_is_a_heic(tmp_path):
    image = Image.new("RGB", (80, 60), PATCH)
    image.info["icc_profile"] = phone.profile()
    phone.heic(tmp_path / "a.heic", image)
    assert np.allclose(seen(tmp_path / "a.heic")[30, 40], as_screens_show(PATCH, phone.DISPLAY_P3, 2.2), atol=6)


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P", "L", "I;16", "CMYK"])
@pytest.mark.parametrize("profile", SILENT.values(), ids=SILENT)
def test_what_says_nothing_leaves_every_pixel_as_it_is(tmp_path, mode, profile):
    chance = np.random.default_rng(5)
    values = chance.integers(0, 65536, (50, 60), np.uint16)
    image = Image.fromarray(chance.integers(0, 256, (50, 60, 3), np.uint8))
    image = Image.fromarray(values) if mode == "I;16" else image.convert(mode)
    path = saved(tmp_path / "a.tif", image, profile)
    assert (seen(path) == seen(saved(tmp_path / "b.tif", image))).all()


def test_a_profile_of_another_kind_of_picture_says_nothing(tmp_path):
    for mode, profile in (("RGB", phone.grey_profile(1.0)), ("L", phone.profile()), ("RGB", phone.ink_profile())):
        path = saved(tmp_path / "a.tif", Image.new(mode, (20, 20), 100), profile)
        assert (seen(path) == seen(saved(tmp_path / "b.tif", Image.new(mode, (20, 20), 100)))).all()


def test_grey_and_inks_follow_their_profiles(tmp_path):
    grey = saved(tmp_path / "grey.jpg", Image.new("L", (40, 40), 64), phone.grey_profile(1.0), quality=100)
    assert np.allclose(seen(grey)[20, 20], 137, atol=3)  # a quarter of the light, as sRGB writes it
    # Of these inks none has a colour, whatever a plain conversion makes of them.
    inks = saved(tmp_path / "inks.tif", Image.new("CMYK", (40, 40), (255, 0, 0, 0)), phone.ink_profile())
    red, green, blue = (int(value) for value in seen(inks)[20, 20])
    assert red == green == blue and 170 < red < 200


def test_a_picture_that_is_transparent_and_one_with_a_palette(tmp_path):
    clear = Image.new("RGBA", (40, 40), (*PATCH, 0))
    clear.paste((*PATCH, 255), (0, 0, 20, 40))
    pixels = seen(saved(tmp_path / "clear.png", clear, phone.profile()))
    wanted = as_screens_show(PATCH, phone.DISPLAY_P3, 2.2)
    assert np.allclose(pixels[20, 5], wanted, atol=3) and (pixels[20, 35] == 255).all()
    listed = Image.new("RGB", (40, 40), PATCH).quantize(4)
    assert np.allclose(seen(saved(tmp_path / "list.png", listed, phone.profile()))[20, 20], wanted, atol=3)


def test_a_large_one_is_made_smaller_before_its_colours_change(tmp_path):
    path = saved(tmp_path / "a.png", Image.new("RGB", (2000, 1500), PATCH), phone.profile())
    pixels = seen(path)
    assert pixels.shape == (137, 182, 3)  # at least twice what is wanted
    assert np.allclose(pixels, as_screens_show(PATCH, phone.DISPLAY_P3, 2.2), atol=3)
