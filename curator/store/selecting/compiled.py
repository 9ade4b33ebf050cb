"""Conditions as SQL. A word that somebody typed is never a part of it, but always a value.

Every part is true or false, never NULL, so that NOT means everything else; what can be looked up is `id IN (...)`, from
which SQLite begins where that is the fewest, so that a folder or a label costs by what is in it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, TypeAlias

from curator.store.catalogue.labels import VERDICTS
from curator.store.catalogue.places import LIVE, in_folder
from curator.store.selecting.conditions import (
    Added,
    All,
    AnyOf,
    Below,
    Between,
    Condition,
    Conditions,
    Denied,
    Gone,
    Holds,
    Labelled,
    Named,
    Not,
    OfMedia,
    OnSide,
    Spoken,
    Taken,
)
from curator.store.selecting.texts import HOLDS, NAMED, likely

Part: TypeAlias = tuple[str, list[Any]]
"""A piece of SQL, and what its placeholders take."""

SET_ASIDE = f"""
SELECT item_id FROM (
    SELECT item_id FROM quarantined WHERE item_id IS NOT NULL UNION SELECT item_id FROM row_aside
) AS aside WHERE NOT EXISTS (SELECT 1 FROM place WHERE place.item_id = aside.item_id AND {LIVE})
"""
"""What lies in quarantine, or in rows that were set aside, and nowhere else."""

SPLIT = "SELECT item_id FROM (SELECT item_id, name, max(id) FROM side GROUP BY item_id) WHERE name = coalesce(?, name)"

GONE = (
    "SELECT item_id FROM place AS gone WHERE missing = 1"
    " AND NOT EXISTS (SELECT 1 FROM place WHERE place.item_id = gone.item_id AND missing = 0)"
)

_NUMBERS = {"id": "id", "width": "width", "height": "height", "pixels": "width * height", "size": "size"}


def where(conditions: Conditions, plus: str) -> Part:
    """`plus`: '+' where the index by media is of no use."""
    chosen = (_of_media(conditions.media, plus), part(conditions.where) if conditions.narrow else None)
    parts: list[Part] = [(f"id NOT IN ({SET_ASIDE})", []), *(one for one in chosen if one is not None)]
    return _joined(" AND ", parts)


def part(condition: Condition) -> Part:
    """One condition, of which `id` and the other columns are those of an item."""
    match condition:
        case All(of):
            return _joined(" AND ", [part(one) for one in of]) if of else ("TRUE", [])
        case AnyOf(of):
            sql, values = _joined(" OR ", [part(one) for one in of]) if of else ("FALSE", [])
            return f"({sql})", values
        case Not(of):
            sql, values = part(of)
            return f"NOT ({sql})", values
        case OfMedia(media):
            return "+modality = ?", [media]
        case Below(folders, most):
            return _below(folders, most)
        case Labelled():
            return _labelled(condition)
        case Denied(label, least):
            said = "SELECT item_id FROM verdict WHERE value = -1 AND source >= ?"
            return f"id IN ({VERDICTS.format(where='label_id = ?', verdicts=said)})", [label, least]
        case Spoken(source):
            said = "SELECT item_id FROM verdict WHERE value IS NOT 0 AND source = coalesce(?, source)"
            return f"id IN ({VERDICTS.format(where='TRUE', verdicts=said)})", [source]
        case Between(of, low, high):
            return _bounded(_NUMBERS[of], ">=", low, "<=", high)
        case Added(since, before):
            sql, values = _bounded("started", ">=", since, "<", before)
            return f"id IN (SELECT id FROM item WHERE run_id IN (SELECT id FROM run WHERE {sql}))", values
        case Taken(since, before):
            sql, values = _bounded("taken", ">=", since or "0", "<", before)
            return f"id IN (SELECT id FROM item INDEXED BY item_by_date WHERE modality = 'image' AND {sql})", values
        case Holds(text, captions=False):
            return f"{HOLDS}(text, ?)", [text]
        case Holds(text):
            about = f"SELECT image_id FROM caption JOIN item AS said ON said.id = text_id WHERE {HOLDS}(said.text, ?)"
            return f"id IN ({about})", [text]
        case Named(pattern):
            sql, values = likely("path", pattern)
            return f"id IN (SELECT item_id FROM place WHERE {sql} AND {NAMED}(path, ?))", [*values, pattern]
        case OnSide(side):
            return f"id IN ({SPLIT})", [side]
        case Gone():
            return f"id IN ({GONE})", []


def in_folders(folders: Sequence[tuple[int, str]]) -> list[Part]:
    """Conditions of places, of which one holds for those in one of these folders."""
    return [one for root_id, folder in folders for one in in_folder(root_id, folder)]


def _joined(word: str, parts: Sequence[Part]) -> Part:
    return word.join(sql for sql, _ in parts), [value for _, values in parts for value in values]


def _of_media(media: Sequence[str], plus: str) -> Part | None:
    chosen = sorted({*media})
    if len(chosen) == 2:
        return None
    return (f"{plus}modality = ?", [*chosen]) if chosen else ("FALSE", [])


def _below(folders: Sequence[tuple[int, str]], most: bool) -> Part:
    parts = in_folders(folders)
    if not parts:
        return "FALSE", []
    if most:
        sql, values = _joined(" OR ", parts)
        return f"EXISTS (SELECT 1 FROM place INDEXED BY place_of_item WHERE item_id = item.id AND ({sql}))", values
    sql = " UNION ALL ".join(f"SELECT item_id FROM place WHERE {where}" for where, _ in parts)
    return f"id IN ({sql})", [value for _, values in parts for value in values]


def _bounded(column: str, least: str, low: int | str | None, most: str, high: int | str | None) -> Part:
    """Between two bounds, where there are any; false of what is not known."""
    bounds = [(f"{column} {sign} ?", value) for sign, value in ((least, low), (most, high)) if value is not None]
    if not bounds:
        return f"{column} IS NOT NULL", []
    known = "" if column in ("id", "size", "started", "taken") else f" AND {column} IS NOT NULL"
    return f"({' AND '.join(sql for sql, _ in bounds)}{known})", [value for _, value in bounds]


_ONE_OF_A_GROUP = """
SELECT item_id FROM (
    SELECT item_id, label_id, source, count(*) AS said, count(value) AS sure, max(statement_id)
    FROM (SELECT *, max(source) OVER (PARTITION BY item_id) AS highest FROM verdict
        WHERE coalesce(value, 1) = 1 AND source >= ?)
    WHERE source = highest GROUP BY item_id
) WHERE said = sure AND (said = 1 OR source <> 2) AND label_id = coalesce(?, label_id)
"""
"""As `curator.catalog.labels.strongest` tells it."""


def _labelled(labelled: Labelled) -> Part:
    where = "label_id IN (SELECT value FROM json_each(?))"
    values: list[Any] = [json.dumps(labelled.siblings)]
    if labelled.label is not None and len(labelled.siblings) > 1:  # a group may be large, and the label small
        where = f"item_id IN (SELECT item_id FROM statement WHERE label_id = ? AND value = 1) AND +{where}"
        values.insert(0, labelled.label)
    sql = VERDICTS.format(where=where, verdicts=_ONE_OF_A_GROUP)
    return f"id IN ({sql})", [*values, labelled.least, labelled.label]
