"""Files on record that lie in quarantine."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from curator.store.catalogue import path_from_value
from curator.store.sqlite import Database


@dataclass(frozen=True, slots=True)
class QuarantinedRow:
    """A file in quarantine: `outside` and `keeper` are absolute, `inside` is below quarantine/; `taken` is ISO 8601."""

    id: int
    item_id: int | None
    outside: str
    inside: str
    hash: str
    size: int
    kind: str
    reason: str
    keeper: str | None
    taken: str


@dataclass(frozen=True, slots=True)
class RowAsideRow:
    """A row of a table that was set aside: its place, with that one's root, path below it and key, and its item."""

    id: int
    place_id: int
    item_id: int
    root_id: int
    path: str
    row_key: str
    kind: str
    reason: str
    keeper_id: int | None
    taken: str


_QUARANTINED = "SELECT id, item_id, outside, inside, hash, size, kind, reason, keeper, taken FROM quarantined"


class QuarantineStore:
    """Reads what lies in quarantine."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def all(self) -> list[QuarantinedRow]:
        """Everything, oldest first."""
        return [_quarantined(row) for row in self.database.rows(f"{_QUARANTINED} ORDER BY id")]

    def rows(self) -> list[RowAsideRow]:
        """The rows of tables that were set aside and are still what they were, oldest first."""
        sql = (
            "SELECT row_aside.id, place.id, place.item_id, root_id, path, row_key, kind, reason, keeper_id, taken "
            "FROM row_aside JOIN place ON place.id = place_id AND place.item_id = row_aside.item_id "
            "ORDER BY row_aside.id"
        )
        return [_row_aside(row) for row in self.database.rows(sql)]

    def reasons(self, item_id: int) -> dict[int, str]:
        """Why rows of this item were set aside, by their places."""
        sql = "SELECT place_id, kind || ': ' || reason FROM row_aside WHERE item_id = ?"
        return {row[0]: row[1] for row in self.database.rows(sql, item_id)}

    def rows_of_places(self, place_ids: Sequence[int]) -> list[int]:
        """The numbers of the marks that these places have, whether they still count or not."""
        sql = "SELECT id FROM row_aside WHERE place_id IN (SELECT value FROM json_each(?))"
        return [row[0] for row in self.database.rows_among(sql, place_ids)]


def _row_aside(row: sqlite3.Row) -> RowAsideRow:
    id_, place_id, item_id, root_id, path, *rest = row
    return RowAsideRow(id_, place_id, item_id, root_id, path_from_value(path), *rest)


def _quarantined(row: sqlite3.Row) -> QuarantinedRow:
    id_, item_id, outside, inside, hash_, size, kind, reason, keeper, taken = row
    kept = None if keeper is None else path_from_value(keeper)
    stored = path_from_value(inside)
    return QuarantinedRow(id_, item_id, path_from_value(outside), stored, hash_, size, kind, reason, kept, taken)
