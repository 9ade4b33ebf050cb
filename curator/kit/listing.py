"""How an item stands in a row of a table: the columns that say which it is, the same ones everywhere.

And how to get at some of very many items, of which not all are made.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from curator.api import Column, Item, Modality

ITEM = (
    Column("id", "the item", "integer"),
    Column("path", "where it is; null if its file is gone", "picture"),
    Column("text", "the body of a text; null for an image"),
    Column("row", "the id of its row, where path is a table with a column of ids", "json", "string"),
)
"""`Table(kind, title, (Column(...), *ITEM))`: a picture is shown at the terminal, `row` is for programs."""


def of_item(item: Item) -> dict[str, Any]:
    """The values of these columns."""
    return {"id": item.id, "path": item.path, "text": item.text, "row": item.row}


def items_at(items: Sequence[Item], places: Sequence[int]) -> list[Item]:
    """The items in these places, in this order; those of `Context.items` are read from the catalogue all at once."""
    at = getattr(items, "at", None)
    found: list[Item] = [items[place] for place in places] if at is None else at(places)
    return found


def items_in(items: Sequence[Item], places: Iterable[int]) -> Sequence[Item]:
    """The items in these places, each once, in this order; those of `Context.items` are made as they are looked at."""
    arranged = getattr(items, "arranged", None)
    found: Sequence[Item] = [items[place] for place in places] if arranged is None else arranged(places)
    return found


def ids_of(items: Sequence[Item]) -> Sequence[int]:
    """Their ids; of those of `Context.items` without making them."""
    ids: Sequence[int] | None = getattr(items, "ids", None)
    return [item.id for item in items] if ids is None else ids


def of_media(items: Sequence[Item], media: Sequence[Modality]) -> Sequence[Item]:
    """Those of some media; of those of `Context.items` none is made for that."""
    chosen = getattr(items, "of_media", None)
    found: Sequence[Item] = [item for item in items if item.modality in media] if chosen is None else chosen(media)
    return found


def contents_of(items: Sequence[Item]) -> Iterator[tuple[int, str]]:
    """The id and hash of each, in order; of those of `Context.items` without making them."""
    contents = getattr(items, "contents", None)
    if contents is None:
        yield from ((item.id, item.hash) for item in items)
        return
    for page in contents():
        yield from page.items()


def cell(value: Any) -> Any:
    """A value as a cell of a table of text: what is a list as JSON, yes and no as `true` and `false`."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return json.dumps(value, ensure_ascii=False) if isinstance(value, list) else value
