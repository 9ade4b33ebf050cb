"""Exporters: they write items, with what is known of them, as a dataset that other programs open."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Literal, Protocol, TypeAlias

from curator.api.data import Item, Modality, Said, Side
from curator.api.tables import Output

Link: TypeAlias = Literal["copy", "hard", "symbolic"]
"""How a file comes into a dataset: as a file of its own, or as another name of the file that is there."""


class Folder(Protocol):
    """A folder that is being made. Nobody sees it before it is whole.

    A path is given as its names, from the outermost folder to the file; folders come to be as they are named. What some
    system could not store in a name is replaced, and a file whose name is taken (whatever its case) gets a number.
    """

    def put(self, source: Path, *parts: str, hash: str | None = None) -> str | None:
        """Bring in a file of the disk that has to hold what `hash` (SHA-256, hex) says.

        Returns its path in the folder, with `/` between the names; None where it could not be brought in, which is said
        when all is done.
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
    their hashes, by which `curator check FOLDER` tells whether they are as they were; `about` is kept with it.
    """

    path: Path
    fill: Callable[[Folder], None]
    link: Link = "copy"
    about: str = ""


@dataclass(frozen=True, slots=True)
class Record:
    """One item of a dataset.

    `file` is the file that holds it, whole and unchanged; None for rows of tables. `source` is where it is: that file,
    or the table. `label` is its class, None where none of the dataset's holds of it. `said` is all that is said of it
    and counts, `captions` what its captions say.
    """

    item: Item
    file: Path | None
    source: str
    label: str | None
    side: Side | None
    said: tuple[Said, ...]
    captions: tuple[str, ...]


class Dataset(Protocol):
    """What is exported. Iterating reads records, by id, from the catalogue; it may be done several times.

    `classes` are the labels that `Record.label` may be, sorted, none without `--by` or `--label`; `of` is what they are
    labels of. `groups` and `labels` are the names of the groups, and of the labels in none, that anything is said of.
    `split`: whether any record is on a side.
    """

    name: str
    of: str
    classes: Sequence[str]
    groups: Sequence[str]
    labels: Sequence[str]
    split: bool

    def __iter__(self) -> Iterator[Record]:
        """The records."""
        ...

    def leave_out(self, record: Record, why: str) -> None:
        """Say that a record has no place in the dataset; `why` completes "left out: 3 items that are"."""
        ...


@dataclass(frozen=True, slots=True)
class ExporterSpec:
    """A format: `curator export FOLDER --format NAME`.

    `write(dataset, folder)` goes through the records and makes files. `classes`: each item has to be of one class, so
    that the command needs `--by` or `--label`. `files`: the files of items are part of it, not only what is known of
    them. It is called once, and may not write anywhere else.
    """

    name: str
    summary: str
    write: Callable[[Dataset, Folder], None]
    modalities: tuple[Modality, ...] = ("image", "text")
    classes: bool = False
    files: bool = True
