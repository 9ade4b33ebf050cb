"""Nearest neighbours: one picture or text finds its like."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated

from curator.api import (
    ActionSpec,
    Argument,
    Column,
    Context,
    EncoderRef,
    Finding,
    FittedMetric,
    Item,
    ItemSet,
    MetricName,
    Model,
    NewFile,
    Option,
    Output,
    Query,
    Table,
    hookimpl,
)
from curator.kit import sheets
from curator.kit.listing import ITEM, of_item


@dataclass(frozen=True)
class SimilarParams:
    """What to look for, among what, and how many."""

    query: Annotated[Query, Argument(help="a file, or id:N for a catalogued item")]
    k: Annotated[int, Option("-k", min=1, help="The number of neighbours.")] = 10
    encoder: Annotated[EncoderRef | None, Option("-e", help="The encoder to use (`curator encoders` lists them).")] = (
        None
    )
    metric: Annotated[
        MetricName | None, Option(help="Rank by this metric, learnt from `curator pair`, instead of the plain cosine.")
    ] = None
    items: Annotated[ItemSet, Option()] = ItemSet()
    sheet: Annotated[
        NewFile | None,
        Option(help="Write the query and its neighbours to FILE (PNG, JPEG, WebP or PDF).", choices=sheets.ENDINGS),
    ] = None


NEIGHBOURS = Table(
    "neighbour",
    "Nearest neighbours",
    (
        Column("rank", "1 is the nearest", "integer"),
        Column("score", "cosine of the two embeddings, -1 to 1", "score"),
        *ITEM,
        Column("labels", "what it is labelled as, a list", type="strings"),
    ),
    counted=True,
)

BY_METRIC = Table(
    "likeness",
    "Nearest by the learnt metric",
    (
        Column("rank", "1 is the nearest", "integer"),
        Column("score", "learned similarity of the two embeddings, -1 to 1", "score"),
        Column("cosine", "their plain cosine", "score"),
        *NEIGHBOURS.columns[2:],
        Column("metric", "the metric, NAME:KIND", "json", "string"),
    ),
    counted=True,
)


def plan(context: Context, params: SimilarParams) -> Iterator[Output]:
    """The k items of highest cosine with the query, which itself (and so each exact copy) is left out.

    With a metric, of the highest similarity that was learnt. An encoder of both media finds images, by an image or by
    a text, unless `--media text` says otherwise.
    """
    query = params.query
    model = context.model(params.encoder, query.modality)
    items = context.items(params.items, modalities=model.modalities if params.items.media else model.modalities[:1])
    if all(item.hash == query.hash for item in items[:2]):
        asked = params.items.media or model.modalities[0]
        medium = " or ".join(asked) if isinstance(asked, tuple) else asked
        both = query.item is None and query.path is None and model.modalities == ("text",)
        hint = "; to find images by words, name an encoder of both with -e (`curator encoders`)" if both else ""
        context.note(f"the catalogue has no {medium} to compare with{hint}")
    metric = None if params.metric is None else context.metric(params.metric, model)
    vector = context.embed(query, model)
    nearest = context.nearest(vector, model, items, params.k + 1, metric)  # one of them may be the query
    nearest = [(item, score) for item, score in nearest if item.hash != query.hash][: params.k]
    labels = context.labels([item for item, _ in nearest])
    found = [(item, score, names) for (item, score), names in zip(nearest, labels, strict=True)]
    cosines = context.cosines(vector[None], model, [item for item, _ in nearest])[1][:, 0].tolist() if metric else None
    for rank, (item, score, names) in enumerate(found, 1):
        values = {
            "rank": rank,
            "score": score,
            **of_item(item),
            "labels": list(names),
        }
        if metric is None or cosines is None:
            yield Finding("neighbour", values)
        else:
            of_metric = {"cosine": cosines[rank - 1], "metric": f"{metric.name}:{metric.metric}"}
            yield Finding("likeness", {**values, **of_metric})
    if params.sheet is not None:
        yield sheets.artifact(context, params.sheet, _sheet(query, model, metric, found))


def _sheet(
    query: Query, model: Model, metric: FittedMetric | None, found: Sequence[tuple[Item, float, tuple[str, ...]]]
) -> sheets.Sheet:
    """The query, framed, and its neighbours, nearest first."""
    tiles = [sheets.Tile.of(query.item or query, "the query", marked=True)]
    tiles += [sheets.Tile.of(item, f"{score:.3f}", ", ".join(names)) for item, score, names in found]
    by = "cosine" if metric is None else f"similarity learnt from the pairs marked for {metric.name},"
    note = f"{by} of embeddings by {model.name}"
    return sheets.Sheet("Nearest neighbours", (sheets.Section(tuple(tiles)),), note)


@hookimpl
def register_actions() -> Iterable[ActionSpec]:
    """The command `similar`."""
    return [
        ActionSpec(
            "similar",
            "Find the items most similar to a picture or text.",
            SimilarParams,
            plan,
            (NEIGHBOURS, BY_METRIC),
            example="curator similar img.jpg -k 5",
            labels=False,
        )
    ]
