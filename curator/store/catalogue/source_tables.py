"""Tables on record: the files whose rows are items, and how each was read."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from curator.store.catalogue import path_from_value, path_to_value
from curator.store.sqlite import Database


@dataclass(frozen=True, slots=True)
class SourceTableRow:
    """A table: its absolute path, the options (JSON) that it was read with, and its state when it was read to its end.

    All of the state is None until then.
    """

    id: int
    path: str
    options: str
    hash: str | None
    size: int | None
    mtime_ns: int | None
    device: str | None
    inode: str | None


_TABLES = "SELECT id, path, options, hash, size, mtime_ns, device, inode FROM source_table"


class SourceTableStore:
    """Reads tables."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def at(self, path: str) -> SourceTableRow | None:
        """The table of that path."""
        row = self.database.row(f"{_TABLES} WHERE path = ?", path_to_value(path))
        return None if row is None else _table(row)

    def all(self) -> list[SourceTableRow]:
        """Every table, by path."""
        return [_table(row) for row in self.database.rows(f"{_TABLES} ORDER BY path")]


def _table(row: sqlite3.Row) -> SourceTableRow:
    return SourceTableRow(row[0], path_from_value(row[1]), *row[2:])
