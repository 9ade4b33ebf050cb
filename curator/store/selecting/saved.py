"""Selections on record: what was kept by a name, as people type it."""

from __future__ import annotations

from dataclasses import dataclass

from curator.store.sqlite import Database


@dataclass(frozen=True, slots=True)
class SavedRow:
    """A selection, in the language of `--where`."""

    id: int
    name: str
    expression: str


_SAVED = "SELECT id, name, expression FROM saved_selection"


class SavedStore:
    """Reads saved selections."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def all(self) -> list[SavedRow]:
        """Every one, by name."""
        return [SavedRow(*row) for row in self.database.rows(f"{_SAVED} ORDER BY name")]

    def named(self, name: str) -> SavedRow | None:
        """The one of just that name."""
        row = self.database.row(f"{_SAVED} WHERE name = ?", name)
        return None if row is None else SavedRow(*row)
