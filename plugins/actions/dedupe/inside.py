"""What the file of a picture holds beside the picture: a film, a depth map, another picture, metadata."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from curator.kit.images import opened, told_by
from curator.kit.reading import Unreadable

LEAST = 256
"""Bytes behind a picture that are more than filling."""

MOST = 256 << 20
"""Bytes that are looked through."""

KNOWN = re.compile(rb"\xff\xd8|\x89PNG|RIFF|....ftyp", re.DOTALL)
"""How files begin of which the end of the picture is known."""

MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
"""What ends a scan of a JPEG: within one, 0xFF stands before zero or a restart mark."""

DEPTH = (b"GDepth:Data", b"GDepth:Mime", b'Semantic="Depth"', b"dimmd")
"""How XMP, and phones, say that a picture comes with its depth."""

FILM_BOXES, PICTURE_BOXES = (b"mpvd",), (b"ftyp",)


@dataclass(frozen=True, slots=True)
class Inside:
    """`embedded`: what is there in its own right, as "a film"; `told`: what metadata tell of, as "time"."""

    embedded: frozenset[str] = frozenset()
    told: frozenset[str] = frozenset()


def inside(path: Path) -> Inside:
    """What is found in a file; nothing where it cannot be read."""
    try:
        told = _told(path)
        return Inside(frozenset(_embedded(path)), told)
    except (OSError, Unreadable):
        return Inside()


def _told(path: Path) -> frozenset[str]:
    with opened(path) as image:
        return told_by(image)


def _embedded(path: Path) -> Iterator[str]:
    with path.open("rb") as file:
        start = file.read(12)
        if not KNOWN.match(start):
            return  # where such a picture ends is not known
        data = start + file.read(MOST)
    end = _end(data)
    if data.startswith(b"\xff\xd8") and any(data.find(name, 0, end) >= 0 for name in DEPTH):
        yield "a depth map"
    behind = data[end:].strip(b"\0")
    if len(behind) < LEAST:
        return
    if b"ftyp" in behind[:64] or re.search(rb"MotionPhoto_Data|\0\0\0.ftyp(mp4|isom|qt|MSNV|avc1)", behind, re.DOTALL):
        yield "a film"
    elif behind.startswith(b"\xff\xd8") or b"\xff\xd8\xff" in behind[:LEAST]:
        yield "another picture"
    else:
        yield "more data"


def _end(data: bytes) -> int:
    """Where the picture of a file ends, as far as its format is known; else the end of the file."""
    if data.startswith(b"\xff\xd8"):
        return _end_of_jpeg(data)
    if data.startswith(b"\x89PNG"):
        found = data.find(b"IEND", 8)
        return found + 8 if found > 0 else len(data)
    if data.startswith(b"RIFF"):
        return min(len(data), int.from_bytes(data[4:8], "little") + 8)
    if data[4:8] == b"ftyp":
        return _film_box(data)
    return len(data)


def _end_of_jpeg(data: bytes) -> int:
    place = 2
    while found := MARKER.search(data, place):
        place = found.end()
        if found[0] == b"\xff\xd9":
            return place
        if found[0] not in (b"\xff\x01", b"\xff\xd8"):
            place += int.from_bytes(data[place : place + 2], "big")
    return len(data)


def _film_box(data: bytes) -> int:
    """Where the film of a HEIC begins, a box of its own behind the others."""
    place = 0
    while place + 8 <= len(data):
        size, name = int.from_bytes(data[place : place + 4], "big"), data[place + 4 : place + 8]
        if name in FILM_BOXES or (name in PICTURE_BOXES and place):
            return place
        if size < 8:
            break
        place += size
    return len(data)
