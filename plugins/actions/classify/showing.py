"""Predictions as rows and as a sheet."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from curator.api import Item, Listing, Predictions, Table
from curator.kit import sheets
from curator.kit.listing import ids_of, items_at, of_item

if TYPE_CHECKING:
    from .deciding import Lines

BAND = 12
"""How many items of each kind a sheet shows at most: two rows."""
AT_ONCE = 2_000
"""So many items are made at once, of those that are shown; before the first of these only a few."""
FIRST = 100


@dataclass(frozen=True)
class Prediction:
    """What a head says of an item: the class and its probability, and the next one.

    `said` is what is said of it by the lines that were drawn, if any were.
    """

    item: Item
    label: str
    probability: float
    second: str
    said: str | None = None

    def row(self, table: Table) -> dict[str, Any]:
        """The row to show, of the columns of a table."""
        values = {
            "probability": self.probability,
            "label": self.label,
            "said": self.said,
            **of_item(self.item),
        }
        return {column.name: values[column.name] for column in table.columns}

    def tile(self) -> sheets.Tile:
        """The item with its probability."""
        return sheets.Tile.of(self.item, f"{100 * self.probability:.1f} % {self.label}", self.second)


class Ranked:
    """Predictions, the most probable first; each is made when it is looked at, as there may be a million.

    For a label how probable it is, for a group its most probable class: of a group whose head knows a background the
    probability is that beside the background, which is the score.
    """

    def __init__(self, predictions: Predictions, binary: bool, lines: Lines | None = None) -> None:
        self.predictions = predictions
        self.binary = binary
        self.lines = lines
        said, scores = predictions.probabilities, predictions.scores
        every = np.arange(len(said))
        first, second = _two_best(said)
        self.margin: NDArray[np.float32] = said[every, first] - said[every, second]
        """How far the best class of each item is above the next one."""
        self._second = second
        self._label = np.full(len(said), len(predictions.classes) - 1) if binary else first
        own = said[every, self._label]
        self._probability = own if binary or scores is None else scores
        self._asked = own if scores is None else scores
        self.order: NDArray[np.int64] = np.lexsort((np.asarray(ids_of(predictions.items)), -self._probability))

    def __len__(self) -> int:
        return len(self.order)

    def rows(self, table: Table) -> Listing:
        """All of them, as rows of a table."""
        return Listing(table.kind, len(self), (one.row(table) for one in self._each()))

    def some(self, rows: NDArray[np.int64]) -> list[Prediction]:
        """Those of some items, by their index."""
        items = items_at(self.predictions.items, rows.tolist())
        return [self._of(row, item) for row, item in zip(rows.tolist(), items, strict=True)]

    def _each(self) -> Iterator[Prediction]:
        starts = [0, *range(FIRST, len(self), AT_ONCE)]
        for start, stop in zip(starts, [*starts[1:], len(self)], strict=True):
            yield from self.some(self.order[start:stop])

    def _of(self, row: int, item: Item) -> Prediction:
        classes, probability = self.predictions.classes, float(self._probability[row])
        label = classes[self._label[row]]
        said = None
        if self.lines is not None:
            said = self.lines.verdict(float(self._asked[row]), "yes" if self.binary else label)
        if self.binary:
            return Prediction(item, label, probability, "", said)
        second = self._second[row]
        next_best = f"{100 * self.predictions.probabilities[row, second]:.1f} % {classes[second]}"
        return Prediction(item, label, probability, next_best, said)


def _two_best(said: NDArray[np.float32]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The most probable class of each row, and the next one; of equals the first."""
    first, second = said.argmax(axis=1), np.empty(len(said), np.int64)
    for start in range(0, len(said), AT_ONCE):
        others = said[start : start + AT_ONCE].copy()
        others[np.arange(len(others)), first[start : start + AT_ONCE]] = -1
        second[start : start + AT_ONCE] = others.argmax(axis=1)
    return first, second


def sheet(ranked: Ranked, title: str, note: str) -> sheets.Sheet:
    """The best, the worst and the least sure, in whose case a label from you helps most; no item twice.

    Among several classes there is no worst: where none is probable, it is least sure.
    """
    order = ranked.order
    count = min(BAND, -(-len(order) // (3 if ranked.binary else 2)))
    best, others = order[:count], order[count:]
    worst = others[max(0, len(others) - count) :][::-1] if ranked.binary else others[:0]
    between = others[: len(others) - len(worst)]
    unsure = between[np.argsort(ranked.margin[between], kind="stable")][:count]
    bands = {"Most probable": best, "Least probable": worst, "Least sure": unsure}
    sections = []
    for heading, rows in bands.items():
        if len(rows):
            band = ranked.some(rows)
            sections.append(sheets.Section(tuple(one.tile() for one in band), heading, _span(band)))
    return sheets.Sheet(title, tuple(sections), note)


def _span(band: Sequence[Prediction]) -> str:
    probabilities = [100 * prediction.probability for prediction in band]
    return f"{max(probabilities):.1f} % to {min(probabilities):.1f} %"
