"""The split on record: which side an item was put on; the last word on an item holds."""

from __future__ import annotations

from collections.abc import Sequence

from curator.store.sqlite import Database


class SideStore:
    """Reads the sides of items."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def of_items(self, item_ids: Sequence[int]) -> dict[int, str]:
        """The side of each of these items that is on one."""
        sql = (
            "SELECT item_id, name, max(id) FROM side WHERE item_id IN (SELECT value FROM json_each(?)) GROUP BY item_id"
        )
        return {row[0]: row[1] for row in self.database.rows_among(sql, item_ids) if row[1] is not None}
