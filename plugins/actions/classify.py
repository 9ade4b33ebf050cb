"""Sort what is not labelled yet by a head fitted on what is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated

from curator import sheets
from curator.api import (
    ActionSpec,
    Column,
    Context,
    EncoderRef,
    Finding,
    FittedHead,
    GroupName,
    HeadName,
    Item,
    ItemSet,
    LabelName,
    NewFile,
    Option,
    Output,
    Predictions,
    Table,
    hookimpl,
)

BAND = 12
"""How many items of each kind a sheet shows at most: two rows."""


@dataclass(frozen=True)
class ClassifyParams:
    """One label (is it, or is it not?) or one group (which of several?), and what to do it with."""

    label: Annotated[LabelName | None, Option(help="The label to tell from everything else.")] = None
    group: Annotated[GroupName | None, Option(help="The group of labels to choose one from.")] = None
    encoder: Annotated[EncoderRef | None, Option("-e", help="The encoder to use.")] = None
    head: Annotated[HeadName | None, Option(help="The kind of head to fit (`curator heads` lists them).")] = None
    among: Annotated[ItemSet, Option()] = ItemSet()
    sheet: Annotated[
        NewFile | None,
        Option(help="Show the best, worst and least sure as one picture or PDF.", choices=sheets.ENDINGS),
    ] = None


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
        Column("path", "where it is; null if its file is gone", "picture"),
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
    ranked = _ranked(predictions, binary=params.label is not None)
    yield from (prediction.finding() for prediction in ranked)
    if params.sheet is not None and ranked:
        yield sheets.artifact(context, params.sheet, _sheet(head, ranked, binary=params.label is not None))
    elif params.sheet is not None:
        context.note("no sheet was made: there is nothing to predict")


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


@dataclass(frozen=True)
class Prediction:
    """What the head says of an item: the class and its probability, the next one, and how far they are apart."""

    item: Item
    label: str
    probability: float
    second: str
    margin: float

    def finding(self) -> Finding:
        """The row to show."""
        values = {
            "probability": self.probability,
            "label": self.label,
            "id": self.item.id,
            "path": self.item.path,
            "text": self.item.text,
        }
        return Finding("prediction", values)

    def tile(self) -> sheets.Tile:
        """The item with its probability."""
        return sheets.Tile.of(self.item, f"{100 * self.probability:.1f} % {self.label}", self.second)


def _ranked(predictions: Predictions, binary: bool) -> list[Prediction]:
    """For a label how probable it is, for a group its most probable class; the most probable item first."""
    found = []
    for row, item in zip(predictions.probabilities, predictions.items, strict=True):
        first, second = (-row).argsort(kind="stable")[:2]
        margin = float(row[first] - row[second])
        if binary:
            label = len(predictions.classes) - 1
            found.append(Prediction(item, predictions.classes[label], float(row[label]), "", margin))
        else:
            next_best = f"{100 * row[second]:.1f} % {predictions.classes[second]}"
            found.append(Prediction(item, predictions.classes[first], float(row[first]), next_best, margin))
    return sorted(found, key=lambda prediction: (-prediction.probability, prediction.item.id))


def _sheet(head: FittedHead, ranked: Sequence[Prediction], binary: bool) -> sheets.Sheet:
    """The best, the worst and the least sure, in whose case a label from you helps most; no item twice.

    For a group there is no worst: where no class is probable, the head is least sure.
    """
    count = min(BAND, -(-len(ranked) // (3 if binary else 2)))
    best, others = ranked[:count], ranked[count:]
    worst = others[max(0, len(others) - count) :][::-1] if binary else []
    between = others[: len(others) - len(worst)]
    unsure = sorted(between, key=lambda prediction: prediction.margin)[:count]
    bands = {"Most probable": best, "Least probable": worst, "Least sure": unsure}
    sections = [
        sheets.Section(tuple(prediction.tile() for prediction in band), heading, _span(band))
        for heading, band in bands.items()
        if band
    ]
    note = f"{len(ranked):,} items that nobody labelled, by {head.target}@{head.version} on {head.model.name}"
    return sheets.Sheet(f"Predictions for {head.target.partition(':')[2]}", tuple(sections), note)


def _span(band: Sequence[Prediction]) -> str:
    probabilities = [100 * prediction.probability for prediction in band]
    return f"{max(probabilities):.1f} % to {min(probabilities):.1f} %"


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
