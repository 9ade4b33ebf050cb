"""`curator log`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from curator.api import Column, Table
from curator.commands.spec import Call, CommandSpec, NoParams

if TYPE_CHECKING:
    from curator.workspace import Workspace

RUNS = Table(
    "run",
    "Runs, latest first",
    (
        Column("run", "its number", "integer"),
        Column("started", "when, in local time"),
        Column("command", "what was run"),
        Column("arguments", "with what"),
        Column("state", "running, done, interrupted or failed"),
        Column("changes", "rows of the catalogue that it wrote", "integer"),
        Column("undone", "the run that undid it", "integer"),
    ),
)


def log(call: Call, params: NoParams) -> None:
    """A run a row."""
    if not call.table(RUNS, _runs(call.workspace)):
        call.line("nothing has been done yet")


def _runs(workspace: Workspace) -> Iterator[dict[str, Any]]:
    from curator.history.undo import Undo
    from curator.store.catalogue.runs import RunStore
    from curator.store.stored import moment

    undone = Undo(workspace.database, workspace.moves).undone()
    for run in RunStore(workspace.database).latest_first():
        started = moment("run", "started", run.started).astimezone()
        yield {
            "run": run.id,
            "started": started.isoformat(sep=" ", timespec="seconds")[:19],
            "command": run.command,
            "arguments": _arguments(run.arguments),
            "state": run.state,
            "changes": run.changes,
            "undone": undone.get(run.id),
        }


def _arguments(text: str) -> str:
    from curator.store.stored import Unreadable, read

    try:
        return _short(read("run", "arguments", text))
    except Unreadable:
        return "(unreadable)"


def _short(arguments: dict[str, Any]) -> str:
    return " ".join(f"{name}={_words(value)}" for name, value in _given_arguments(arguments))


def _given_arguments(arguments: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """What was said, without what was left as it is, or was found out; selections are opened up."""
    from curator.catalog.added import WITHIN

    for name, value in arguments.items():
        if isinstance(value, dict):
            yield from _given_arguments(value)
        elif value not in (None, "", [], False) and name != WITHIN:
            yield name, value


def _words(value: Any) -> str:
    if isinstance(value, list):
        more = f" … ({len(value)})" if len(value) > 3 else ""
        return ",".join(str(part) for part in value[:3]) + more
    return str(value)


COMMAND = CommandSpec(
    name="log",
    summary="List the runs that changed something, latest first. Commands that only read, such as a search, are not "
    "runs.",
    run=log,
    tables=(RUNS,),
    example="curator log --limit 5",
    limited=True,
)
