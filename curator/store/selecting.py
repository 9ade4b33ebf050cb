"""Selections as SQL: which items meet conditions, as ids in order. No row of an item comes out, and no path."""

from __future__ import annotations

import itertools
import json
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from curator.api import Modality
from curator.store.catalogue.items import ItemStore
from curator.store.catalogue.labels import VERDICTS
from curator.store.catalogue.places import LIVE, in_folder
from curator.store.sqlite import Database

Ids: TypeAlias = "array[int]"
"""Of items, ascending, eight bytes each."""

Part: TypeAlias = tuple[str, list[Any]]
"""A piece of SQL, and what its placeholders take."""

PAGE = 10_000

SET_ASIDE = f"""
SELECT item_id FROM (
    SELECT item_id FROM quarantined WHERE item_id IS NOT NULL UNION SELECT item_id FROM row_aside
) AS aside WHERE NOT EXISTS (SELECT 1 FROM place WHERE place.item_id = aside.item_id AND {LIVE})
"""
"""What lies in quarantine, or in rows that were set aside, and nowhere else."""


@dataclass(frozen=True, slots=True)
class Labelled:
    """What is said to be a label; `siblings` are the labels of its group, itself among them. None: any of these.

    On the word of `least`, or of a source that counts for more.
    """

    label: int | None
    siblings: tuple[int, ...]
    least: int


@dataclass(frozen=True, slots=True)
class Conditions:
    """What items have to meet, all of it. What was set aside is never among them.

    `media`: of one of these. `below`: in one of these folders, each by its root and its path there, which is empty for
    the root itself. `unlabelled`: of which nothing is said.
    """

    media: tuple[Modality, ...] = ("image", "text")
    below: tuple[tuple[int, str], ...] | None = None
    labelled: Labelled | None = None
    unlabelled: bool = False

    @property
    def narrow(self) -> bool:
        """Whether more than the media counts."""
        return self.below is not None or self.labelled is not None or self.unlabelled


class Selecting:
    """Answers which items meet conditions."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def ids(self, conditions: Conditions, limit: int | None = None) -> Ids:
        """Those that meet them, or the first of these."""
        where, values = _where(conditions, "+")
        sql = f"SELECT id FROM item WHERE {where} ORDER BY id LIMIT ?"
        return self._ids(sql, [*values, -1 if limit is None else limit])

    def count(self, conditions: Conditions) -> int:
        """How many meet them."""
        where, values = _where(conditions, "+" if conditions.narrow else "")
        return int(self.database.value(f"SELECT count(*) FROM item WHERE {where}", *values))

    def among(self, conditions: Conditions, ids: Sequence[int]) -> Ids:
        """Those of these ids, which ascend, that meet them."""
        where, values = _where(conditions, "+")
        sql = f"SELECT id FROM item WHERE {where} AND id IN (SELECT value FROM json_each(?)) ORDER BY id"
        return array("q", (row[0] for row in self.database.rows_among(sql, ids, *values)))

    def hashes(self, ids: Sequence[int], media: Sequence[Modality] | None = None) -> dict[int, str]:
        """The content of each of these that there is, by id; `media`: of those of these alone."""
        where = "id IN (SELECT value FROM json_each(?)) ORDER BY id"
        if media is None:
            rows = self.database.rows_among(f"SELECT id, hash FROM item WHERE {where}", ids)
        else:
            sql = f"SELECT id, hash FROM item WHERE +modality IN (SELECT value FROM json_each(?)) AND {where}"
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
        parts = _parts(below)
        return any(self.database.row(f"SELECT 1 FROM place WHERE {sql} LIMIT 1", *values) for sql, values in parts)

    def _ids(self, sql: str, values: Sequence[Any]) -> Ids:
        with self.database.explained():
            rows: Iterator[Any] = self.database.connection.execute(sql, values)
            return array("q", itertools.chain.from_iterable(rows))


def _where(conditions: Conditions, plus: str) -> Part:
    """`plus`: '+' where the index by media is of no use."""
    chosen = (_of_media(conditions.media, plus), _below(conditions.below), _labelled(conditions.labelled))
    parts: list[Part] = [(f"id NOT IN ({SET_ASIDE})", []), *(part for part in chosen if part is not None)]
    if conditions.unlabelled:
        sql = VERDICTS.format(where="TRUE", verdicts="SELECT item_id FROM verdict WHERE value IS NOT 0")
        parts.append((f"id NOT IN ({sql})", []))
    return " AND ".join(sql for sql, _ in parts), [value for _, values in parts for value in values]


def _of_media(media: Sequence[Modality], plus: str) -> Part | None:
    chosen = sorted({*media})
    if len(chosen) == 2:
        return None
    return (f"{plus}modality = ?", [*chosen]) if chosen else ("FALSE", [])


def _below(folders: Sequence[tuple[int, str]] | None) -> Part | None:
    if folders is None:
        return None
    parts = _parts(folders)
    if not parts:
        return "FALSE", []
    sql = " UNION ALL ".join(f"SELECT item_id FROM place WHERE {where}" for where, _ in parts)
    return f"id IN ({sql})", [value for _, values in parts for value in values]


def _parts(folders: Sequence[tuple[int, str]]) -> list[Part]:
    return [part for root_id, folder in folders for part in in_folder(root_id, folder)]


_ONE_OF_A_GROUP = """
SELECT item_id FROM (
    SELECT item_id, label_id, source, count(*) AS said, count(value) AS sure, max(statement_id)
    FROM (SELECT *, max(source) OVER (PARTITION BY item_id) AS highest FROM verdict
        WHERE coalesce(value, 1) = 1 AND source >= ?)
    WHERE source = highest GROUP BY item_id
) WHERE said = sure AND (said = 1 OR source <> 2) AND label_id = coalesce(?, label_id)
"""
"""As `curator.catalog.labels.strongest` tells it."""


def _labelled(labelled: Labelled | None) -> Part | None:
    if labelled is None:
        return None
    where = "label_id IN (SELECT value FROM json_each(?))"
    values: list[Any] = [json.dumps(labelled.siblings)]
    if labelled.label is not None and len(labelled.siblings) > 1:  # a group may be large, and the label small
        where = f"item_id IN (SELECT item_id FROM statement WHERE label_id = ? AND value = 1) AND +{where}"
        values.insert(0, labelled.label)
    sql = VERDICTS.format(where=where, verdicts=_ONE_OF_A_GROUP)
    return f"id IN ({sql})", [*values, labelled.least, labelled.label]
