"""Predictions as rows and as a sheet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from curator.api import Finding, Item, Predictions, Table
from curator.kit import sheets
from curator.kit.listing import of_item

if TYPE_CHECKING:
    from .deciding import Lines

BAND = 12
"""How many items of each kind a sheet shows at most: two rows."""


@dataclass(frozen=True)
class Prediction:
    """What a head says of an item: the class and its probability, the next one, and how far they are apart.

    `said` is what is said of it by the lines that were drawn, if any were.
    """

    item: Item
    label: str
    probability: float
    second: str
    margin: float
    said: str | None = None

    def finding(self, table: Table) -> Finding:
        """The row to show, of the columns of a table."""
        values = {
            "probability": self.probability,
            "label": self.label,
            "said": self.said,
            **of_item(self.item),
        }
        return Finding(table.kind, {column.name: values[column.name] for column in table.columns})

    def tile(self) -> sheets.Tile:
        """The item with its probability."""
        return sheets.Tile.of(self.item, f"{100 * self.probability:.1f} % {self.label}", self.second)


def ranked(predictions: Predictions, binary: bool, lines: Lines | None = None) -> list[Prediction]:
    """For a label how probable it is, for a group its most probable class; the most probable item first.

    Of a group whose head knows a background the probability is that beside the background: the score.
    """
    found = []
    scores = predictions.scores
    for index, (row, item) in enumerate(zip(predictions.probabilities, predictions.items, strict=True)):
        first, second = (-row).argsort(kind="stable")[:2]
        margin = float(row[first] - row[second])
        if binary:
            label = len(predictions.classes) - 1
            said = (
                None if lines is None else lines.verdict(float(row[label] if scores is None else scores[index]), "yes")
            )
            found.append(Prediction(item, predictions.classes[label], float(row[label]), "", margin, said))
        else:
            next_best = f"{100 * row[second]:.1f} % {predictions.classes[second]}"
            name, probability = predictions.classes[first], float(row[first] if scores is None else scores[index])
            said = None if lines is None else lines.verdict(probability, name)
            found.append(Prediction(item, name, probability, next_best, margin, said))
    return sorted(found, key=lambda prediction: (-prediction.probability, prediction.item.id))


def sheet(ranked: Sequence[Prediction], binary: bool, title: str, note: str) -> sheets.Sheet:
    """The best, the worst and the least sure, in whose case a label from you helps most; no item twice.

    Among several classes there is no worst: where none is probable, it is least sure.
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
    return sheets.Sheet(title, tuple(sections), note)


def _span(band: Sequence[Prediction]) -> str:
    probabilities = [100 * prediction.probability for prediction in band]
    return f"{max(probabilities):.1f} % to {min(probabilities):.1f} %"
