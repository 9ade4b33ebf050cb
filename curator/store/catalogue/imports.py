"""What folders and tables said of items when they were added before: adding them again may correct it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from curator.store.sqlite import Database


@dataclass(frozen=True, slots=True)
class LastSaid:
    """The last word of a source on an item and a label."""

    item_id: int
    label_id: int
    value: int


class ImportStore:
    """Reads what was said."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def siblings(self, label_id: int) -> list[int]:
        """The ids of the other labels of a label's group."""
        sql = (
            "SELECT sibling.id FROM label JOIN label AS sibling ON sibling.group_id = label.group_id "
            "WHERE label.id = ? AND sibling.id <> label.id"
        )
        return [row[0] for row in self.database.rows(sql, label_id)]

    def last_said(self, item_ids: Sequence[int], source: int, group: str) -> list[LastSaid]:
        """The last word of a source on each of these items and each label of a group."""
        sql = (
            "SELECT item_id, label_id, value, max(statement.id) FROM statement JOIN label ON label.id = label_id "
            "JOIN label_group ON label_group.id = group_id WHERE source = ? AND label_group.name = ? "
            "AND item_id IN (SELECT value FROM json_each(?)) GROUP BY item_id, label_id"
        )
        return [LastSaid(*row[:3]) for row in self.database.rows_among(sql, item_ids, source, group)]
