"""`curator backup`."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Annotated

from curator.api import Argument, Column, FileName, Option, Table
from curator.commands.problems import say_problems
from curator.commands.spec import Call, CommandSpec

BACKUP = Table(
    "backup",
    "Backup",
    (
        Column("path", "the archive", "path"),
        Column("items", "items in its catalogue", "integer"),
        Column("objects", "states of heads and the like", "integer"),
        Column("size", "bytes", "integer"),
        Column("left_out", "heads whose state is damaged or cannot be read, and other such objects", "json", "strings"),
    ),
    whole=True,
)


@dataclass(frozen=True, slots=True)
class BackupParams:
    """Where to."""

    file: Annotated[FileName, Argument()]
    force: Annotated[bool, Option(help="Overwrite an existing file.")] = False


def backup(call: Call, params: BackupParams) -> None:
    """Write it, and tell how to restore it."""
    from curator.errors import SomeItemsFailed
    from curator.reporter import count

    made = call.workspace.back_up(params.file, params.force)
    call.record(BACKUP, [{**asdict(made), "left_out": [what for what, _ in made.left_out]}])
    holds = f"{count(made.items, 'item')} and {count(made.objects, 'object')}"
    call.line(f"{holds} in {made.path} ({made.size / 1e6:,.1f} MB); to restore: curator restore FILE --to FOLDER")
    say_problems(call, made.left_out)
    if made.left_out:
        raise SomeItemsFailed(f"{count(len(made.left_out), 'object')} left out: curator check says what to do")


COMMAND = CommandSpec(
    name="backup",
    summary="""Back up the catalogue and the heads as one tar archive.

    Other processes may go on writing meanwhile. Embeddings and thumbnails are left out, as they can be computed again.
    `curator restore FILE --to FOLDER` makes a workspace from the archive. Exit code 5: a head was left out, because it
    is damaged or cannot be read.
    """,
    params=BackupParams,
    run=backup,
    tables=(BACKUP,),
    example="curator backup ../labels.tar",
    effects=("writes",),
)
