"""Rows of the catalogue that go for good, with what the history holds of them. Nothing here can be undone.

What stays of a row is its number, in the record of the run that forgot it, so that it is never given again.
"""

from __future__ import annotations

import itertools
import json
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from curator.store.catalogue import path_from_value
from curator.store.catalogue.changes import decode_row
from curator.store.sqlite import Database
from curator.store.stored import read

NAMING = {
    "place": ("item_id",),
    "statement": ("item_id",),
    "caption": ("image_id", "text_id"),
    "pair": ("left_id", "right_id"),
    "side": ("item_id",),
    "row_aside": ("item_id", "keeper_id"),
    "quarantined": ("item_id",),
}
"""By table the columns that name an item: such a row is nothing without it."""


@dataclass(slots=True)
class Traces:
    """What is known of items: their ids and hashes of now and before, the rows of each table that are about them, where
    they are or were (absolute), and the files of theirs in quarantine (below it)."""

    items: set[int]
    hashes: set[str]
    rows: dict[str, set[int]] = field(default_factory=dict)
    paths: set[str] = field(default_factory=set)
    inside: set[str] = field(default_factory=set)

    def name(self, table: str, row_id: int, row: dict[str, Any]) -> bool:
        """Whether a row, as it is or was, is about them."""
        if table == "item":
            return row_id in self.items or row.get("hash") in self.hashes
        if table == "problem":
            return "path" in row and path_from_value(row["path"]) in self.paths
        if table == "quarantined" and row.get("keeper") is not None and row.get("kind") == "sidecar":
            return path_from_value(row["keeper"]) in self.paths
        return any(row.get(column) in self.items for column in NAMING.get(table, ()))


class ForgetStore:
    """Finds what is on record of items, and removes it."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def traces(self, items: Sequence[int]) -> Traces:
        """All that is on record of these items, also from before they were taken back and added again."""
        found = Traces(set(items), set())
        found.hashes = {row["hash"] for row_id, row in self._rows("item") if row_id in found.items and "hash" in row}
        found.items |= {row_id for row_id, row in self._rows("item") if row.get("hash") in found.hashes}
        self._collect(found, "item")
        self._collect(found, "place", "statement", "caption", "pair", "side", "row_aside")
        roots = {row_id: path_from_value(row["path"]) for row_id, row in self._rows("root") if "path" in row}
        for row_id, row in self._rows("place"):
            if row_id in found.rows["place"] and row.get("root_id") in roots and "path" in row and not row["row_key"]:
                found.paths.add(f"{roots[row['root_id']].rstrip('/')}/{path_from_value(row['path'])}")
        for _ in range(2):  # the pictures, then what went along with them
            self._collect(found, "quarantined")
            for row_id, row in self._rows("quarantined"):
                if row_id in found.rows["quarantined"] and "outside" in row:
                    found.paths.add(path_from_value(row["outside"]))
                    found.inside.add(path_from_value(row["inside"]))
        self._collect(found, "problem")
        return found

    def _collect(self, found: Traces, *tables: str) -> None:
        for table in tables:
            found.rows[table] = {row_id for row_id, row in self._rows(table) if found.name(table, row_id, row)}

    def _rows(self, table: str) -> Iterator[tuple[int, dict[str, Any]]]:
        """Every row of a table as it is, and as the history knows it; nothing is to be written meanwhile."""
        columns = "id, hash" if table == "item" else "*"
        for row in self.database.each(f"SELECT {columns} FROM {table}"):
            yield row["id"], dict(row)
        sql = "SELECT row_id, before FROM change WHERE table_name = ? AND kind = 'delete'"
        for row_id, before in self.database.each(sql, table):
            yield row_id, decode_row(before)

    def remove(self, run: int, traces: Traces) -> tuple[int, list[int]]:
        """Remove it, in a transaction of the caller's; returns how many rows, and the runs that stand on it."""
        broken = self._forget_changes(traces)
        removed = 0
        self.database.defer_foreign_keys()
        for table, ids in traces.rows.items():
            marks = json.dumps(sorted(ids))
            removed += self.database.change(f"DELETE FROM {table} WHERE id IN (SELECT value FROM json_each(?))", marks)
            sql = (
                "INSERT INTO change (run_id, kind, table_name, row_id, before, state) "
                "SELECT ?, 'delete', ?, value, '{}', 'done' FROM json_each(?)"
            )
            self.database.execute(sql, run, table, marks)
        for move, outside, inside in self.database.rows("SELECT id, outside, inside FROM move"):
            if path_from_value(outside) in traces.paths or path_from_value(inside) in traces.inside:
                self.database.execute("DELETE FROM move WHERE id = ?", move)
        return removed, broken

    def _forget_changes(self, traces: Traces) -> list[int]:
        """The record of all writing of those rows; returns the runs that changed others from or to them."""
        broken: set[int] = set()
        gone: list[int] = []
        split: dict[int, list[tuple[int, int]]] = {}
        sql = "SELECT id, run_id, table_name, row_id, last_row_id, before, after FROM change"
        for change, run, table, row_id, last, before, after in self.database.each(sql):
            ids = traces.rows.get(table, set())
            said = [decode_row(text) for text in (before, after) if text]
            if last is not None and (stretches := _without(row_id, last, ids)) != [(row_id, last)]:
                split[change] = stretches
            elif row_id in ids:
                gone.append(change)
            elif any(traces.name(table, row_id, row) for row in said):
                gone.append(change)
                broken.add(run)
        gone += [change for change, stretches in split.items() if not stretches]
        self.database.execute_many("DELETE FROM change WHERE id = ?", ((change,) for change in gone))
        self._split({change: stretches for change, stretches in sorted(split.items()) if stretches})
        return sorted(broken)

    def _split(self, changes: Mapping[int, list[tuple[int, int]]]) -> None:
        """Let changes of many rows, in their order, be of these stretches alone, a change each.

        They stay where they are in the order of all: what came later gets higher numbers.
        """
        more = 0
        for change, following in itertools.pairwise([*changes, sys.maxsize]):
            more += len(changes[change]) - 1
            sql = "UPDATE change SET id = -(id + ?) WHERE id > ? AND id <= ?"  # else two would have one for a moment
            self.database.execute(sql, more, change, following)
        self.database.execute("UPDATE change SET id = -id WHERE id < 0")
        more = 0
        for change, stretches in changes.items():
            for number, (first, last) in enumerate(stretches):
                sql = (
                    "INSERT INTO change (id, run_id, kind, table_name, row_id, last_row_id, state) "
                    "SELECT id + ?, run_id, kind, table_name, ?, ?, state FROM change WHERE id = ?"
                    if number
                    else "UPDATE change SET id = id + ?, row_id = ?, last_row_id = ? WHERE id = ?"
                )
                self.database.execute(sql, number, first, last if last > first else None, change + more)
            more += len(stretches) - 1

    def arguments(self) -> list[tuple[int, Any]]:
        """What every run was called with."""
        return [
            (row[0], read("run", "arguments", row[1])) for row in self.database.rows("SELECT id, arguments FROM run")
        ]

    def set_arguments(self, run: int, arguments: Any) -> None:
        """Put other words in place of what a run was called with."""
        text = json.dumps(arguments, default=str)
        self.database.execute("UPDATE run SET arguments = ? WHERE id = ?", text, run)


def _without(first: int, last: int, ids: Collection[int]) -> list[tuple[int, int]]:
    """What is left of the numbers from one to another, each stretch by its ends."""
    found = []
    for row_id in sorted(row_id for row_id in ids if first <= row_id <= last):
        if row_id > first:
            found.append((first, row_id - 1))
        first = row_id + 1
    return [*found, (first, last)] if first <= last else found
