"""Pairs of items that lie near each other in the space of an encoder: what is similar, and candidates for copies."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from curator.api import Context, Item, Model
from curator.kit.copies.vectors import join
from curator.kit.listing import ids_of

__all__ = ["Near", "as_keys", "near_each", "neighbours", "of_keys"]


Integers: TypeAlias = NDArray[np.int64]

AT_ONCE = 20_000
"""Things whose neighbours are worked on at once."""


@dataclass(frozen=True, slots=True, eq=False)
class Near:
    """Of `count` things some, `own`, (n,), each with its nearest others, (n, k), the nearest first, and the cosines.

    As there may be a million, of which many are held, only a block of them is worked on at once.
    """

    count: int
    own: Integers
    others: NDArray[np.signedinteger]
    cosines: NDArray[np.float32]

    def pairs(self, k: int, least: float = -1) -> tuple[Integers, NDArray[np.float32]]:
        """Pairs of which one is among the `k` nearest of the other, (m, 2), and their cosines, if at least `least`."""
        row, column = np.nonzero(self.cosines[:, :k] >= least)
        pairs = np.column_stack([self.own[row], self.others[row, column]])
        return np.sort(pairs, axis=1), self.cosines[row, column]

    def keys(self, k: int) -> Integers:
        """The same whatever the cosine, each once, as one number (`as_keys`), (m,)."""
        found = [np.zeros(0, np.int64)]
        for some in self._blocks():
            others = self.others[some, :k]
            pairs = np.column_stack([np.repeat(self.own[some], others.shape[1]), others.ravel()])
            found.append(as_keys(pairs, self.count))
        return np.unique(np.concatenate(found))

    def _blocks(self) -> Iterator[slice]:
        return (slice(start, start + AT_ONCE) for start in range(0, len(self.own), AT_ONCE))

    def further(self, links: Sequence[tuple[int, int]], k: int) -> Integers:
        """Pairs of each heap of what is linked with the `k` heaps nearest to it, where links change which these are.

        The nearest of something with many versions are these, and nothing else is ever looked at. So what is linked
        counts as one, from the outside and from the inside. Of two heaps the two things that are nearest are a pair,
        and the two that most others are linked to: probably what the others were made of.
        """
        heap = join(np.arange(self.count), pairs=links)
        alone = np.bincount(heap, minlength=1)[heap] == 1
        changed = np.flatnonzero(
            np.concatenate([~alone[self.own[some]] | ~alone[self.others[some]].all(axis=1) for some in self._blocks()])
        )
        chosen = _first_of_each(heap[self.own[changed]], heap[self.others[changed]], k)
        row, column = np.nonzero(chosen)
        one, other = self.own[changed[row]], self.others[changed[row], column]
        # Of each two heaps the nearest two things, then for each heap the nearest of these.
        order = np.lexsort((other, one, -self.cosines[changed[row], column], heap[other], heap[one]))
        _, first = np.unique((heap[one] * self.count + heap[other])[order], return_index=True)
        nearest = order[first]
        cosines = self.cosines[changed[row[nearest]], column[nearest]]
        one, other = one[nearest], other[nearest]
        order = np.lexsort((-cosines, heap[one]))
        one, other = one[order], other[order]
        few = np.arange(len(one)) - np.searchsorted(heap[one], heap[one]) < k
        one, other = one[few], other[few]
        hub = _hubs(heap, links)
        one, other = np.concatenate([one, hub[heap[one]]]), np.concatenate([other, hub[heap[other]]])
        return of_keys(as_keys(np.column_stack([one, other]), self.count), self.count)


def as_keys(pairs: Integers, count: int) -> Integers:
    """Pairs of things, (m, 2), each once, the lower first, as one number: lower * count + higher; these ascend."""
    keys: Integers = np.unique(pairs.min(axis=1).astype(np.int64) * count + pairs.max(axis=1))
    return keys


def of_keys(keys: Integers, count: int) -> Integers:
    """The pairs, (m, 2)."""
    return np.column_stack(np.divmod(keys, count))


def near_each(context: Context, model: Model, items: Sequence[Item], k: int) -> Near:
    """The `k` nearest of each item, of those that have a vector."""
    found = context.neighbours(model, items, k)
    ids = np.asarray(ids_of(items), np.int64)
    order = np.argsort(ids)
    own = order[np.searchsorted(ids, np.asarray(ids_of(found.items), np.int64), sorter=order)]
    if not np.array_equal(own, np.arange(len(own))):
        for start in range(0, len(own), AT_ONCE):
            found.index[start : start + AT_ONCE] = own[found.index[start : start + AT_ONCE]]
    return Near(len(items), own, found.index, found.score)


def neighbours(
    context: Context, model: Model, items: Sequence[Item], k: int, least: float = -1
) -> dict[tuple[int, int], float]:
    """The cosine of each pair of which one is among the `k` nearest of the other, if it is at least `least`."""
    pairs, cosines = near_each(context, model, items, k).pairs(k, least)
    return dict(zip(map(tuple, pairs.tolist()), cosines.tolist(), strict=True))


def _first_of_each(own: Integers, others: Integers, k: int) -> NDArray[np.bool_]:
    """Which of the heaps in each row are the first `k` that are not its own, each once."""
    new = others != own[:, None]
    for column in range(1, others.shape[1]):
        new[:, column] &= (others[:, :column] != others[:, column, None]).all(axis=1)
    first: NDArray[np.bool_] = new & (np.cumsum(new, axis=1, dtype=np.int16) <= k)
    return first


def _hubs(heap: Integers, links: Sequence[tuple[int, int]]) -> Integers:
    """For each heap the thing with most links; of several the first."""
    many = np.bincount(np.asarray(links, np.int64).ravel(), minlength=len(heap))
    order = np.lexsort((-many, heap))
    _, first = np.unique(heap[order], return_index=True)
    return order[first]
