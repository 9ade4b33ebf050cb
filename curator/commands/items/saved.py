"""`curator saved`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from curator.api import Column, Option, SelectionName, Table
from curator.commands.spec import Call, CommandSpec

SAVED = Table(
    "saved",
    "Saved selections",
    (
        Column("name", "@NAME in --where"),
        Column("where", "what it selects, as --where takes it"),
    ),
    whole=True,
)


@dataclass(frozen=True, slots=True)
class SavedParams:
    """Whether to remove one."""

    remove: Annotated[SelectionName | None, Option(help="Keep this selection no longer.")] = None


def saved(call: Call, params: SavedParams) -> None:
    """List them, or remove one."""
    if params.remove is not None:
        from curator.catalog.where.expression import quoted

        gone = call.workspace.selections.remove(params.remove)
        call.line(f"@{quoted(gone.name)} is removed (it was {gone.expression}); curator undo brings it back")
        return
    found = call.workspace.selections.all()
    call.table(SAVED, ({"name": row.name, "where": row.expression} for row in found), len(found))
    if not found:
        call.line("no selection is saved yet: curator ls --where TEXT --save NAME")


COMMAND = CommandSpec(
    name="saved",
    summary="List the saved selections, or remove one.",
    params=SavedParams,
    run=saved,
    tables=(SAVED,),
    example="curator saved\ncurator saved --remove good",
    effects=("writes",),
)
