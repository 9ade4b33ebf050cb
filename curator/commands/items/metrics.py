"""`curator metrics`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from curator.api import Argument, Column, MetricName, MetricSpec, Table
from curator.commands.items.pair import PAIRED, row_of
from curator.commands.spec import Call, CommandSpec

if TYPE_CHECKING:
    from curator.workspace import Workspace

METRIC_COUNTS = Table(
    "metric",
    "Metrics",
    (
        Column("metric", "what `similar --metric` takes"),
        Column("alike", "pairs marked as alike", "integer"),
        Column("not_alike", "pairs marked as not", "integer"),
    ),
)

METRIC_KINDS = Table(
    "kind",
    "Kinds of metric",
    (
        Column("name", "KIND in `similar --metric NAME:KIND`"),
        Column("default", "yes for the one that is used if none is named"),
        Column("summary", "what it is"),
    ),
    whole=True,
)


@dataclass(frozen=True, slots=True)
class MetricsParams:
    """Of which metric, or of all."""

    name: Annotated[MetricName | None, Argument()] = None


def metrics(call: Call, params: MetricsParams) -> None:
    """The pairs of one, or which there are."""
    if params.name is not None:
        call.table(PAIRED, _pairs(call.workspace, params.name))
        return
    kinds = call.registry.all(MetricSpec)
    call.table(
        METRIC_KINDS,
        ({"name": s.name, "default": "yes" if s.default else None, "summary": s.summary} for s in kinds),
    )
    counts = call.found.pairs.counts() if call.found else []
    call.table(METRIC_COUNTS, ({"metric": c.name, "alike": c.alike, "not_alike": c.unlike} for c in counts))
    if not counts:
        call.line("no pairs marked yet: curator pair FILE FILE --metric NAME")


def _pairs(workspace: Workspace, name: str) -> Iterator[dict[str, Any]]:
    marked = workspace.pairs.of(name)
    ends = {end for pair in marked for end in (pair.left, pair.right)}
    items = {item.id: item for item in workspace.items.by_ids(sorted(ends))}
    for pair in marked:
        yield row_of(items[pair.left], items[pair.right], "alike" if pair.alike else "not alike", None)


COMMAND = CommandSpec(
    name="metrics",
    summary="List the metrics learnt from pairs, or the pairs of one.",
    params=MetricsParams,
    run=metrics,
    tables=(METRIC_KINDS, METRIC_COUNTS, PAIRED),
    example="curator metrics\ncurator metrics taste",
    workspace="optional",
    limited=True,
)
