"""Held-out quality by repeated stratified cross-validation. Nothing here is measured on what a head was fitted on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from curator.kit.copies.kin import large_group
from curator.kit.copies.vectors import comparable, copies, join, near_copies
from curator.kit.splits import folds
from curator.learning.scores import scores_of

if TYPE_CHECKING:
    Floats = NDArray[np.float32]
    Integers = NDArray[np.int64]
    FitPredict = Callable[[Floats, Integers, Floats], Floats]

FOLDS = 5
REPEATS = ((60, 5), (400, 3))
"""Up to so many items, so often; above, once. Few items are split well or badly by chance; many take long to fit."""


@dataclass(frozen=True)
class Measured:
    """What was found on held-out items.

    `metrics`: mean and spread (standard deviation over all folds, as `NAME spread`) of each figure, and `items`.
    `index`, (m,), are the rows that were held out, and `probabilities`, (m, classes), what was said of them then, means
    over the repeats; `further` are those of further columns. `disturbed`: the metrics on other views of the same rows,
    by the name of the view. `apart`: what lies near in the space was kept together as well; else only what is of one
    original, since a class had no two that did not lie near. `compared`: vectors were few enough to be compared with
    one another. `largest`: how many items hang together, if these are more than a tenth of all.
    """

    metrics: dict[str, float]
    index: Integers
    probabilities: Floats
    disturbed: dict[str, dict[str, float]] = field(default_factory=dict)
    apart: bool = True
    compared: bool = True
    largest: int = 0
    further: Floats | None = None


def cross_validate(
    fit_predict: FitPredict,
    vectors: Floats,
    targets: Integers,
    classes: int,
    seed: int,
    seen: NDArray[np.bool_] | None = None,
    views: Mapping[str, tuple[Integers, Floats]] | None = None,
    kin: Integers | None = None,
    columns: int | None = None,
    besides: int = 0,
    fitted: Callable[[int], None] = lambda fits: None,
) -> Measured:
    """Hold out every item, together with its kin and with what lies near it in the space, and measure.

    `fit_predict(vectors, targets, unseen)` fits on the first two and gives (m, classes) probabilities for the third;
    columns after these are kept, and not measured. `columns` is how many there are in all, and `besides` how many other
    rows it fits on each time.
    `seen`: items whose labels the encoder itself learnt; they are fitted on in every fold, and none is ever held out.
    `views`: by name the rows of items, and other vectors of these items. `kin`: numbers, (n,), the same for items of
    one original, which never part; without it, equal vectors alone are. What is kin of an item of `seen` was seen.
    `fitted` is told of each fit, of about as many as `fits` says.
    """
    kin = copies(vectors) if kin is None else kin
    known = np.zeros(len(targets), bool) if seen is None else seen
    known = np.isin(kin, kin[known])
    fresh = np.flatnonzero(~known)
    groups = join(kin[fresh], near_copies(vectors[fresh]))
    apart = bool(folds(groups, targets[fresh], FOLDS, seed))
    groups = groups if apart else kin[fresh]
    said = np.zeros((len(targets), columns or classes))
    times = np.zeros(len(targets), np.int64)
    scores, disturbed = _Scores(), {name: _Scores() for name in views or {}}
    for repeat in range(_repeats(len(fresh) + besides)):
        for train, test in folds(groups, targets[fresh], FOLDS, seed + repeat):
            train, test = np.concatenate([np.flatnonzero(known), fresh[train]]), fresh[test]
            if len(np.unique(targets[train])) < classes:
                continue
            chosen = {name: np.isin(rows, test) for name, (rows, _) in (views or {}).items()}
            others = [(views or {})[name][1][some] for name, some in chosen.items()]
            found = fit_predict(vectors[train], targets[train], np.concatenate([vectors[test], *others]))
            fitted(1)
            said[test] += found[: len(test)]
            times[test] += 1
            scores.add(found[: len(test), :classes], targets[test], targets[train])
            start = len(test)
            for name, some in chosen.items():
                rows, stop = (views or {})[name][0][some], start + int(some.sum())
                disturbed[name].add(found[start:stop, :classes], targets[rows], targets[train])
                start = stop
    index = np.flatnonzero(times)
    means = (said[index] / times[index, None]).astype(np.float32)
    metrics = {"items": float(len(index)), **scores.means()}
    figures = {name: found.means() for name, found in disturbed.items()}
    compared, largest = comparable(vectors[fresh]), large_group(groups)
    return Measured(metrics, index, means[:, :classes], figures, apart, compared, largest, means[:, classes:])


def fits(items: int) -> int:
    """How many fits it takes to hold out so many items."""
    return FOLDS * _repeats(items)


def _repeats(items: int) -> int:
    return next((times for most, times in REPEATS if items <= most), 1)


class _Scores:
    """The figures of all folds."""

    def __init__(self) -> None:
        self.of: dict[str, list[float]] = {}

    def add(self, probabilities: Floats, wanted: Integers, learnt: Integers) -> None:
        """Those of one fold."""
        if len(wanted):
            for name, value in scores_of(probabilities, wanted, learnt, probabilities.shape[1]).items():
                self.of.setdefault(name, []).append(value)

    def means(self) -> dict[str, float]:
        """Mean and spread of each."""
        result = {}
        for name, values in self.of.items():
            result[name] = float(np.mean(values))
            result[f"{name} spread"] = float(np.std(values))
        return result
