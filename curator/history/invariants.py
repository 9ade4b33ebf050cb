"""What has to hold between the rows of a catalogue: nothing names what is gone, and one file is in one place."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from curator.embedding.models import model_name
from curator.history.journal import decode_row
from curator.store.catalogue import path_from_value
from curator.store.sqlite import Database


@dataclass(frozen=True, slots=True, order=True)
class Flaw:
    """A row whose value in a column cannot stand: `other` (table, row) is gone, or clashes with it.

    `needless`: nobody misses the row if it is removed.
    """

    table: str
    row: int
    column: str
    other: tuple[str, int]
    wrong: str
    remedy: str
    needless: bool = False


def flaws(database: Database) -> set[Flaw]:
    """All there are. Reads every row, so that it takes time for a large catalogue."""
    return {*_dangling(database), *_settings(database), *_overlaps(database), *_twice(database)}


def _dangling(database: Database) -> Iterator[Flaw]:
    for row in database.rows("PRAGMA foreign_key_check"):
        table, parent = row["table"], row["parent"]
        keys = database.rows(f"PRAGMA foreign_key_list({table})")
        column = next(key["from"] for key in keys if key["id"] == row["fkid"])
        gone = database.value(f"SELECT {column} FROM {table} WHERE id = ?", row["rowid"])
        wrong = f"refers to a row of {parent} that is gone"
        yield Flaw(table, row["rowid"], column, (parent, gone), wrong, database.if_damaged)


def _settings(database: Database) -> Iterator[Flaw]:
    """`model.NAME` holds the id of a model, `default.MEDIA` its name; no foreign key sees to that."""
    names = {
        row["id"]: model_name(row) for row in database.rows("SELECT id, encoder, variant, version, weights FROM model")
    }
    for row in database.rows("SELECT id, key, value FROM setting"):
        value, wrong = json.loads(row["value"]), f"{row['key']} names a model that is gone"
        if row["key"].startswith("model.") and value not in names:
            remedy = "forget it: using the encoder records it again"
            yield Flaw("setting", row["id"], "value", ("model", value), wrong, remedy, needless=True)
        if row["key"].startswith("default.") and value not in names.values():
            remedy = "choose one: curator encoders --use NAME"
            yield Flaw("setting", row["id"], "value", ("model", _last_named(database, value)), wrong, remedy)


def _last_named(database: Database, name: str) -> int:
    """The id that a model which is gone had."""
    sql = "SELECT row_id, before FROM change WHERE table_name = 'model' AND kind = 'delete' ORDER BY id DESC"
    return next((row["row_id"] for row in database.rows(sql) if model_name(decode_row(row["before"])) == name), 0)


def _overlaps(database: Database) -> Iterator[Flaw]:
    roots = {path_from_value(row["path"]): row["id"] for row in database.rows("SELECT id, path FROM root")}
    for inner, row_id in roots.items():
        for outer in map(str, Path(inner).parents):
            if outer in roots:
                wrong = f"the folder {inner!r} lies below {outer!r}, which is catalogued too"
                yield Flaw("root", row_id, "path", ("root", roots[outer]), wrong, _UNDO)


def _twice(database: Database) -> Iterator[Flaw]:
    """Two places of one state and inode. A number used again for a newer file comes with another time."""
    sql = (
        "SELECT place.id, place.path, other.id AS other, other.path AS other_path FROM place JOIN place AS other "
        "ON (other.inode, other.device) = (place.inode, place.device) AND other.id < place.id "
        "AND (other.size, other.mtime_ns) = (place.size, place.mtime_ns) "
        "WHERE '' = place.row_key AND '' = other.row_key AND NOT place.missing AND NOT other.missing"
    )
    for row in database.rows(sql):
        one, two = path_from_value(row["path"]), path_from_value(row["other_path"])
        yield Flaw("place", row["id"], "inode", ("place", row["other"]), f"{one!r} is the same file as {two!r}", _UNDO)


_UNDO = "undo the run that recorded one of them (curator log)"
