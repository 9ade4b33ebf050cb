"""Choices of the workspace, by their keys."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from curator.store.sqlite import RESTORE, Database
from curator.store.stored import Unreadable, read, short

ID = "workspace.id"
"""What this workspace is known by to whoever made or trusts it. No choice, so no change: undo never meets it."""


@dataclass(frozen=True, slots=True)
class SettingRow:
    """A choice, without what was chosen."""

    id: int
    key: str


class SettingStore:
    """Reads settings, and gives the workspace its id."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def value(self, key: str) -> Any:
        """What was chosen; None for a choice that was never made."""
        value = self.database.value("SELECT value FROM setting WHERE key = ?", key)
        return None if value is None else setting(key, value)

    def holds(self, key: str) -> bool:
        """Whether a choice was made."""
        return self.database.row("SELECT 1 FROM setting WHERE key = ?", key) is not None

    def identify(self, value: str) -> None:
        """Give the workspace this id, unless it has one."""
        # Below all numbers that the journal gives.
        sql = "INSERT INTO setting (id, key, value) VALUES (0, ?, ?) ON CONFLICT DO NOTHING"
        self.database.execute(sql, ID, json.dumps(value))

    def beginning(self, start: str) -> list[SettingRow]:
        """The choices whose keys begin so."""
        rows = [SettingRow(*row) for row in self.database.rows("SELECT id, key FROM setting")]
        return [row for row in rows if row.key.startswith(start)]


def setting(key: str, text: str) -> Any:
    """What was chosen: the name of a model for `default.MEDIA`, else the id of one; or the workspace's own id."""
    value = read("setting", "value", text)
    if not isinstance(value, str if key.startswith("default.") or key == ID else int):
        raise Unreadable(
            f"the setting {short(key)} in catalogue.db is {short(value)}, which no curator chose: {RESTORE}"
        )
    return value
