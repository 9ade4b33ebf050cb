"""Problems on record: files, and rows of tables, that could not be catalogued, and why."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from curator.store.catalogue import path_from_value, path_to_value
from curator.store.sqlite import Database


@dataclass(frozen=True, slots=True)
class ProblemRow:
    """What is wrong with a path. `size` and `mtime_ns`: its state then, None where it is tried again each time."""

    id: int
    path: str
    reason: str
    size: int | None
    mtime_ns: int | None


@dataclass(frozen=True, slots=True)
class RowProblemRow:
    """What is wrong with a line of a table."""

    id: int
    table_id: int
    line: int
    reason: str


_PROBLEMS = "SELECT id, path, reason, size, mtime_ns FROM problem"


class ProblemStore:
    """Reads problems."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def at(self, path: str) -> ProblemRow | None:
        """What is wrong with a file."""
        row = self.database.row(f"{_PROBLEMS} WHERE path = ?", path_to_value(path))
        return None if row is None else _problem(row)

    def any(self) -> bool:
        """Whether anything is wrong with a file or folder."""
        return self.database.row("SELECT 1 FROM problem LIMIT 1") is not None

    def at_all(self, paths: Sequence[str]) -> dict[str, ProblemRow]:
        """What is wrong with those of these files with which something is, by path."""
        values = [path_to_value(path) for path in paths]
        sql = f"{_PROBLEMS} WHERE path IN (SELECT value FROM json_each(?))"
        found = map(_problem, self.database.rows_among(sql, [path for path in values if isinstance(path, str)]))
        odd = (self.at(path_from_value(path)) for path in values if isinstance(path, bytes))  # JSON has no bytes
        return {row.path: row for row in (*found, *filter(None, odd))}

    def paths(self) -> list[tuple[int, str]]:
        """Id and path of every problem with a file or folder."""
        return [(row[0], path_from_value(row[1])) for row in self.database.rows("SELECT id, path FROM problem")]

    def files(self) -> list[tuple[str, str]]:
        """Path and reason of every problem with a file or folder, by path."""
        rows = self.database.rows("SELECT path, reason FROM problem ORDER BY path")
        return [(path_from_value(row[0]), row[1]) for row in rows]

    def rows_of_tables(self) -> list[tuple[str, int, str]]:
        """Path of the table, line and reason of every row that could not be catalogued."""
        sql = "SELECT path, line, reason FROM row_problem JOIN source_table AS t ON t.id = table_id ORDER BY path, line"
        return [(path_from_value(row[0]), row[1], row[2]) for row in self.database.rows(sql)]

    def of_table(self, table_id: int) -> list[RowProblemRow]:
        """What is wrong with rows of a table, by line."""
        sql = "SELECT id, table_id, line, reason FROM row_problem WHERE table_id = ? ORDER BY line"
        return [RowProblemRow(*row) for row in self.database.rows(sql, table_id)]


def _problem(row: sqlite3.Row) -> ProblemRow:
    return ProblemRow(row[0], path_from_value(row[1]), *row[2:])
