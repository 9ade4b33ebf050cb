"""What a file holds: its identity, kind and size."""

from __future__ import annotations

import codecs
import hashlib
import io
from dataclasses import dataclass
from pathlib import Path

from curator.api import Modality
from curator.kit.encodings import encoding_of
from curator.media.decode import header, readable
from curator.media.files import BadContent, Stamp, hash_file, look, reason

LARGEST_TEXT = 16 << 20
"""Bytes. A larger `.txt` is a corpus or a log, not a text; as one item it would be of no use."""


@dataclass(frozen=True, slots=True)
class Content:
    """A file's content, identified."""

    hash: str
    modality: Modality
    size: int
    stamp: Stamp
    width: int | None = None
    height: int | None = None
    format: str | None = None
    text: str | None = None


def examine(path: str, modality: Modality) -> Content:
    """Hash and identify a file; raises `BadContent` with the reason where it is no item."""
    before = look(path)
    if before.size == 0:
        raise BadContent("empty file (0 bytes)")
    with readable():
        try:
            content = _image(path, before) if modality == "image" else _text(path, before)
        except OSError as error:
            raise BadContent(reason(error)) from error
    if look(path) != before:
        raise BadContent("changed while it was being read: add it again")
    return content


def _image(path: str, stamp: Stamp) -> Content:
    width, height, format_ = header(path)
    return Content(hash_file(path), "image", stamp.size, stamp, width, height, format_)


def _text(path: str, stamp: Stamp) -> Content:
    if stamp.size > LARGEST_TEXT:
        raise BadContent(f"a text of {stamp.size >> 20} MB: over the limit of {LARGEST_TEXT >> 20} MB for one text")
    text = decode_text(Path(path).read_bytes())
    if not text.strip():
        raise BadContent("empty text (only white space)")
    data = text.encode()
    return Content(hashlib.sha256(data).hexdigest(), "text", len(data), stamp, text=text)


def decode_text(data: bytes) -> str:
    """UTF-8 or UTF-16 by their marks, else UTF-8, else GB18030; raises `BadContent` where a line is in none of it."""
    if not data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) and b"\0" in data:
        raise BadContent("not a text (holds NUL bytes)")
    found = encoding_of(lambda: io.BytesIO(data))
    if found is None:
        raise BadContent("not a text in UTF-8, UTF-16 with a mark, or GB18030")
    if found.first_bad:
        raise BadContent(f"line {found.first_bad:,} holds bytes that are not {found.name}, as most of the text is")
    return data.decode(found.codec)
