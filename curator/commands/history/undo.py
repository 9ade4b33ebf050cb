"""`curator undo`."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Annotated

from curator.api import Argument, Column, Table
from curator.commands.spec import Call, CommandSpec

UNDONE = Table(
    "undone",
    "Undone",
    (
        Column("run", "the run that was undone", "integer"),
        Column("command", "what it was"),
        Column("rows", "rows of the catalogue that were put back", "integer"),
        Column("files", "files that were moved back", "integer"),
        Column("by", "the run that undid it: undo that to redo", "integer"),
    ),
    whole=True,
)


@dataclass(frozen=True, slots=True)
class UndoParams:
    """Which run, or the latest."""

    run: Annotated[int | None, Argument()] = None


def undo(call: Call, params: UndoParams) -> None:
    """Take it back, and tell how to do it again."""
    from curator.reporter import count

    undone = call.workspace.undo(params.run)
    call.record(UNDONE, [asdict(undone)])
    back = count(undone.rows, "row") + (f" and {count(undone.files, 'file')}" if undone.files else "")
    call.line(f"run {undone.run} ({undone.command}) is undone: {back} put back; curator undo {undone.by} redoes it")


COMMAND = CommandSpec(
    name="undo",
    summary="""Undo the latest run, or the run with this number.

    Every row of the catalogue and every moved file is put back as it was. An undo is a run too: undo it to redo. If
    later runs build on the run to undo, they are named and nothing changes. Commands that only read, such as a search,
    are not runs: undo takes back what was done before them.
    """,
    params=UndoParams,
    run=undo,
    tables=(UNDONE,),
    example="curator undo\ncurator undo 12",
    effects=("writes", "labels", "moves files"),
)
