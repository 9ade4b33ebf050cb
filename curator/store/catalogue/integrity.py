"""What could not stand in a catalogue: rows that name what is gone, and files that are in two places."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from curator.store.catalogue import path_from_value
from curator.store.catalogue.changes import ChangeStore
from curator.store.catalogue.model_names import model_name
from curator.store.sqlite import Database


@dataclass(frozen=True, slots=True)
class DanglingRow:
    """A row whose column names the row `gone` of another table, `parent`, that is not there."""

    table: str
    row_id: int
    column: str
    parent: str
    gone: int


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

    def dangling(self) -> Iterator[DanglingRow]:
        """Rows with a foreign key that leads nowhere. Reads every row."""
        for row in self.database.rows("PRAGMA foreign_key_check"):
            table = row["table"]
            keys = self.database.rows(f"PRAGMA foreign_key_list({table})")
            column = next(key["from"] for key in keys if key["id"] == row["fkid"])
            gone = self.database.value(f"SELECT {column} FROM {table} WHERE id = ?", row["rowid"])
            yield DanglingRow(table, row["rowid"], column, row["parent"], gone)

    def naming_models(self) -> list[NamingRow]:
        """The settings that name models; no foreign key sees to them."""
        rows = self.database.rows("SELECT id, key, value FROM setting")
        return [
            NamingRow(row["id"], row["key"], json.loads(row["value"]))
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

        A number used again for a newer file comes with another time.
        """
        sql = (
            "SELECT place.id, place.path, other.id, other.path FROM place JOIN place AS other "
            "ON (other.inode, other.device) = (place.inode, place.device) AND other.id < place.id "
            "AND (other.size, other.mtime_ns) = (place.size, place.mtime_ns) "
            "WHERE '' = place.row_key AND '' = other.row_key AND NOT place.missing AND NOT other.missing"
        )
        for id_, path, other, other_path in self.database.rows(sql):
            yield TwiceRow(id_, path_from_value(path), other, path_from_value(other_path))
