"""How much each part of a picture speaks for a class.

Method: class activation maps (Zhou et al. 2016, "Learning deep features for discriminative localization"), taken
through the normalisation. The vector of a picture is the mean of its feature map, m; a head sees u = m / |m|, and its
logit is w . u + b. Zhou's map would be w . f / |m| for a cell f. But heads compare directions: a cell that points where
the whole picture does turns its vector nowhere, however large it is, and yet gets most of such a map. So a cell counts
by what the logit gains as the cell grows, the derivative (w - (w . u) u) . f / |m|, whose mean over the cells is 0;
w . u itself is shared among all alike. So the mean of the map is w . u, and with the bias the logit, as in Zhou's.

For a head that is not linear, the gradient at u stands for w, as in Grad-CAM (Selvaraju et al. 2017, "Grad-CAM: Visual
explanations from deep networks via gradient-based localization"): a network of ReLUs is linear around each vector, and
the bias is what then remains of the logit.

The logit of a class is taken over the mean of the others, as a softmax does not change when something is added to all.
Of two classes that is the log-odds, whose logistic function is the head's probability before calibration.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from curator.api import Context, FittedHead, MappedPicture


@dataclass(frozen=True)
class Cells:
    """A number for each part of a picture: `cells` is (h, w) float32; `size` and `frame` as in `MappedPicture`."""

    cells: NDArray[np.float32]
    size: tuple[int, int]
    frame: tuple[float, float, float, float]


@dataclass(frozen=True)
class Evidence(Cells):
    """The evidence for a class, and how sure the head is.

    Of `cells`, above 0 is what speaks for it and below what speaks against it; their mean plus `bias` is `logit`.
    `column` is the class, `probability` what the head says of it.
    """

    bias: float
    logit: float
    column: int
    probability: float


def evidence(context: Context, head: FittedHead, mapped: MappedPicture, column: int | None) -> Evidence:
    """That of a picture for a class of the head; without one, for the most probable."""
    mean = mapped.values.mean(axis=(0, 1), dtype=np.float64)
    length = float(np.linalg.norm(mean)) or 1.0
    vector = mean / length
    logits = context.logits(head, vector.astype(np.float32)[None])
    if column is None:
        column = int(logits.probabilities[0].argmax())
    others = len(head.classes) - 1
    over = np.full(len(head.classes), -1 / others)
    over[column] = 1.0
    slope, logit = over @ logits.gradients[0], float(over @ logits.values[0])
    shared = float(slope @ vector)
    cells = (mapped.values @ ((slope - shared * vector) / length) + shared).astype(np.float32)
    probability = float(logits.probabilities[0, column])
    return Evidence(cells, mapped.size, mapped.frame, logit - shared, logit, column, probability)
