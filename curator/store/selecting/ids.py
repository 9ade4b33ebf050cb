"""Who meets conditions, and a few facts about them that need no row of an item."""

from __future__ import annotations

import itertools
import json
from array import array
from collections.abc import Iterator, Sequence
from typing import Any, TypeAlias

from curator.api import Modality
from curator.store.catalogue.items import ItemStore
from curator.store.selecting.compiled import in_folders, where
from curator.store.selecting.conditions import Conditions
from curator.store.selecting.texts import teach
from curator.store.sqlite import Database

Ids: TypeAlias = "array[int]"
"""Of items, ascending, eight bytes each."""

PAGE = 10_000

FEW = 5_000
"""Items of a folder that are always listed."""


class Selecting:
    """Answers which items meet conditions."""

    def __init__(self, database: Database) -> None:
        self.database = database
        teach(database)

    def ids(self, conditions: Conditions, limit: int | None = None) -> Ids:
        """Those that meet them, or the first of these."""
        chosen, values = where(conditions, "+")
        sql = f"SELECT id FROM item WHERE {chosen} ORDER BY id LIMIT ?"
        return self._ids(sql, [*values, -1 if limit is None else limit])

    def count(self, conditions: Conditions) -> int:
        """How many meet them."""
        chosen, values = where(conditions, "+" if conditions.narrow else "")
        return int(self.database.value(f"SELECT count(*) FROM item WHERE {chosen}", *values))

    def among(self, conditions: Conditions, ids: Sequence[int]) -> Ids:
        """Those of these ids, which ascend, that meet them."""
        chosen, values = where(conditions, "+")
        sql = f"SELECT id FROM item WHERE {chosen} AND id IN (SELECT value FROM json_each(?)) ORDER BY id"
        return array("q", (row[0] for row in self.database.rows_among(sql, ids, *values)))

    def hashes(self, ids: Sequence[int], media: Sequence[Modality] | None = None) -> dict[int, str]:
        """The content of each of these that there is, by id; `media`: of those of these alone."""
        some = "id IN (SELECT value FROM json_each(?)) ORDER BY id"
        if media is None:
            rows = self.database.rows_among(f"SELECT id, hash FROM item WHERE {some}", ids)
        else:
            sql = f"SELECT id, hash FROM item WHERE +modality IN (SELECT value FROM json_each(?)) AND {some}"
            rows = self.database.rows_among(sql, ids, json.dumps(list(media)))
        return {row[0]: row[1] for row in rows}

    def ids_of(self, hashes: Sequence[str]) -> dict[str, int]:
        """The id by hash, of those that are known."""
        return ItemStore(self.database).ids_of(hashes)

    def media(self, ids: Sequence[int]) -> set[Modality]:
        """What there is among these."""
        sql = "SELECT DISTINCT modality FROM item WHERE id IN (SELECT value FROM json_each(?))"
        return {row[0] for row in self.database.rows_among(sql, ids)}

    def in_order_of_hash(self, media: Modality) -> Iterator[tuple[str, str, str]]:
        """The hashes of all items of a medium, those that were set aside too, a page at a time.

        Each page: the hash after which it begins, its last one, and all of them in one text, which is compared faster.
        """
        page = f"SELECT hash FROM item WHERE modality = ? AND hash > ? ORDER BY hash LIMIT {PAGE}"
        sql, after = f"SELECT max(hash), group_concat(hash) FROM ({page})", ""
        while (found := self.database.row(sql, media, after)) is not None and found[0] is not None:
            yield after, found[0], found[1]
            after = found[0]

    def is_anything_below(self, below: Sequence[tuple[int, str]]) -> bool:
        """Whether anything on record is, or was, in one of these folders."""
        parts = in_folders(below)
        return any(self.database.row(f"SELECT 1 FROM place WHERE {sql} LIMIT 1", *values) for sql, values in parts)

    def holds_most(self, below: Sequence[tuple[int, str]]) -> bool:
        """Whether a tenth of all items or more lie in these folders, where those are not few."""
        enough = max(FEW, (ItemStore(self.database).last_id() or 0) // 10)
        parts = in_folders(below)
        some = " UNION ALL ".join(f"SELECT 1 FROM place WHERE {sql}" for sql, _ in parts) or "SELECT 1 WHERE FALSE"
        values = [value for _, values in parts for value in values]
        return int(self.database.value(f"SELECT count(*) FROM ({some} LIMIT ?)", *values, enough)) >= enough

    def any_undated(self) -> bool:
        """Whether there is a picture of which nobody looked when it was taken, since an earlier curator added it."""
        sql = "SELECT 1 FROM item INDEXED BY item_by_date WHERE modality = 'image' AND taken IS NULL LIMIT 1"
        return self.database.row(sql) is not None

    def _ids(self, sql: str, values: Sequence[Any]) -> Ids:
        with self.database.explained():
            rows: Iterator[Any] = self.database.connection.execute(sql, values)
            return array("q", itertools.chain.from_iterable(rows))
