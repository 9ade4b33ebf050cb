"""Nearest neighbours: pictures or texts find their like.

The other modules of the package are imported when the action runs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

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
    LabelName,
    MetricName,
    Model,
    NewFile,
    Option,
    Output,
    Query,
    Table,
    TargetRef,
    hookimpl,
)
from curator.kit import sheets
from curator.kit.listing import ITEM, of_item

if TYPE_CHECKING:
    from .folding import Result
    from .question import Side


@dataclass(frozen=True)
class SimilarParams:
    """What to look for, among what, and how many."""

    query: Annotated[
        tuple[Query, ...],
        Argument(
            help="files, or id:N for catalogued items; of several, what is like all of them is found",
            instead=("plus_text", "plus_label"),
        ),
    ]
    plus_text: Annotated[
        tuple[Query, ...],
        Option(help="Find what is also like this text; with pictures it needs an encoder of both.", words=True),
    ] = ()
    plus_label: Annotated[
        tuple[LabelName, ...],
        Option(help="Find what is also like the items labelled LABEL, but none of these, unless with --labelled."),
    ] = ()
    minus: Annotated[tuple[Query, ...], Option(help="Find what is less like this file or item.")] = ()
    minus_text: Annotated[tuple[Query, ...], Option(help="Find what is less like this text.", words=True)] = ()
    minus_label: Annotated[
        tuple[LabelName, ...],
        Option(help="Find what is less like the items labelled LABEL, and none of these, unless with --labelled."),
    ] = ()
    k: Annotated[int, Option("-k", min=1, help="The number of neighbours.")] = 10
    min_score: Annotated[float | None, Option(min=-1, max=1, help="Leave out what has a lower score.")] = None
    copies: Annotated[bool, Option(help="Show near-copies of a neighbour too, each in a row of its own.")] = False
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


FOLDED = (
    Column("copies", "how many near-copies are folded into this row, as in +3 near-copies; --copies shows them"),
    Column("copy_ids", "the items that are folded into this row", "json", "integers"),
)

NEIGHBOURS = Table(
    "neighbour",
    "Nearest neighbours",
    (
        Column("rank", "1 is the nearest", "integer"),
        Column(
            "score",
            "cosine with the embedding of the query, -1 to 1; of several, with the mean of their unit vectors, less a "
            "quarter of the mean of those that results must not be like",
            "score",
        ),
        *ITEM,
        Column("labels", "what it is labelled as, a list", type="strings"),
        *FOLDED,
    ),
    counted=True,
)

BY_METRIC = Table(
    "likeness",
    "Nearest by the learnt metric",
    (
        Column("rank", "1 is the nearest", "integer"),
        Column("score", "learned similarity to the query, which may be of several as in `neighbour`, -1 to 1", "score"),
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
    from .folding import Result, folded
    from .question import Side, direction, hold_together, media_of

    wanted = Side.of(context, (*params.query, *params.plus_text), params.plus_label)
    unwanted = Side.of(context, (*params.minus, *params.minus_text), params.minus_label)
    model = context.model(params.encoder, "text" if media_of(context, wanted, unwanted) == {"text"} else "image")
    hold_together(wanted, unwanted, model)
    own = {query.hash for query in (*wanted.queries, *unwanted.queries)}
    items = _among(context, params, model, (*wanted.labels, *unwanted.labels))
    if all(item.hash in own for item in items[: len(own) + 1]):
        _say_that_there_is_nothing(context, params, model)
    metric = None if params.metric is None else context.metric(params.metric, model)
    vector = direction(context, model, wanted, unwanted)
    least = -2 if params.min_score is None else params.min_score

    def find(count: int) -> list[tuple[Item, float]]:
        found = context.nearest(vector, model, items, count + len(own), metric)  # which may be among them
        return [(item, score) for item, score in found if item.hash not in own and score >= least][:count]

    if params.copies:
        results = [Result(item, score) for item, score in find(params.k)]
    else:
        results = folded(context, model, find, params.k)
    # Looked for all the same, as a damaged vector is told by that; all are as far from one of zeros.
    if results and not vector.any():  # as of words that it never learnt
        context.note(f"{model.name} knows nothing of what is looked for, so that nothing is like it")
        results = []
    labels = context.labels([result.item for result in results])
    rows = [_row(rank, *one) for rank, one in enumerate(zip(results, labels, strict=True), 1)]
    if metric is None:
        yield from (Finding("neighbour", row) for row in rows)
    else:
        cosines = context.cosines(vector[None], model, [result.item for result in results])[1][:, 0].tolist()
        of_metric = [{"cosine": cosine, "metric": f"{metric.name}:{metric.metric}"} for cosine in cosines]
        yield from (Finding("likeness", {**row, **more}) for row, more in zip(rows, of_metric, strict=True))
    if params.sheet is not None:
        yield sheets.artifact(context, params.sheet, _sheet((wanted, unwanted), model, metric, results, labels))


def _among(context: Context, params: SimilarParams, model: Model, labels: Sequence[TargetRef]) -> Sequence[Item]:
    """What is looked at: the items of the labels are known already, unless labelled ones are asked for."""
    modalities = model.modalities if params.items.media else model.modalities[:1]
    items = context.items(params.items, modalities=modalities)
    for label in labels if params.items.label is None else ():
        items = context.without(items, context.items(ItemSet(label=label)))
    return items


def _say_that_there_is_nothing(context: Context, params: SimilarParams, model: Model) -> None:
    asked = params.items.media or model.modalities[0]
    if isinstance(asked, str) and asked not in model.modalities:
        context.note(f"{model.name} embeds no {asked}s: name an encoder of both with -e (`curator encoders`)")
        return
    if params.items != ItemSet() and context.items(modalities=model.modalities):
        context.note("nothing of what was chosen can be compared with: choose other items")
        return
    medium = " or ".join(asked) if isinstance(asked, tuple) else asked
    words = all(query.item is None and query.path is None for query in params.query) and not params.minus
    hint = "; to find images by words, name an encoder of both with -e (`curator encoders`)"
    context.note(
        f"the catalogue has no {medium} to compare with{hint if words and model.modalities == ('text',) else ''}"
    )


def _row(rank: int, result: Result, labels: Sequence[str]) -> dict[str, Any]:
    return {
        "rank": rank,
        "score": result.score,
        **of_item(result.item),
        "labels": list(labels),
        "copies": result.more or None,
        "copy_ids": [item.id for item in result.copies],
    }


def _sheet(
    sides: tuple[Side, Side],
    model: Model,
    metric: FittedMetric | None,
    results: Sequence[Result],
    labels: Sequence[tuple[str, ...]],
) -> sheets.Sheet:
    """What is looked for, framed, what results must not be like, and the neighbours, nearest first."""
    wanted, unwanted = sides
    tiles = list(_tiles(wanted, "the query" if wanted.parts == 1 else "looked for", True))
    tiles += _tiles(unwanted, "less like this", False)
    for result, names in zip(results, labels, strict=True):
        tiles.append(sheets.Tile.of(result.item, f"{result.score:.3f}", ", ".join(names), result.more))
    by = "cosine" if metric is None else f"similarity learnt from the pairs marked for {metric.name},"
    of_several = f" with the mean of {wanted.parts}" if wanted.parts > 1 else ""
    less = f", less a quarter of the mean of {unwanted.parts}," if unwanted.parts else ""
    note = f"{by}{of_several}{less} of embeddings by {model.name}"
    return sheets.Sheet("Nearest neighbours", (sheets.Section(tuple(tiles)),), note)


def _tiles(side: Side, caption: str, marked: bool) -> Iterator[sheets.Tile]:
    for query in side.queries:
        yield sheets.Tile.of(query.item or query, caption, marked=marked)
    for label in side.labels:
        yield sheets.Tile(text=str(label), caption=(caption,), marked=marked)


@hookimpl
def register_actions() -> Iterable[ActionSpec]:
    """The command `similar`."""
    return [
        ActionSpec(
            "similar",
            "Find the items most similar to pictures or texts.",
            SimilarParams,
            plan,
            (NEIGHBOURS, BY_METRIC),
            example="curator similar img.jpg -k 5\ncurator similar a.jpg b.jpg --minus c.jpg",
            labels=False,
        )
    ]
