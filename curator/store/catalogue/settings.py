"""Choices of the workspace, by their keys."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from curator.store.sqlite import RESTORE, Database
from curator.store.stored import Unreadable, read, short


@dataclass(frozen=True, slots=True)
class SettingRow:
    """A choice, without what was chosen."""

    id: int
    key: str


class SettingStore:
    """Reads settings."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def value(self, key: str) -> Any:
        """What was chosen; None for a choice that was never made."""
        value = self.database.value("SELECT value FROM setting WHERE key = ?", key)
        return None if value is None else setting(key, value)

    def holds(self, key: str) -> bool:
        """Whether a choice was made."""
        return self.database.row("SELECT 1 FROM setting WHERE key = ?", key) is not None

    def beginning(self, start: str) -> list[SettingRow]:
        """The choices whose keys begin so."""
        rows = [SettingRow(*row) for row in self.database.rows("SELECT id, key FROM setting")]
        return [row for row in rows if row.key.startswith(start)]


def setting(key: str, text: str) -> Any:
    """What was chosen: the name of a model for `default.MEDIA`, else the id of one."""
    value = read("setting", "value", text)
    if not isinstance(value, str if key.startswith("default.") else int):
        raise Unreadable(
            f"the setting {short(key)} in catalogue.db is {short(value)}, which no curator chose: {RESTORE}"
        )
    return value
