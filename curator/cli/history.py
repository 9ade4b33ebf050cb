"""Commands about what was done and what is there: log, undo, check, backup."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from curator.cli.shared import Command, force_option, json_option, limit_option, workspace_option
from curator.cli.tables import BACKUP, FAULTS, RUNS, UNDONE

if TYPE_CHECKING:
    from curator.workspace import Workspace


@click.command(cls=Command, rows=(RUNS,), example="curator log --limit 5")
@limit_option
@json_option
@workspace_option()
def log(workspace: Workspace, limit: int | None, as_json: bool) -> None:
    """List the runs that wrote something, latest first."""
    from curator.cli.render import Output

    if not Output(as_json, limit).table(RUNS, _runs(workspace)) and not as_json:
        Output().line("nothing was done yet")


@click.command(cls=Command, rows=(UNDONE,), example="curator undo\ncurator undo 12")
@click.argument("run", type=int, required=False, metavar="[RUN]")
@json_option
@workspace_option()
def undo(workspace: Workspace, run: int | None, as_json: bool) -> None:
    """Take back the latest run, or the one of this number in `curator log`.

    Every row of the catalogue, and every file that it moved, is put back as it was. An undo is a run too: undoing
    it does it again. Where later runs build on the one to undo, they are named and nothing is changed.
    """
    from dataclasses import asdict

    from curator.cli.render import Output
    from curator.reporter import count

    undone = workspace.undo(run)
    output = Output(as_json)
    if as_json:
        output.table(UNDONE, [asdict(undone)])
    back = count(undone.rows, "row") + (f" and {count(undone.files, 'file')}" if undone.files else "")
    output.line(
        f"run {undone.run} ({undone.command}) is undone: {back} put back; curator undo {undone.by} does it again"
    )


@click.command(cls=Command, rows=(FAULTS,), example="curator check\ncurator check --repair")
@click.option("--repair", is_flag=True, help="Repair what can be, without losing anything that somebody decided.")
@limit_option
@json_option
@workspace_option()
def check(workspace: Workspace, repair: bool, limit: int | None, as_json: bool) -> None:
    """Read every file, object and vector again, and list what is not as the catalogue says.

    Exit code 5 says that something is left to do.
    """
    from curator.cli.render import Output
    from curator.errors import SomeItemsFailed
    from curator.reporter import count

    found = workspace.check(repair)
    output = Output(as_json, limit)
    rows = (
        {
            **{"part": fault.part, "which": fault.which, "wrong": fault.wrong, "remedy": fault.remedy},
            **{"repaired": repaired, "repairable": fault.repair is not None},
        }
        for fault, repaired in found
    )
    output.table(FAULTS, rows)
    repaired = sum(done for _, done in found)
    if repaired:
        output.line(f"{count(repaired, 'fault')} repaired")
    if not found:
        output.line("everything is as the catalogue says")
    if len(found) > repaired:
        can = sum(fault.repair is not None for fault, done in found if not done)
        hint = f": curator check --repair mends {can:,} of them" if can else ""
        raise SomeItemsFailed(f"{count(len(found) - repaired, 'fault')} left{hint}")


@click.command(cls=Command, rows=(BACKUP,), example="curator backup ../labels.tar")
@click.argument("file", type=click.Path())
@force_option
@json_option
@workspace_option()
def backup(workspace: Workspace, file: str, force: bool, as_json: bool) -> None:
    """Write everything that cannot be made again (catalogue, heads) into one tar archive, also while others write.

    To restore it, unpack it into a folder (tar -xf FILE -C FOLDER) and run `curator encode -w FOLDER`. Exit code 5
    says that a damaged head was left out.
    """
    from dataclasses import asdict

    from curator.cli.items import say_problems
    from curator.cli.render import Output
    from curator.errors import SomeItemsFailed
    from curator.reporter import count

    made = workspace.back_up(file, force)
    output = Output(as_json)
    if as_json:
        output.table(BACKUP, [{**asdict(made), "left_out": [what for what, _ in made.left_out]}])
    holds = f"{count(made.items, 'item')} and {count(made.objects, 'object')}"
    output.line(f"{holds} in {made.path} ({made.size / 1e6:,.1f} MB); to restore: tar -xf FILE -C FOLDER")
    say_problems(made.left_out)
    if made.left_out:
        raise SomeItemsFailed(f"{count(len(made.left_out), 'damaged object')} left out: curator check says what to do")


def _runs(workspace: Workspace) -> Iterator[dict[str, Any]]:
    import datetime

    from curator.history.undo import Undo
    from curator.store.catalogue.runs import RunStore

    undone = Undo(workspace.database, workspace.moves).undone()
    for run in RunStore(workspace.database).latest_first():
        started = datetime.datetime.fromisoformat(run.started).astimezone()
        yield {
            "run": run.id,
            "started": started.isoformat(sep=" ", timespec="seconds")[:19],
            "command": run.command,
            "arguments": _short(json.loads(run.arguments)),
            "state": run.state,
            "changes": run.changes,
            "undone": undone.get(run.id),
        }


def _short(arguments: dict[str, Any]) -> str:
    return " ".join(f"{name}={_words(value)}" for name, value in _given(arguments))


def _given(arguments: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """What was said, without what was left as it is, or was found out; selections are opened up."""
    from curator.catalog.added import WITHIN

    for name, value in arguments.items():
        if isinstance(value, dict):
            yield from _given(value)
        elif value not in (None, "", [], False) and name != WITHIN:
            yield name, value


def _words(value: Any) -> str:
    if isinstance(value, list):
        more = f" … ({len(value)})" if len(value) > 3 else ""
        return ",".join(str(part) for part in value[:3]) + more
    return str(value)
