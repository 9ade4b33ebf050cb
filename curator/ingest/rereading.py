"""Tables that were added, read again as they were then: which row is which item."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from curator.api import ReaderSpec, ReadOptions, Row
from curator.catalog.places import Places, real
from curator.catalog.source_tables import Tables
from curator.errors import BadInput, NotFound
from curator.ingest.options import ROLES, AddOptions
from curator.ingest.table_rows import BadRow, Draft, Drafts, located
from curator.media.files import BadContent, look
from curator.store.catalogue.quarantine import QuarantineStore
from curator.store.catalogue.source_tables import SourceTableRow
from curator.store.sqlite import Database
from curator.store.stored import read

if TYPE_CHECKING:
    from curator.registry.loader import Registry

AT_ONCE = 1_000
"""Rows whose items are looked up together."""


@dataclass(frozen=True, slots=True)
class Reread:
    """A row: what stands in each column, and its item; `aside`: it was set aside."""

    line: int
    values: Mapping[str, Any]
    item: int | None
    aside: bool


class Rereading:
    """Reads one table again. Raises `BadInput` where it is not as it was when it was added."""

    def __init__(self, registry: Registry, database: Database, path: Path) -> None:
        self.registry = registry
        self.places = Places(database)
        self.quarantine = QuarantineStore(database)
        self.path = real(path)
        tables = Tables(database)
        table = tables.at(self.path)
        if table is None:
            raise BadInput(f"{str(path)!r} is not a table that was added")
        try:
            same = tables.stamp(table) == look(self.path)
        except BadContent as error:
            raise BadInput(f"{str(path)!r}: {error}") from error
        if not same:
            raise BadInput(f"{str(path)!r} is not as it was when it was added: curator add it again")
        self.given = options_of(table)
        self.reader = registry.get(ReaderSpec, read("source_table", "options", table.options)["reader"])
        self.encoding = self.given.encoding

    def columns(self) -> Sequence[str]:
        """The names of its columns, in order."""
        if self.reader.columns is None:
            raise NotFound(f"the reader {self.reader.name!r} names no columns")
        with self.registry.guard(self.reader, "reading with"):
            return list(self.reader.columns(Path(self.path), self._how()))

    def rows(self) -> Iterator[Reread]:
        """All rows that can be read, in order."""
        drafts = iter(self.drafts())
        where = self.places.in_table(self.path)
        aside = {row.place_id for row in self.quarantine.rows()}
        while page := list(islice(drafts, AT_ONCE)):
            keys = [f"text {draft.key}" for _, draft in page if draft is not None]
            there = {} if where is None else self.places.store.rows_at(*where, keys)
            for row, draft in page:
                place = None if draft is None else there.get(f"text {draft.key}")
                if place is not None and not place.missing:
                    yield Reread(row.line, row.values, place.item_id, place.id in aside)
                else:
                    yield Reread(row.line, row.values, self._image(draft), False)

    def drafts(self) -> Iterator[tuple[Row, Draft | None]]:
        """Each row with what becomes of it, None where nothing could."""
        drafts = Drafts(self.given, Counter())
        with self.registry.guard(self.reader, "reading with"):
            for row in self.reader.read(Path(self.path), self._how()):
                if isinstance(row, Row):
                    try:
                        yield row, drafts.of(row)
                    except BadRow:
                        yield row, None

    def _how(self) -> ReadOptions:
        return ReadOptions(header=not self.given.no_header, encoding=self.given.encoding)

    def _image(self, draft: Draft | None) -> int | None:
        if draft is None or draft.image is None:
            return None
        try:
            place = self.places.at(os.path.realpath(located(self.path, draft.image)))
        except BadRow:
            return None
        return None if place is None or place.missing else place.item_id


def options_of(table: SourceTableRow) -> AddOptions:
    """How a table was added, as far as that says which row is which."""
    options = read("source_table", "options", table.options)
    said = ("na", "label_separator", "group", "encoding", *(f"{role}_column" for role in ROLES))
    chosen = {name: options[name] for name in said if name in options}
    return AddOptions(**chosen, no_header="no_header" in options)
