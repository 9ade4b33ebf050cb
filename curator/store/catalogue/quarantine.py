"""Files on record that lie in quarantine."""

from __future__ import annotations

import sqlite3
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


_QUARANTINED = "SELECT id, item_id, outside, inside, hash, size, kind, reason, keeper, taken FROM quarantined"


class QuarantineStore:
    """Reads what lies in quarantine."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def all(self) -> list[QuarantinedRow]:
        """Everything, oldest first."""
        return [_quarantined(row) for row in self.database.rows(f"{_QUARANTINED} ORDER BY id")]


def _quarantined(row: sqlite3.Row) -> QuarantinedRow:
    id_, item_id, outside, inside, hash_, size, kind, reason, keeper, taken = row
    kept = None if keeper is None else path_from_value(keeper)
    stored = path_from_value(inside)
    return QuarantinedRow(id_, item_id, path_from_value(outside), stored, hash_, size, kind, reason, kept, taken)
