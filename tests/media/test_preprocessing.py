"""Pixels against torchvision's own transforms, and every mode that Pillow has."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import numpy as np
import PIL
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image

from curator.api import Preprocess
from curator.media import decode, preprocessing
from curator.media.files import BadContent

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
USUAL = Preprocess(32, 28, MEAN, STD)
PLAIN = Preprocess(16, 16, (0.0,) * 3, (1.0,) * 3)


def smooth(width, height, seed=0):
    """Random blobs: a resize that is off by a fraction of a pixel shows, one that differs in rounding does not."""
    grid = np.random.default_rng(seed).integers(0, 256, (5, 6, 3), dtype=np.uint8)
    return Image.fromarray(grid).resize((width, height), Image.Resampling.BICUBIC)


def torchvision_pixels(image, preprocess):
    from torchvision import transforms

    chain = [
        transforms.Resize(preprocess.resize, transforms.InterpolationMode(preprocess.interpolation)),
        transforms.CenterCrop(preprocess.crop),
        transforms.ToTensor(),
        transforms.Normalize(preprocess.mean, preprocess.std),
    ]
    return transforms.Compose(chain)(image).numpy()


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    return tmp_path_factory.mktemp("images") / "picture.png"


@settings(max_examples=150, deadline=None)
@given(
    width=st.integers(1, 90),
    height=st.integers(1, 90),
    resize=st.integers(1, 40),
    crop=st.integers(1, 48),
    interpolation=st.sampled_from(["nearest", "bilinear", "bicubic"]),
)
@example(width=90, height=60, resize=32, crop=28, interpolation="bicubic")
@example(width=32, height=32, resize=32, crop=28, interpolation="bilinear")
@example(width=33, height=20, resize=20, crop=23, interpolation="bilinear")  # a padding of three pixels
def test_pixels_are_those_of_torchvision(file, width, height, resize, crop, interpolation):
    crop = min(crop, 8 * resize)  # beyond that a strip shows less than its whole length
    preprocess = Preprocess(resize, crop, MEAN, STD, interpolation)
    image = smooth(width, height)
    image.save(file)
    if max(width, height) > 8 * min(width, height):
        return  # strips: see below
    ours = preprocessing.pixels(file, preprocess)
    assert ours.dtype == np.float32 and ours.flags["C_CONTIGUOUS"]
    assert ours.shape == (3, crop, crop)
    # Padding is black, which torchvision normalises like any other pixel.
    np.testing.assert_allclose(ours, torchvision_pixels(image, preprocess), atol=1e-5)


MODES = ["shortest", "longest", "squash"]


@settings(max_examples=150, deadline=None)
@given(
    width=st.integers(40, 400),
    height=st.integers(40, 400),
    resize=st.integers(16, 64),
    crop=st.integers(12, 64),
    mode=st.sampled_from(MODES),
    orientation=st.sampled_from([1, 3, 6, 8]),
    ending=st.sampled_from([".png", ".jpg"]),
)
@example(width=400, height=41, resize=16, crop=16, mode="shortest", orientation=6, ending=".jpg")
@example(width=256, height=257, resize=16, crop=12, mode="shortest", orientation=1, ending=".jpg")
@example(width=257, height=261, resize=16, crop=12, mode="shortest", orientation=3, ending=".jpg")
@example(width=257, height=261, resize=16, crop=12, mode="squash", orientation=8, ending=".jpg")
def test_a_frame_says_where_each_pixel_comes_from(file, width, height, resize, crop, mode, orientation, ending):
    """Red grows from left to right and green downwards, so that each pixel that an encoder sees says where it was."""
    right, down = (np.arange(width) + 0.5) / width, (np.arange(height) + 0.5) / height
    ramps = np.stack([*np.meshgrid(right, down), np.zeros((height, width))], axis=2)
    stored = Image.fromarray(np.round(255 * ramps).astype(np.uint8))
    # As a camera stores it that was held otherwise: turned back, it is the picture above.
    turn = {1: None, 3: Image.Transpose.ROTATE_180, 6: Image.Transpose.ROTATE_90, 8: Image.Transpose.ROTATE_270}
    exif = Image.Exif()
    exif[0x0112] = orientation
    file = file.with_suffix(ending)
    (stored if orientation == 1 else stored.transpose(turn[orientation])).save(file, exif=exif, quality=98)

    preprocess = Preprocess(resize, crop, (0.0,) * 3, (1.0,) * 3, "bilinear", mode)
    seen, size, (left, top, far_right, bottom) = preprocessing.framed(file, preprocess)
    assert size == (width, height)
    np.testing.assert_array_equal(seen, preprocessing.pixels(file, preprocess))
    middles = (np.arange(crop) + 0.5) / crop
    x, y = left + middles * (far_right - left), top + middles * (bottom - top)
    # Where the kernel of the resampling ends at the edge of the picture, it bends the ramp; beyond it all is black.
    reach = 1 + max(1.0, (far_right - left) / crop), 1 + max(1.0, (bottom - top) / crop)
    inner = [(reach[0] < x) & (x < width - reach[0]), (reach[1] < y) & (y < height - reach[1])]
    if all(part.any() for part in inner):
        found = seen[:2, inner[1]][:, :, inner[0]]
        np.testing.assert_allclose(found[0], np.broadcast_to(x[inner[0]] / width, found[0].shape), atol=0.02)
        np.testing.assert_allclose(found[1], np.broadcast_to(y[inner[1], None] / height, found[1].shape), atol=0.02)
    if mode == "squash" and resize == crop:
        beyond = beyond_the_picture(file, resize, orientation)
        wanted = (-beyond[0], -beyond[1], width + beyond[2], height + beyond[3])
        np.testing.assert_allclose((left, top, far_right, bottom), wanted, atol=1e-9)


def beyond_the_picture(file, resize, orientation):
    """How far a JPEG that is decoded at a fraction reaches beyond the picture: at the left, top, right and bottom."""
    with Image.open(file) as image:
        width, height = image.size
        image.draft("RGB", (2 * resize, 2 * resize))
        steps = [step for step in (1, 2, 4, 8) if image.size == (-(-width // step), -(-height // step))]
        x, y = steps[0] * image.width - width, steps[0] * image.height - height
    return {1: (0, 0, x, y), 3: (x, y, 0, 0), 6: (y, 0, 0, x), 8: (0, x, y, 0)}[orientation]


@pytest.mark.parametrize(
    ("width", "height"), [(400, 40), (401, 40), (40, 401), (330, 31), (1000, 3), (1001, 3), (5, 900)]
)
def test_the_shortcut_for_strips_shows_the_same_middle(file, width, height):
    image = smooth(width, height, 3)
    image.save(file)
    wanted = torchvision_pixels(image, USUAL)
    ours = preprocessing.pixels(file, USUAL)
    # Rounding the long side moves the middle by less than a pixel, and blobs change slowly.
    assert np.abs(ours - wanted).mean() < 0.02
    assert np.abs(ours - np.roll(wanted, 6, axis=(1, 2))).mean() > np.abs(ours - wanted).mean()


def test_the_middle_of_a_strip_is_its_middle(file):
    """One pixel high, so that half a pixel aside would be half of the crop."""
    line = np.zeros((1, 4001, 3), dtype=np.uint8)
    line[:, 2000] = 255
    Image.fromarray(line).save(file)
    seen = preprocessing.pixels(file, replace(PLAIN, interpolation="nearest"))
    assert seen.min() == 1.0


@pytest.mark.parametrize("size", [(10000, 4), (4, 10000), (1, 1), (1, 3000), (30000, 1)], ids=str)
@pytest.mark.parametrize("mode", ["shortest", "longest", "squash"])
def test_extreme_sizes(file, size, mode):
    smooth(*size).save(file)
    seen = preprocessing.pixels(file, replace(USUAL, resize_mode=mode))
    assert seen.shape == (3, 28, 28)
    assert np.isfinite(seen).all()


def test_longest_pads_with_the_fill_and_keeps_all(file):
    Image.new("RGB", (40, 20), "white").save(file)
    seen = preprocessing.pixels(file, replace(PLAIN, resize_mode="longest", fill=51))
    assert np.allclose(seen[:, 4:12], 1) and np.allclose(seen[:, :4], 0.2) and np.allclose(seen[:, 12:], 0.2)


def test_longest_is_that_of_open_clip(file):
    """Rounded to the nearest and padded as there (`ResizeKeepRatio(longest=1)`, then `CenterCropOrPad`)."""
    for width, height in ((40, 29), (33, 50), (50, 34), (17, 60)):
        smooth(width, height).save(file)
        seen = preprocessing.pixels(file, replace(PLAIN, resize_mode="longest", fill=255))
        sides = [round(side * 16 / max(width, height)) for side in (width, height)]
        before = [(16 - side) // 2 for side in sides]
        wanted = np.ones((16, 16, 3), dtype=np.float32)
        inner = np.asarray(smooth(width, height).resize(sides, Image.Resampling.BILINEAR), dtype=np.float32) / 255
        wanted[before[1] : before[1] + sides[1], before[0] : before[0] + sides[0]] = inner
        np.testing.assert_allclose(seen.transpose(1, 2, 0), wanted, atol=1e-6)


def test_squash_fills_the_square(file):
    image = smooth(50, 20)
    image.save(file)
    wanted = np.asarray(image.resize((16, 16), Image.Resampling.BILINEAR), dtype=np.float32) / 255
    seen = preprocessing.pixels(file, replace(PLAIN, resize_mode="squash"))
    np.testing.assert_allclose(seen.transpose(1, 2, 0), wanted, atol=1e-6)


# --- modes ---

HALF = {
    # Left half one colour, right half another; what each becomes on white.
    "1": (0, 1, (0, 0, 0), (1, 1, 1)),
    "L": (51, 204, (0.2,) * 3, (0.8,) * 3),
    "LA": ((51, 255), (51, 0), (0.2,) * 3, (1, 1, 1)),
    "RGB": ((255, 0, 51), (0, 255, 0), (1, 0, 0.2), (0, 1, 0)),
    "RGBA": ((255, 0, 0, 255), (255, 0, 0, 51), (1, 0, 0), (1, 0.8, 0.8)),
    "CMYK": ((255, 0, 0, 0), (0, 0, 0, 255), (0, 1, 1), (0, 0, 0)),
    "I;16": (0, 65535, (0, 0, 0), (1, 1, 1)),
    "I": (0, 65535, (0, 0, 0), (1, 1, 1)),
    "F": (0.2, 1.0, (0.2,) * 3, (1, 1, 1)),
    "YCbCr": ((0, 128, 128), (255, 128, 128), (0, 0, 0), (1, 1, 1)),
}


@pytest.mark.parametrize("mode", HALF)
def test_every_mode_becomes_rgb_on_white(tmp_path, mode):
    if mode == "YCbCr" and int(PIL.__version__.split(".")[0]) < 13:
        pytest.skip("Pillow before 13 reads no TIFF of this mode, a problem that is told as any other")
    left, right, wanted_left, wanted_right = HALF[mode]
    image = Image.new(mode, (32, 16), left)
    image.paste(right, (16, 0, 32, 16))
    path = tmp_path / ("a.tiff" if mode in ("CMYK", "F", "I", "YCbCr") else "a.png")
    image.save(path)
    seen = preprocessing.pixels(path, replace(PLAIN, resize_mode="squash", interpolation="nearest"))
    np.testing.assert_allclose(seen[:, 8, 2], wanted_left, atol=0.01)
    np.testing.assert_allclose(seen[:, 8, 13], wanted_right, atol=0.01)


def test_sixteen_bits_keep_their_greys(tmp_path):
    ramp = np.linspace(0, 65535, 16 * 16).astype(np.uint16).reshape(16, 16)
    Image.fromarray(ramp).save(tmp_path / "a.png")
    seen = preprocessing.pixels(tmp_path / "a.png", PLAIN)
    np.testing.assert_allclose(seen[0], ramp / 65535, atol=1 / 255)


@pytest.mark.parametrize("ending", ["png", "gif"])
def test_a_palette_with_a_transparent_colour(tmp_path, ending):
    image = Image.new("P", (32, 16), 0)
    image.putpalette([255, 0, 0, 0, 0, 255])
    image.paste(1, (16, 0, 32, 16))
    image.save(tmp_path / f"a.{ending}", transparency=1)
    seen = preprocessing.pixels(tmp_path / f"a.{ending}", replace(PLAIN, resize_mode="squash", interpolation="nearest"))
    np.testing.assert_array_equal(seen[:, 8, 2], (1, 0, 0))
    np.testing.assert_array_equal(seen[:, 8, 13], (1, 1, 1))


def test_what_lies_under_transparency_is_no_part_of_the_picture(tmp_path):
    for name, under in (("a", "red"), ("b", "blue")):
        image = Image.new("RGBA", (16, 16), under)
        image.putalpha(0)
        image.save(tmp_path / f"{name}.png")
    a, b = (preprocessing.pixels(tmp_path / f"{name}.png", PLAIN) for name in "ab")
    assert np.array_equal(a, b)


def test_numbers_that_are_none_do_not_reach_an_encoder(tmp_path):
    values = np.full((16, 16), np.nan, dtype=np.float32)
    values[:, 8:] = 1
    Image.fromarray(values).save(tmp_path / "a.tiff")
    assert np.isfinite(preprocessing.pixels(tmp_path / "a.tiff", PLAIN)).all()


def test_a_jpeg_decoded_at_a_reduced_size_shows_the_same(tmp_path):
    image = smooth(1600, 1200)
    image.save(tmp_path / "a.jpg", quality=95)
    seen = preprocessing.pixels(tmp_path / "a.jpg", USUAL)
    assert np.abs(seen - torchvision_pixels(image, USUAL)).max() < 0.15  # of about 4.5 in all


# --- bad pictures ---


def test_a_truncated_jpeg_is_bad_content(tmp_path):
    smooth(400, 300).save(tmp_path / "a.jpg")
    data = (tmp_path / "a.jpg").read_bytes()
    (tmp_path / "a.jpg").write_bytes(data[: len(data) // 2])
    assert decode.header(str(tmp_path / "a.jpg")) == (400, 300, "JPEG", "")
    with pytest.raises(BadContent, match=r"cannot be decoded: .*truncated"):
        preprocessing.pixels(tmp_path / "a.jpg", USUAL)


@settings(max_examples=80, deadline=None)
@given(data=st.data(), ending=st.sampled_from(["png", "gif", "bmp", "jpg", "webp", "tiff", "ppm"]))
def test_a_damaged_file_is_bad_content_or_finite_pixels(file, data, ending):
    path = file.with_suffix(f".{ending}")
    smooth(20, 14).save(path)
    damaged = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 6))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(damaged[: data.draw(st.integers(1, len(damaged)))])
    try:
        decode.header(str(path))
        seen = preprocessing.pixels(path, PLAIN)
    except BadContent as error:
        assert str(error)
        assert "\n" not in str(error)
    else:
        assert seen.shape == (3, 16, 16) and np.isfinite(seen).all()


def test_a_damaged_picture_says_nothing_on_stderr(tmp_path):
    smooth(20, 14).save(tmp_path / "a.tiff")
    data = (tmp_path / "a.tiff").read_bytes()
    (tmp_path / "a.tiff").write_bytes(data[:46])
    code = (
        "import sys; from curator.media import decode\n"
        "from curator.media.files import BadContent\n"
        "try: decode.header(sys.argv[1])\n"
        "except BadContent as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code, tmp_path / "a.tiff"], capture_output=True, text=True, check=True)
    assert done.stdout.strip() and not done.stderr


def test_damaged_exif_does_not_stop_a_picture_or_a_run(tmp_path):
    """Pillow raises struct.error, KeyError and others here, which are no OSError."""
    exif = Image.Exif()
    exif[0x0112] = 6
    path = tmp_path / "a.jpg"
    smooth(20, 14).save(path, exif=exif)
    data = path.read_bytes()
    start = data.index(b"Exif\0\0")
    for offset in range(start, start + 34):
        for value in (0, 7, 0xFF):
            path.write_bytes(data[:offset] + bytes([value]) + data[offset + 1 :])
            try:
                assert np.isfinite(preprocessing.pixels(path, PLAIN)).all()
            except BadContent as error:
                assert str(error)
