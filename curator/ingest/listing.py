"""What adding remembers of each file: there may be millions, of which neither paths nor objects fit into memory."""

from __future__ import annotations

import json
import os
import tempfile
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Generic, NamedTuple, TypeVar

from curator.api import Found, Modality

T = TypeVar("T")

IN_MEMORY = 1 << 20
"""Bytes that need no file."""

PAGE = 1_000


class Listed(NamedTuple):
    """A file that a reader found, as `curator.api.Found`, by the path that it was found by."""

    path: str
    modality: Modality
    folder: str | None
    caption_of: Sequence[str]

    @classmethod
    def of(cls, found: Found) -> Listed:
        """The same."""
        of = found.caption_of
        images = () if of is None else of if isinstance(of, tuple) else (of,)
        return cls(os.fspath(found.path), found.modality, found.folder, tuple(map(os.fspath, images)))


class Left(NamedTuple):
    """A path that a reader left out, with the reason, and whether that is a problem; as `curator.api.Skipped`."""

    path: str
    reason: str
    problem: bool


class Spool(Generic[T]):
    """Tuples, in order, of which more than a few lie in a file without a name. Use as a context manager."""

    def __init__(self, read: Callable[..., T]) -> None:
        """`read` makes one of its values, which are such as JSON holds."""
        self._read = read
        self._file = tempfile.SpooledTemporaryFile(IN_MEMORY)  # noqa: SIM115 - closed by `__exit__`
        self._page: list[T] = []
        self._count = 0

    def __enter__(self) -> Spool[T]:
        return self

    def __exit__(self, *error: object) -> None:
        self._file.close()

    def append(self, one: T) -> None:
        """Add one at the end; not while they are gone through."""
        self._page.append(one)
        self._count += 1
        if len(self._page) >= PAGE:
            self._write()

    def _write(self) -> None:
        self._file.write(json.dumps(self._page).encode() + b"\n")
        self._page = []

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[T]:
        self._write()
        at, end = 0, self._file.tell()
        while at < end:
            self._file.seek(at)
            page = json.loads(self._file.readline())
            at = self._file.tell()
            self._file.seek(end)
            yield from (self._read(*values) for values in page)


class Numbers:
    """Ids of rows, each once, in the order in which they came: nine bytes for each, where a dict takes a hundred."""

    def __init__(self, numbers: Iterable[int] = ()) -> None:
        self._order = array("q")
        self._marks: dict[int, int] = {}
        self.update(numbers)

    def add(self, number: int) -> bool:
        """Add one; returns whether it is new."""
        mark = 1 << (number & 1023)
        marks = self._marks.get(number >> 10, 0)
        if marks & mark:
            return False
        self._marks[number >> 10] = marks | mark
        self._order.append(number)
        return True

    def update(self, numbers: Iterable[int]) -> None:
        """Add several."""
        for number in numbers:
            self.add(number)

    def __contains__(self, number: int) -> bool:
        return bool(self._marks.get(number >> 10, 0) & 1 << (number & 1023))

    def __len__(self) -> int:
        return len(self._order)

    def __iter__(self) -> Iterator[int]:
        return iter(self._order)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Numbers) and self._marks == other._marks

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Numbers({list(self)!r})"
