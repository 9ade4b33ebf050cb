"""`curator pair`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from curator.api import Argument, Column, ItemRef, MetricName, Option, Table
from curator.commands.spec import Call, CommandSpec
from curator.errors import BadInput

if TYPE_CHECKING:
    from curator.api import Item

PAIRED = Table(
    "pair",
    "Pairs",
    (
        Column("left", "an item", "integer"),
        Column("right", "another", "integer"),
        Column("left_path", "where the first is; null if its file is gone", "path"),
        Column("right_path", "where the other is", "path"),
        Column("now", "alike, not alike, or empty for neither"),
        Column("before", "what was said before"),
        Column(
            "left_row",
            "the id of the first one's row, where its path is a table with a column of ids",
            "json",
            "string",
        ),
        Column("right_row", "that of the other", "json", "string"),
    ),
)


@dataclass(frozen=True, slots=True)
class PairParams:
    """What is said of which items."""

    items: Annotated[tuple[ItemRef, ...], Argument(metavar="FILE|id:N FILE|id:N|-")]
    metric: Annotated[
        MetricName, Option(metavar="NAME", help="The metric that learns from the pairs; a new name creates one.")
    ]
    not_alike: Annotated[bool, Option(help="Mark the items as not similar.")] = False
    remove: Annotated[bool, Option(help="Remove the mark.")] = False


def pair(call: Call, params: PairParams) -> None:
    """Say it, and tell what was said before."""
    from curator.catalog.pairs import metric_name
    from curator.reporter import count

    if params.not_alike and params.remove:
        raise BadInput("--not-alike and --remove exclude each other")
    metric, items = params.metric, list(call.names(params.items))
    known = [found.name for found in call.workspace.pairs.counts()]
    said = call.workspace.pair(metric, *items, alike=None if params.remove else not params.not_alike)
    now = "" if params.remove else "not alike" if params.not_alike else "alike"
    if call.mode == "json":
        call.record(PAIRED, (row_of(one, other, now, before) for one, other, before in said))
        return
    others = f"; there {'are' if len(known) > 1 else 'is'} also {', '.join(known[:8])}" if known else ""
    new = "" if metric_name(metric) in known else f" (a new metric{others})"
    call.line(f"{count(len(said), 'pair')}: {now or 'nothing said'} for {metric}{new}")
    for one, other, before in said:
        if before not in ("", now):
            call.say(f"  {one} and {other} were marked as {before} before")


def row_of(one: Item, other: Item, now: str, before: str | None) -> dict[str, Any]:
    """A row for the table of pairs."""
    paths = {"left_path": one.path, "right_path": other.path}
    rows = {"left_row": one.row, "right_row": other.row}
    return {"left": one.id, "right": other.id, **paths, "now": now, "before": before, **rows}


COMMAND = CommandSpec(
    name="pair",
    summary="""Mark items as similar, or not, for a metric to learn from.

    The first item is paired with each of the others; `-` reads them from standard input, one per line.
    `curator similar --metric NAME` ranks by what it learnt. The latest mark of a pair counts.
    """,
    params=PairParams,
    run=pair,
    tables=(PAIRED,),
    example="curator pair a.jpg b.jpg --metric taste\n"
    "curator pair a.jpg c.jpg d.jpg --not-alike --metric taste\n"
    "curator similar a.jpg --metric taste",
    effects=("writes",),
)
