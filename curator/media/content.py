"""What a file holds: its identity, kind and size."""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass
from pathlib import Path

from curator.api import Modality
from curator.errors import BadInput
from curator.kit.encodings import UNDECODED, encoding_named, encoding_of
from curator.media.decode import header, readable
from curator.media.files import BadContent, Stamp, hash_file, look, reason

LARGEST_TEXT = 16 << 20
"""Bytes. A larger `.txt` is a corpus or a log, not a text; as one item it would be of no use."""


@dataclass(frozen=True, slots=True)
class Content:
    """A file's content, identified. `taken`: when a picture was, as `curator.kit.images.taken` tells it."""

    hash: str
    modality: Modality
    size: int
    stamp: Stamp
    width: int | None = None
    height: int | None = None
    format: str | None = None
    taken: str | None = None
    text: str | None = None
    read_as: str | None = None


def examine(path: str, modality: Modality, encoding: str | None = None) -> Content:
    """Hash and identify a file; raises `BadContent` with the reason where it is no item.

    `encoding` is that of texts, where a person said so; `read_as` of the content is one that its characters told.
    """
    before = look(path)
    if before.size == 0:
        raise BadContent("empty file (0 bytes)")
    with readable():
        try:
            content = _image(path, before) if modality == "image" else _text(path, before, encoding)
        except OSError as error:
            raise BadContent(reason(error)) from error
    if look(path) != before:
        raise BadContent("changed while it was being read: add it again")
    return content


def _image(path: str, stamp: Stamp) -> Content:
    head = header(path)
    return Content(hash_file(path), "image", stamp.size, stamp, head.width, head.height, head.format, head.taken)


def _text(path: str, stamp: Stamp, encoding: str | None) -> Content:
    if stamp.size > LARGEST_TEXT:
        raise BadContent(f"a text of {stamp.size >> 20} MB: over the limit of {LARGEST_TEXT >> 20} MB for one text")
    text, read_as = _decoded(Path(path).read_bytes(), encoding)
    if not text.strip():
        raise BadContent("empty text (only white space)")
    data = text.encode()
    return Content(hashlib.sha256(data).hexdigest(), "text", len(data), stamp, text=text, read_as=read_as)


def decode_text(data: bytes) -> str:
    """The text in UTF-8, UTF-16, or an encoding that its characters tell; else raises `BadContent`."""
    return _decoded(data, None)[0]


def check_encoding(name: str) -> None:
    """Raise `BadInput` for what names no encoding of texts."""
    try:
        encoding_named(name)
    except (LookupError, ValueError):
        raise BadInput(
            f"{name!r} is not a known encoding: use for example utf-8, gb18030, big5, shift-jis, koi8-r or cp1252"
        ) from None


def _decoded(data: bytes, encoding: str | None) -> tuple[str, str | None]:
    """The text, and what it was read as where only its characters told."""
    if encoding is not None:
        found = encoding_named(encoding)
        text = "".join(found.lines(lambda: io.BytesIO(data)))
        if UNDECODED in text:
            raise BadContent(f"not a text in {found.name}, as --encoding says")
        return text, None
    known = encoding_of(lambda: io.BytesIO(data))
    if b"\0" in data and (known is None or known.name != "UTF-16"):
        raise BadContent("not a text (holds NUL bytes)")
    if known is None:
        raise BadContent("not a text in UTF-8, UTF-16, or an encoding that shows: --encoding NAME says which")
    if known.first_bad:
        raise BadContent(
            f"line {known.first_bad:,} holds bytes that are not {known.name}, as most of the text is: "
            "--encoding NAME says which it is in"
        )
    return data.decode(known.codec), known.name if known.is_guessed else None
