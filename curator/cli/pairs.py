"""Commands about pairs, and the metrics that are learnt from them: pair, metrics."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from curator.cli.names import METRIC, Place
from curator.cli.shared import Command, from_stdin, json_option, limit_option, needed, registry, workspace_option
from curator.cli.tables import METRIC_COUNTS, METRIC_KINDS, PAIRED
from curator.cli.text import say

if TYPE_CHECKING:
    from curator.api import Item
    from curator.workspace import Workspace


@click.command(
    cls=Command,
    rows=(PAIRED,),
    example="curator pair a.jpg b.jpg --metric taste\n"
    "curator pair a.jpg c.jpg d.jpg --not-alike --metric taste\n"
    "curator similar a.jpg --metric taste",
)
@click.argument("items", type=Place(), nargs=-1, required=True, metavar="FILE|id:N FILE|id:N|-...")
@click.option(
    "--metric",
    type=METRIC,
    required=True,
    metavar="NAME",
    help="What the likeness is learnt for; a new name begins one.",
)
@click.option("--not-alike", is_flag=True, help="They are not alike.")
@click.option("--remove", is_flag=True, help="Remove what was marked of them.")
@json_option
@workspace_option()
def pair(
    workspace: Workspace, items: tuple[str, ...], metric: str, not_alike: bool, remove: bool, as_json: bool
) -> None:
    """Say that an item is like another, or like each of several others.

    `curator similar --metric NAME` learns from it. The last word on two items counts.
    """
    from curator.catalog.pairs import metric_name
    from curator.cli.render import Output
    from curator.errors import BadInput
    from curator.reporter import count

    if not_alike and remove:
        raise BadInput("--not-alike and --remove exclude each other")
    known = [found.name for found in workspace.pairs.counts()]
    said = workspace.pair(metric, *from_stdin(items), alike=None if remove else not not_alike)
    now = "" if remove else "not alike" if not_alike else "alike"
    output = Output(as_json)
    if as_json:
        output.table(PAIRED, (_row(one, other, now, before) for one, other, before in said))
        return
    others = f"; there {'are' if len(known) > 1 else 'is'} also {', '.join(known[:8])}" if known else ""
    new = "" if metric_name(metric) in known else f" (a new metric{others})"
    output.line(f"{count(len(said), 'pair')}: {now or 'nothing said'} for {metric}{new}")
    for one, other, before in said:
        if before not in ("", now):
            say(f"  {one} and {other} were marked as {before} before")


@click.command(
    cls=Command, rows=(METRIC_KINDS, METRIC_COUNTS, PAIRED), example="curator metrics\ncurator metrics taste"
)
@click.argument("name", type=METRIC, required=False)
@limit_option
@json_option
@workspace_option(optional=True)
def metrics(workspace: Workspace | None, name: str | None, limit: int | None, as_json: bool) -> None:
    """List the metrics that pairs are marked for, or the pairs of one."""
    from curator.api import MetricSpec
    from curator.cli.render import Output

    output = Output(as_json, limit)
    if name is not None:
        output.table(PAIRED, _pairs(needed(workspace), name))
        return
    kinds = registry().all(MetricSpec)
    output.table(
        METRIC_KINDS,
        ({"name": s.name, "default": "yes" if s.default else None, "summary": s.summary} for s in kinds),
    )
    counts = workspace.pairs.counts() if workspace else []
    output.table(METRIC_COUNTS, ({"metric": c.name, "alike": c.alike, "not_alike": c.unlike} for c in counts))
    if not counts:
        output.line("no pair marked yet: curator pair FILE FILE --metric NAME")


def _pairs(workspace: Workspace, name: str) -> Iterator[dict[str, Any]]:
    marked = workspace.pairs.of(name)
    ends = {end for pair in marked for end in (pair.left, pair.right)}
    items = {item.id: item for item in workspace.items.by_ids(sorted(ends))}
    for pair in marked:
        yield _row(items[pair.left], items[pair.right], "alike" if pair.alike else "not alike", None)


def _row(one: Item, other: Item, now: str, before: str | None) -> dict[str, Any]:
    paths = {"left_path": one.path, "right_path": other.path}
    rows = {"left_row": one.row, "right_row": other.row}
    return {"left": one.id, "right": other.id, **paths, "now": now, "before": before, **rows}
