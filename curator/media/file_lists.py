"""The list of what is in a folder that curator made: by it, whether all is there, as it was, and nothing else.

A line of JSON for each file, with its path (`/` between names), its size in bytes and its SHA-256, and one at the end
about the whole: a list without it is of a folder that was never whole.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Protocol

from curator.api import FILE_LIST
from curator.media.files import BadContent, look, reason
from curator.version import __version__

NAME = FILE_LIST


@dataclass(frozen=True, slots=True)
class Listed:
    """A file: its size in bytes, and the SHA-256 of what it holds."""

    bytes: int
    hash: str


class FileList:
    """A list that is written as files come. It is whole once `end` was called."""

    def __init__(self, folder: Path) -> None:
        self._file = (folder / NAME).open("x", encoding="utf-8")
        self.files = 0

    def add(self, path: str, listed: Listed) -> None:
        """One more file."""
        self._line({"path": path, "bytes": listed.bytes, "sha256": listed.hash})
        self.files += 1

    def end(self, about: str) -> None:
        """The last line, and all of it on the disk."""
        self._line({"curator": __version__, "files": self.files, "about": about})
        self._file.flush()
        os.fsync(self._file.fileno())

    def _line(self, values: Mapping[str, object]) -> None:
        self._file.write(json.dumps(values, ensure_ascii=False) + "\n")

    def __enter__(self) -> FileList:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._file.close()


def is_listed(folder: Path) -> bool:
    """Whether a folder, which is none by way of a link, has a list."""
    return not folder.is_symlink() and os.path.isfile(folder / NAME)


def read(folder: Path) -> Iterator[tuple[str, Listed]]:
    """What a folder should hold, file by file, with its path; raises `BadContent` where there is no list, and, when all
    of it was read, where it is not whole."""
    files, end = 0, None
    try:
        with (folder / NAME).open(encoding="utf-8") as lines:
            for row in map(json.loads, lines):
                if end is not None:
                    raise ValueError("something comes after the end")
                if "path" in row:
                    files += 1
                    yield _text(row["path"]), Listed(row["bytes"], row["sha256"])
                else:
                    end = row["files"]
    except OSError as error:
        raise BadContent(reason(error)) from error
    except (ValueError, LookupError, TypeError) as error:
        raise BadContent("its list of files is damaged") from error
    if end != files:
        raise BadContent("its list of files is not whole")


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


class Paths(Protocol):
    """A set of paths."""

    def add(self, path: str, /) -> bool:
        """Whether it is new."""
        ...

    def __contains__(self, path: str, /) -> bool: ...


def collect(folder: Path, paths: Paths) -> None:
    """Add what a folder should hold to a set; raises `BadContent` where there is no list, or none that is whole."""
    for path, _ in read(folder):
        if not paths.add(path):
            raise BadContent("its list of files is damaged")


def others(folder: Path, listed: Paths) -> Iterator[str]:
    """Files in the folder that are not in its list, by path."""
    for base, folders, files in os.walk(folder):
        folders.sort()
        links = [name for name in folders if os.path.islink(os.path.join(base, name))]
        for name in sorted([*files, *links]):
            path = Path(base, name).relative_to(folder).as_posix()
            if path != NAME and path not in listed:
                yield path


def is_there(folder: Path, path: str) -> bool:
    """Whether something that can be read is at a path of a list, which leads nowhere else."""
    parts = path.split("/")
    if "" in parts or ".." in parts or Path(path).is_absolute():
        return False
    try:
        look(str(folder / path))
    except BadContent:
        return False
    return True
