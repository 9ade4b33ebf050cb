"""Spaces on record: what vectors were made with."""

from __future__ import annotations

from curator.store.sqlite import Database


class SpaceStore:
    """Reads spaces."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def description(self, fingerprint: str) -> str:
        """What a space that is on record is the fingerprint of, as canonical JSON."""
        sql = "SELECT description FROM space WHERE fingerprint = ?"
        description: str = self.database.value(sql, fingerprint)
        return description
