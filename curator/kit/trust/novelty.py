"""Whether what is to be judged looks like what was labelled. Public, like `curator.api`.

Shares of the classes differ nearly always between the two, as people label what they look for: a classifier that tells
the labelled from the others, or a distance of means, finds that, which is no harm. So it is asked of each item by
itself how far it is from the nearest labelled one, and how often labelled ones are as far from each other (a conformal
p-value: Laxhammar & Falkman 2010, "Conformal prediction for distribution-independent anomaly detection").
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from curator.kit.copies.vectors import copies, join, near_copies

__all__ = ["FEWEST", "USUAL", "unlike"]

USUAL = 0.1
"""The share of items of the same place that are found to be unlike what is labelled.

Measured: 0.09 to 0.10 for photos of groceries and of hands and for questions, at most 0.15, where each class has
examples; 0.2, at most 0.35, where one of many classes is labelled against the rest; 0.4 to 0.7 with kinds among them
that nobody labelled; 0.99 to 1.00 for photos and texts of another source. Tried later on what nothing was chosen by: of
reviews 0.09 and 0.11, at most 0.17, and 0.99 for headlines beside them; of headlines 0.13 and 0.15, at most 0.17, but
only 0.18 to 0.98 for questions in another language: short texts are far from each other by their n-grams anyway.
"""

FEWEST = 20
"""Labelled items of different originals, of fewer of which nothing is said."""

BLOCK = 1024


def unlike(labelled: NDArray[np.float32], others: NDArray[np.float32]) -> NDArray[np.bool_] | None:
    """Which of (m, dim) unit rows lie farther from all labelled rows, (n, dim), than nine in ten of these from theirs.

    Near-copies among the labelled ones do not count as neighbours. None where these are too few to say.
    """
    numbers = join(copies(labelled), near_copies(labelled))
    first = np.unique(numbers, return_index=True)[1]
    if len(first) < FEWEST:
        return None
    own = labelled[first]
    usual = np.quantile(_nearest(own, own, apart=True), 1 - USUAL)
    return _nearest(others, labelled) > usual


def _nearest(rows: NDArray[np.float32], others: NDArray[np.float32], apart: bool = False) -> NDArray[np.float64]:
    """(n,): the distance of each unit row to the nearest of the others; `apart`: these are the same rows."""
    found = np.zeros(len(rows))
    for start in range(0, len(rows), BLOCK):
        cosines = rows[start : start + BLOCK] @ others.T
        if apart:
            cosines[np.arange(len(cosines)), start + np.arange(len(cosines))] = -np.inf
        found[start : start + BLOCK] = np.sqrt(np.maximum(0, 2 - 2 * cosines.max(axis=1).astype(np.float64)))
    return found
