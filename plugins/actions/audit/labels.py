"""Labels that are probably wrong, by confident learning over what heads said of held-out items.

Northcutt, Jiang & Chuang 2021, "Confident learning: estimating uncertainty in dataset labels". Each class has a
threshold, the mean probability that its own items have for it. The confident joint counts the items that reach the
threshold of a class, by label and by that class; scaled to all items, its off-diagonal says how many labels are wrong.
These are taken to be the ones least believed, as in the paper's pruning by class, but over all classes at once: on
grocery photos with turned labels that found more than the off-diagonal items themselves (benchmarks/README.md).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Suspect:
    """Row `index` is labelled as one class and looks like another; `suspicion`: how little that is believed, 0 to 1."""

    index: int
    label: int
    rather: int
    suspicion: float


def suspects(probabilities: NDArray[np.float32], targets: NDArray[np.int64]) -> list[Suspect]:
    """Those of (n, classes) probabilities whose target, (n,), is suspicious, the most suspicious first."""
    if not len(targets):
        return []
    own = probabilities[np.arange(len(targets)), targets]
    rather = probabilities.argmax(axis=1)
    order = np.lexsort((np.arange(len(targets)), own))
    order = order[rather[order] != targets[order]][: wrong_labels(probabilities, targets)]
    return [Suspect(int(row), int(targets[row]), int(rather[row]), 1 - float(own[row])) for row in order]


def wrong_labels(probabilities: NDArray[np.float32], targets: NDArray[np.int64]) -> int:
    """How many labels are wrong, estimated from the confident joint."""
    rows, classes = np.arange(len(targets)), probabilities.shape[1]
    counts = np.bincount(targets, minlength=classes)
    own = np.bincount(targets, probabilities[rows, targets], classes)
    # A class of which nothing was held out can be nobody's.
    thresholds = np.divide(own, counts, out=np.full(classes, np.inf), where=counts > 0)
    confident = np.where(probabilities >= thresholds - 1e-6, probabilities, -1.0)
    sure = confident.max(axis=1) >= 0
    joint = np.zeros((classes, classes))
    np.add.at(joint, (targets[sure], confident[sure].argmax(axis=1)), 1)
    of_label = joint.sum(axis=1)
    scale = np.divide(counts, of_label, out=np.zeros(classes), where=of_label > 0)
    return round(float(((of_label - np.diag(joint)) * scale).sum()))
