"""Sort what is not labelled yet by a head fitted on what is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Annotated

from curator.api import (
    ActionSpec,
    Column,
    Context,
    EncoderRef,
    Finding,
    FittedHead,
    GroupName,
    HeadName,
    ItemSet,
    LabelName,
    Option,
    Output,
    Predictions,
    Table,
    hookimpl,
)


@dataclass(frozen=True)
class ClassifyParams:
    """One label (is it, or is it not?) or one group (which of several?), and what to do it with."""

    label: Annotated[LabelName | None, Option(help="The label to tell from everything else.")] = None
    group: Annotated[GroupName | None, Option(help="The group of labels to choose one from.")] = None
    encoder: Annotated[EncoderRef | None, Option("-e", help="The encoder to use.")] = None
    head: Annotated[HeadName | None, Option(help="The kind of head to fit (`curator heads` lists them).")] = None
    among: Annotated[ItemSet, Option()] = ItemSet()


HELD_OUT = Table(
    "held-out",
    "Held-out quality, on items like the labelled ones",
    (
        Column("head", "the head's target and version", "json"),
        Column("model", "the encoder it works on", "json"),
        Column("metric", "what was measured"),
        Column("value", "mean over held-out folds, 0 to 1", "score"),
        Column("spread", "standard deviation over the folds", "score"),
        Column("items", "how many items it rests on", "integer"),
    ),
    whole=True,
)

PREDICTIONS = Table(
    "prediction",
    "Predictions for items that nobody labelled",
    (
        Column("probability", "the head's probability for the label, 0 to 1", "percent"),
        Column("label", "for a label: itself; for a group: the most probable one"),
        Column("id", "the item", "integer"),
        Column("path", "where it is; null if its file is gone", "path"),
        Column("text", "the body of a text; null for an image"),
    ),
)


def plan(context: Context, params: ClassifyParams) -> Iterator[Output]:
    """How good the head is on held-out items, then its predictions, most probable first."""
    target = context.target(params.label, params.group)
    model = context.model(params.encoder, "image") if params.encoder is not None else None
    head = context.head(target, model, params.head)
    yield from held_out(head)
    items = context.items(params.among, modalities=head.model.modalities)
    predictions = context.predict(head, context.unlabelled(target, items))
    yield from _ranked(predictions, binary=params.label is not None)


def held_out(head: FittedHead) -> Iterator[Finding]:
    """A row for each metric."""
    count = int(head.metrics["items"])
    for name, value in head.metrics.items():
        if name != "items" and not name.endswith(" spread"):
            values = {
                "head": f"{head.target}@{head.version}",
                "model": head.model.name,
                "metric": name,
                "value": value,
                "spread": head.metrics.get(f"{name} spread"),
                "items": count,
            }
            yield Finding("held-out", values)


def _ranked(predictions: Predictions, binary: bool) -> Iterator[Finding]:
    probabilities = predictions.probabilities
    best = [len(predictions.classes) - 1] * len(probabilities) if binary else probabilities.argmax(axis=1).tolist()
    rows = [
        (float(row[column]), column, item)
        for row, column, item in zip(probabilities, best, predictions.items, strict=True)
    ]
    for probability, column, item in sorted(rows, key=lambda row: (-row[0], row[2].id)):
        values = {
            "probability": probability,
            "label": predictions.classes[column],
            "id": item.id,
            "path": item.path,
            "text": item.text,
        }
        yield Finding("prediction", values)


@hookimpl
def register_actions() -> Iterable[ActionSpec]:
    """The command `classify`."""
    return [
        ActionSpec(
            "classify",
            "Fit a head on what is labelled, say how good it is, and score the rest.",
            ClassifyParams,
            plan,
            (HELD_OUT, PREDICTIONS),
            example="curator classify --label ultraman",
        )
    ]
