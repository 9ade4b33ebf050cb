"""Splitting labelled items into those to learn from and those to measure on, so that nothing leaks between them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Integers = NDArray[np.int64]

ALIKE = 0.95
"""The cosine from which two vectors are near-copies of one another.

A head sees nothing but vectors: two that nearly coincide are one example to it, and must not be learnt from and
measured on. Of photos of groceries saved again, scaled to half or made brighter, nine in ten are this close to the
original in the space of EfficientNet-Lite0; of different photos, one in thirty has another one so close.
"""

MANY = 20_000
"""Rows up to which all pairs are compared; of more only equal ones are found."""

BLOCK = 1024


def copies(vectors: NDArray[np.float32]) -> Integers:
    """A number for each of (n, dim) rows, (n,) int64: the same for equal ones."""
    import numpy as np

    # Numbered as they come: hash() of bytes differs between processes, and with it the folds would.
    numbers: dict[bytes, int] = {}
    return np.asarray([numbers.setdefault(row.tobytes(), len(numbers)) for row in vectors], dtype=np.int64)


def near_copies(vectors: NDArray[np.float32], alike: float = ALIKE) -> Integers:
    """A number for each of (n, dim) unit rows, (n,) int64: the same for near-copies, and for near-copies of these."""
    import numpy as np
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    same = copies(vectors)
    if not 1 < len(np.unique(same)) <= MANY:
        return same
    rows = vectors[np.unique(same, return_index=True)[1]]
    pairs = []
    for start in range(0, len(rows), BLOCK):
        first, second = np.nonzero(rows[start : start + BLOCK] @ rows.T >= alike)
        pairs.append((first + start, second))
    first, second = map(np.concatenate, zip(*pairs, strict=True))
    graph = coo_array((np.ones(len(first), bool), (first, second)), shape=(len(rows), len(rows)))
    found: Integers = connected_components(graph, directed=False)[1].astype(np.int64)[same]
    return found


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
