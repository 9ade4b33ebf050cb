"""`curator quarantine`: `list`, `restore` and `purge`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from curator.api import Argument, Column, ItemRef, Option, Table
from curator.commands.spec import Call, CommandSpec, NoParams
from curator.errors import BadInput

if TYPE_CHECKING:
    from collections.abc import Sequence

    from curator.quarantine.quarantine import Quarantined
    from curator.quarantine.rows_aside import RowAside

QUARANTINED = Table(
    "quarantined",
    "Quarantine",
    (
        Column("id", "its number", "integer"),
        Column("path", "where it was", "path"),
        Column(
            "why", "exact, same picture, copy, edited, or the check that flagged it; sidecar: it lay beside another"
        ),
        Column("reason", "the evidence"),
        Column("size", "bytes", "integer"),
        Column("keeper", "the file that stays in its place; null where it went for a flaw", "json", "string"),
        Column("stored", "where it is now", "json", "string"),
        Column("item", "the item that it is; null for a sidecar that is not an item", "json", "integer"),
        Column("taken", "when, in UTC", "json", "string"),
    ),
)

ROWS = Table(
    "row-aside",
    "Rows of tables",
    (
        Column("id", "its number, after `row:`", "integer"),
        Column("table", "the table, which is not edited", "path"),
        Column("row", "the id of the row; null in a table without a column of ids"),
        Column("why", "exact, same picture, copy, edited, or the check that flagged it"),
        Column("text", "what stands there"),
        Column("reason", "the evidence", "json", "string"),
        Column("keeper", "the item that stays in its place; null where it went for a flaw", "json", "integer"),
        Column("item", "the item that it is", "json", "integer"),
        Column("taken", "when, in UTC", "json", "string"),
    ),
)

RETURNED = Table(
    "returned",
    "Restored or removed",
    (
        Column("done", "restored or removed"),
        Column("path", "where it was, and is again", "path"),
        Column("size", "bytes", "integer"),
    ),
)


@dataclass(frozen=True, slots=True)
class RestoreParams:
    """Which files."""

    files: Annotated[tuple[ItemRef, ...], Argument(metavar="NUMBER|PATH|-")] = ()
    all: Annotated[bool, Option(help="Restore all files in quarantine.")] = False


@dataclass(frozen=True, slots=True)
class PurgeParams:
    """Which files, and whether to ask."""

    older_than: Annotated[
        str, Option(metavar="AGE", help="Only files that have been there this long: 30d, 12h, 2w; 0 for all.")
    ]
    yes: Annotated[bool, Option(help="Do not ask for confirmation.")] = False


def list_(call: Call, params: NoParams) -> None:
    """A file a row."""
    from curator.reporter import count, size

    files, rows = call.workspace.quarantine.all(), list(call.workspace.quarantine.rows.all())
    if files or not rows:
        call.table(QUARANTINED, map(_row, files))
    if rows:
        call.table(ROWS, map(_row_of_table, rows))
    if not files and not rows:
        call.line("quarantine is empty")
    elif call.mode == "rich" and files:
        call.line(f"{count(len(files), 'file')}, {size(sum(file.size for file in files))}")


def restore(call: Call, params: RestoreParams) -> None:
    """Move them back."""
    if bool(params.files) == params.all:
        raise BadInput("name the files to restore (curator quarantine list), or give --all, not both")
    references = list(call.names(params.files))
    _tell(call, "restored", call.workspace.quarantine.restore(*references) if references or params.all else [])


def purge(call: Call, params: PurgeParams) -> None:
    """Remove them."""
    _tell(call, "removed", call.workspace.quarantine.purge(params.older_than, params.yes))


def _tell(call: Call, done: str, gone: Sequence[Quarantined | RowAside]) -> None:
    from curator.quarantine.rows_aside import RowAside
    from curator.reporter import count, size

    call.record(RETURNED, ({"done": done, "path": one.outside, "size": one.size} for one in gone))
    files = [one for one in gone if not isinstance(one, RowAside)]
    what = [f"{count(len(files), 'file')} {done} ({size(sum(file.size for file in files))})"] * bool(files)
    if rows := len(gone) - len(files):
        what.append(f"{count(rows, 'row of a table', 'rows of tables')} {done}")
    call.line("; ".join(what) or f"nothing {done}")


def _row(file: Quarantined) -> dict[str, Any]:
    return {
        "id": file.id,
        "path": file.outside,
        "why": file.kind,
        "reason": file.reason,
        "size": file.size,
        "keeper": file.keeper,
        "stored": file.stored,
        "item": file.item,
        "taken": file.taken.isoformat(),
    }


def _row_of_table(row: RowAside) -> dict[str, Any]:
    values = {"id": row.id, "table": row.outside, "row": row.row, "why": row.kind, "text": row.text}
    return {**values, "reason": row.reason, "keeper": row.keeper, "item": row.item, "taken": row.taken}


LIST = CommandSpec(
    name="list",
    summary="List what was set aside, oldest first.",
    run=list_,
    tables=(QUARANTINED, ROWS),
    example="curator quarantine list",
    limited=True,
)

RESTORE = CommandSpec(
    name="restore",
    summary="""Restore files and rows, by number, path or folder.

    Sidecar files that went with them come back too; rows of tables are named by `row:N` or their table. Nothing is
    overwritten; labels and embeddings were kept. `-` reads numbers and paths from standard input, one per line.
    """,
    params=RestoreParams,
    run=restore,
    tables=(RETURNED,),
    example="curator quarantine restore photos/a.jpg\ncurator quarantine restore 3 4\n"
    "curator quarantine restore row:7 reviews.csv\ncurator quarantine restore --all",
    effects=("writes", "moves files"),
)

PURGE = CommandSpec(
    name="purge",
    summary="""Delete quarantined files for good. It asks first; this cannot be undone.

    Only this command and `forget` delete files. A file stays if the one kept in its place is gone or has changed, or if
    there is none.
    """,
    params=PurgeParams,
    run=purge,
    tables=(RETURNED,),
    example="curator quarantine purge --older-than 30d",
    effects=("writes", "removes", "asks"),
)

COMMAND = CommandSpec(
    name="quarantine",
    summary="""List, restore or delete files that were set aside.

    They are in the folder quarantine/ of the workspace. `curator undo` restores what the latest run set aside.
    """,
    workspace="none",
    commands=(LIST, RESTORE, PURGE),
)
