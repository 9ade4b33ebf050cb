"""Tables on record: how each was read, in which state it was then, and which places its rows are."""

from __future__ import annotations

import functools
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

from curator.api import Place
from curator.catalog.places import Places, is_below
from curator.history.journal import Journal
from curator.media.files import BadContent, Stamp, look
from curator.store.catalogue import path_from_value, path_to_value
from curator.store.sqlite import Database

UNREAD = {"hash": None, "size": None, "mtime_ns": None, "device": None, "inode": None}
"""The state of a table whose reading has begun and not ended."""


class Tables:
    """Looks tables up by their path, absolute and resolved."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.places = Places(database)

    def at(self, path: str) -> sqlite3.Row | None:
        """The table of that path."""
        return self.database.row("SELECT * FROM source_table WHERE path = ?", path_to_value(path))

    def below(self, folder: str) -> Iterator[sqlite3.Row]:
        """The tables in a folder and below it."""
        for row in self.all():
            if is_below(path_from_value(row["path"]), folder):
                yield row

    def all(self) -> list[sqlite3.Row]:
        """Every table, by path."""
        return self.database.rows("SELECT * FROM source_table ORDER BY path")

    def rows(self, path: str) -> Iterator[sqlite3.Row]:
        """The places of a table's rows by their key, a page at a time: there may be a million."""
        last, where = "", self.places.in_table(path)
        sql = "SELECT * FROM place WHERE root_id = ? AND path = ? AND row_key > ? ORDER BY row_key LIMIT 10000"
        while where is not None and (page := self.database.rows(sql, *where, last)):
            yield from page
            last = page[-1]["row_key"]

    def live(self, item_ids: Sequence[int]) -> dict[int, list[Place]]:
        """For each item the files, and rows of tables, that are there and unchanged since they were added; by path."""
        sql = "SELECT * FROM place WHERE missing = 0 AND item_id IN (SELECT value FROM json_each(?))"
        tables = {path_from_value(row["path"]): self.stamp(row) for row in self.all()}
        now = functools.cache(_state)  # a table of a million rows is looked at once
        found: dict[int, list[Place]] = {}
        for row, path in self.places.located(self.database.rows_among(sql, item_ids)):
            recorded = tables.get(path) if row["row_key"] else self.places.stamp(row)
            if recorded is not None and now(path) == recorded:
                place = Place(Path(path), recorded.size, recorded.mtime_ns, row["row_key"])
                found.setdefault(row["item_id"], []).append(place)
        return {item: sorted(places, key=lambda place: (place.path, place.row)) for item, places in found.items()}

    def problems(self, table_id: int) -> dict[int, sqlite3.Row]:
        """What is wrong with rows of a table, by line."""
        rows = self.database.rows("SELECT * FROM row_problem WHERE table_id = ? ORDER BY line", table_id)
        return {row["line"]: row for row in rows}

    @staticmethod
    def stamp(table: sqlite3.Row) -> Stamp | None:
        """The state in which it was last read to its end; None if reading it was broken off."""
        if table["hash"] is None:
            return None
        return Stamp(table["size"], table["mtime_ns"], table["device"], table["inode"])

    def begin(self, journal: Journal, path: str, options: str) -> int:
        """Record that a table is being read; returns its id."""
        known = self.at(path)
        if known is None:
            return journal.insert("source_table", path=path_to_value(path), options=options, **UNREAD)
        journal.update("source_table", known["id"], options=options, **UNREAD)
        return int(known["id"])

    @staticmethod
    def finish(journal: Journal, table_id: int, hash_: str, stamp: Stamp) -> None:
        """Record that a table was read to its end, and in which state."""
        journal.update("source_table", table_id, hash=hash_, **asdict(stamp))

    def forget(self, journal: Journal, table: sqlite3.Row) -> int:
        """Record that a table is gone, and its rows with it; returns how many places that were."""
        gone = [row["id"] for row in self.rows(path_from_value(table["path"])) if not row["missing"]]
        for place in gone:
            journal.update("place", place, missing=1)
        for row in self.problems(table["id"]).values():
            journal.delete("row_problem", row["id"])
        journal.delete("source_table", table["id"])
        return len(gone)


def _state(path: str) -> Stamp | None:
    """The state of a file; None where it is gone or no file any more."""
    try:
        return look(path)
    except BadContent:
        return None
