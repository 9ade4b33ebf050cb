"""Items on record: contents, and which texts are captions of which images."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from curator.api import Modality
from curator.store.sqlite import Database


@dataclass(frozen=True, slots=True)
class ItemRow:
    """A content. `size` in bytes; `width` and `height` as stored, before EXIF orientation, None for texts."""

    id: int
    hash: str
    modality: Modality
    size: int
    width: int | None
    height: int | None
    format: str | None
    text: str | None


PAGE = 10_000

_FACTS = "SELECT id, hash, modality, size, width, height, format"
_ITEMS = f"{_FACTS}, text FROM item"


class ItemStore:
    """Reads items."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def by_ids(self, ids: Sequence[int], texts: bool = True) -> list[ItemRow]:
        """Those of these ids that there are, by id; `texts`: with their texts."""
        items = _ITEMS if texts else f"{_FACTS}, NULL FROM item"
        rows = self.database.rows_among(f"{items} WHERE id IN (SELECT value FROM json_each(?))", ids)
        return sorted(_items(rows), key=lambda item: item.id)

    def by_hashes(self, hashes: Sequence[str]) -> list[ItemRow]:
        """Those of these hashes that are known, by id."""
        rows = self.database.rows_among(f"{_ITEMS} WHERE hash IN (SELECT value FROM json_each(?))", hashes)
        return sorted(_items(rows), key=lambda item: item.id)

    def text_of(self, item_id: int) -> str | None:
        """The text of an item; None where it is none."""
        found: str | None = self.database.value("SELECT text FROM item WHERE id = ?", item_id)
        return found

    def id_of(self, hash_: str) -> int | None:
        """The id of a content, if it is known."""
        found = self.database.value("SELECT id FROM item WHERE hash = ?", hash_)
        return None if found is None else int(found)

    def ids_of(self, hashes: Sequence[str]) -> dict[str, int]:
        """The id by hash, of those that are known."""
        sql = "SELECT hash, id FROM item WHERE hash IN (SELECT value FROM json_each(?))"
        return {row[0]: row[1] for row in self.database.rows_among(sql, hashes)}

    def in_order_of_hash(self) -> Iterator[tuple[str, str, str, str]]:
        """All items in the order of their hashes, a page at a time.

        Each page: the hash after which it begins, its last one, all of them and their ids, each in one text with commas
        between, which is read faster than rows.
        """
        page = f"SELECT hash, id FROM item WHERE hash > ? ORDER BY hash LIMIT {PAGE}"
        sql, after = f"SELECT max(hash), group_concat(hash), group_concat(id) FROM ({page})", ""
        while (found := self.database.row(sql, after)) is not None and found[0] is not None:
            yield after, found[0], found[1], found[2]
            after = found[0]

    def last_id(self) -> int | None:
        """The highest id; None where there is no item."""
        found = self.database.value("SELECT max(id) FROM item")
        return None if found is None else int(found)

    def count(self) -> int:
        """How many items there are."""
        return int(self.database.value("SELECT count(*) FROM item"))


def _items(rows: Iterable[sqlite3.Row]) -> list[ItemRow]:
    return [ItemRow(*row) for row in rows]


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

    def of_items(self, item_ids: Sequence[int]) -> Iterator[CaptionRow]:
        """The captions that these items have or are."""
        for column in ("image_id", "text_id"):
            sql = f"SELECT id, image_id, text_id FROM caption WHERE {column} IN (SELECT value FROM json_each(?))"
            yield from (CaptionRow(*row) for row in self.database.rows_among(sql, item_ids))


class SideStore:
    """Reads which side of the split items were put on; the last word on an item holds."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def of_items(self, item_ids: Sequence[int]) -> dict[int, str]:
        """The side of each of these items that is on one."""
        sql = (
            "SELECT item_id, name, max(id) FROM side WHERE item_id IN (SELECT value FROM json_each(?)) GROUP BY item_id"
        )
        return {row[0]: row[1] for row in self.database.rows_among(sql, item_ids) if row[1] is not None}
