"""Files, rows and items that could not be used: how they are listed, and told of."""

from __future__ import annotations

from collections.abc import Sequence

from curator.api import Column, Table
from curator.commands.spec import Call

PROBLEMS = Table(
    "problem",
    "Problems",
    (
        Column("path", "the file, or id:N", "path"),
        Column("reason", "what is wrong with it, for a table after 'line N:'"),
    ),
)

LINES = 10
"""How many are told of one by one."""


def say_problems(call: Call, problems: Sequence[tuple[object, str]]) -> None:
    """The first few, and how many more there are."""
    for what, reason in problems[:LINES]:
        call.say(f"  {what}: {reason}")
    if len(problems) > LINES:
        call.say(f"  … and {len(problems) - LINES:,} more")
