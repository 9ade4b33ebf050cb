"""What a head says of items of which somebody said what they are not: as if those classes were not there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from curator.api import FittedHead, Item, Predictions
from curator.catalog.selection import ids_of, kept
from curator.learning.calibration import Calibration
from curator.learning.material.background import taken_off

Denied: TypeAlias = Mapping[int, frozenset[str]]
"""The classes that items, by their ids, are said not to be."""

NOTHING: Denied = {}

LEAST = np.finfo(np.float32).tiny
"""Above the 0 of a denied class, so that none is the most probable one."""


class Said:
    """Gathers what a head makes of items, some at a time, into what is said of them: of a million no more is held.

    What is `denied` every class is left out. What was thought of a denied class goes to no other one, neither to its
    probability nor to the score: that it is not this says little for that, as it may be none of them.
    """

    def __init__(
        self, head: FittedHead, items: Sequence[Item], columns: int, calibration: Calibration, denied: Denied
    ) -> None:
        """`columns`: of the head, one for each class, and one for the background if it has one."""
        self.head = head
        self.items = items
        self.calibration = calibration
        self._probabilities = np.empty((len(items), len(head.classes)), np.float32)
        self._scores = np.empty(len(items), np.float32) if columns > len(head.classes) else None
        rows = {row: denied[of] for row, of in enumerate(ids_of(items)) if of in denied}
        able = {row: np.asarray([name not in names for name in head.classes]) for row, names in rows.items()}
        self._able = {row: classes for row, classes in able.items() if not classes.all()}
        """Of the few items of which something is denied: which classes are not."""
        self._as_given = self._scores.copy() if self._able and self._scores is not None else None

    def take(self, index: NDArray[np.int64], made: NDArray[np.float32]) -> None:
        """What it makes of the items of these indices, (m, columns)."""
        said, scores = taken_off(made, len(self.head.classes), self.head.target.kind == "label")
        self._probabilities[index] = self.calibration.apply(said)
        if self._scores is not None:
            self._scores[index] = scores
        if self._as_given is not None:
            self._as_given[index] = scores
        for at in np.flatnonzero(np.isin(index, list(self._able))) if self._able else ():
            row = int(index[at])
            able = self._able[row]
            self._probabilities[row] = np.maximum(self._probabilities[row], LEAST) * able
            if self._scores is not None:
                self._scores[row] = (made[at, : len(able)] * able).max()

    def predictions(self) -> Predictions:
        """All of it."""
        left_out = [row for row, able in self._able.items() if not able.any()]
        if not left_out:
            return Predictions(self.items, self.head.classes, self._probabilities, self._scores, self._as_given)
        there = np.setdiff1d(np.arange(len(self.items)), left_out)
        scores, as_given = (None if all_ is None else all_[there] for all_ in (self._scores, self._as_given))
        items = kept(self.items, there.tolist())
        return Predictions(items, self.head.classes, self._probabilities[there], scores, as_given)
