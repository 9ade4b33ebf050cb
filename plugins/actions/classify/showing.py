"""Predictions as rows and as a sheet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from curator import sheets
from curator.api import Finding, Item, Predictions

BAND = 12
"""How many items of each kind a sheet shows at most: two rows."""


@dataclass(frozen=True)
class Prediction:
    """What is said of an item: the class and its probability, the next one, and how far they are apart."""

    item: Item
    label: str
    probability: float
    second: str
    margin: float

    def finding(self, kind: str) -> Finding:
        """The row to show."""
        values = {
            "probability": self.probability,
            "label": self.label,
            "id": self.item.id,
            "path": self.item.path,
            "text": self.item.text,
        }
        return Finding(kind, values)

    def tile(self) -> sheets.Tile:
        """The item with its probability."""
        return sheets.Tile.of(self.item, f"{100 * self.probability:.1f} % {self.label}", self.second)


def ranked(predictions: Predictions, binary: bool) -> list[Prediction]:
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
