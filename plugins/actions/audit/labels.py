"""Labels that are probably wrong, by confident learning over what heads said of held-out items.

Northcutt, Jiang & Chuang 2021, "Confident learning: estimating uncertainty in dataset labels": each class has a
threshold, the mean probability that its own items have for it; an item that reaches the threshold of a class, and not
of its own or not as clearly, is counted off the diagonal of the confident joint: its label is suspicious.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Suspect:
    """Row `index` is labelled as one class and looks like another. `suspicion`, 0 to 1, is higher the surer that is."""

    index: int
    label: int
    rather: int
    suspicion: float


def suspects(probabilities: NDArray[np.float32], targets: NDArray[np.int64]) -> list[Suspect]:
    """Those of (n, classes) probabilities whose target, (n,), is suspicious, the most suspicious first."""
    import numpy as np

    if not len(targets):
        return []
    rows, classes = np.arange(len(targets)), probabilities.shape[1]
    own = probabilities[rows, targets]
    # A class of which nothing was held out can be nobody's.
    thresholds = np.array(
        [own[targets == label].mean() if (targets == label).any() else np.inf for label in range(classes)]
    )
    confident = np.where(probabilities >= thresholds - 1e-6, probabilities, -1.0)
    rather = confident.argmax(axis=1)
    suspicious = (confident.max(axis=1) >= 0) & (rather != targets)
    # One less the normalised margin of the paper's implementation: 1 where another class is certain.
    others = probabilities.astype(np.float64).copy()
    others[rows, targets] = -np.inf
    suspicion = (1 - own + others.max(axis=1)) / 2
    found = [
        Suspect(int(row), int(targets[row]), int(rather[row]), float(suspicion[row]))
        for row in np.flatnonzero(suspicious)
    ]
    return sorted(found, key=lambda suspect: (-suspect.suspicion, suspect.index))
