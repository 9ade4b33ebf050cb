"""Places on record: where items are, as paths below roots."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from curator.api import Modality
from curator.store.catalogue import path_from_value, path_to_value
from curator.store.sqlite import Database

PAGE = 10_000


@dataclass(frozen=True, slots=True)
class PlaceRow:
    """A file, or a row of a table (`row_key`, else empty), that is an item; `path` is relative to its root.

    `size` to `inode`: the state of the file when it was recorded.
    """

    id: int
    item_id: int
    root_id: int
    path: str
    row_key: str
    size: int
    mtime_ns: int
    device: str
    inode: str
    missing: bool


@dataclass(frozen=True, slots=True)
class TableRowPlace:
    """A row of a table that is an item, without what all rows of the table share: there may be a million."""

    id: int
    item_id: int
    row_key: str
    missing: bool


LIVE = (
    "missing = 0 AND NOT EXISTS "
    "(SELECT 1 FROM row_aside WHERE row_aside.place_id = place.id AND row_aside.item_id = place.item_id)"
)
"""Of a place: that it is there, and was not set aside."""

_COLUMNS = "id, item_id, root_id, path, row_key, size, mtime_ns, device, inode, missing"
_PLACES = f"SELECT {_COLUMNS} FROM place"


def _place(row: sqlite3.Row) -> PlaceRow:
    """A row that begins with the columns of `place`, in their order."""
    id_, item_id, root_id, path, key, size, mtime_ns, device, inode, missing, *_ = row
    return PlaceRow(id_, item_id, root_id, path_from_value(path), key, size, mtime_ns, device, inode, bool(missing))


def in_folder(root_id: int, folder: str) -> list[tuple[str, list[Any]]]:
    """Conditions, each with its values, of which one holds for a place in a folder below a root, or of that very file.

    Each is a range of the index by path. A folder's name may be UTF-8 where one of a file in it is not.
    """
    if not folder:
        return [("root_id = ?", [root_id])]
    value, raw = path_to_value(folder), os.fsencode(folder)
    between = "root_id = ? AND path > ? AND path < ?"  # '0' is what follows on '/'
    found: list[tuple[str, list[Any]]] = [("root_id = ? AND path = ?", [root_id, value])]
    found.append((between, [root_id, raw + b"/", raw + b"0"]))
    return [*found, (between, [root_id, f"{value}/", f"{value}0"])] if isinstance(value, str) else found


def _stretches(folder: str) -> list[tuple[str | bytes, str | bytes | None]]:
    """As `in_folder`, by paths: each from the first on, and before the second."""
    if not folder:
        return [("", None)]
    own, raw = path_to_value(folder), os.fsencode(folder)
    if isinstance(own, bytes):
        return [(own, own + b"\0"), (raw + b"/", raw + b"0")]
    return [(own, f"{own}\0"), (f"{own}/", f"{own}0"), (raw + b"/", raw + b"0")]


class PlaceStore:
    """Reads places and roots."""

    def __init__(self, database: Database) -> None:
        self.database = database

    # --- roots ---

    def roots(self) -> dict[str, int]:
        """Every root: id by absolute path."""
        return {path_from_value(row[1]): row[0] for row in self.database.rows("SELECT id, path FROM root")}

    def root(self, root_id: int) -> str:
        """The absolute path of a root."""
        return path_from_value(self.database.value("SELECT path FROM root WHERE id = ?", root_id))

    def first_folders(self, root_id: int) -> list[str]:
        """The folders right below a root in which, or below which, whole files are; '' where one lies in the root."""
        found = []
        sql = (
            "SELECT path FROM place WHERE root_id = ? AND path > ? AND path < ? AND row_key = '' ORDER BY path LIMIT 1"
        )
        # Paths that are UTF-8, and those that are not, which come after every text.
        for after, before in (("", b""), (b"", b"\xff" * 8)):
            while (value := self.database.value(sql, root_id, after, before)) is not None:
                name, slash, _ = path_from_value(value).partition("/")
                if not slash:
                    return [""]
                found.append(name)
                after = f"{name}0" if isinstance(value, str) else os.fsencode(f"{name}0")  # what follows on '/'
        return found

    # --- all ---

    def count_whole_files(self) -> int:
        """How many places of whole files there are."""
        return int(self.database.value("SELECT count(*) FROM place WHERE row_key = ''"))

    def whole_files(self) -> Iterator[tuple[PlaceRow, str, Modality]]:
        """Every place of a whole file, with the hash and the modality of its item, read a page at a time."""
        columns = ", ".join(f"place.{name}" for name in _COLUMNS.split(", "))
        sql = (
            f"SELECT {columns}, item.hash, item.modality FROM place JOIN item ON item.id = item_id "
            "WHERE row_key = '' AND place.id > ?"
        )
        for page in self.database.pages(sql):
            yield from ((_place(row), row[-2], row[-1]) for row in page)

    def items_gone(self) -> int:
        """How many items have no file any more, of those that had one."""
        sql = "SELECT count(*) FROM (SELECT item_id FROM place GROUP BY item_id HAVING min(missing) = 1)"
        return int(self.database.value(sql))

    # --- by path ---

    def at(self, root_id: int, path: str) -> PlaceRow | None:
        """The place of a whole file."""
        sql = f"{_PLACES} WHERE root_id = ? AND path = ? AND row_key = ''"
        row = self.database.row(sql, root_id, path_to_value(path))
        return None if row is None else _place(row)

    def at_all(self, root_id: int, paths: Sequence[str]) -> Iterator[PlaceRow]:
        """The places of those of these whole files that are on record."""
        sql = f"{_PLACES} WHERE root_id = ? AND path IN (SELECT value FROM json_each(?)) AND row_key = ''"
        values = [path_to_value(path) for path in paths]
        yield from map(
            _place, self.database.rows_among(sql, [path for path in values if isinstance(path, str)], root_id)
        )
        for path in values:  # JSON has no bytes
            if isinstance(path, bytes) and (place := self.at(root_id, path_from_value(path))) is not None:
                yield place

    def rows_at(self, root_id: int, path: str, keys: Sequence[str]) -> dict[str, PlaceRow]:
        """The places of those rows of a table that are on record, by key."""
        sql = f"{_PLACES} WHERE root_id = ? AND path = ? AND row_key IN (SELECT value FROM json_each(?))"
        found = map(_place, self.database.rows_among(sql, keys, root_id, path_to_value(path)))
        return {place.row_key: place for place in found}

    def rows_of_table(self, root_id: int, path: str) -> Iterator[TableRowPlace]:
        """The places of all rows of a table, by key, read a page at a time."""
        sql = (
            "SELECT id, item_id, row_key, missing FROM place "
            f"WHERE root_id = ? AND path = ? AND row_key > ? ORDER BY row_key LIMIT {PAGE}"
        )
        value, last = path_to_value(path), ""
        while page := self.database.rows(sql, root_id, value, last):
            for id_, item_id, last, missing in page:
                yield TableRowPlace(id_, item_id, last, bool(missing))

    def below(self, root_id: int, folder: str, rows: bool) -> Iterator[PlaceRow]:
        """The places of whole files in a folder of a root, '' for all of it; with `rows` also those of tables' rows.

        Read a page at a time, in the order of their paths: one may write in between.
        """
        for first, end in _stretches(folder):
            where, values = ("", []) if end is None else ("AND path < ?", [end])
            where += "" if rows else " AND row_key = ''"
            last: tuple[str | bytes, str] = (first, "")
            beyond = ">="
            while page := self.database.rows(
                f"{_PLACES} WHERE root_id = ? AND (path, row_key) {beyond} (?, ?) {where} "
                f"ORDER BY path, row_key LIMIT {PAGE}",
                *(root_id, *last, *values),
            ):
                yield from map(_place, page)
                last, beyond = (page[-1]["path"], page[-1]["row_key"]), ">"

    def paths_below_root(self, root_id: int) -> list[tuple[int, str]]:
        """Id and path of every place below a root."""
        rows = self.database.rows("SELECT id, path FROM place WHERE root_id = ?", root_id)
        return [(row[0], path_from_value(row[1])) for row in rows]

    # --- by inode ---

    def of_inode(self, inode: str, device: str) -> Iterator[PlaceRow]:
        """The places whose file had this inode."""
        return map(_place, self.database.rows(f"{_PLACES} WHERE inode = ? AND device = ?", inode, device))

    def known_inodes(self, inodes: Sequence[str], device: str) -> Iterator[str]:
        """Those of these inodes that the file of a place had."""
        sql = "SELECT inode FROM place WHERE device = ? AND inode IN (SELECT value FROM json_each(?))"
        return (row[0] for row in self.database.rows_among(sql, inodes, device))

    # --- by item ---

    def files_of(self, item_id: int) -> list[PlaceRow]:
        """The places of whole files of an item, oldest first."""
        sql = f"{_PLACES} WHERE item_id = ? AND row_key = '' ORDER BY id"
        return list(map(_place, self.database.rows(sql, item_id)))

    def rows_of(self, item_id: int) -> list[PlaceRow]:
        """The places of an item in rows of tables, oldest first."""
        sql = f"{_PLACES} WHERE item_id = ? AND row_key <> '' ORDER BY id"
        return list(map(_place, self.database.rows(sql, item_id)))

    def paths_of(self, item_ids: Sequence[int]) -> Iterator[tuple[int, int, str, str]]:
        """Item, root, path and row key of each place of these items that is not missing, of one the youngest first."""
        sql = (
            f"SELECT item_id, root_id, path, row_key, {LIVE} AS live FROM place "
            "WHERE item_id IN (SELECT value FROM json_each(?)) ORDER BY live, id DESC"
        )
        for item_id, root_id, path, row_key, live in self.database.rows_among(sql, item_ids):
            if live:
                yield item_id, root_id, path_from_value(path), row_key

    def present(self, item_ids: Sequence[int]) -> Iterator[PlaceRow]:
        """The places of these items that are there, and were not set aside."""
        sql = f"{_PLACES} WHERE {LIVE} AND item_id IN (SELECT value FROM json_each(?))"
        return map(_place, self.database.rows_among(sql, item_ids))

    def texts_elsewhere(self, item_ids: Sequence[int], root_id: int, path: str) -> set[int]:
        """The texts among items that are also somewhere else than in the rows of this table."""
        sql = (
            "SELECT item_id FROM place JOIN item ON item.id = item_id WHERE modality = 'text' AND missing = 0 "
            "AND NOT (root_id = ? AND path = ? AND row_key <> '') AND item_id IN (SELECT value FROM json_each(?))"
        )
        return {row[0] for row in self.database.rows_among(sql, item_ids, root_id, path_to_value(path))}
