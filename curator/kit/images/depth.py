"""How many bits a picture has for each colour in its file, where Pillow gives fewer.

Pillow cuts colours of 16 bits to 8 (a PNG, TIFF, PPM or JPEG 2000 with colours; a HEIC or AVIF of 10 or 12 bits), and
leaves out what a TIFF has beyond colours and one alpha. What it gives of two may be the same where they are not.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from PIL import Image

__all__ = ["bits", "deep"]

_HEAD = 1 << 16
"""Bytes in which a JPEG 2000 or an AVIF says how deep it is."""

_RAW = re.compile(r";(\d+)")
"""Pillow's name for how the numbers lie in a file: `RGB;16B`."""

_PLANES_OF_TIFF = 277
"""The tag that says how many numbers there are for each pixel."""


def bits(image: Image.Image) -> int:
    """Bits of each colour in the file of an opened picture that was not decoded yet, 8 where nothing says more."""
    return max(8, _given(image), _said(image))


def deep(image: Image.Image) -> bool:
    """Whether the file holds more than Pillow gives: finer colours, or further planes."""
    if bits(image) > max(8, _given(image)):
        return True
    tags: Any = getattr(image, "tag_v2", {}) if image.format == "TIFF" else {}
    return int(tags.get(_PLANES_OF_TIFF, 1)) > max(len(image.getbands()), 1)


def _given(image: Image.Image) -> int:
    """Bits of the mode that Pillow decodes to."""
    return 16 if image.mode.startswith("I;16") else 32 if image.mode in ("I", "F") else 8


def _said(image: Image.Image) -> int:
    """Bits that the file speaks of, 0 where it does not."""
    if image.format == "HEIF":
        return int(image.info.get("bit_depth") or 0)
    if image.format in ("AVIF", "JPEG2000"):
        return _in_head(str(image.format), Path(str(getattr(image, "filename", ""))))
    found = [0]
    for tile in getattr(image, "tile", ()):
        said = tile[3] if isinstance(tile[3], tuple) else (tile[3],)
        raw = _RAW.search(said[0]) if said and isinstance(said[0], str) else None
        found.append(int(raw[1]) if raw else 0)
        if image.format == "PPM" and isinstance(said[-1], int):
            found.append(said[-1].bit_length())  # it says its largest number
    return max(found)


def _in_head(format_: str, path: Path) -> int:
    """The deepest channel by the box `pixi` of an AVIF, or by the marker SIZ of a JPEG 2000."""
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD)
    except OSError:
        return 0
    if format_ == "AVIF":
        at = head.find(b"pixi")
        return max(head[at + 9 : at + 9 + head[at + 8]], default=0) if 0 <= at < len(head) - 9 else 0
    at = head.find(b"\xff\x4f\xff\x51")
    return (head[at + 42] & 127) + 1 if 0 <= at < len(head) - 42 else 0
