"""Captions on record: which text describes which image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from curator.store.sqlite import Database


@dataclass(frozen=True, slots=True)
class CaptionRow:
    """An image and a text that describes it."""

    id: int
    image_id: int
    text_id: int


class CaptionStore:
    """Reads captions."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def holds(self, image_id: int, text_id: int) -> bool:
        """Whether this text is on record as a caption of this image."""
        sql = "SELECT 1 FROM caption WHERE image_id = ? AND text_id = ?"
        return self.database.row(sql, image_id, text_id) is not None

    def of_image(self, image_id: int) -> list[tuple[int, str]]:
        """Id and text of each caption of an image."""
        sql = "SELECT item.id, text FROM caption JOIN item ON item.id = text_id WHERE image_id = ?"
        return [(row[0], row[1]) for row in self.database.rows(sql, image_id)]

    def of_texts(self, text_ids: Sequence[int]) -> list[CaptionRow]:
        """The captions that these texts are."""
        sql = "SELECT id, image_id, text_id FROM caption WHERE text_id IN (SELECT value FROM json_each(?))"
        return [CaptionRow(*row) for row in self.database.rows_among(sql, text_ids)]
