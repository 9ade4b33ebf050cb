"""Held-out quality by stratified cross-validation. Nothing here is measured on what a head was fitted on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    FitPredict = Callable[[NDArray[np.float32], NDArray[np.int64], NDArray[np.float32]], NDArray[np.float32]]

FOLDS = 5
SMALL = 30
"""Below so many held-out items of the smallest class a figure comes with a warning in words."""


def cross_validate(
    fit_predict: FitPredict,
    vectors: NDArray[np.float32],
    targets: NDArray[np.int64],
    classes: int,
    seed: int,
    seen: NDArray[np.bool_] | None = None,
) -> dict[str, float]:
    """Mean and spread (standard deviation over folds, as `NAME spread`) of each metric, and `items`.

    `fit_predict(vectors, targets, unseen)` fits on the first two and gives (m, classes) probabilities for the
    third. Items of equal vectors (one picture in two files) share a fold. `seen`: items whose labels the encoder
    itself learnt; they are fitted on in every fold, and none is ever held out.
    """
    import numpy as np

    scores: dict[str, list[float]] = {}
    items = 0
    known = np.zeros(len(targets), bool) if seen is None else seen
    fresh = np.flatnonzero(~known)
    for train, test in folds(vectors[fresh], targets[fresh], seed):
        train, test = np.concatenate([np.flatnonzero(known), fresh[train]]), fresh[test]
        if len(np.unique(targets[train])) < classes:
            continue
        probabilities = fit_predict(vectors[train], targets[train], vectors[test])
        items += len(test)
        for name, value in scores_of(probabilities, targets[test], targets[train], classes).items():
            scores.setdefault(name, []).append(value)
    result = {"items": float(items)}
    for name, values in scores.items():
        result[name] = float(np.mean(values))
        result[f"{name} spread"] = float(np.std(values))
    return result


def folds(
    vectors: NDArray[np.float32], targets: NDArray[np.int64], seed: int
) -> Sequence[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Train and test indices: stratified, as many folds as the smallest class allows, at most `FOLDS`."""
    import numpy as np
    from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

    # Numbered as they come: hash() of bytes differs between processes, and with it the folds would.
    numbers: dict[bytes, int] = {}
    groups = np.asarray([numbers.setdefault(row.tobytes(), len(numbers)) for row in vectors])
    if not len(targets):
        return []
    count = min(FOLDS, *(len(np.unique(groups[targets == target])) for target in np.unique(targets)))
    if count < 2:
        return []
    if len(np.unique(groups)) == len(groups):
        return list(StratifiedKFold(count, shuffle=True, random_state=seed).split(vectors, targets))
    return list(StratifiedGroupKFold(count, shuffle=True, random_state=seed).split(vectors, targets, groups))


def scores_of(
    probabilities: NDArray[np.float32], wanted: NDArray[np.int64], seen: NDArray[np.int64], classes: int
) -> dict[str, float]:
    """The metrics of one fold. `majority baseline`: the accuracy of always saying the commonest class of `seen`."""
    import numpy as np
    from sklearn import metrics

    said = probabilities.argmax(axis=1)
    result = {"accuracy": float((said == wanted).mean())}
    # A class that is absent from a fold has no recall there; it is not counted as 0.
    recalls = [float((said[wanted == target] == target).mean()) for target in np.unique(wanted)]
    result["balanced accuracy"] = float(np.mean(recalls))
    result["majority baseline"] = float((wanted == np.bincount(seen, minlength=classes).argmax()).mean())
    if classes == 2:
        result["precision"] = float(metrics.precision_score(wanted, said, zero_division=0))
        result["recall"] = float(metrics.recall_score(wanted, said, zero_division=0))
        result["f1"] = float(metrics.f1_score(wanted, said, zero_division=0))
        if 0 < wanted.sum() < len(wanted):
            result["average precision"] = float(metrics.average_precision_score(wanted, probabilities[:, 1]))
            result["roc auc"] = float(metrics.roc_auc_score(wanted, probabilities[:, 1]))
    else:
        result["macro f1"] = float(metrics.f1_score(wanted, said, average="macro", zero_division=0))
    return result


def caution(counts: Sequence[int]) -> str | None:
    """A sentence for small sets: how far a share measured on so few can be off (two standard errors at one half)."""
    smallest = min(counts)
    if smallest >= SMALL:
        return None
    points = round(100 * (0.25 / smallest) ** 0.5 * 2)
    noun = "example" if smallest == 1 else "examples"
    return f"the smallest class has {smallest} {noun}: figures about it can be off by {min(points, 50)} points"
