"""Figures of held-out quality, from probabilities and what is right."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from sklearn import metrics
from sklearn.metrics import confusion_matrix

SMALL = 30
"""Below so many held-out items of the smallest class a figure comes with a warning in words."""


def scores_of(
    probabilities: NDArray[np.float32], wanted: NDArray[np.int64], seen: NDArray[np.int64], classes: int
) -> dict[str, float]:
    """The metrics of one fold. `majority baseline`: the accuracy of always saying the commonest class of `seen`."""
    said = probabilities.argmax(axis=1)
    result = {"accuracy": float((said == wanted).mean())}
    # A class that is absent from a fold has no recall there; it is not counted as 0.
    recalls = [float((said[wanted == target] == target).mean()) for target in np.unique(wanted)]
    result["balanced accuracy"] = float(np.mean(recalls))
    result["majority baseline"] = float((wanted == np.bincount(seen, minlength=classes).argmax()).mean())
    if classes == 2:
        # All at once: asked for one by one, scikit-learn checks and counts three times, longer than a small head fits.
        found = metrics.precision_recall_fscore_support(wanted, said, average="binary", zero_division=0)
        result["precision"], result["recall"], result["f1"] = map(float, found[:3])
        if 0 < wanted.sum() < len(wanted):
            result["average precision"] = float(metrics.average_precision_score(wanted, probabilities[:, 1]))
            result["roc auc"] = float(metrics.roc_auc_score(wanted, probabilities[:, 1]))
    else:
        result["macro f1"] = float(metrics.f1_score(wanted, said, average="macro", zero_division=0))
    return result


def confusions(
    said: NDArray[np.int64], wanted: NDArray[np.int64], classes: Sequence[str]
) -> list[tuple[str, str, int, int]]:
    """What was taken for what: the class, the one that was said instead, how often, of how many; the most first."""
    table = confusion_matrix(wanted, said, labels=np.arange(len(classes)))
    totals = table.sum(axis=1)
    np.fill_diagonal(table, 0)
    found = [
        (classes[i], classes[j], int(table[i, j]), int(totals[i])) for i, j in zip(*np.nonzero(table), strict=True)
    ]
    return sorted(found, key=lambda one: (-one[2], one))


def calibration_error(probabilities: NDArray[np.float32], wanted: NDArray[np.int64]) -> float:
    """Expected calibration error (Naeini et al. 2015) of probabilities, (n, classes), in ten bins of equal size.

    For two classes that of the second one's probability, else that of the probability of what is said.
    """
    if probabilities.shape[1] == 2:
        sure, right = probabilities[:, 1], wanted == 1
    else:
        sure, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == wanted
    bins = np.array_split(np.argsort(sure, kind="stable"), 10)
    apart = [len(rows) * abs(float(sure[rows].mean()) - float(right[rows].mean())) for rows in bins if len(rows)]
    return sum(apart) / len(sure)


def caution(counts: Sequence[int]) -> str | None:
    """A sentence for small sets: how far a share measured on so few can be off (two standard errors at one half)."""
    smallest = min(counts)
    if smallest >= SMALL:
        return None
    points = round(100 * (0.25 / smallest) ** 0.5 * 2)
    noun = "example" if smallest == 1 else "examples"
    return f"the smallest class has {smallest} {noun}: figures about it can be off by {min(points, 50)} points"
