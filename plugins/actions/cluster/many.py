"""Clusters of more vectors than are held at once.

K-means as of fewer: the means that are found on a sample are moved by all rows (Lloyd's), which for that are read some
at a time in each round. By density every item has to be compared with every other, so that it is done on a sample.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from sklearn.exceptions import ConvergenceWarning
from threadpoolctl import threadpool_limits

from curator.api import Context, Item, Model, StoredVectors
from curator.kit.listing import items_at

from .grouping import (
    ROUNDS,
    Clusters,
    Way,
    dense,
    drawn,
    means_of_some,
    numbers_by_size,
    refuse_too_few,
    sampled,
    say_how_it_went,
    say_what_is_left_out,
    unit,
)

COMPARED = 20_000
"""Of so many items clusters are found by density."""
STILL = 1e-4
"""Means that move by less, squared, as a share of the spread of the rows, would move no further."""

Floats = NDArray[np.float32]
Integers = NDArray[np.int64]


def find_clusters(context: Context, model: Model, items: Sequence[Item], way: Way) -> Clusters:
    """The clusters of the items that have a vector; by density, of a sample of these."""
    stored = context.stored(model, items)
    say_what_is_left_out(context, model, items, stored.items)
    refuse_too_few(stored.items, (row for _, rows in stored.blocks() for row in rows), way)
    with threadpool_limits(limits=1):  # as for fewer: the same each time
        clusters = _of_a_sample(context, stored, way) if way.k is None else _nearest_mean(stored, way.many(len(stored)))
    say_how_it_went(context, clusters, way)
    return clusters


def _of_a_sample(context: Context, stored: StoredVectors, way: Way) -> Clusters:
    if len(stored) <= COMPARED:
        index = np.arange(len(stored))
    else:
        index = np.sort(drawn(len(stored), COMPARED))
        context.note(
            f"by density each item is compared with all others, which takes too long for {len(stored):,}: these are "
            f"clusters of {len(index):,} of them, drawn by lot; k-means (without --by density) takes all"
        )
    rows = stored.rows(index)
    numbers = numbers_by_size(dense(rows, way.least(len(rows))))
    means = np.array([unit(rows[numbers == number].mean(axis=0)) for number in range(numbers.max(initial=0) + 1)])
    return Clusters(items_at(stored.items, index.tolist()), numbers, np.einsum("ij,ij->i", rows, means[numbers]))


def _nearest_mean(stored: StoredVectors, k: int) -> Clusters:
    """Each row in the cluster of the nearest mean, of which each is moved to the mean of its rows some times."""
    some = stored.rows(np.sort(drawn(len(stored), min(len(stored), sampled(k)))))
    still = STILL * float(some.var(axis=0).sum())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        means = means_of_some(some, k)
    for _ in range(ROUNDS):
        found, moved = _round(stored, means)
        done = float(((moved - means) ** 2).sum()) <= still
        means = moved
        if done:
            break
    directions = np.array([unit(mean) for mean in means])
    scores = np.empty(len(stored), np.float32)
    for index, rows in stored.blocks():
        scores[index] = np.einsum("ij,ij->i", rows, directions[found[index]])
    return Clusters(stored.items, numbers_by_size(found), scores)


def _round(stored: StoredVectors, means: Floats) -> tuple[Integers, Floats]:
    """The nearest of the means, (k, dim), of each row, and the means of the rows of each; one of none stays."""
    found = np.empty(len(stored), np.int64)
    sums, counts = np.zeros(means.shape), np.zeros(len(means), np.int64)
    lengths = (means**2).sum(axis=1) / 2
    for index, rows in stored.blocks():
        nearest = (rows @ means.T - lengths).argmax(axis=1)
        found[index] = nearest
        counts += np.bincount(nearest, minlength=len(means))
        sums += (
            csr_array((np.ones(len(rows), np.float32), (nearest, np.arange(len(rows)))), (len(means), len(rows))) @ rows
        )
    there = counts > 0
    moved = means.copy()
    moved[there] = sums[there] / counts[there, None]
    return found, moved
