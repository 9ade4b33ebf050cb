"""The chunks of a PNG: what it holds beside the pixels lies in some of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

__all__ = ["chunks"]

_START = b"\x89PNG\r\n\x1a\n"
_MOST = 64 << 20
"""Bytes of a chunk that are read; of a longer one these."""


def chunks(path: str | Path, without: tuple[bytes, ...] = (b"IDAT", b"fdAT")) -> Iterator[tuple[bytes, bytes]]:
    """The name and the data of each chunk but those of pixels, up to its end or a damage; raises `OSError`."""
    with open(path, "rb") as file:
        if file.read(len(_START)) != _START:
            return
        while len(head := file.read(8)) == 8 and head[4:] != b"IEND":
            size, name = int.from_bytes(head[:4], "big"), head[4:]
            start = file.tell()
            if name not in without:
                yield name, file.read(min(size, _MOST))
            file.seek(start + size + 4)
