"""Tables on record: how each was read, in which state it was then, and which places its rows are."""

from __future__ import annotations

import functools
import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

from curator.api import Place, Unseen
from curator.catalog.places import Places, row_id
from curator.history.journal import Journal
from curator.media.files import BadContent, Stamp, look
from curator.store.catalogue import path_to_value
from curator.store.catalogue.places import PlaceRow, TableRowPlace
from curator.store.catalogue.problems import ProblemStore, RowProblemRow
from curator.store.catalogue.source_tables import SourceTableRow, SourceTableStore
from curator.store.paths import is_below
from curator.store.sqlite import Database

LOOKED_AT = 1_000
"""Files whose state is remembered while others are looked at."""
UNREAD = {"hash": None, "size": None, "mtime_ns": None, "device": None, "inode": None}
"""The state of a table whose reading has begun and not ended."""


class Tables:
    """Looks tables up by their path, absolute and resolved."""

    def __init__(self, database: Database) -> None:
        self.store = SourceTableStore(database)
        self.wrong = ProblemStore(database)
        self.places = Places(database)

    def at(self, path: str) -> SourceTableRow | None:
        """The table of that path."""
        return self.store.at(path)

    def below(self, folder: str) -> Iterator[SourceTableRow]:
        """The tables in a folder and below it."""
        return (table for table in self.all() if is_below(table.path, folder))

    def all(self) -> list[SourceTableRow]:
        """Every table, by path."""
        return self.store.all()

    def rows(self, path: str) -> Iterator[TableRowPlace]:
        """The places of a table's rows by their key, a page at a time: there may be a million."""
        where = self.places.in_table(path)
        if where is not None:
            yield from self.places.store.rows_of_table(*where)

    def live(self, item_ids: Sequence[int]) -> dict[int, list[Place]]:
        """For each item the files, and rows of tables, that are there and unchanged since they were added; by path."""
        found: dict[int, list[Place]] = {}
        for row, path, recorded, now in self._looked_at(item_ids):
            if recorded is not None and now == recorded:
                place = Place(Path(path), recorded.size, recorded.mtime_ns, row.row_key, row_id(row.row_key))
                found.setdefault(row.item_id, []).append(place)
        return {item: sorted(places, key=lambda place: (place.path, place.row)) for item, places in found.items()}

    def folders_of_files(self) -> Iterator[str]:
        """Folders that are read as a whole when what was added is added again, as far as places tell.

        A root is one of them, unless it may be one for the sake of a table that lies in it, as tables do where people
        work: of that the folders right below it, in which files are.
        """
        of_tables = {os.path.dirname(table.path) for table in self.all()}
        for root, root_id in self.places.store.roots().items():
            folders = self.places.store.first_folders(root_id)
            if root not in of_tables or "" in folders:
                yield root
            else:
                yield from (os.path.join(root, folder) for folder in folders)

    def unseen(self, item_ids: Sequence[int]) -> list[Unseen]:
        """The files and tables of these items that are gone, or not as they were when they were added; by path."""
        found: dict[str, Unseen] = {}
        for _, path, recorded, now in self._looked_at(item_ids):
            if recorded is None or now != recorded:
                found[path] = Unseen(Path(path), None if now is not None else _highest_gone(path))
        return [found[path] for path in sorted(found)]

    def _looked_at(self, item_ids: Sequence[int]) -> Iterator[tuple[PlaceRow, str, Stamp | None, Stamp | None]]:
        """Each place with its path, and the state of its file as it was recorded and as it is."""
        tables = {table.path: self.stamp(table) for table in self.all()}
        now = functools.lru_cache(LOOKED_AT)(_state)  # a table of a million rows is looked at once
        for row, path in self.places.with_paths(self.places.store.present(item_ids)):
            yield row, path, tables.get(path) if row.row_key else self.places.stamp(row), now(path)

    def problems(self, table_id: int) -> dict[int, RowProblemRow]:
        """What is wrong with rows of a table, by line."""
        return {problem.line: problem for problem in self.wrong.of_table(table_id)}

    @staticmethod
    def stamp(table: SourceTableRow) -> Stamp | None:
        """The state in which it was last read to its end; None if reading it was broken off."""
        if table.size is None or table.mtime_ns is None or table.device is None or table.inode is None:
            return None
        return Stamp(table.size, table.mtime_ns, table.device, table.inode)

    def begin(self, journal: Journal, path: str, options: str) -> int:
        """Record that a table is being read; returns its id."""
        known = self.at(path)
        if known is None:
            return journal.insert("source_table", path=path_to_value(path), options=options, **UNREAD)
        journal.update("source_table", known.id, options=options, **UNREAD)
        return known.id

    @staticmethod
    def finish(journal: Journal, table_id: int, hash_: str, stamp: Stamp) -> None:
        """Record that a table was read to its end, and in which state."""
        journal.update("source_table", table_id, hash=hash_, **asdict(stamp))

    def forget(self, journal: Journal, table: SourceTableRow) -> int:
        """Record that a table is gone, and its rows with it; returns how many places that were."""
        gone = [row.id for row in self.rows(table.path) if not row.missing]
        for place in gone:
            journal.update("place", place, missing=1)
        for problem in self.problems(table.id).values():
            journal.delete("row_problem", problem.id)
        journal.delete("source_table", table.id)
        return len(gone)


def _highest_gone(path: str) -> Path:
    """The highest folder above a path that is gone; the path itself where its folder is there."""
    gone = Path(path)
    while gone.parent != gone and not os.path.lexists(gone.parent):
        gone = gone.parent
    return gone


def _state(path: str) -> Stamp | None:
    """The state of a file; None where it is gone or no file any more."""
    try:
        return look(path)
    except BadContent:
        return None
