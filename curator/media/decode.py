"""The one door to people's pictures: what cannot be read as one becomes a reason, `BadContent`."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from curator.kit.images import colours, deep, frames, opened, orientation, plain, room_for, taken, upright, whole
from curator.kit.reading import Unreadable, reading
from curator.media.files import BadContent, BadPages

if TYPE_CHECKING:
    from PIL import Image

LYING = (5, 6, 7, 8)
"""Orientations of EXIF's that swap width and height."""

DECODING = 1
"""Goes up when the pixels that encoders see change; part of every image space's fingerprint."""


class Header(NamedTuple):
    """What the head of a picture's file says: its size as stored, before EXIF orientation, its format, and when it was
    taken, as `curator.kit.images.taken` tells it."""

    width: int
    height: int
    format: str
    taken: str


def header(path: str) -> Header:
    """Read the head of a file; raises `BadContent`."""
    with readable(), opened(path) as image:
        return Header(image.width, image.height, str(image.info.get("raw", image.format)), taken(image))


def upright_size(path: str) -> tuple[int, int]:
    """Width and height as it is shown: turned as its EXIF says, for which some formats are decoded. `BadContent`."""
    with readable(), opened(path) as image, room_for(image, None):
        lies = orientation(image) in LYING
        return (image.height, image.width) if lies else image.size


def has_other_colours(path: str) -> bool:
    """Whether its profile says that the numbers of a picture are not sRGB's; raises `BadContent`."""
    with readable(), opened(path) as image:
        return colours(image) is not None


@contextlib.contextmanager
def picture(path: str | Path, longest: int | None) -> Iterator[Image.Image]:
    """The first frame, upright: in RGB with a longest side of at most `longest`, or whole and in its own mode.

    `info["frames"]` is how many there are, `info["plain"]` whether RGB shows all that it holds, `info["deep"]` whether
    its file, `info["path"]` in `info["format"]`, holds finer colours than were decoded. While the block uses it, there
    is room in memory for it. Raises `BadContent`, and `BadPages` where only further ones are damaged.
    """
    from PIL.Image import Resampling

    with contextlib.ExitStack() as room:
        with readable():
            image = room.enter_context(opened(path))
            # Both sides are to be twice what is wanted of them, not of the longer one.
            side = longest and max(1, longest * min(image.size) // max(image.size))
            room.enter_context(room_for(image, side))
            number, shows_all, finer = _frames(image), plain(image), deep(image)
            if longest is None or side is None:
                decoded = whole(image)
            else:
                decoded = upright(image, side)
                # Half the time of Lanczos, and next to the same is found by it (benchmarks/README.md).
                decoded.thumbnail((longest, longest), Resampling.HAMMING)
        decoded.info |= {
            "frames": number,
            "plain": shows_all,
            "deep": finer,
            "path": path,
            "format": image.format or "",
        }
        yield decoded


def _frames(image: Image.Image) -> int:
    try:
        return frames(image)
    except Unreadable as error:
        raise BadPages(str(error)) from error.__cause__


@contextlib.contextmanager
def readable() -> Iterator[None]:
    """What cannot be read cannot be an item: whatever decoders raise becomes `BadContent`."""
    try:
        with reading("cannot be read"):
            yield
    except BadContent:
        raise
    except Unreadable as error:
        raise BadContent(str(error)) from error.__cause__
