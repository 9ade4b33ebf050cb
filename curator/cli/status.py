"""The command `status`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from curator.cli.shared import Command, json_option, limit_option, workspace_option
from curator.cli.tables import HOLDINGS, LABELS, PROBLEMS, STEPS

if TYPE_CHECKING:
    from curator.workspace import Workspace


@click.command(cls=Command, rows=(HOLDINGS, LABELS, STEPS, PROBLEMS), example="curator status --problems")
@click.option("--problems", is_flag=True, help="List every file that could not be used, and why.")
@limit_option
@json_option
@workspace_option()
def status(workspace: Workspace, problems: bool, limit: int | None, as_json: bool) -> None:
    """Show what the catalogue holds, what is wrong, and what to do next."""
    from dataclasses import asdict

    from curator.cli.render import Output
    from curator.maintenance.status import Status

    found = Status(workspace)
    output = Output(as_json, limit)
    if problems:
        listed = ({"path": path, "reason": reason} for path, reason in found.problems())
        if not output.table(PROBLEMS, listed):
            output.line("no problems")
        return
    output.line(f"workspace {workspace.folder}")
    rows = [asdict(holding) for holding in found.holdings()]
    output.table(HOLDINGS, ({"media": row.pop("modality"), **row} for row in rows))
    names = [column.name for column in LABELS.columns]
    output.table(LABELS, ({name: getattr(label, name) for name in names} for label in found.labels()))
    output.table(STEPS, (asdict(step) for step in found.next_steps()))
