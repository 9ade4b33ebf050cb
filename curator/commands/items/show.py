"""`curator show`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from curator.api import Argument, Column, ItemRef, Table
from curator.commands.spec import Call, CommandSpec

FACTS = Table(
    "fact",
    "Item",
    (Column("fact", "what"), Column("value", "a text, number or path", "path", "any")),
    whole=True,
)


@dataclass(frozen=True, slots=True)
class ShowParams:
    """Which item."""

    item: Annotated[ItemRef, Argument(metavar="FILE|id:N")]


def show(call: Call, params: ShowParams) -> None:
    """A fact a row."""
    from curator.maintenance.item_details import details

    call.table(FACTS, ({"fact": fact, "value": value} for fact, value in details(call.workspace, params.item)))


COMMAND = CommandSpec(
    name="show",
    summary="Show all that is known about an item.",
    params=ShowParams,
    run=show,
    tables=(FACTS,),
    example="curator show img.jpg",
)
