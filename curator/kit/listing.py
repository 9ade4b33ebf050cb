"""How an item stands in a row of a table: the columns that say which it is, the same ones everywhere."""

from __future__ import annotations

from typing import Any

from curator.api import Column, Item

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
