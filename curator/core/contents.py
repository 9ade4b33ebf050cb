"""What a file holds: its identity, kind and size. Reads each file once; never raises on a bad one."""

from __future__ import annotations

import codecs
import hashlib
import os
import stat
from dataclasses import dataclass
from pathlib import Path

from curator.api import Modality

READ = 1 << 20
LARGEST_TEXT = 16 << 20
"""Bytes. A larger `.txt` is a corpus or a log, not a text; as one item it would be of no use."""


class BadContent(Exception):
    """A file cannot be an item; the message says why, in a few words."""

    @property
    def may_pass(self) -> bool:
        """Whether the system is to blame (permissions, a disk that is gone), not what the file holds."""
        return isinstance(self.__cause__, OSError) and self.__cause__.errno is not None


@dataclass(frozen=True, slots=True)
class Stamp:
    """The state of a file: while it is the same, the content is taken to be the same."""

    size: int
    mtime_ns: int
    device: str
    inode: str

    @classmethod
    def of(cls, status: os.stat_result) -> Stamp:
        """From what `os.stat` gives."""
        return cls(status.st_size, status.st_mtime_ns, str(status.st_dev), str(status.st_ino))


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


def look(path: str) -> Stamp:
    """The stamp of a regular file; raises `BadContent` for anything else."""
    try:
        status = os.stat(path)
    except OSError as error:
        raise BadContent(reason(error)) from error
    if stat.S_ISDIR(status.st_mode):
        raise BadContent("a folder, not a file")
    if not stat.S_ISREG(status.st_mode):
        raise BadContent("not a regular file" + (" (a FIFO)" if stat.S_ISFIFO(status.st_mode) else ""))
    return Stamp.of(status)


def examine(path: str, modality: Modality) -> Content:
    """Hash and identify a file; raises `BadContent` with the reason where it is no item."""
    before = look(path)
    if before.size == 0:
        raise BadContent("empty file (0 bytes)")
    try:
        content = _image(path, before) if modality == "image" else _text(path, before)
    except OSError as error:
        raise BadContent(reason(error)) from error
    if look(path) != before:
        raise BadContent("changed while it was being read: add it again")
    return content


def reason(error: OSError) -> str:
    """An `OSError` in a few words, without the path."""
    if error.errno == 40:  # ELOOP
        return "a loop of symbolic links"
    return (error.strerror or str(error) or type(error).__name__).lower()


def hash_file(path: str | Path) -> str:
    """SHA-256 (hex) of the whole file."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(READ):
            digest.update(block)
    return digest.hexdigest()


def _image(path: str, stamp: Stamp) -> Content:
    from curator.core.images import header

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
    """UTF-8 or UTF-16 by their marks, else UTF-8, else GB18030; raises `BadContent` where none fits."""
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        encodings: tuple[str, ...] = ("utf-16",)
    elif b"\0" in data:
        raise BadContent("not a text (holds NUL bytes)")
    else:
        encodings = ("utf-8-sig", "gb18030")
    for encoding in encodings:
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise BadContent("not a text in UTF-8, UTF-16 with a mark, or GB18030")
