"""What vectors tell: items that are typical of many, and items that are far from each other.

*Diverse* takes next what is farthest, by its vector, from all that was taken (greedy k-centre: Gonzalez 1985; Sener &
Savarese 2018, "Active learning for convolutional neural networks: a core-set approach"); *typical* takes the item in
the densest place of each of the largest clusters (Hacohen et al. 2022, "Active learning on a budget").
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import MiniBatchKMeans
from threadpoolctl import threadpool_limits

from curator.api import Context, Modality
from curator.kit.listing import ids_of

from . import MOST

if TYPE_CHECKING:
    from . import SampleParams

Floats: TypeAlias = NDArray[np.float32]

NEAREST = 20
"""Neighbours whose mean distance says how dense it is around an item."""
AT_ONCE = 2_000
"""Items of a cluster that are compared with each other at most."""


def by_vectors(
    context: Context, params: SampleParams, medium: Modality, drawn: NDArray[np.int64], shares: Mapping[str, int]
) -> dict[int, str]:
    """Typical items first, then those far from all that was taken; by id, with the way."""
    wanted = {name: shares.get(name, 0) for name in ("typical", "diverse")}
    if not sum(wanted.values()):
        return {}
    if len(drawn) > MOST:
        context.note(f"of {len(drawn):,} {medium}s {MOST:,} were drawn by chance, and the rest not looked at")
    stored = context.stored(context.model(params.encoder, medium), context.of_ids(drawn[:MOST]))
    present, vectors = ids_of(stored.items), stored.rows(np.arange(len(stored)))
    typical = _typical(vectors, min(wanted["typical"], len(present)))
    diverse = _diverse(vectors, min(wanted["diverse"], len(present) - len(typical)), typical)
    return {present[row]: "typical" for row in typical} | {present[row]: "diverse" for row in diverse}


def _diverse(vectors: Floats, number: int, before: Sequence[int]) -> list[int]:
    """Rows of which each is the farthest from all before it; the first is the nearest to the mean."""
    found: list[int] = []
    nearest = np.full(len(vectors), -np.inf, np.float32)
    for row in before:
        nearest = np.maximum(nearest, vectors @ vectors[row])
    for _ in range(number):
        first = not found and not len(before)
        row = int((vectors @ vectors.mean(axis=0)).argmax() if first else nearest.argmin())
        found.append(row)
        nearest = np.maximum(nearest, vectors @ vectors[row])
        nearest[row] = np.inf
    return found


def _typical(vectors: Floats, number: int) -> list[int]:
    """The row in the densest place of each of so many clusters, the largest of twice as many."""
    if not number:
        return []
    with threadpool_limits(limits=1):
        count = min(2 * number, len(vectors))
        clusters = MiniBatchKMeans(count, n_init=1, random_state=0, batch_size=4_096).fit_predict(vectors)
        sizes = np.bincount(clusters, minlength=count)
        found = []
        for cluster in np.argsort(-sizes, kind="stable")[:number]:
            rows = np.flatnonzero(clusters == cluster)[:AT_ONCE]
            cosines = np.sort(vectors[rows] @ vectors[rows].T, axis=1)[
                :, -NEAREST - 1 : -1
            ]  # the last is the item's own
            if len(rows):
                found.append(int(rows[cosines.mean(axis=1).argmax() if len(rows) > 1 else 0]))
    return found
