"""All that a catalogue holds, for comparing what it held before and after."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from curator.store.sqlite import Database


def contents(database: Database, but: Collection[str] = ()) -> dict[str, list[tuple[Any, ...]]]:
    """The rows of every table but some, by its name, in an order that follows from the rows alone."""
    sql = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '%sqlite%'"
    names = [row[0] for row in database.rows(sql) if row[0] not in but]
    return {name: sorted(map(tuple, database.rows(f"SELECT * FROM {name}")), key=repr) for name in names}
