"""Rows of tables that were set aside: marks in the catalogue. No table is ever edited."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from curator.api import SetRowAside
from curator.catalog.places import Places, real, row_id
from curator.catalog.source_tables import Tables
from curator.catalog.taking_over import TakingOver
from curator.history.journal import Journal
from curator.media.files import BadContent, look
from curator.quarantine.set_aside import now
from curator.store.catalogue.items import ItemStore
from curator.store.catalogue.quarantine import QuarantineStore


@dataclass(frozen=True, slots=True)
class RowAside:
    """A row that was set aside: its table (`outside`), its id there, if it has one, what it holds, and why."""

    id: int
    outside: Path
    row: str | None
    item: int
    text: str
    kind: str
    reason: str
    keeper: int | None
    taken: str

    @property
    def size(self) -> int:
        """Bytes of its text."""
        return len(self.text.encode())


class RowsAside:
    """Sets rows aside, and takes that back."""

    def __init__(self, places: Places) -> None:
        self.places = places
        self.store = QuarantineStore(places.database)
        self.items = ItemStore(places.database)
        self.tables = Tables(places.database)
        self.taking_over = TakingOver(places.database)

    def all(self) -> Iterator[RowAside]:
        """Every one, oldest first."""
        rows = self.store.rows()
        texts = {item.id: item.text or "" for item in self.items.by_ids([row.item_id for row in rows])}
        for row in rows:
            path = Path(self.places.store.root(row.root_id), *row.path.split("/"))
            name, text = row_id(row.row_key), texts.get(row.item_id, "")
            yield RowAside(row.id, path, name, row.item_id, text, row.kind, row.reason, row.keeper_id, row.taken)

    def set_aside(self, journal: Journal, changes: Sequence[SetRowAside]) -> list[tuple[str, str]]:
        """Mark rows, in one transaction; returns those that could not be, each as a path with the reason."""
        failed: list[tuple[str, str]] = []
        with self.places.database.transaction():
            for change in changes:
                place, why = self._place(change)
                if place is None:
                    failed.append((str(change.place.path), why))
                    continue
                for mark in self.store.rows_of_places([place]):  # of what stood there before
                    journal.delete("row_aside", mark)
                if change.keeper is not None:
                    self.taking_over.take_over(journal, change.item, change.keeper)
                journal.insert(
                    "row_aside",
                    place_id=place,
                    item_id=change.item,
                    kind=change.kind,
                    reason=change.reason,
                    keeper_id=change.keeper,
                    taken=now(),
                )
        return failed

    def _place(self, change: SetRowAside) -> tuple[int | None, str]:
        """The place of a row that is as it was when its table was added, or why there is none."""
        path = real(change.place.path)
        where, table = self.places.in_table(path), self.tables.at(path)
        if where is None or table is None:
            return None, "not a table that was added"
        try:
            if look(path) != self.tables.stamp(table):
                return None, "changed since it was added: add it again"
        except BadContent as error:
            return None, str(error)
        place = self.places.store.rows_at(*where, [change.place.row]).get(change.place.row)
        if place is None or place.missing or place.item_id != change.item:
            return None, "a row is not what it was"
        return place.id, ""

    def take_back(self, journal: Journal, marks: Sequence[int]) -> None:
        """Let rows be rows again."""
        with self.places.database.transaction():
            for mark in marks:
                journal.delete("row_aside", mark)
