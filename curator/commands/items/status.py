"""`curator status`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from curator.api import Column, Option, Table
from curator.commands.problems import PROBLEMS
from curator.commands.spec import Call, CommandSpec

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
        Column("positives", "positive examples", "integer"),
        Column("negatives", "negative examples; for a group also items with its other labels", "integer"),
        Column("conflicts", "items with labels that exclude each other", "integer"),
    ),
)

STEPS = Table(
    "next",
    "Next",
    (Column("reason", "why"), Column("command", "what to type")),
    whole=True,
)


@dataclass(frozen=True, slots=True)
class StatusParams:
    """Whether of all, or of what went wrong."""

    problems: Annotated[bool, Option(help="List every file that could not be used, and why.")] = False


def status(call: Call, params: StatusParams) -> None:
    """What there is, in three tables."""
    from dataclasses import asdict

    from curator.maintenance.status import Status

    found = Status(call.workspace)
    if params.problems:
        if not call.table(PROBLEMS, ({"path": path, "reason": reason} for path, reason in found.problems())):
            call.line("no problems")
        return
    call.line(f"workspace {call.workspace.folder}")
    holdings = list(found.holdings())
    rows = map(asdict, holdings)
    call.table(HOLDINGS, ({"media": row.pop("modality"), **row} for row in rows))
    names = [column.name for column in LABELS.columns]
    call.table(LABELS, ({name: getattr(label, name) for name in names} for label in found.labels()))
    call.table(STEPS, (asdict(step) for step in found.next_steps(holdings)))


COMMAND = CommandSpec(
    name="status",
    summary="Show what is there, what is wrong, and what to do next.",
    params=StatusParams,
    run=status,
    tables=(HOLDINGS, LABELS, STEPS, PROBLEMS),
    example="curator status --problems",
    limited=True,
)
