"""Preprocessing as data: a file becomes pixels with Pillow and numpy, without torch."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from curator.api import Preprocess
from curator.kit.images import opened, orientation, room_for, upright
from curator.media.decode import LYING, readable

if TYPE_CHECKING:
    from PIL import Image

Frame: TypeAlias = tuple[float, float, float, float]
"""Left, top, right and bottom."""

LAST_AT_THE_LEFT, LAST_ON_TOP = (2, 3, 6, 7), (3, 4, 7, 8)
"""Orientations of EXIF's that turn the last column, or row, of a picture to the left, or top."""


def pixels(
    path: str | Path, preprocess: Preprocess, change: Callable[[Image.Image], Image.Image] | None = None
) -> NDArray[np.float32]:
    """The picture as an encoder sees it: (3, crop, crop) float32. Raises `BadContent`.

    `change` makes another one of it, in RGB, when it is resized and not yet cropped.
    """
    found = resized(path, preprocess)
    with readable():
        return normalised(change(found) if change else found, preprocess)


def resized(path: str | Path, preprocess: Preprocess) -> Image.Image:
    """The picture in RGB, as an encoder's preprocessing resizes it, not yet cut. Raises `BadContent`."""
    with readable(), opened(path) as image, room_for(image, preprocess.resize):
        return _resized(upright(image, preprocess.resize), preprocess)


def framed(path: str | Path, preprocess: Preprocess) -> tuple[NDArray[np.float32], tuple[int, int], Frame]:
    """The picture as an encoder sees it, its upright size in pixels, and what of it that is. Raises `BadContent`."""
    with readable(), opened(path) as image, room_for(image, preprocess.resize):
        width, height = image.size  # now: it may be decoded at a fraction of it
        decoded = upright(image, preprocess.resize)
        turned, size = orientation(image), decoded.size
        seen = normalised(_resized(decoded, preprocess), preprocess)
    if turned in LYING:
        width, height = height, width
    # Decoded at a fraction, a side is rounded up: its last pixel then stands for less than the others.
    about = max(1, round(width / size[0]), round(height / size[1]))
    step = next(n for n in (about, about - 1, about + 1, 1) if n == 1 or size == (-(-width // n), -(-height // n)))
    x = width - step * size[0] if turned in LAST_AT_THE_LEFT else 0
    y = height - step * size[1] if turned in LAST_ON_TOP else 0
    left, top, right, bottom = (step * edge for edge in frame(size, preprocess))
    return seen, (width, height), (left + x, top + y, right + x, bottom + y)


def frame(size: tuple[int, int], preprocess: Preprocess) -> Frame:
    """Where the edges of the preprocessed picture lie in a picture of this width and height, in its pixels."""
    (left, top, right, bottom), new = _plan(size, preprocess)
    x, y = (right - left) / new[0], (bottom - top) / new[1]
    start, above = left - x * _offset(new[0], preprocess.crop), top - y * _offset(new[1], preprocess.crop)
    return start, above, start + x * preprocess.crop, above + y * preprocess.crop


def _resized(image: Image.Image, preprocess: Preprocess) -> Image.Image:
    from PIL import Image

    part, new = _plan(image.size, preprocess)
    if part != (0, 0, *image.size):
        image = image.crop(part)
    return image if new == image.size else image.resize(new, Image.Resampling[preprocess.interpolation.upper()])


def _plan(size: tuple[int, int], preprocess: Preprocess) -> tuple[tuple[int, int, int, int], tuple[int, int]]:
    """Which part of a picture is resized, and to which width and height."""
    width, height = size
    whole, wanted = (0, 0, width, height), preprocess.resize
    if preprocess.resize_mode == "squash":
        return whole, (wanted, wanted)
    if preprocess.resize_mode == "longest":
        side = max(width, height)
        # Rounded to the nearest, as open_clip does.
        return whole, (max(1, round(wanted * width / side)), max(1, round(wanted * height / side)))
    side = min(width, height)
    left, top, right, bottom = _middle(width, height, 8 * side)
    # The other side is rounded down, as torchvision does.
    return (left, top, right, bottom), (wanted * (right - left) // side, wanted * (bottom - top) // side)


def _middle(width: int, height: int, longest: int) -> tuple[int, int, int, int]:
    """At most so much of the longer side: a strip of 4000 x 1 would become 1,024,000 pixels wide, to be cut anyway."""
    # An odd surplus would move the middle by half a pixel.
    left, top = max(0, width - longest) // 2, max(0, height - longest) // 2
    return left, top, width - left, height - top


def normalised(image: Image.Image, preprocess: Preprocess) -> NDArray[np.float32]:
    """A picture that is resized already, cut and scaled: (3, crop, crop) float32."""
    from PIL import Image

    crop = preprocess.crop
    width, height = image.size
    if (width, height) != (crop, crop):
        canvas = Image.new("RGB", (crop, crop), (preprocess.fill,) * 3)
        canvas.paste(image, (_offset(width, crop), _offset(height, crop)))
        image = canvas
    scale = 1 / (255 * np.asarray(preprocess.std, dtype=np.float32))
    shift = np.asarray(preprocess.mean, dtype=np.float32) / np.asarray(preprocess.std, dtype=np.float32)
    values = np.asarray(image)
    made = np.empty((3, crop, crop), np.float32)
    for channel, plane in enumerate(made):  # each number is made where it stays, a quarter of the time of turning them
        np.multiply(values[:, :, channel], scale[channel], out=plane, dtype=np.float32)
        plane -= shift[channel]
    return made


def _offset(side: int, crop: int) -> int:
    """Where a side of the picture starts in the centre crop, padded if it is smaller; rounded as torchvision does."""
    return (crop - side) // 2 if side < crop else -round((side - crop) / 2)
