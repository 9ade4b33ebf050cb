"""What could not stand in a catalogue: rows that name what is gone, and files that are in two places."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import Any

from curator.store.catalogue import path_from_value
from curator.store.catalogue.changes import ChangeStore
from curator.store.catalogue.models import model_name
from curator.store.catalogue.settings import setting
from curator.store.sqlite import Database
from curator.store.stored import SHAPES, Unreadable, is_dim, moment, read, short

_HASHES = (
    ("item", "hash"),
    ("space", "fingerprint"),
    ("source_table", "hash"),
    ("move", "hash"),
    ("quarantined", "hash"),
)
_NO_HASH = "length({0}) <> 64 OR {0} GLOB '*[^0-9a-f]*'"

_PATHS = (
    *(("root", "path"), ("place", "path"), ("problem", "path"), ("source_table", "path")),
    *(("move", "outside"), ("move", "inside")),
    *(("quarantined", "outside"), ("quarantined", "inside"), ("quarantined", "keeper")),
)
_NO_PATH = "typeof({0}) NOT IN ('text', 'blob', 'null') OR {0} IN ('', x'') OR instr(CAST({0} AS BLOB), x'00')"


@dataclass(frozen=True, slots=True)
class DanglingRow:
    """A row whose column names the row `gone` of another table, `parent`, that is not there."""

    table: str
    row_id: int
    column: str
    parent: str
    gone: int


@dataclass(frozen=True, slots=True)
class UnreadableRow:
    """A row that holds in a column what no curator wrote, told by its beginning."""

    table: str
    row_id: int
    column: str
    value: str


@dataclass(frozen=True, slots=True)
class NamingRow:
    """A setting that names a model: `model.NAME` holds its id, `default.MEDIA` its name."""

    id: int
    key: str
    value: Any


@dataclass(frozen=True, slots=True)
class TwiceRow:
    """Two places below their roots, `other` the older, whose files had one state and inode."""

    id: int
    path: str
    other_id: int
    other_path: str


class IntegrityStore:
    """Reads what may be wrong."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def dangling(self, tables: Collection[str] = ()) -> Iterator[DanglingRow]:
        """Rows, of these tables or of all, with a foreign key that leads nowhere. Reads every row."""
        columns: dict[str, dict[int, str]] = {}
        for of in [f"({name})" for name in tables] or [""]:
            for table, row_id, parent, key in self.database.each(f"PRAGMA foreign_key_check{of}"):
                if table not in columns:
                    keys = self.database.rows(f"PRAGMA foreign_key_list({table})")
                    columns[table] = {each["id"]: each["from"] for each in keys}
                column = columns[table][key]
                gone = self.database.value(f"SELECT {column} FROM {table} WHERE id = ?", row_id)
                yield DanglingRow(table, row_id, column, parent, gone)

    def unreadable(self) -> Iterator[UnreadableRow]:
        """Rows with a value that no curator wrote; nothing is to be written meanwhile. Reads every row."""
        for (table, column), _ in SHAPES.items():
            for row_id, value in self.database.each(f"SELECT id, {column} FROM {table} WHERE {column} IS NOT NULL"):
                if not _is_sound(read, table, column, value):
                    yield UnreadableRow(table, row_id, column, short(value))
        for row_id, key, value in self.database.each("SELECT id, key, value FROM setting"):
            if key.startswith(("model.", "default.")) and not _is_sound(setting, key, value):
                yield UnreadableRow("setting", row_id, "value", short(value))
        for row_id, dim in self.database.each("SELECT id, dim FROM space"):
            if not is_dim(dim):
                yield UnreadableRow("space", row_id, "dim", short(dim))
        for table, column in (("run", "started"), ("quarantined", "taken")):
            for row_id, time in self.database.each(f"SELECT id, {column} FROM {table}"):
                if not _is_sound(moment, table, column, time):
                    yield UnreadableRow(table, row_id, column, short(time))
        for names, strange in ((_HASHES, _NO_HASH), (_PATHS, _NO_PATH)):
            for table, column in names:
                sql = f"SELECT id, {column} FROM {table} WHERE {strange.format(column)} ORDER BY id"
                for row_id, value in self.database.each(sql):
                    yield UnreadableRow(table, row_id, column, short(value))

    def naming_models(self) -> list[NamingRow]:
        """The settings that name models; no foreign key sees to them."""
        rows = self.database.rows("SELECT id, key, value FROM setting")
        return [
            NamingRow(row["id"], row["key"], setting(row["key"], row["value"]))
            for row in rows
            if row["key"].startswith(("model.", "default."))
        ]

    def model_names(self) -> dict[int, str]:
        """What each model is called, by id."""
        rows = self.database.rows("SELECT id, encoder, variant, version, weights FROM model")
        return {row[0]: model_name(*row[1:]) for row in rows}

    def last_named(self, name: str) -> int | None:
        """The id of the model that was removed last of those that were called so."""
        for row in ChangeStore(self.database).removed("model"):
            if model_name(row["encoder"], row["variant"], row["version"], row["weights"]) == name:
                return int(row["id"])
        return None

    def twice(self) -> Iterator[TwiceRow]:
        """Places of whole files, neither missing, of one state and inode.

        A number used again for a newer file comes with another time. Where no file system gave one, it tells nothing.
        """
        sql = (
            "SELECT place.id, place.path, other.id, other.path FROM place JOIN place AS other "
            "ON (other.inode, other.device) = (place.inode, place.device) AND other.id < place.id "
            "AND (other.size, other.mtime_ns) = (place.size, place.mtime_ns) "
            "WHERE '' = place.row_key AND '' = other.row_key AND NOT place.missing AND NOT other.missing "
            "AND place.inode NOT IN ('', '0') AND other.inode NOT IN ('', '0')"
        )
        for id_, path, other, other_path in self.database.each(sql):
            yield TwiceRow(id_, path_from_value(path), other, path_from_value(other_path))


def _is_sound(take: Callable[..., Any], *given: str) -> bool:
    try:
        take(*given)
    except Unreadable:
        return False
    return True


def users(catalogue: Database) -> dict[str, str]:
    """What each object that a catalogue names belongs to: a head, or a model that was trained here."""
    head = "'head ' || target || '@' || version"
    rows = catalogue.rows(f"SELECT object, {head} FROM head ORDER BY id")
    rows += catalogue.rows(f"SELECT held_out, {head} FROM head WHERE held_out IS NOT NULL ORDER BY id")
    found: dict[str, str] = {row[0]: row[1] for row in rows}
    for encoder, version, weights in catalogue.rows("SELECT encoder, version, weights FROM model ORDER BY id"):
        source = read("model", "weights", weights)
        for object_ in source["files"].values() if isinstance(source, dict) else ():
            found.setdefault(object_, f"model {encoder}@{version}")
    return found


def contents(database: Database, but: Collection[str] = ()) -> dict[str, list[tuple[Any, ...]]]:
    """The rows of every table but some, by its name, in an order that follows from the rows alone."""
    sql = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '%sqlite%'"
    names = [row[0] for row in database.rows(sql) if row[0] not in but]
    return {name: sorted(map(tuple, database.rows(f"SELECT * FROM {name}")), key=repr) for name in names}
