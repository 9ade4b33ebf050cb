"""`curator restore`."""

from __future__ import annotations

import shlex
from dataclasses import asdict, dataclass
from typing import Annotated

from curator.api import Argument, Column, FileName, FolderName, Option, Table
from curator.commands.spec import Call, CommandSpec

RESTORED = Table(
    "restored",
    "Restored",
    (
        Column("path", "the workspace", "path"),
        Column("items", "items in its catalogue", "integer"),
        Column("objects", "states of heads and the like", "integer"),
        Column("missing", "heads and models whose state is not in the archive", "json", "strings"),
    ),
    whole=True,
)


@dataclass(frozen=True, slots=True)
class RestoreParams:
    """From what, and where to."""

    file: Annotated[FileName, Argument()]
    to: Annotated[FolderName | None, Option(help="The new workspace. [default: ./workspace]")] = None


def restore(call: Call, params: RestoreParams) -> None:
    """Make it, and tell what is missing."""
    from curator.catalog.places import expand_path
    from curator.errors import SomeItemsFailed
    from curator.maintenance.restore import restore as restored_from
    from curator.reporter import count
    from curator.workspace_path import FOLDER

    to = FOLDER if params.to is None else params.to
    made = restored_from(expand_path(params.file).absolute(), expand_path(to).absolute())
    call.record(RESTORED, [asdict(made)])
    holds = f"{count(made.items, 'item')} and {count(made.objects, 'object')}"
    call.line(f"{holds} in {made.path}; next: curator encode -w {shlex.quote(str(made.path))}")
    if made.missing:
        raise SomeItemsFailed(f"the archive lacks what was learnt of {', '.join(made.missing)}: train again")


COMMAND = CommandSpec(
    name="restore",
    summary="""Make a workspace from a backup, in a new folder.

    The archive may come from anyone: only what a backup holds is extracted, and every part is checked. Embeddings
    are not in it: run `curator encode` afterwards. Exit code 5: the archive lacks the state of a head.
    """,
    params=RestoreParams,
    run=restore,
    tables=(RESTORED,),
    example="curator restore ../labels.tar --to restored",
    effects=("writes",),
    workspace="none",
)
