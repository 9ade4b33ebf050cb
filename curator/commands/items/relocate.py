"""`curator relocate`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from curator.api import Argument, Column, FolderName, Option, Table
from curator.commands.spec import Call, CommandSpec

RELOCATED = Table(
    "relocated",
    "Relocated",
    (
        Column("folders", "folders that begin with the new path now", "integer"),
        Column("found", "files there as they were", "integer"),
        Column("changed", "files there of another size or time", "integer"),
        Column("absent", "files that are not there", "integer"),
        Column("read", "files whose content was compared first", "integer"),
    ),
    whole=True,
)


@dataclass(frozen=True, slots=True)
class RelocateParams:
    """From where to where."""

    old: Annotated[FolderName, Argument()]
    new: Annotated[FolderName, Argument()]
    anyway: Annotated[bool, Option(help="Do it even if NEW holds none of the files, or different ones.")] = False


def relocate(call: Call, params: RelocateParams) -> None:
    """Let them begin otherwise, and tell what is there."""
    from dataclasses import asdict

    from curator.reporter import count

    done = call.workspace.relocate(params.old, params.new, params.anyway)
    call.record(RELOCATED, [asdict(done)])
    compared = f", {done.read:,} of them read and the same" if done.read else ""
    were = "it was" if done.found == 1 else "they were"
    call.line(f"{count(done.folders, 'folder')} relocated: {count(done.found, 'file')} found as {were}{compared}")
    for number, what in ((done.changed, "other than they were"), (done.absent, "not there")):
        if number:
            call.line(f"{count(number, 'file')} {what}: curator add NEW looks again")


COMMAND = CommandSpec(
    name="relocate",
    summary="""Tell the catalogue that a folder or drive has moved.

    Paths that began with OLD begin with NEW from then on; no file is moved. Some files are read first, to see that NEW
    holds what OLD held. `curator undo` takes it back.
    """,
    params=RelocateParams,
    run=relocate,
    tables=(RELOCATED,),
    example="curator relocate /media/old/photos /media/new/photos",
    effects=("writes",),
)
