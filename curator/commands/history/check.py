"""`curator check`."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import Annotated

from curator.api import Argument, Column, FolderName, Option, Table
from curator.commands.spec import Call, CommandSpec

FAULTS = Table(
    "fault",
    "Faults",
    (
        Column("part", "database, run, file, table, link, quarantine, object, vector or export"),
        Column("which", "which one", "path"),
        Column("wrong", "what is not as it should be"),
        Column("remedy", "what --repair does, or what you can do"),
        Column("repaired", "whether it was repaired now", "json", "boolean"),
        Column("repairable", "whether --repair can", "json", "boolean"),
    ),
)


@dataclass(frozen=True, slots=True)
class CheckParams:
    """What to look at, and whether only to look."""

    folder: Annotated[
        FolderName | None, Argument(help="a folder that was exported, to check that instead; it needs no workspace")
    ] = None
    repair: Annotated[bool, Option(help="Repair what can be repaired without losing any of your decisions.")] = False


def check(call: Call, params: CheckParams) -> None:
    """Read all of it, and tell what is left to do."""
    if params.folder is None:
        check_workspace(call, params.repair)
    else:
        check_export(call, params.folder, params.repair)


def check_export(call: Call, folder: str, repair: bool) -> None:
    """Hold a folder to the list of its files."""
    from curator.catalog.places import expand_path
    from curator.errors import BadInput, SomeItemsFailed
    from curator.maintenance.exported import faults
    from curator.reporter import count

    if repair:
        raise BadInput("--repair is for a workspace: export the folder again")
    rows = [
        {
            **{"part": fault.part, "which": fault.which, "wrong": fault.wrong, "remedy": fault.remedy},
            **{"repaired": False, "repairable": False},
        }
        for fault in faults(expand_path(folder))
    ]
    call.table(FAULTS, rows)
    if rows:
        raise SomeItemsFailed(f"{count(len(rows), 'file')} of {folder!r} not as exported")
    call.line("no faults: every file is as it was exported")


def check_workspace(call: Call, repair: bool) -> None:
    """Hold files, objects and vectors to the catalogue."""
    from curator.errors import SomeItemsFailed
    from curator.reporter import count
    from curator.store.private import read_by_all

    found = call.workspace.check(repair)
    if read_by_all(call.workspace.folder):
        folder = shlex.quote(str(call.workspace.folder))
        call.say(f"note: everybody on this machine can read this workspace: chmod -R go-rwx {folder} keeps it to you")
    rows = (
        {
            **{"part": fault.part, "which": fault.which, "wrong": fault.wrong, "remedy": fault.remedy},
            **{"repaired": repaired, "repairable": fault.repair is not None},
        }
        for fault, repaired in found
    )
    call.table(FAULTS, rows)
    repaired = sum(done for _, done in found)
    if repaired:
        call.line(f"{count(repaired, 'fault')} repaired")
    if not found:
        call.line("no faults: everything matches the catalogue")
    if len(found) > repaired:
        can = sum(fault.repair is not None for fault, done in found if not done)
        hint = f": curator check --repair mends {can:,} of them" if can else ""
        raise SomeItemsFailed(f"{count(len(found) - repaired, 'fault')} left{hint}")


COMMAND = CommandSpec(
    name="check",
    summary="""Check files, objects and vectors against the catalogue.

    Everything is read again, and whatever differs is listed. Exit code 5: something is left to repair. With FOLDER, the
    files of an export are checked against its own list.
    """,
    params=CheckParams,
    run=check,
    tables=(FAULTS,),
    example="curator check\ncurator check --repair\ncurator check dataset",
    effects=("writes",),
    limited=True,
)
