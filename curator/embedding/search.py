"""Search by cosine: exact in blocks, so that memory does not grow with the number of items, or by a shortlist first."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from curator.api import Item, Model, Neighbours
from curator.catalog.selection import in_pages, more_than, pages_of, taken
from curator.embedding import shortlist
from curator.embedding.embedder import Embedder
from curator.errors import NotReady

BLOCK = 2_000
"""Rows that are held at once while each is compared with a few."""
SIDE = 2_000
"""Rows and columns of cosines that are held at once."""
HELD = 64 << 20
"""Bytes of vectors that are held while all others pass by, read anew for each of these heaps."""


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
    out; fewer than `k` come back where there are no more. Among very many items and without `transform`, one in a
    thousand of those that belong there may be missed.
    """
    near = None
    if transform is None and more_than(items, shortlist.EXACT_UP_TO):
        near = encoding.shortlist.of(model, vector, items, k)
    best: list[tuple[float, int]] = []
    wanted = vector if transform is None else transform(vector[None])[0]
    for page in pages_of(items, BLOCK) if near is None else in_pages(near, BLOCK):
        ids, rows = encoding.rows_of(model, page, lambda of: str(taken(items, [of])[0]))
        # BLAS gives equal rows scores that differ in the last bit, by where in the matrix they stand.
        scores = np.einsum("ij,j->i", rows if transform is None else transform(rows), wanted)
        # Copies share a score; leaving the cut to argpartition would choose among them by chance.
        threshold = _kth(scores, k)
        best += [(-float(score), of) for of, score in zip(ids, scores, strict=True) if score >= threshold]
        best = sorted(best)[:k]
    made = {item.id: item for item in taken(items, [of for _, of in best])}
    return [(made[of], -score) for score, of in best if of in made]


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
    known = encoding.derived.known(model.fingerprint, [item.hash for item in items])
    present = [item for item in items if item.hash in known]
    k = max(0, min(k, len(present) - 1))
    index, score = np.zeros((len(present), k), np.int64), np.full((len(present), k), -2, np.float32)
    held = SIDE * max(1, HELD // (4 * model.dim * SIDE))
    for start in range(0, len(present) if k else 0, held):
        mine = _rows(encoding, model, present[start : start + held])
        for other in range(0, len(present), SIDE):
            inside = start <= other < start + held
            theirs = mine[other - start :][:SIDE] if inside else _rows(encoding, model, present[other : other + SIDE])
            for first in range(0, len(mine), SIDE):
                part = slice(start + first, start + first + SIDE)
                index[part], score[part] = _nearer(
                    mine[first : first + SIDE], theirs, (start + first, other), index[part], score[part]
                )
    order = np.lexsort((index, -score), axis=1)
    return Neighbours(present, np.take_along_axis(index, order, 1), np.take_along_axis(score, order, 1))


def _rows(encoding: Embedder, model: Model, items: Sequence[Item]) -> NDArray[np.float32]:
    """Their vectors, read a few at a time, as each is there three times while it is read."""
    rows = np.empty((len(items), model.dim), np.float32)
    for start in range(0, len(items), SIDE):
        wanted = items[start : start + SIDE]
        found, values = encoding.matrix(model, wanted)
        if len(found) < len(wanted):
            raise NotReady(f"vectors of {model.name} were removed while they were being compared: run it again")
        rows[start : start + SIDE] = values
    return rows


def _nearer(
    mine: NDArray[np.float32],
    theirs: NDArray[np.float32],
    at: tuple[int, int],
    index: NDArray[np.int64],
    score: NDArray[np.float32],
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """The best of those known and of more rows; `at`: the numbers of the first of both. In no order."""
    scores = mine @ theirs.T
    own, others = (np.arange(first, first + len(rows)) for first, rows in zip(at, (mine, theirs), strict=True))
    scores[own[:, None] == others] = -3
    every = np.hstack([score, scores])
    which = np.argpartition(-every, score.shape[1] - 1, axis=1)[:, : score.shape[1]]
    known = score.shape[1]
    ids = np.where(which < known, np.take_along_axis(index, np.minimum(which, known - 1), 1), which - known + at[1])
    return ids, np.take_along_axis(every, which, 1)


def _kth(scores: NDArray[np.float32], k: int) -> float:
    return float(np.partition(scores, -k)[-k]) if len(scores) > k else -2.0
