"""Preprocessing as data: a file becomes pixels with Pillow and numpy, without torch."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from curator.api import Preprocess
from curator.core.files import BadContent
from curator.pictures import Unreadable, opened, upright, whole

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL import Image

DECODING = 1
"""Goes up when the pixels that encoders see change; part of every image space's fingerprint."""


def header(path: str) -> tuple[int, int, str]:
    """Width, height and format, read from the head of the file; raises `BadContent`."""
    with _content(), opened(path) as image:
        return image.width, image.height, str(image.format)


def pixels(path: str | Path, preprocess: Preprocess) -> NDArray[np.float32]:
    """The picture as an encoder sees it: (3, crop, crop) float32. Raises `BadContent`."""
    return normalised(resized(path, preprocess), preprocess)


def resized(path: str | Path, preprocess: Preprocess) -> Image.Image:
    """The picture in RGB, as an encoder's preprocessing resizes it, not yet cut. Raises `BadContent`."""
    with _content(), opened(path) as image:
        decoded = upright(image, preprocess.resize)
    return _resized(decoded, preprocess)


def picture(path: str | Path, longest: int | None) -> Image.Image:
    """The first frame, upright: in RGB with a longest side of at most `longest`, or whole and in its own mode.

    `info["frames"]` is how many there are. Raises `BadContent`.
    """
    from PIL.Image import Resampling

    with _content(), opened(path) as image:
        # The further pictures of a phone's MPO are previews and depth maps.
        frames = 1 if image.format == "MPO" else getattr(image, "n_frames", 1)
        if longest is None:
            decoded = whole(image)
        else:
            decoded = upright(image, longest)
            decoded.thumbnail((longest, longest), Resampling.LANCZOS)
    decoded.info["frames"] = frames
    return decoded


@contextlib.contextmanager
def _content() -> Iterator[None]:
    """What cannot be read as a picture cannot be an item."""
    try:
        yield
    except Unreadable as error:
        raise BadContent(str(error)) from error.__cause__


def _resized(image: Image.Image, preprocess: Preprocess) -> Image.Image:
    from PIL import Image

    filter_ = Image.Resampling[preprocess.interpolation.upper()]
    size = preprocess.resize
    width, height = image.size
    if preprocess.resize_mode == "squash":
        return image.resize((size, size), filter_)
    side = min(width, height) if preprocess.resize_mode == "shortest" else max(width, height)
    if preprocess.resize_mode == "longest":
        # Rounded to the nearest, as open_clip does.
        new = (max(1, round(size * width / side)), max(1, round(size * height / side)))
    else:
        image = _middle(image, 8 * side)
        # The other side is rounded down, as torchvision does.
        new = (size * image.width // side, size * image.height // side)
    return image if new == image.size else image.resize(new, filter_)


def _middle(image: Image.Image, longest: int) -> Image.Image:
    """At most so much of the longer side: a strip of 4000 x 1 would become 1,024,000 pixels wide, to be cut anyway."""
    width, height = image.size
    # An odd surplus would move the middle by half a pixel.
    left, top = max(0, width - longest) // 2, max(0, height - longest) // 2
    return image.crop((left, top, width - left, height - top)) if left or top else image


def normalised(image: Image.Image, preprocess: Preprocess) -> NDArray[np.float32]:
    """A picture that is resized already, cut and scaled: (3, crop, crop) float32."""
    import numpy as np
    from PIL import Image

    crop = preprocess.crop
    width, height = image.size
    if (width, height) != (crop, crop):
        canvas = Image.new("RGB", (crop, crop), (preprocess.fill,) * 3)
        canvas.paste(image, (_offset(width, crop), _offset(height, crop)))
        image = canvas
    scale = 1 / (255 * np.asarray(preprocess.std, dtype=np.float32))
    shift = np.asarray(preprocess.mean, dtype=np.float32) / np.asarray(preprocess.std, dtype=np.float32)
    values = np.asarray(image, dtype=np.float32) * scale - shift
    return np.ascontiguousarray(values.transpose(2, 0, 1), dtype=np.float32)


def _offset(side: int, crop: int) -> int:
    """Where a side of the picture starts in the centre crop, padded if it is smaller; rounded as torchvision does."""
    return (crop - side) // 2 if side < crop else -round((side - crop) / 2)
