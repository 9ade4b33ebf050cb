"""The command `status`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from curator.api import Column, Table
from curator.cli.items import PROBLEMS
from curator.cli.shared import Command, json_option, limit_option, workspace_option

if TYPE_CHECKING:
    from curator.core.workspace import Workspace

HOLDINGS = Table(
    "holding",
    "Items",
    (
        Column("media", "image or text"),
        Column("items", "how many", "integer"),
        Column("embedded", "how many have a vector of the default model", "integer"),
        Column("failed", "how many cannot have one", "integer"),
        Column("default", "the model that the workspace embeds them with"),
    ),
    whole=True,
)

LABELS = Table(
    "label",
    "Labels",
    (
        Column("label", "its name"),
        Column("group", "the group of labels that exclude each other; null if it stands alone"),
        Column("positives", "items that are", "integer"),
        Column("negatives", "items that are not: counter-examples, and for a group its other labels", "integer"),
        Column("conflicts", "items of which two things are said that exclude each other", "integer"),
    ),
)

STEPS = Table(
    "next",
    "Next",
    (Column("reason", "why"), Column("command", "what to type")),
    whole=True,
)


@click.command(cls=Command, example="curator status --problems")
@click.option("--problems", is_flag=True, help="List every file that could not be used, and why.")
@limit_option
@json_option
@workspace_option()
def status(workspace: Workspace, problems: bool, limit: int | None, as_json: bool) -> None:
    """Show what the catalogue holds, what is wrong, and what to do next."""
    from dataclasses import asdict

    from curator.cli.render import Output
    from curator.core.status import Status

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
    output.table(LABELS, (asdict(label) for label in found.labels()))
    output.table(STEPS, (asdict(step) for step in found.next_steps()))
