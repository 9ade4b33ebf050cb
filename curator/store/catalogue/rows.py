"""Rows of any table, written together with the record of it. For the journal alone: what it does not know of is lost.

Nothing here is a transaction of its own: a row and the record of its change belong into one of the caller's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from curator.store.catalogue.changes import LONGEST, Kind, encode_row
from curator.store.sqlite import Database


class RowStore:
    """Finds and writes rows."""

    def __init__(self, database: Database) -> None:
        self.database = database

    # --- finding ---

    def find(self, table: str, **values: Any) -> int | None:
        """The id of a row that has these values."""
        self.database.hold_names(table, values)
        where = " AND ".join(f"{name} = ?" for name in values)
        found = self.database.value(f"SELECT id FROM {table} WHERE {where}", *values.values())
        return None if found is None else int(found)

    def next_id(self, table: str) -> int:
        """One that no row of a table has or ever had, by the changes on record."""
        known = "FROM change WHERE table_name = ?1"
        sql = (
            f"SELECT max(coalesce((SELECT max(id) FROM {table}), 0), "
            f"coalesce((SELECT max(row_id) {known}), 0), "
            f"coalesce((SELECT max(last_row_id) {known} AND last_row_id IS NOT NULL), 0)) + 1"
        )
        return int(self.database.value(sql, table))

    def highest_version(self, table: str, of: str, value: Any) -> int:
        """The highest version of a row that has, or had when it was removed, a value in the column `of`; 0 for none."""
        sql = (
            f"SELECT max(version) FROM (SELECT version FROM {table} WHERE {of} = ? UNION ALL "
            "SELECT json_extract(before, '$.version') FROM change "
            f"WHERE table_name = ? AND kind = 'delete' AND json_extract(before, '$.{of}') = ?)"
        )
        return int(self.database.value(sql, value, table, value) or 0)

    # --- writing ---

    def insert(self, table: str, values: Mapping[str, Any]) -> int:
        """Add a row; returns its id."""
        self.database.hold_names(table, values)
        names = ", ".join(values)
        marks = ", ".join("?" * len(values))
        return self.database.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", *values.values())

    def insert_many(self, table: str, rows: Sequence[Mapping[str, Any]]) -> None:
        """Add rows that all set the same columns, their ids among them."""
        names = list(rows[0])
        self.database.hold_names(table, names)
        sql = f"INSERT INTO {table} ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})"
        self.database.execute_many(sql, (tuple(row[name] for name in names) for row in rows))

    def update(self, table: str, row_id: int, values: Mapping[str, Any]) -> None:
        """Set columns of a row."""
        self.database.hold_names(table, values)
        assignments = ", ".join(f"{name} = ?" for name in values)
        self.database.execute(f"UPDATE {table} SET {assignments} WHERE id = ?", *values.values(), row_id)

    def delete(self, table: str, row_id: int) -> None:
        """Remove a row."""
        self.database.hold_names(table)
        self.database.execute(f"DELETE FROM {table} WHERE id = ?", row_id)

    def delete_many(self, table: str, row_ids: Sequence[int]) -> None:
        """Remove rows."""
        self.database.hold_names(table)
        self.database.execute_many(f"DELETE FROM {table} WHERE id = ?", ((row_id,) for row_id in row_ids))

    # --- the record of it ---

    def record(
        self,
        run: int,
        kind: Kind,
        table: str,
        row_id: int,
        before: Mapping[str, Any] | None = None,
        after: Mapping[str, Any] | None = None,
    ) -> None:
        """Write down that a run wrote a row: what was there before, and what it set."""
        self.database.execute(
            "INSERT INTO change (run_id, kind, table_name, row_id, before, after, state) "
            "VALUES (?, ?, ?, ?, ?, ?, 'done')",
            run,
            kind,
            table,
            row_id,
            None if before is None else encode_row(before),
            None if after is None else encode_row(after),
        )

    def record_inserts(self, run: int, table: str, first: int, count: int) -> None:
        """Write down that a run added rows with consecutive ids."""
        for start in range(first, first + count, LONGEST):
            last = min(start + LONGEST, first + count) - 1
            self.database.execute(
                "INSERT INTO change (run_id, kind, table_name, row_id, last_row_id, state) "
                "VALUES (?, 'insert', ?, ?, ?, 'done')",
                run,
                table,
                start,
                last if last > start else None,
            )

    def record_deletes(self, run: int, table: str, rows: Sequence[Mapping[str, Any]]) -> None:
        """Write down that a run removed rows, in this order, which are as they were before."""
        self.database.execute_many(
            "INSERT INTO change (run_id, kind, table_name, row_id, before, state) "
            "VALUES (?, 'delete', ?, ?, ?, 'done')",
            ((run, table, row["id"], encode_row(row)) for row in rows),
        )
