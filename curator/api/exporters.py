"""Exporters: they write items, with what is known of them, as a dataset that other programs open."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Literal, Protocol, TypeAlias

from curator.api.data import Item, Modality, Said, Side, StoredVectors
from curator.api.readers import SourceTable
from curator.api.tables import Output

Link: TypeAlias = Literal["copy", "hard", "symbolic"]
"""How a file comes into a dataset: as a file of its own, or as another name of the file that is there."""

Holds: TypeAlias = Literal["string", "integer", "boolean", "strings", "said"]
"""What a column of a dataset holds, or null: `strings` is a list of them, `said` a list of objects, one for each label
that is said of the item: `label` (string), `group` (string or null), `value` (boolean, null where both is said),
`source` (human, import, rule or head) and `score` (number from 0 to 1, or null)."""


FILE_LIST = ".curator-files.jsonl"
"""In a folder that was made by a `FolderArtifact`: which files it has, with their hashes."""


class Folder(Protocol):
    """A folder that is being made. Nobody sees it before it is whole.

    A path is given as its names, from the outermost folder to the file; folders come to be as they are named, a folder
    of one name by the same name everywhere. What some system could not store in a name is replaced, and what has a name
    that is taken (whatever its case) gets a number.
    """

    def put(self, source: Path, *parts: str, hash: str | None = None) -> str:
        """Bring in a file of the disk that has to hold what `hash` (SHA-256, hex) says.

        Returns its path in the folder, with `/` between the names. Raises `curator.kit.reading.Unreadable` where the
        file is gone, holds something else or cannot be read.
        """
        ...

    def open(self, *parts: str) -> AbstractContextManager[IO[bytes]]:
        """Write a file."""
        ...


@dataclass(frozen=True, slots=True)
class FolderArtifact(Output):
    """A folder to make: `fill` puts what belongs there into a `Folder`.

    `path` comes from a `NewFolder`. It appears whole or not at all, never within what is catalogued or the workspace,
    and over a folder that was made so only with `--force`. Beside what `fill` makes it holds the list of its files with
    their hashes, by which `curator check FOLDER` tells whether they are as they were; `about` is kept with it. `files`
    is how files of the disk come in.
    """

    path: Path
    fill: Callable[[Folder], None]
    files: Link = "copy"
    about: str = ""


@dataclass(frozen=True, slots=True)
class Record:
    """One item of a dataset.

    `file` is the file of a picture, as it was when it was added; None for a text, which is `item.text`. `source` is
    where the item is: a file, or a table; what of its name is no UTF-8 is written `\\xe9`. `label` is its class, None
    where none of the dataset's holds of it. `said` is all that is said of it and counts, `captions` what its captions
    say.
    """

    item: Item
    file: Path | None
    source: str | None
    label: str | None
    side: Side | None
    said: tuple[Said, ...] = ()
    captions: tuple[str, ...] = ()


class Dataset(Protocol):
    """What is exported. Iterating reads records, by id, from the catalogue; it may be done several times.

    `name` is that of the folder. `classes` are the labels that `Record.label` may be, sorted, none without `--by` or
    `--label`; `of` is what they are labels of. `media` are the kinds of items there are, `sides` the sides of the
    split that any of them is on. `encoding` is the one that people asked for. `columns`: what is known of each record
    as a row, by name; no two names differ in case alone, and none is `file_name` or `image`.
    """

    name: str
    of: str
    classes: Sequence[str]
    media: Sequence[Modality]
    sides: Sequence[Side]
    columns: Mapping[str, Holds]
    encoding: str | None

    def __iter__(self) -> Iterator[Record]:
        """The records."""
        ...

    def row(self, record: Record) -> dict[str, Any]:
        """What is known of a record, by the names of `columns`, of values that JSON holds."""
        ...

    def vectors(self) -> StoredVectors:
        """Of a format with `vectors`: row i is the vector of the i-th record, and there is one for each."""
        ...

    def tables(self) -> list[SourceTable]:
        """The tables that were added and that any of the items is a row of, by path."""
        ...

    def rows_of(self, table: SourceTable) -> Iterator[tuple[Mapping[str, Any], Record | None]]:
        """The rows of a table as they stand there, in their order, each with its record.

        Without those that were set aside, and those whose item is not exported; with those that hold no item.
        """
        ...

    def put(self, folder: Folder, record: Record, *parts: str) -> str | None:
        """Bring the file of a picture into the folder and return its path there.

        None where that cannot be, and the record is left out.
        """
        ...

    def content(self, record: Record) -> bytes | None:
        """What the file of a picture holds, or a text in UTF-8; None where it cannot be had, and it is left out."""
        ...

    def leave_out(self, record: Record, why: str) -> None:
        """Say that a record has no place in the dataset for what its file is; `why` follows on "left out: 3 items".

        The command then ends with exit code 5.
        """
        ...


@dataclass(frozen=True, slots=True)
class ExporterSpec:
    """A format: `curator export FOLDER --format NAME`.

    `write(dataset, folder)` goes through the records and makes files in the folder, and nowhere else; it reads the
    files of records by `put` and `content` of the dataset alone. `needs_class`: each item has to be of one class, so
    that people have to give `--by` or `--label`. `needs_side`: once any item is on a side of the split, each has to
    be on one. `files`: the files of items are part of it, not only what is known of them. `encodes`: it writes texts
    in the encoding that people ask for. `vectors`: it writes vectors, of the encoder that people name or the default,
    and is given the items that have one, whatever became of their files. `check(dataset)` may raise
    `curator.errors.NotReady` or `BadInput` for what cannot be written so, before anything is.
    """

    name: str
    summary: str
    write: Callable[[Dataset, Folder], None]
    modalities: tuple[Modality, ...] = ("image", "text")
    needs_class: bool = False
    needs_side: bool = True
    files: bool = True
    encodes: bool = False
    vectors: bool = False
    check: Callable[[Dataset], None] | None = None
