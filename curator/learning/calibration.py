"""From what a head says to how often it is right: probabilities calibrated on held-out items.

Two classes: Platt scaling (Platt 1999, "Probabilistic outputs for support vector machines"), a logistic regression on
the logit, with his smoothed targets. More: temperature scaling (Guo et al. 2017, "On calibration of modern neural
networks"). Both keep the order of what is said of one class (for a label) or of one item (for a group).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import softmax

from curator.kit.splits import folds
from curator.learning.scores import calibration_error

if TYPE_CHECKING:
    Floats = NDArray[np.float32]
    Integers = NDArray[np.int64]

LEAST = 10
"""So many held-out items it takes at least, and two of each class."""

MEASURABLE, SEED = 100, 0
"""Held-out items from which it can be said how far probabilities are off, and by which these are parted in two."""

STEEPEST = 20.0
"""Logits are multiplied by 1 / `STEEPEST` at least and `STEEPEST` at most."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """Logits times `scale`; for two classes plus `shift` for the second one."""

    scale: float = 1.0
    shift: float = 0.0

    def apply(self, probabilities: Floats) -> Floats:
        """(n, classes) probabilities of a head, calibrated; rows sum to 1."""
        logits = self.scale * _logits(probabilities)
        if logits.shape[1] == 2:
            logits[:, 1] += self.shift
        return np.asarray(softmax(logits, axis=1), dtype=np.float32)


def fit_calibration(probabilities: Floats, targets: Integers) -> Calibration | None:
    """The calibration that makes held-out probabilities, (n, classes), most likely; None for too few items."""
    classes = probabilities.shape[1]
    counts = np.bincount(targets, minlength=classes)
    if len(targets) < LEAST or (classes == 2 and counts.min() < 2):
        return None
    logits = _logits(probabilities)
    # Platt's targets: as if one more item had been seen and was wrong, so that no certainty comes of a few.
    counts = counts if classes == 2 else np.full(classes, len(targets))
    sure = (counts + 1) / (counts + 2)
    wanted = np.repeat((1 - sure[targets])[:, None] / (classes - 1), classes, axis=1)
    wanted[np.arange(len(targets)), targets] = sure[targets]

    def loss(values: NDArray[np.float64]) -> float:
        scaled = np.exp(values[0]) * logits
        if classes == 2:
            scaled[:, 1] += values[1]
        return float((np.logaddexp.reduce(scaled, axis=1) - (wanted * scaled).sum(axis=1)).mean())

    widest = float(np.log(STEEPEST))
    bounds = [(-widest, widest), (-50.0, 50.0)]
    free = 2 if classes == 2 else 1
    found = minimize(loss, np.zeros(free), method="L-BFGS-B", bounds=bounds[:free]).x
    return Calibration(float(np.exp(found[0])), float(found[1]) if classes == 2 else 0.0)


def calibration_figures(probabilities: Floats, targets: Integers) -> dict[str, float]:
    """How far (n, classes) probabilities are off once calibrated, those of each half of the items by the other half."""
    if len(targets) < MEASURABLE:
        return {}
    halves = folds(np.arange(len(targets)), targets, 2, SEED)
    if not halves:
        return {}
    said = probabilities.copy()
    for known, others in halves:
        calibration = fit_calibration(probabilities[known], targets[known])
        if calibration is not None:
            said[others] = calibration.apply(probabilities[others])
    return {"calibration error": calibration_error(said, targets)}


def _logits(probabilities: Floats) -> NDArray[np.float64]:
    logits: NDArray[np.float64] = np.log(np.maximum(probabilities.astype(np.float64), 1e-12))
    return logits
