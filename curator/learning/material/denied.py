"""What a head says of items of which somebody said what they are not: as if those classes were not there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import compress
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from curator.api import FittedHead, Item, Predictions
from curator.learning.calibration import Calibration
from curator.learning.material.background import taken_off

Denied: TypeAlias = Mapping[int, frozenset[str]]
"""The classes that items, by their ids, are said not to be."""

NOTHING: Denied = {}

LEAST = np.finfo(np.float32).tiny
"""Above the 0 of a denied class, so that none is the most probable one."""


def predictions(
    head: FittedHead,
    items: Sequence[Item],
    made: NDArray[np.float32],
    calibration: Calibration,
    denied: Denied,
) -> Predictions:
    """Of what a head makes of items, with a column of the background if it has one, what is said of them.

    What is `denied` every class is left out. What was thought of a denied class goes to no other one, neither to its
    probability nor to the score: that it is not this says little for that, as it may be none of them.
    """
    classes, binary = len(head.classes), head.target.kind == "label"
    able = np.ones((len(items), classes), bool)
    for row in (row for row, item in enumerate(items) if item.id in denied):  # of a million items a few
        able[row] = [name not in denied[items[row].id] for name in head.classes]
    if able.all():
        said, scores = taken_off(made, classes, binary)
        return Predictions(list(items), head.classes, calibration.apply(said), scores)
    kept = np.asarray(able.any(axis=1))
    able, made = able[kept], made[kept]
    said, as_given = taken_off(made, classes, binary)
    scores = None if as_given is None else (made[:, :classes] * able).max(axis=1)
    probabilities = np.maximum(calibration.apply(said), LEAST) * able
    return Predictions(list(compress(items, kept.tolist())), head.classes, probabilities, scores, as_given)
