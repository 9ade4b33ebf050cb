"""Copies among vectors: equal rows, near-copies, and whatever hangs together by these."""

from __future__ import annotations

import hashlib
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

__all__ = ["ALIKE", "MANY", "comparable", "copies", "linked", "near_copies"]

Integers: TypeAlias = NDArray[np.int64]

ALIKE = 0.95
"""The cosine from which two vectors are near-copies of one another.

A head sees nothing but vectors: two that nearly coincide are one example to it, and must not be learnt from and
measured on. Of photos of groceries saved again, scaled to half or made brighter, nine in ten are this close to the
original in the space of EfficientNet-Lite0; of different photos, one in thirty has another one so close.
"""

MANY = 100_000
"""Different rows up to which all pairs are compared; of more only equal ones are found. It takes minutes."""

BLOCK = 1024
"""Rows that are compared with as many others at once: all that is ever held of pairs, 1 in 3,000 of 60,000 rows'."""


def copies(vectors: NDArray[np.float32]) -> Integers:
    """A number for each of (n, dim) rows, (n,) int64: the same for equal ones."""
    # Numbered as they come: hash() of bytes differs between processes, and with it the folds would. By a digest, as
    # the rows themselves would be held twice.
    numbers: dict[bytes, int] = {}
    digests = (hashlib.blake2b(row.tobytes(), digest_size=16).digest() for row in vectors)
    return np.asarray([numbers.setdefault(digest, len(numbers)) for digest in digests], dtype=np.int64)


def near_copies(vectors: NDArray[np.float32], alike: float = ALIKE) -> Integers:
    """A number for each of (n, dim) unit rows, (n,) int64: the same for near-copies, and for near-copies of these.

    Where there are more than `MANY` different rows, for equal ones alone: see `comparable`.
    """
    same = copies(vectors)
    if not 1 < same.max(initial=-1) + 1 <= MANY:
        return same
    rows = vectors if same[-1] == len(same) - 1 else vectors[np.unique(same, return_index=True)[1]]
    return linked(rows, alike)[same]


def comparable(vectors: NDArray[np.float32]) -> bool:
    """Whether these are few enough for `near_copies` to compare them all; who measures on them says it if not."""
    return len(vectors) <= MANY or int(copies(vectors).max()) < MANY


def linked(rows: NDArray[np.float32], least: float) -> Integers:
    """The connected parts, (n,) int64 as they come, of the graph where rows whose product is `least` are neighbours.

    Block by block: pairs are never collected, and what is linked already is not compared again.
    """
    parts = np.arange(len(rows), dtype=np.int64)  # the first row of the part that each belongs to, as far as known
    for start in range(0, len(rows), BLOCK):
        for other in range(start, len(rows), BLOCK):
            one, two = parts[start : start + BLOCK], parts[other : other + BLOCK]
            if one.min() == one.max() == two.min() == two.max():
                continue
            near = rows[start : start + BLOCK] @ rows[other : other + BLOCK].T >= least
            near &= one[:, None] != two[None, :]
            if near.any():
                parts = _merge_parts(parts, one, two, near)
    return np.unique(parts, return_inverse=True)[1].astype(np.int64)


def _merge_parts(parts: Integers, one: Integers, two: Integers, near: NDArray[np.bool_]) -> Integers:
    """`parts` when some of `one` and of `two` are one, which is called by the first of them: `near` says which."""
    names, short = np.unique(np.concatenate([one, two]), return_inverse=True)
    first, second = np.nonzero(near)
    ends = short[: len(one)][first], short[len(one) :][second]
    graph = coo_array((np.ones(len(first), bool), ends), shape=(len(names),) * 2)
    _, found = connected_components(graph, directed=False)
    # `names` are in order, so that the first of a part is its least.
    renamed = np.arange(len(parts), dtype=np.int64)
    renamed[names] = names[np.unique(found, return_index=True)[1]][found]
    joined: Integers = renamed[parts]
    return joined
