"""What the file of a picture holds beside the picture: a film, a depth map, another picture, metadata."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from curator.kit.images import chunks, colours, opened, told_by
from curator.kit.reading import Unreadable, reading

from .auxiliary import auxiliary

if TYPE_CHECKING:
    from PIL import Image

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

GAIN = (b"http://ns.adobe.com/hdr-gain-map/1.0/", b"urn:iso:std:iso:ts:21496:-1", b":hdrgainmap")
"""How a JPEG says in its segments that it is the gain map of another: Adobe's and Google's way, ISO's, Apple's."""

FILM_BOXES, PICTURE_BOXES = (b"mpvd",), (b"ftyp",)


PUBLIC = frozenset(
    b"IHDR PLTE IDAT IEND tRNS cHRM gAMA iCCP sBIT sRGB cICP mDCV cLLI tEXt zTXt iTXt bKGD hIST pHYs sPLT eXIf tIME"
    b" acTL fcTL fdAT oFFs pCAL sCAL sTER gIFg gIFx iDOT CgBI vpAg caNv orNT".split()
)
"""Chunks of a PNG that are about the picture itself. In others programs keep what they made it of, as layers."""

PRIVATE = 0x8000
"""From this tag on, a TIFF holds what is no part of its picture, as the layers of Photoshop or a place on the globe."""
ABOUT = frozenset({0x8298, 0x8649, 0x83BB, 0x8769, 0x8773, 0x8825, 0x4746})
"""Such tags that are no more than metadata: rights, settings of Photoshop, IPTC, EXIF, a profile, GPS, a rating."""


@dataclass(frozen=True, slots=True)
class Inside:
    """By kind: `embedded`, digests of what is there in its own right, as "a film"; `told`, what metadata tell."""

    embedded: Mapping[str, frozenset[str]] = field(default_factory=dict)
    told: Mapping[str, frozenset[str]] = field(default_factory=dict)


def inside(path: Path) -> Inside:
    """What is found in a file; nothing where it cannot be read."""
    try:
        with opened(path) as image:
            told, private = told_by(image), _in_tags(image)
            if colours(image) is not None:
                told["what its colours mean"] = frozenset({"profile"})  # one is as good as another
        embedded: dict[str, set[str]] = {}
        for kind, data in (*_embedded(path), *private, *_in_chunks(path)):
            embedded.setdefault(kind, set()).add(hashlib.sha256(data).hexdigest())
        return Inside({kind: frozenset(digests) for kind, digests in embedded.items()}, told)
    except (OSError, Unreadable):
        return Inside()


def _in_tags(image: Image.Image) -> list[tuple[str, bytes]]:
    """What programs keep in tags of a TIFF of their own."""
    if image.format != "TIFF":
        return []
    with reading("its tags cannot be read"):
        tags: Any = image.tag_v2  # type: ignore[attr-defined]
        own = sorted((tag, value) for tag, value in tags.items() if tag >= PRIVATE and tag not in ABOUT)
    data = b"".join(b"%d " % tag + (value if isinstance(value, bytes) else repr(value).encode()) for tag, value in own)
    return [("more data", data)] if data else []


def _in_chunks(path: Path) -> Iterator[tuple[str, bytes]]:
    """What programs keep in chunks of a PNG of their own."""
    own = b"".join(name + data for name, data in chunks(path, (b"IDAT", b"fdAT")) if name not in PUBLIC)
    if len(own) >= LEAST:
        yield "more data", own


def _embedded(path: Path) -> Iterator[tuple[str, bytes]]:
    with path.open("rb") as file:
        start = file.read(12)
        if not KNOWN.match(start):
            return  # where such a picture ends is not known
        data = start + file.read(MOST)
    if data[4:8] == b"ftyp":
        yield from auxiliary(data)
    end = _end(data)
    if data.startswith(b"\xff\xd8") and any(data.find(name, 0, end) >= 0 for name in DEPTH):
        yield "a depth map", b"".join(_segments(data[:end], (b"http://ns.adobe.com/x",)))
    behind = data[end:].strip(b"\0")
    while behind.startswith(b"\xff\xd8"):
        cut = _end_of_jpeg(behind)
        if cut >= LEAST:
            yield "a gain map" if _is_gain_map(behind[:cut]) else "another picture", behind[:cut]
        behind = behind[cut:].strip(b"\0")
    if len(behind) < LEAST:
        return
    if b"ftyp" in behind[:64] or re.search(rb"MotionPhoto_Data|\0\0\0.ftyp(mp4|isom|qt|MSNV|avc1)", behind, re.DOTALL):
        yield "a film", behind
    elif b"\xff\xd8\xff" in behind[:LEAST]:
        yield "another picture", behind
    else:
        yield "more data", behind


def _is_gain_map(data: bytes) -> bool:
    return any(word in segment for segment in _segments(data) for word in GAIN)


def _segments(data: bytes, beginnings: tuple[bytes, ...] = (b"",)) -> Iterator[bytes]:
    """The segments of a JPEG that begin so, as those that hold XMP, of which a depth map is a part."""
    place = 2
    while found := MARKER.search(data, place):
        size = int.from_bytes(data[found.end() : found.end() + 2], "big")
        if found[0] == b"\xff\xda":
            return
        if data.startswith(beginnings, found.end() + 2):
            yield data[found.end() : found.end() + size]
        place = found.end() + size


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
