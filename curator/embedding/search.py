"""Search by cosine: exact in blocks, so that memory does not grow with the number of items, or by a shortlist first."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from curator.api import Item, Model, Neighbours
from curator.catalog.selection import more_than, pages_of, taken
from curator.embedding import shortlist
from curator.embedding.codes import unit, with_one
from curator.embedding.embedder import Embedder
from curator.embedding.vector_reader import Floats, Integers, StoredVectors

Indices = NDArray[np.int32]
"""Of neighbours, many of which are held."""

BLOCK = 2_000
"""Rows that are held at once while each is compared with a few."""
SIDE = 2_000
"""Rows and columns of cosines that are held at once."""
HELD = 64 << 20
"""Bytes of vectors that are held while all others pass by, read anew for each of these heaps."""

EXACT_UP_TO = 20_000
"""Among so many each is compared with all others."""
PROBED = 8
"""Lists in which each looks for its neighbours; and what looks in its own, it finds, too."""
LEARNT, ROUNDS = 128 << 20, 3
"""Bytes of rows that the middles of lists are learnt from, and how often these are moved."""
FEW_BETTER = 8
"""Where fewer than one of so many cosines is better than those known, the others are not looked at again."""
UNEVEN = 8
"""A list that is so many times as long as is usual is cut: all the rows in it may be the same."""


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
    scores = None
    if transform is None and more_than(items, shortlist.EXACT_UP_TO):
        scores = encoding.shortlist.scores(model, vector, items, k)
    if scores is not None:
        best = sorted((-score, of) for of, score in scores.items())[:k]
    else:
        best = _best_of_all(encoding, vector, model, items, k, transform)
    made = {item.id: item for item in taken(items, [of for _, of in best])}
    return [(made[of], -score) for score, of in best if of in made]


def _best_of_all(
    encoding: Embedder,
    vector: NDArray[np.float32],
    model: Model,
    items: Sequence[Item],
    k: int,
    transform: Callable[[NDArray[np.float32]], NDArray[np.float32]] | None,
) -> list[tuple[float, int]]:
    """The `k` nearest, each compared: less their cosines, and their ids, in order."""
    wanted = vector if transform is None else transform(vector[None])[0]
    best: list[tuple[float, int]] = []
    for page in pages_of(items, BLOCK):
        ids, rows = encoding.rows_of(model, page, lambda of: str(taken(items, [of])[0]))
        scores = with_one(rows if transform is None else transform(rows), wanted)
        # Copies share a score; leaving the cut to argpartition would choose among them by chance.
        threshold = _kth(scores, k)
        best += [(-float(score), of) for of, score in zip(ids, scores, strict=True) if score >= threshold]
        best = sorted(best)[:k]
    return best


def cosines(
    encoding: Embedder, vectors: NDArray[np.float32], model: Model, items: Sequence[Item]
) -> tuple[Sequence[Item], NDArray[np.float32]]:
    """The items that have a vector, and the cosine of each with each unit row of `vectors`."""
    stored = encoding.stored(model, items)
    scores = np.empty((len(stored), len(vectors)), np.float32)
    for index, rows in stored.blocks():
        scores[index] = np.einsum("ij,kj->ik", rows, vectors)  # as `with_one`: equal rows get equal scores
    return stored.items, scores


def neighbours(encoding: Embedder, model: Model, items: Sequence[Item], k: int) -> Neighbours:
    """For each item that has a vector the `k` others of highest cosine, best first; ties go by content.

    Among more than `EXACT_UP_TO` by inverted lists, which miss some of those that are far off.
    """
    given = encoding.stored(model, items)
    order = given.by_content()
    stored = given.arranged(order)
    k = max(0, min(k, len(stored) - 1))
    if not k or len(stored) <= EXACT_UP_TO:
        index, score = _each_compared(stored, k, model.dim)
    else:
        index, score = _Lists(stored, model.dim).nearest(k)
        short = np.flatnonzero(score[:, -1] < -1.5)  # what no list holds so many others of
        if len(short):
            index[short], score[short] = _compared(stored, short, k, model.dim)
    # In their place, as there may be a million: the nearest first, then as the items were given.
    for start in range(0, len(index), SIDE):
        some = slice(start, start + SIDE)
        best = np.lexsort((index[some], -score[some]), axis=1)
        index[some] = order[np.take_along_axis(index[some], best, 1)]
        score[some] = np.take_along_axis(score[some], best, 1)
    for column in range(k):
        for of in (index, score):
            of[order, column] = of[:, column].copy()
    return Neighbours(given.items, index, score)


def _each_compared(stored: StoredVectors, k: int, dim: int) -> tuple[Indices, Floats]:
    """The `k` nearest of all of them, (n, k) indices and cosines, in no order.

    Two blocks of them are compared once, for both.
    """
    count = len(stored)
    index, score = np.zeros((count, k), np.int32), np.full((count, k), -2, np.float32)
    held = SIDE * max(1, HELD // (4 * dim * SIDE))
    for start in range(0, count if k else 0, held):
        mine = stored.rows(np.arange(start, min(start + held, count)))
        for other in range(start, count, SIDE):
            theirs = np.arange(other, min(other + SIDE, count))
            rows = stored.rows(theirs) if other >= start + held else mine[other - start : other - start + SIDE]
            for first in range(start, min(start + held, other + 1), SIDE):
                own = np.arange(first, min(first + SIDE, count))
                scores = _cosines(mine[first - start : first - start + SIDE], rows, own, theirs)
                index[own], score[own] = _nearer(scores, theirs, index[own], score[own])
                if first != other:
                    index[theirs], score[theirs] = _nearer(scores.T, own, index[theirs], score[theirs])
    return index, score


def _compared(stored: StoredVectors, which: Integers, k: int, dim: int) -> tuple[Indices, Floats]:
    """The `k` nearest of some of them, each of which is compared with all: (m, k) indices and cosines, in no order."""
    every = np.arange(len(stored))
    index, score = np.zeros((len(which), k), np.int32), np.full((len(which), k), -2, np.float32)
    held = SIDE * max(1, HELD // (4 * dim * SIDE))
    for start in range(0, len(which) if k else 0, held):
        own = which[start : start + held]
        mine = stored.rows(own)
        for other in range(0, len(stored), SIDE):
            theirs = every[other : other + SIDE]
            rows = stored.rows(theirs)
            for first in range(0, len(own), SIDE):
                part, here = slice(start + first, start + first + SIDE), slice(first, first + SIDE)
                scores = _cosines(mine[here], rows, own[here], theirs)
                index[part], score[part] = _nearer(scores, theirs, index[part], score[part])
    return index, score


class _Lists:
    """Rows in lists by the middle that is nearest (Sivic and Zisserman 2003, "Video Google"), compared within these.

    A row is compared with those of the `PROBED` lists whose middles are nearest to it. Two that are neighbours are
    found where either looks in the list of the other, which of those that are near is nearly always so. There are as
    many lists as make finding them and comparing take about as long: of n rows, the work grows as n to the power 1.5.
    """

    def __init__(self, stored: StoredVectors, dim: int) -> None:
        self.stored = stored
        count = len(stored)
        middles = self._middles(max(PROBED, round((PROBED * count) ** 0.5)), LEARNT // (4 * dim))
        self.probes = np.empty((count, PROBED), np.int32)
        """The lists that each row looks in, its own first."""
        for index, rows in stored.blocks():
            scores = rows @ middles.T
            nearest = np.argpartition(-scores, PROBED - 1, axis=1)[:, :PROBED]
            best = np.argsort(-np.take_along_axis(scores, nearest, 1), axis=1, kind="stable")
            self.probes[index] = np.take_along_axis(nearest, best, 1)
        self.lists = self._cut(len(middles))

    def _middles(self, lists: int, most: int) -> Floats:
        """The middles of so many lists, unit rows, by k-means on a sample."""
        chance = np.random.default_rng(0)
        count = len(self.stored)
        some = self.stored.rows(np.sort(chance.choice(count, min(count, max(lists, most)), replace=False)))
        middles = some[chance.choice(len(some), lists, replace=False)]
        for _ in range(ROUNDS):
            parts = (some[start : start + SIDE] for start in range(0, len(some), SIDE))
            nearest = np.concatenate([(part @ middles.T).argmax(axis=1) for part in parts])
            order = np.argsort(nearest, kind="stable")
            names, first = np.unique(nearest[order], return_index=True)
            middles[names] = unit(np.add.reduceat(some[order], first, axis=0))
        return middles

    def _cut(self, lists: int) -> int:
        """Give what is over in a list a list of its own, in which nothing else looks; returns how many there are.

        What has the same middle next to its own stays together, and looks in the list that it was in before the last
        of the others.
        """
        most = UNEVEN * -(-len(self.probes) // lists)
        own = self.probes[:, 0]
        for long in np.flatnonzero(np.bincount(own, minlength=lists) > most):
            rows = np.flatnonzero(own == long)
            rows = rows[np.lexsort(self.probes[rows, :0:-1].T[-2:])]
            for start in range(most, len(rows), most):
                some = rows[start : start + most]
                self.probes[some, 1:] = self.probes[some, :-1]
                own[some] = lists
                lists += 1
        return lists

    def nearest(self, k: int) -> tuple[Indices, Floats]:
        """The `k` nearest found of each row, (n, k) indices and cosines, in no order; -2 where there are fewer."""
        count = len(self.probes)
        index, score = np.zeros((count, k), np.int32), np.full((count, k), -2, np.float32)
        looking = np.argsort(self.probes.ravel(), kind="stable")
        begins = np.searchsorted(self.probes.ravel()[looking], np.arange(self.lists + 1))
        own = np.argsort(self.probes[:, 0], kind="stable")
        starts = np.searchsorted(self.probes[own, 0], np.arange(self.lists + 1))
        for one in range(self.lists):
            members = own[starts[one] : starts[one + 1]]
            if len(members):
                self._look(members, looking[begins[one] : begins[one + 1]] // PROBED, index, score)
        return index, score

    def _look(self, members: Integers, lookers: Integers, index: Indices, score: Floats) -> None:
        """Compare the members of a list with all that look in it."""
        rows = self.stored.rows(members)
        looked_in = np.zeros((len(members), self.lists), bool)
        looked_in[np.arange(len(members))[:, None], self.probes[members]] = True
        for start in range(0, len(lookers), SIDE):
            some = lookers[start : start + SIDE]
            scores = _cosines(self.stored.rows(some), rows, some, members)
            index[some], score[some] = _nearer(scores, members, index[some], score[some])
            # What looks in the list of the other, too, meets it there.
            back = np.where(looked_in[:, self.probes[some, 0]], np.float32(-3), scores.T)
            index[members], score[members] = _nearer(back, some, index[members], score[members])


def _cosines(one: Floats, other: Floats, ones: Integers, others: Integers) -> Floats:
    """Of each row with each other, and less than any for one with itself; the indices say which they are."""
    scores = one @ other.T
    scores[ones[:, None] == others] = -3
    return scores


def _nearer(scores: Floats, others: Integers, index: Indices, score: Floats) -> tuple[Indices, Floats]:
    """The best of those known, (m, k), and of more: (m, n) cosines with the rows of n indices. In no order."""
    known = score.shape[1]
    if scores.shape[1] > FEW_BETTER * known:
        better = scores > score.min(axis=1, keepdims=True)
        if np.count_nonzero(better) * FEW_BETTER < better.size:
            scores, others = _only(scores, others, better)
    every = np.hstack([score, scores])
    which = np.argpartition(-every, known - 1, axis=1)[:, :known]
    found = np.take_along_axis(np.broadcast_to(others, scores.shape), np.maximum(which - known, 0), 1)
    ids = np.where(which < known, np.take_along_axis(index, np.minimum(which, known - 1), 1), found)
    return ids.astype(index.dtype), np.take_along_axis(every, which, 1)


def _only(scores: Floats, others: Integers, wanted: NDArray[np.bool_]) -> tuple[Floats, Integers]:
    """The wanted cosines of each row, moved to its front, and of which others they are; then -4, which none is."""
    row, column = np.nonzero(wanted)
    place = np.arange(len(row)) - np.searchsorted(row, np.arange(len(scores)))[row]
    shape = len(scores), int(place.max(initial=0)) + 1
    front, ids = np.full(shape, -4, np.float32), np.zeros(shape, np.int64)
    front[row, place], ids[row, place] = scores[row, column], others[column]
    return front, ids


def _kth(scores: NDArray[np.float32], k: int) -> float:
    return float(np.partition(scores, -k)[-k]) if len(scores) > k else -2.0
