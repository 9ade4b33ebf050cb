"""Exact search by cosine, in blocks: memory does not grow with the number of items."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from curator.api import Item, Model, Neighbours
from curator.embedding.embedder import Embedder

BLOCK = 10_000
SIDE = 2_000
"""Rows and columns of cosines that are held at once."""


def nearest(
    encoding: Embedder,
    vector: NDArray[np.float32],
    model: Model,
    items: Sequence[Item],
    k: int,
    transform: Callable[[NDArray[np.float32]], NDArray[np.float32]] | None = None,
) -> list[tuple[Item, float]]:
    """The `k` items of highest cosine with the unit vector, best first; ties go to the lower id.

    With `transform`, from unit rows to others, the cosine is that of what it gives. Items without a vector are left
    out; fewer than `k` come back where there are no more.
    """
    best: list[tuple[Item, float]] = []
    wanted = vector if transform is None else transform(vector[None])[0]
    for start in range(0, len(items), BLOCK):
        present, rows = encoding.matrix(model, items[start : start + BLOCK])
        # BLAS gives equal rows scores that differ in the last bit, by where in the matrix they stand.
        scores = np.einsum("ij,j->i", rows if transform is None else transform(rows), wanted)
        # Copies share a score; leaving the cut to argpartition would choose among them by chance.
        threshold = _kth(scores, k)
        best += [(item, float(score)) for item, score in zip(present, scores, strict=True) if score >= threshold]
        best = sorted(best, key=lambda pair: (-pair[1], pair[0].id))[:k]
    return best


def cosines(
    encoding: Embedder, vectors: NDArray[np.float32], model: Model, items: Sequence[Item]
) -> tuple[list[Item], NDArray[np.float32]]:
    """The items that have a vector, and the cosine of each with each unit row of `vectors`."""
    found: list[Item] = []
    scores = [np.zeros((0, len(vectors)), np.float32)]
    for start in range(0, len(items), BLOCK):
        present, rows = encoding.matrix(model, items[start : start + BLOCK])
        found += present
        scores.append(np.einsum("ij,kj->ik", rows, vectors))  # as in `nearest`: equal rows get equal scores
    return found, np.concatenate(scores)


def neighbours(encoding: Embedder, model: Model, items: Sequence[Item], k: int) -> Neighbours:
    """For each item that has a vector the `k` others of highest cosine, best first."""
    present, rows = encoding.matrix(model, items)
    k = max(0, min(k, len(present) - 1))
    index = np.zeros((len(present), k), np.int64)
    score = np.zeros((len(present), k), np.float32)
    for start in range(0, len(present) if k else 0, SIDE):
        mine = np.arange(start, min(start + SIDE, len(present)))
        best, found = np.full((len(mine), k), -2, np.float32), np.zeros((len(mine), k), np.int64)
        for other in range(0, len(present), SIDE):
            scores = rows[mine] @ rows[other : other + SIDE].T
            theirs = np.arange(other, other + scores.shape[1])
            scores[mine[:, None] == theirs] = -3
            every = np.hstack([best, scores])
            which = np.argpartition(-every, k - 1, axis=1)[:, :k]
            ids = np.hstack([found, np.broadcast_to(theirs, scores.shape)])
            best, found = np.take_along_axis(every, which, 1), np.take_along_axis(ids, which, 1)
        order = np.lexsort((found, -best), axis=1)
        index[mine], score[mine] = np.take_along_axis(found, order, 1), np.take_along_axis(best, order, 1)
    return Neighbours(present, index, score)


def _kth(scores: NDArray[np.float32], k: int) -> float:
    return float(np.partition(scores, -k)[-k]) if len(scores) > k else -2.0
