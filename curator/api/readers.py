"""Readers: they list what a source holds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from curator.api.data import Item, Modality


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """How to read a source.

    `leave_out(folder)` is True for a folder that must not be entered (a workspace). `header`: whether the first row
    of a table names its columns; where it does not, they are called "1", "2" and so on. `wanted(column)` is False for a
    column of a table that nobody looks at: rows may leave it out, and should where there may be very many. `hidden`:
    whether to list what is hidden, too, and what lies in folders that systems keep for themselves. `encoding`: the
    one that texts are in, by its name in Python, where a person said so. `tell(words)` is called with what people
    should know of how a source was read (`read as Shift-JIS`). `label_level`: which of the folders below the source is
    the `folder` of what is found; 2 where the first ones are `train` and `test`.
    """

    leave_out: Callable[[Path], bool] = lambda folder: False
    header: bool = True
    wanted: Callable[[str], bool] = lambda column: True
    hidden: bool = False
    encoding: str | None = None
    tell: Callable[[str], None] = lambda words: None
    label_level: int = 1


@dataclass(frozen=True, slots=True)
class Found:
    """A file that may be an item. `folder` is the first folder below the source that it lies in, or that of the level
    that the options say.

    `caption_of` is the image that a text lies beside, with the same stem, or the images where there are several; the
    core links them if it is asked to.
    """

    path: Path
    modality: Modality
    folder: str | None = None
    caption_of: Path | tuple[Path, ...] | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a table: what stands in each column, None where nothing does.

    `line` is where a person finds it, counted from 1: the line that it begins on, else its number. What the columns
    mean, relative paths and values that cannot be used are the core's business.
    """

    line: int
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Skipped:
    """A file left out, or with `line` a row of a table, and why.

    `problem`: something is wrong with it, so it is recorded and counted as failed; a row always is.
    """

    path: Path
    reason: str
    problem: bool = False
    line: int | None = None


@dataclass(frozen=True, slots=True)
class ReaderSpec:
    """Lists what a source holds, in a stable order, without opening what it need not and without raising
    on a bad file. Exactly one reader must match a source: `matches(source)` is True for a folder or file that
    `read(source, options)` can list.

    A reader of tables has `columns(source, options)` too, which gives the names of the columns, or raises `BadInput`
    for a source that is no such table; its `read` gives a `Row` for each row, and reads the table as it goes.
    """

    name: str
    summary: str
    matches: Callable[[Path], bool]
    read: Callable[[Path, ReadOptions], Iterable[Found | Row | Skipped]]
    columns: Callable[[Path, ReadOptions], Sequence[str]] | None = None


@dataclass(frozen=True, slots=True)
class TableRow:
    """A row of a table that was added, read again: what stands in each column, as its reader gives it.

    `item` is its text, or the image that it names where it has no text; None where nothing of it is catalogued.
    `aside`: it was set aside.
    """

    values: Mapping[str, Any]
    item: Item | None
    aside: bool


@dataclass(frozen=True, slots=True)
class SourceTable:
    """A table that was added, whether it names its columns (`header`), and the encoding that people said it is in."""

    path: Path
    columns: tuple[str, ...]
    header: bool
    encoding: str | None
