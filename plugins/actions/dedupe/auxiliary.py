"""What a HEIC or AVIF holds beside its picture, and no decoder shows: a depth map, a gain map, mattes of a portrait."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import takewhile
from typing import TypeAlias

__all__ = ["auxiliary"]

Box: TypeAlias = bytes
"""What is in one, without its size and name."""

ALPHA = (b":alpha", b":auxid:1")
"""How kinds end that are shown with the picture."""
DEPTH = (b"depth", b"disparity", b":auxid:2")
"""What kinds of depth maps hold."""
GAIN = b"gainmap"
"""What kinds of gain maps hold, where they are no items of a picture with more light."""
BRIGHTER = b"tmap"
"""The type of such a picture, which is made of another by a gain map (ISO 21496-1)."""


def auxiliary(data: bytes) -> Iterator[tuple[str, bytes]]:
    """Each by kind and content; none where the boxes of the file (ISO 14496-12, 23008-12) are not as they should be."""
    meta = _children(_children(data).get(b"meta", b"")[4:])
    properties = _children(meta.get(b"iprp", b""))
    kinds = _kinds(properties.get(b"ipco", b""), properties.get(b"ipma", b""))
    references = list(_references(meta.get(b"iref", b"")))
    made_of = {item: to for name, item, to in references if name == b"dimg"}
    contents = dict(_contents(meta.get(b"iloc", b""), meta.get(b"idat", b""), data))

    def content(item: int) -> bytes:
        """With that of its tiles."""
        return b"".join(contents.get(part, b"") for part in (item, *made_of.get(item, ())))

    for item in sorted({item for name, item, _ in references if name == b"auxl"}):
        kind = kinds.get(item, b"")
        if not kind.endswith(ALPHA):
            yield _called(kind), content(item)
    for item in _of_type(BRIGHTER, meta.get(b"iinf", b"")):
        # The first that it is made of is the picture itself; of its own it says how bright the map makes that.
        yield "a gain map", contents.get(item, b"") + b"".join(content(part) for part in made_of.get(item, ())[1:])


def _called(kind: bytes) -> str:
    if any(word in kind for word in DEPTH):
        return "a depth map"
    return "a gain map" if GAIN in kind else "another picture"


def _boxes(data: bytes) -> Iterator[tuple[bytes, Box]]:
    place = 0
    while place + 8 <= len(data):
        size, name, head = int.from_bytes(data[place : place + 4], "big"), data[place + 4 : place + 8], 8
        if size == 1:
            size, head = int.from_bytes(data[place + 8 : place + 16], "big"), 16
        end = place + size if size else len(data)
        if end < place + head:
            return
        yield name, data[place + head : end]
        place = end


def _children(data: bytes) -> dict[bytes, Box]:
    """By name, of those of which there is one."""
    return dict(_boxes(data))


class _Numbers:
    """Big-endian numbers, one after the other; beyond the end there are zeros."""

    def __init__(self, box: Box) -> None:
        self.box, self.place = box, 4
        self.version, self.flags = (box or b"\0")[0], int.from_bytes(box[1:4], "big")

    def next(self, size: int) -> int:
        self.place += size
        return int.from_bytes(self.box[self.place - size : self.place], "big")

    def times(self, count: int) -> Iterator[int]:
        """So many, unless the box ends before."""
        return takewhile(lambda _: self.place < len(self.box), range(count))


def _kinds(ipco: Box, ipma: Box) -> dict[int, bytes]:
    """What each item is said to be, by number: a URN."""
    kinds = [body[4:].split(b"\0")[0] if name == b"auxC" else b"" for name, body in _boxes(ipco)]
    numbers, found = _Numbers(ipma), {}
    for _ in numbers.times(numbers.next(4)):
        item = numbers.next(4 if numbers.version else 2)
        for _ in numbers.times(numbers.next(1)):
            wide = numbers.flags & 1
            place = numbers.next(2 if wide else 1) & (0x7FFF if wide else 0x7F)
            if 0 < place <= len(kinds) and kinds[place - 1]:
                found[item] = kinds[place - 1]
    return found


def _of_type(wanted: bytes, iinf: Box) -> Iterator[int]:
    """The items of a type, by number."""
    for name, body in _boxes(iinf[8 if iinf[:1] > b"\0" else 6 :]):
        numbers = _Numbers(body)
        if name == b"infe" and numbers.version >= 2:
            item, _protected, kind = numbers.next(4 if numbers.version == 3 else 2), numbers.next(2), numbers.next(4)
            if kind == int.from_bytes(wanted, "big"):
                yield item


def _references(iref: Box) -> Iterator[tuple[bytes, int, list[int]]]:
    """Kind, from which item, to which."""
    size = 4 if iref[:1] == b"\1" else 2
    for name, body in _boxes(iref[4:]):
        numbers = _Numbers(b"\0\0\0\0" + body)
        item = numbers.next(size)
        yield name, item, [numbers.next(size) for _ in numbers.times(numbers.next(2))]


def _contents(iloc: Box, idat: Box, data: bytes) -> Iterator[tuple[int, bytes]]:
    """The bytes of each item: of the file, or of the box for small ones; no more together than there are."""
    numbers = _Numbers(iloc)
    sizes = numbers.next(2)
    of_offset, of_length, of_base, of_index = (sizes >> shift & 15 for shift in (12, 8, 4, 0))
    wide, left = 4 if numbers.version == 2 else 2, len(data)
    for _ in numbers.times(numbers.next(wide)):
        item = numbers.next(wide)
        source = idat if numbers.version and numbers.next(2) & 15 == 1 else data
        numbers.next(2)
        base, parts = numbers.next(of_base), []
        for _ in numbers.times(numbers.next(2) if of_length else 0):
            numbers.next(of_index if numbers.version else 0)
            start = base + numbers.next(of_offset)
            parts.append(source[start : start + min(left, numbers.next(of_length))])
            left -= len(parts[-1])
        yield item, b"".join(parts)
