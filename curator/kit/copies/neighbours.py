"""Pairs of items that lie near each other in the space of an encoder: what is similar, and candidates for copies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from curator.api import Context, Item, Model
from curator.kit.copies.vectors import join

__all__ = ["Near", "near_each", "neighbours"]


Integers: TypeAlias = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Near:
    """Of `count` things some, `own`, (n,), each with its nearest others, (n, k), the nearest first, and the cosines."""

    count: int
    own: Integers
    others: Integers
    cosines: NDArray[np.float32]

    def pairs(self, k: int, least: float = -1) -> tuple[Integers, NDArray[np.float32]]:
        """Pairs of which one is among the `k` nearest of the other, (m, 2), and their cosines, if at least `least`."""
        row, column = np.nonzero(self.cosines[:, :k] >= least)
        pairs = np.column_stack([self.own[row], self.others[row, column]])
        return np.sort(pairs, axis=1), self.cosines[row, column]

    def further(self, links: Sequence[tuple[int, int]], k: int) -> Integers:
        """Pairs of each heap of what is linked with the `k` heaps nearest to it, where links change which these are.

        The nearest of something with many versions are these, and nothing else is ever looked at. So what is linked
        counts as one, from the outside and from the inside. Of two heaps the two things that are nearest are a pair,
        and the two that most others are linked to: probably what the others were made of.
        """
        heap = join(np.arange(self.count), pairs=links)
        alone = np.bincount(heap)[heap] == 1
        changed = ~alone[self.own] | ~alone[self.others].all(axis=1)
        one, other = np.repeat(self.own[changed], self.others.shape[1]), self.others[changed].ravel()
        apart = heap[one] != heap[other]
        one, other, cosines = one[apart], other[apart], self.cosines[changed].ravel()[apart]
        # The nearest two of each two heaps, then of each heap the nearest of these.
        order = np.lexsort((other, one, -cosines, heap[other], heap[one]))
        one, other, cosines = one[order], other[order], cosines[order]
        _, first = np.unique(np.column_stack([heap[one], heap[other]]), axis=0, return_index=True)
        one, other, cosines = one[first], other[first], cosines[first]
        order = np.lexsort((-cosines, heap[one]))
        one, other = one[order], other[order]
        starts = np.searchsorted(heap[one], heap[one])
        chosen = np.arange(len(one)) - starts < k
        one, other = one[chosen], other[chosen]
        hub = _hubs(heap, links)
        pairs = np.column_stack([np.concatenate([one, hub[heap[one]]]), np.concatenate([other, hub[heap[other]]])])
        return np.unique(np.sort(pairs, axis=1), axis=0)


def near_each(context: Context, model: Model, items: Sequence[Item], k: int) -> Near:
    """The `k` nearest of each item, of those that have a vector."""
    # Ties among neighbours go by position: by content it is the same whatever the order in which things were added.
    found = context.neighbours(model, sorted(items, key=lambda item: item.hash), k)
    number = {item.id: position for position, item in enumerate(items)}
    own = np.asarray([number[item.id] for item in found.items], np.int64)
    return Near(len(items), own, own[found.index], found.score)


def neighbours(
    context: Context, model: Model, items: Sequence[Item], k: int, least: float = -1
) -> dict[tuple[int, int], float]:
    """The cosine of each pair of which one is among the `k` nearest of the other, if it is at least `least`."""
    pairs, cosines = near_each(context, model, items, k).pairs(k, least)
    return dict(zip(map(tuple, pairs.tolist()), cosines.tolist(), strict=True))


def _hubs(heap: Integers, links: Sequence[tuple[int, int]]) -> Integers:
    """For each heap the thing with most links; of several the first."""
    many = np.bincount(np.asarray(links, np.int64).ravel(), minlength=len(heap))
    order = np.lexsort((-many, heap))
    _, first = np.unique(heap[order], return_index=True)
    return order[first]
