"""The commands `quarantine list`, `restore` and `purge`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import click

from curator.cli.names import Place
from curator.cli.shared import Command, Text, from_stdin, json_option, limit_option, workspace_option
from curator.cli.tables import QUARANTINED, RETURNED

if TYPE_CHECKING:
    from curator.quarantine.quarantine import Quarantined
    from curator.workspace import Workspace


@click.group()
def quarantine() -> None:
    """Files that an action took out: list them, put them back, or remove them for good.

    They lie in the folder quarantine/ of the workspace. `curator undo` puts back what the latest run took out.
    """


@quarantine.command("list", cls=Command, rows=(QUARANTINED,), example="curator quarantine list")
@limit_option
@json_option
@workspace_option()
def list_(workspace: Workspace, limit: int | None, as_json: bool) -> None:
    """List what lies in quarantine, oldest first."""
    from curator.cli.render import Output
    from curator.reporter import count, size

    files = workspace.quarantine.all()
    output = Output(as_json, limit)
    if not output.table(QUARANTINED, map(_row, files)):
        output.line("nothing is in quarantine")
    elif output.mode == "rich":
        output.line(f"{count(len(files), 'file')}, {size(sum(file.size for file in files))}")


@quarantine.command(
    cls=Command,
    rows=(RETURNED,),
    example="curator quarantine restore photos/a.jpg\ncurator quarantine restore 3 4\ncurator quarantine restore --all",
)
@click.argument("files", type=Place(), nargs=-1, metavar="[NUMBER|PATH|-]...")
@click.option("--all", "every", is_flag=True, help="Everything.")
@json_option
@workspace_option()
def restore(workspace: Workspace, files: tuple[str, ...], every: bool, as_json: bool) -> None:
    """Move files back where they were: named by number, by path, or by a folder.

    What lay beside a file about it alone comes with it. Nothing is written over; labels and embeddings were kept.
    """
    from curator.errors import BadInput

    if bool(files) == every:
        raise BadInput("name the files to restore (curator quarantine list), or give --all, not both")
    references = list(from_stdin(files))
    _print_result("restored", workspace.quarantine.restore(*references) if references or every else [], as_json)


@quarantine.command(cls=Command, rows=(RETURNED,), example="curator quarantine purge --older-than 30d")
@click.option(
    "--older-than",
    type=Text(),
    required=True,
    metavar="AGE",
    help="In quarantine for so long: 30d, 12h, 2w, or 0 for all.",
)
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
@workspace_option()
def purge(workspace: Workspace, older_than: str, yes: bool, as_json: bool) -> None:
    """Remove files from the disk for good. Asks first; this cannot be undone.

    It is the one command that deletes. A file stays where the one that was kept in its stead is gone or changed.
    """
    _print_result("removed", workspace.quarantine.purge(older_than, yes), as_json)


def _print_result(done: str, files: list[Quarantined], as_json: bool) -> None:
    from curator.cli.render import Output
    from curator.reporter import count, size

    output = Output(as_json)
    if as_json:
        output.table(RETURNED, _result_rows(done, files))
    output.line(
        f"{count(len(files), 'file')} {done} ({size(sum(file.size for file in files))})" if files else f"nothing {done}"
    )


def _result_rows(done: str, files: Iterable[Quarantined]) -> Iterator[dict[str, Any]]:
    return ({"done": done, "path": file.outside, "size": file.size} for file in files)


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
