"""Files as they lie on the disk: their state, their hash, and why one cannot be used."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from curator.kit.reading import Unreadable

READ = 1 << 20


class BadContent(Unreadable):
    """A file cannot be an item; the message says why, in a few words."""

    @property
    def may_pass(self) -> bool:
        """Whether the system is to blame (permissions, no memory), a limit or a missing library, not what it holds."""
        of_system = isinstance(self.__cause__, OSError) and self.__cause__.errno is not None
        return of_system or isinstance(self.__cause__, MemoryError | ImportError)


class BadPages(BadContent):
    """Of a picture that may well be read the further pages or frames can not."""


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


def look(path: str) -> Stamp:
    """The stamp of a regular file; raises `BadContent` for anything else."""
    try:
        status = os.stat(path)
    except OSError as error:
        raise BadContent(reason(error)) from error
    return stamp_of(status)


def stamp_of(status: os.stat_result) -> Stamp:
    """As `look`, from what the system says of the file."""
    if stat.S_ISDIR(status.st_mode):
        raise BadContent("a folder, not a file")
    if not stat.S_ISREG(status.st_mode):
        raise BadContent("not a regular file" + (" (a FIFO)" if stat.S_ISFIFO(status.st_mode) else ""))
    return Stamp.of(status)


def reason(error: OSError) -> str:
    """An `OSError` in a few words, without the path."""
    if error.errno == errno.ELOOP:
        return "a loop of symbolic links"
    return (error.strerror or str(error) or type(error).__name__).lower()


def hash_file(path: str | Path) -> str:
    """SHA-256 (hex) of the whole file."""
    with open(path, "rb") as file:
        return hash_open_file(file)


def hash_open_file(file: BinaryIO) -> str:
    """SHA-256 (hex) of what an opened file holds from here on."""
    digest = hashlib.sha256()
    while block := file.read(READ):
        digest.update(block)
    return digest.hexdigest()
