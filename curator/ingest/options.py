"""How to add, and what adding did."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from curator.api import ReadOptions
from curator.catalog.labels import clean
from curator.errors import BadInput
from curator.ingest.listing import Numbers
from curator.media.content import check_encoding

ROLES = ("text", "image", "caption", "label", "id")
"""What a column of a table can hold."""


@dataclass(frozen=True, slots=True)
class AddOptions:
    """How to add. `group` names the group of labels taken from folders or from a column; by default the source
    folder's or the column's name. `reader` is for a source that several could read, or none by its name.
    """

    labels: tuple[str, ...] = ()
    not_labels: tuple[str, ...] = ()
    labels_from_folders: bool = False
    group: str | None = None
    captions: bool = False
    verify: bool = False
    reader: str | None = None
    text_column: str | None = None
    image_column: str | None = None
    caption_column: str | None = None
    label_column: str | None = None
    id_column: str | None = None
    no_header: bool = False
    hidden: bool = False
    encoding: str | None = None
    na: bool = False
    label_separator: str | None = None
    label_level: int = 1

    @property
    def said(self) -> dict[str, Any]:
        """What differs from the defaults."""
        return {name: value for name, value in asdict(self).items() if value and (name, value) != ("label_level", 1)}

    @property
    def columns(self) -> dict[str, str]:
        """The columns that are named, by what they hold."""
        named = {role: getattr(self, f"{role}_column") for role in ROLES}
        return {role: name for role, name in named.items() if name is not None}

    @property
    def for_tables(self) -> str | None:
        """The first option given that only a table can follow."""
        given = [f"--{role}-column" for role in self.columns] + ["--no-header"] * self.no_header
        given += ["--na"] * self.na + ["--label-separator"] * (self.label_separator is not None)
        return given[0] if given else None

    @property
    def for_files(self) -> str | None:
        """The first option given that only files can follow."""
        return "--labels-from-folders" if self.labels_from_folders else "--captions" if self.captions else None

    def reading(self, leave_out: Callable[[Path], bool]) -> ReadOptions:
        """What of it a reader is told; `leave_out(folder)`: what it must not enter."""
        return ReadOptions(
            leave_out,
            header=not self.no_header,
            hidden=self.hidden,
            encoding=self.encoding,
            label_level=self.label_level,
        )

    def check(self) -> None:
        """Raise `BadInput` for names that cannot be, and for what contradicts itself."""
        for name in (*self.labels, *self.not_labels, self.group):
            if name is not None:
                clean(name)
        for role, name in (*self.columns.items(), ("reader", self.reader)):
            if name is not None and not name.strip():
                raise BadInput(f"{name!r} is no {'reader' if role == 'reader' else 'column'}: it needs a name")
        if self.encoding is not None:
            check_encoding(self.encoding)
        self._check_cells()
        for name in set(map(clean, self.labels)) & set(map(clean, self.not_labels)):
            raise BadInput(f"{name!r} is given both as --label and as --not-label")
        if self.caption_column is not None and self.image_column is None:
            raise BadInput("--caption-column says what images show: name their column too, with --image-column")
        labelled = self.labels or self.not_labels or self.labels_from_folders or self.label_column is not None
        if self.group is not None and not labelled:
            raise BadInput("--group is for labels: add --label NAME, --labels-from-folders or --label-column COLUMN")

    def _check_cells(self) -> None:
        """As `check`, for how labels are taken out of cells and folders."""
        given = "--na" if self.na else "--label-separator" if self.label_separator is not None else ""
        if given and self.label_column is None:
            raise BadInput(f"{given} is for the labels of a table: name their column too, with --label-column")
        if self.label_separator is not None and not self.label_separator:
            raise BadInput("--label-separator '' separates nothing: give what stands between labels, for example '|'")
        if self.label_separator is not None and self.group is not None:
            raise BadInput(
                "--label-separator makes several labels of one item, and those of a --group exclude each other"
            )
        if self.label_level < 1 or (self.label_level > 1 and not self.labels_from_folders):
            raise BadInput("--label-level is a number from 1 on, for --labels-from-folders")


@dataclass(slots=True)
class AddReport:
    """What adding did. Counts are files and the texts of rows, except `labelled` (statements made).

    `found`: files; `rows`: rows of tables; `added`: new content; `copies`: a further place of known content;
    `changed`: other content at a known place; `moved`: known content whose old place is gone; `same_file`: another
    name of a file that is catalogued (a hard or symbolic link); `decoded`: files that were read; `sidecars`: texts
    beside an image of the same stem that were not linked as captions; `loose`: files in no folder that could label
    them; `read_as`: how many texts and tables were read in an encoding that only their characters told;
    `no_labels`: how many labels are called as what stands for nothing (`NaN`), and how many were taken as none;
    `folder_labels`: the folders that labelled.
    """

    found: int = 0
    rows: int = 0
    added: int = 0
    copies: int = 0
    changed: int = 0
    moved: int = 0
    unchanged: int = 0
    same_file: int = 0
    missing: int = 0
    decoded: int = 0
    labelled: int = 0
    captions: int = 0
    sidecars: int = 0
    loose: int = 0
    problems: list[tuple[str, str]] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)
    items: Numbers = field(default_factory=Numbers)
    encoded: int = 0
    read_as: Counter[str] = field(default_factory=Counter)
    no_labels: Counter[tuple[str, bool]] = field(default_factory=Counter)
    folder_labels: set[str] = field(default_factory=set)

    def count(self, what: str, number: int = 1) -> None:
        """Add to a count."""
        setattr(self, what, getattr(self, what) + number)


def many(names: Sequence[str] | str) -> tuple[str, ...]:
    """Several names, of one or of several."""
    return (names,) if isinstance(names, str) else tuple(names)
