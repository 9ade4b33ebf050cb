"""The one door to people's pictures: what cannot be read as one becomes a reason, `BadContent`."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from curator.kit.images import Unreadable, frames, opened, upright, whole
from curator.media.files import BadContent, BadPages

if TYPE_CHECKING:
    from PIL import Image

DECODING = 1
"""Goes up when the pixels that encoders see change; part of every image space's fingerprint."""


def header(path: str) -> tuple[int, int, str]:
    """Width, height and format, read from the head of the file; raises `BadContent`."""
    with readable(), opened(path) as image:
        return image.width, image.height, str(image.format)


def picture(path: str | Path, longest: int | None) -> Image.Image:
    """The first frame, upright: in RGB with a longest side of at most `longest`, or whole and in its own mode.

    `info["frames"]` is how many there are. Raises `BadContent`, and `BadPages` where only the further ones are damaged.
    """
    from PIL.Image import Resampling

    with readable(), opened(path) as image:
        number = _frames(image)
        if longest is None:
            decoded = whole(image)
        else:
            decoded = upright(image, longest)
            decoded.thumbnail((longest, longest), Resampling.LANCZOS)
    decoded.info["frames"] = number
    return decoded


def _frames(image: Image.Image) -> int:
    try:
        return frames(image)
    except Unreadable as error:
        raise BadPages(str(error)) from error.__cause__


@contextlib.contextmanager
def readable() -> Iterator[None]:
    """What cannot be read as a picture cannot be an item."""
    try:
        yield
    except Unreadable as error:
        raise BadContent(str(error)) from error.__cause__
