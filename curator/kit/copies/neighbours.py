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
        alone = np.bincount(heap, minlength=1)[heap] == 1
        changed = np.flatnonzero(~alone[self.own] | ~alone[self.others].all(axis=1))
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
        found = np.unique(np.minimum(one, other) * self.count + np.maximum(one, other))
        return np.column_stack(np.divmod(found, self.count))


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
