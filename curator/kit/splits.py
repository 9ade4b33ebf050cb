"""Splitting labelled items into those to learn from and those to measure on, so that nothing leaks between them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from curator.api import Side

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Integers = NDArray[np.int64]

SIDES_BY_NAME: dict[str, Side] = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("val", "valid", "validation", "dev", "eval"), "val"),
    **dict.fromkeys(("test", "testing"), "test"),
}
"""What folders and files that hold a side of a split are called, in lower case."""


def folds(groups: Integers, targets: Integers, most: int, seed: int) -> Sequence[tuple[Integers, Integers]]:
    """Indices to learn from and to measure on, at most `most` times; each index is measured on once.

    Of each class there is the same share in every fold, as far as it goes; what has the same number in `groups`, (n,),
    stays together. There are as many folds as the class of fewest groups allows, and none where that is less than two.
    """
    import numpy as np
    from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

    if not len(targets):
        return []
    count = min(most, *(len(np.unique(groups[targets == target])) for target in np.unique(targets)))
    if count < 2:
        return []
    if len(np.unique(groups)) == len(groups):
        return list(StratifiedKFold(count, shuffle=True, random_state=seed).split(targets, targets))
    return list(StratifiedGroupKFold(count, shuffle=True, random_state=seed).split(targets, targets, groups))


def sample(targets: Integers, most: int, seed: int) -> Integers:
    """At most `most` indices of (n,) targets, in order, of each class as many as of the others as far as it goes."""
    import numpy as np

    if len(targets) <= most:
        return np.arange(len(targets))
    order = np.random.default_rng(seed).permutation(len(targets))
    turns = np.zeros(len(targets), np.int64)  # how many of its class come before each
    for target in np.unique(targets):
        members = order[targets[order] == target]
        turns[members] = np.arange(len(members))
    found: Integers = np.sort(order[np.argsort(turns[order], kind="stable")][:most])
    return found
