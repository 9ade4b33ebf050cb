"""Commands about what was done and what is there: log, undo, check, backup, restore, trust, forget, relocate."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from curator.api import Column, Table
from curator.cli.names import Place
from curator.cli.shared import Command, force_option, from_stdin, json_option, limit_option, workspace_option
from curator.cli.tables import BACKUP, FAULTS, RESTORED, RUNS, UNDONE
from curator.cli.text import say

if TYPE_CHECKING:
    from curator.workspace import Workspace


@click.command(cls=Command, rows=(RUNS,), example="curator log --limit 5")
@limit_option
@json_option
@workspace_option()
def log(workspace: Workspace, limit: int | None, as_json: bool) -> None:
    """List the runs that changed something, latest first. What only reads, as a search, is no run."""
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
    What only reads, as a search, is no run: undo takes back what was done before it.
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
    from curator.store.private import read_by_all

    found = workspace.check(repair)
    if read_by_all(workspace.folder):
        folder = shlex.quote(str(workspace.folder))
        say(f"note: everybody on this machine may read this workspace: chmod -R go-rwx {folder} keeps it to you")
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
@click.argument("file", type=click.Path(readable=False), metavar="FILE")
@force_option
@json_option
@workspace_option()
def backup(workspace: Workspace, file: str, force: bool, as_json: bool) -> None:
    """Write everything that cannot be made again (catalogue, heads) into one tar archive, also while others write.

    `curator restore FILE --to FOLDER` makes a workspace of it. Exit code 5
    says that a head was left out, as it is damaged or may not be read.
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
    output.line(f"{holds} in {made.path} ({made.size / 1e6:,.1f} MB); to restore: curator restore FILE --to FOLDER")
    say_problems(made.left_out)
    if made.left_out:
        raise SomeItemsFailed(f"{count(len(made.left_out), 'object')} left out: curator check says what to do")


@click.command(cls=Command, rows=(RESTORED,), example="curator restore ../labels.tar --to restored")
@click.argument("file", type=click.Path())
@click.option("--to", type=click.Path(), metavar="FOLDER", help="The new workspace. [default: ./workspace]")
@json_option
def restore(file: str, to: str | None, as_json: bool) -> None:
    """Make a workspace of what `curator backup` wrote, in a folder that is not there yet.

    The archive may come from anybody: only what a backup holds is taken out of it, and every part is checked. Embed
    anew afterwards (`curator encode`). Exit code 5 says that the state of a head is not in it.
    """
    from dataclasses import asdict

    from curator.catalog.places import expand_path
    from curator.cli.render import Output
    from curator.errors import SomeItemsFailed
    from curator.maintenance.restore import restore as restored_from
    from curator.reporter import count
    from curator.workspace_path import FOLDER

    made = restored_from(expand_path(file).absolute(), expand_path(FOLDER if to is None else to).absolute())
    output = Output(as_json)
    if as_json:
        output.table(RESTORED, [asdict(made)])
    holds = f"{count(made.items, 'item')} and {count(made.objects, 'object')}"
    output.line(f"{holds} in {made.path}; next: curator encode -w {shlex.quote(str(made.path))}")
    if made.missing:
        raise SomeItemsFailed(f"the archive lacks what was learnt of {', '.join(made.missing)}: train again")


OUTSIDE = Table(
    "outside",
    "Outside of the workspace",
    (
        Column("what", "folder (files below it may be moved), cut short (a move to be taken back), in quarantine"),
        Column("from", "the folder, or where the file is", "path"),
        Column("to", "where it would go", "path"),
    ),
)


@click.command(cls=Command, rows=(OUTSIDE,), example="curator trust -w ../from-a-colleague")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--forget", is_flag=True, help="Trust it no more.")
@limit_option
@json_option
@workspace_option()
def trust(workspace: Workspace, yes: bool, forget: bool, limit: int | None, as_json: bool) -> None:
    """Let a workspace that was not made here move files outside of its folder.

    Shows the folders whose files it could move, and the moves that wait; then asks. Whatever only reads, or writes
    inside of the workspace, needs no trust. One that `add` or `init` made here has it; a copied or moved one is asked
    about once.
    """
    from curator.cli.render import Output
    from curator.errors import BadInput

    if yes and forget:
        raise BadInput("--yes or --forget, not both")
    output = Output(as_json, limit)
    if forget:
        workspace.moves.trust.take()
        output.line(f"{workspace.folder} is not trusted")
        return
    names = ("what", "from", "to")
    output.table(OUTSIDE, (dict(zip(names, row, strict=True)) for row in workspace.outside()))
    said = "is trusted" if workspace.trust(yes) else "is not trusted; nothing was changed"
    output.line(f"{workspace.folder} {said}")


FORGOTTEN = Table(
    "forgotten",
    "Forgotten",
    (
        Column("items", "items that are gone", "integer"),
        Column("rows", "rows of the catalogue that went with them", "integer"),
        Column("cached", "vectors and other results in the cache", "integer"),
        Column("files", "files in quarantine", "integer"),
        Column("runs", "earlier runs that cannot be undone any more, a list", "json"),
    ),
    whole=True,
)


@click.command(cls=Command, rows=(FORGOTTEN,), example="curator forget photos/passport.jpg\ncurator forget id:17 --yes")
@click.argument("items", type=Place(), nargs=-1, required=True, metavar="FILE|id:N|-...")
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
@workspace_option()
def forget(workspace: Workspace, items: tuple[str, ...], yes: bool, as_json: bool) -> None:
    """Remove all that is kept of items for good. Asks first; this cannot be undone.

    Rows, texts, labels, vectors, small pictures and files in quarantine go, from the catalogue, its history and the
    cache. Files elsewhere are not touched; added again, they are new items. What heads and encoders learnt stays.
    """
    from dataclasses import asdict

    from curator.cli.render import Output
    from curator.reporter import count, them

    done = workspace.forget(*from_stdin(items), yes=yes)
    output = Output(as_json)
    if as_json:
        output.table(FORGOTTEN, [{**asdict(done), "runs": list(done.runs)}])
    if not done.items:
        output.line("nothing was forgotten")
        return
    went = f"{count(done.rows, 'row')}, {count(done.cached, 'result')} in the cache"
    went += f", {count(done.files, 'file')} in quarantine" if done.files else ""
    output.line(f"{count(done.items, 'item')} forgotten: {went}; undo of earlier runs leaves {them(done.items)} out")
    if done.runs:
        numbers = ", ".join(map(str, done.runs))
        output.line(f"cannot be undone any more, since they changed what stays from or to what is gone: run {numbers}")


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


@click.command(cls=Command, rows=(RELOCATED,), example="curator relocate /media/old/photos /media/new/photos")
@click.argument("old", type=Place(), metavar="OLD")
@click.argument("new", type=Place(), metavar="NEW")
@click.option("--anyway", is_flag=True, help="Also where NEW holds nothing of it now, or something else.")
@json_option
@workspace_option()
def relocate(workspace: Workspace, old: str, new: str, anyway: bool, as_json: bool) -> None:
    """Let added folders that begin with OLD begin with NEW, as for a drive with another letter or mount point.

    No file is moved. Some of them are read first, to see that NEW holds what OLD held. `curator undo` takes it back.
    """
    from dataclasses import asdict

    from curator.cli.render import Output
    from curator.reporter import count

    done = workspace.relocate(old, new, anyway)
    output = Output(as_json)
    if as_json:
        output.table(RELOCATED, [asdict(done)])
    compared = f", {done.read:,} of them read and the same" if done.read else ""
    were = "it was" if done.found == 1 else "they were"
    output.line(f"{count(done.folders, 'folder')} relocated: {count(done.found, 'file')} found as {were}{compared}")
    for number, what in ((done.changed, "other than they were"), (done.absent, "not there")):
        if number:
            output.line(f"{count(number, 'file')} {what}: curator add NEW looks again")


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
