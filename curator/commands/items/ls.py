"""`curator ls`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING, Annotated, Any

from curator.api import Column, ItemSet, Option, SelectionName, Table
from curator.commands.spec import Call, CommandSpec

if TYPE_CHECKING:
    from curator.api import Item
    from curator.workspace import Workspace

AT_ONCE = 1000
"""Items whose labels are looked up together; of a list that is cut short, not those of all others."""

ITEMS = Table(
    "item",
    "Items",
    (
        Column("id", "the item", "integer"),
        Column("media", "image or text"),
        Column("path", "where it is; null if its file is gone", "path"),
        Column("text", "the body of a text"),
        Column("labels", "what it is labelled as, a list", type="strings"),
        Column(
            "groups",
            "the group of each of these labels, in their order; null for one that stands alone",
            "json",
            "strings",
        ),
        Column("side", "the side of the split that it is on: train, val or test", "json", "string"),
        Column("row", "the id of its row, where path is a table with a column of ids", "json", "string"),
    ),
)


@dataclass(frozen=True, slots=True)
class LsParams:
    """Which items, and whether to keep that selection."""

    among: Annotated[ItemSet, Option()] = ItemSet()
    save: Annotated[
        SelectionName | None, Option(metavar="NAME", help="Keep this selection as NAME: --where @NAME uses it.")
    ] = None


def ls(call: Call, params: LsParams) -> None:
    """List them as they are read."""
    found = call.workspace.items.select(params.among)
    if params.save is not None:
        _save(call, params.save, params.among)
    call.table(ITEMS, item_rows(call.workspace, found), len(found))


def _save(call: Call, name: str, among: ItemSet) -> None:
    from curator.catalog.where.expression import quoted

    saved = call.workspace.selections.save(name, among)
    replaced = (
        f"; it was {saved.before}, which curator undo brings back" if saved.before not in (None, saved.where) else ""
    )
    call.say(f"saved as @{quoted(saved.name)}: {saved.where}{replaced}")


def item_rows(workspace: Workspace, found: Sequence[Item]) -> Iterator[dict[str, Any]]:
    """Rows for the table of items."""
    for start in count(0, AT_ONCE):
        some = list(found[start : start + AT_ONCE])
        if not some:
            return
        labels = workspace.labels.with_groups([item.id for item in some])
        sides = workspace.sides.of_items([item.id for item in some])
        for item in some:
            yield {
                "id": item.id,
                "media": item.modality,
                "path": item.path,
                "text": item.text,
                "labels": [name for name, _ in labels.get(item.id, [])],
                "groups": [group for _, group in labels.get(item.id, [])],
                "side": sides.get(item.id),
                "row": item.row,
            }


COMMAND = CommandSpec(
    name="ls",
    summary="List items.",
    params=LsParams,
    run=ls,
    tables=(ITEMS,),
    example="curator ls --labelled ultraman --limit 50\n"
    "curator ls --where 'label:ultraman -under:drafts width>=1000' --save good\n"
    "curator ls --where '@good added>=2026-11-01'",
    effects=("writes", "streams"),
    limited=True,
)
