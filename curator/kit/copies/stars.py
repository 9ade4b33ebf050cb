"""Stars: one stays in the middle, and each that may go matches that very one.

Chains are no groups: where A is like B and B is like C, A and C need not be alike.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Generic, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

__all__ = ["Star", "spokes", "spokes_of", "stars"]

E = TypeVar("E")
"""The evidence that two match."""

Pair: TypeAlias = tuple[int, int]

AT_ONCE = 2_000
"""Candidates that are handed to the threads together."""

LARGE = 200
"""In a larger heap of things that are linked, only those are compared that were candidates from the start."""


@dataclass(frozen=True, slots=True)
class Star(Generic[E]):
    """`centre` stays; each of the `rays` matches it, with the evidence."""

    centre: int
    rays: list[tuple[int, E]]


def stars(
    count: int,
    candidates: Iterable[Pair],
    match: Callable[[int, int], E | None],
    prepare: Callable[[Sequence[Pair]], None] | None = None,
    best: Callable[[Sequence[int]], int] | None = None,
    linked: Callable[[Sequence[int]], None] | None = None,
) -> list[Star[E]]:
    """Stars of things 0, 1, ..., which stand in the order in which they should stay; no thing is in two.

    `candidates` are pairs that may match, `match(centre, other)` tells, in threads. The first of those that are linked
    becomes a centre and takes all that match it, then the first of what is left. `prepare` is told before which pairs
    will be asked for, in the caller's thread. `best` says which of a star should stay after all: that one becomes the
    centre, and takes what matches it, also of what did not match the first. `linked` is told before of all it may be
    asked about.
    """
    sky = _Sky(match, prepare, best)
    links = sky.links(candidates)
    heaps = _heaps(count, links)
    if linked:
        linked([thing for heap in heaps for thing in heap])
    return [star for heap in heaps for star in sky.of_heap(heap)]


class _Sky(Generic[E]):
    """Stars of one heap after another; what was matched is known."""

    def __init__(
        self,
        match: Callable[[int, int], E | None],
        prepare: Callable[[Sequence[Pair]], None] | None,
        best: Callable[[Sequence[int]], int] | None,
    ) -> None:
        self.match, self.prepare, self.best = match, prepare, best
        self._seen: dict[Pair, E | None] = {}
        self._near: dict[int, list[int]] = {}

    def links(self, candidates: Iterable[Pair]) -> list[Pair]:
        """The candidates that match, the lower first, in order."""
        edges = sorted({(min(pair), max(pair)) for pair in candidates if pair[0] != pair[1]})
        for start in range(0, len(edges), AT_ONCE):
            chunk = edges[start : start + AT_ONCE]
            if self.prepare:
                self.prepare(chunk)
            with ThreadPoolExecutor(os.cpu_count()) as pool:
                self._seen.update(zip(chunk, pool.map(lambda pair: self.match(*pair), chunk), strict=True))
        found = [pair for pair in edges if self._seen[pair] is not None]
        for lower, higher in found:
            self._near.setdefault(lower, []).append(higher)
            self._near.setdefault(higher, []).append(lower)
        return found

    def of_heap(self, heap: Sequence[int]) -> Iterator[Star[E]]:
        """Each thing of what is linked is in one star at most."""
        left = dict.fromkeys(heap)
        for first in heap:
            while first in left:
                star = self._best_about(first, left, len(heap))
                for thing in _members(star):
                    del left[thing]
                if star.rays:
                    yield star

    def _best_about(self, first: int, left: Collection[int], size: int) -> Star[E]:
        """The star about the first, or about the best of that one, and the best of that."""
        star = self._about(first, left, size)
        tried = {first}
        while star.rays and self.best and (centre := self.best(_members(star))) not in tried:
            tried.add(centre)
            better = self._about(centre, left, size)
            star = better if better.rays else star  # two may match only as one of them sees it
        return star

    def _about(self, centre: int, left: Collection[int], size: int) -> Star[E]:
        """What is left of a heap of some size, and matches the centre."""
        near = left if size <= LARGE else sorted(self._near[centre])
        others = [other for other in near if other in left and other != centre]
        if self.prepare:
            self.prepare([(centre, other) for other in others if (centre, other) not in self._seen])
        for other in others:
            if (centre, other) not in self._seen:
                self._seen[centre, other] = self.match(centre, other)
        found = [(other, self._seen[centre, other]) for other in others]
        return Star(centre, [(other, evidence) for other, evidence in found if evidence is not None])


def _members(star: Star[E]) -> list[int]:
    return [star.centre, *(ray for ray, _ in star.rays)]


def _heaps(count: int, links: Sequence[Pair]) -> list[list[int]]:
    """What hangs together, directly or by others; each in order, only where there is more than one."""
    if not links:
        return []
    lower, higher = np.asarray(links).T
    graph = coo_array((np.ones(len(links), np.int8), (lower, higher)), shape=(count, count))
    _, heap_of = connected_components(graph, directed=False)
    heaps: dict[int, list[int]] = {}
    for thing in sorted({*lower.tolist(), *higher.tolist()}):
        heaps.setdefault(int(heap_of[thing]), []).append(thing)
    return list(heaps.values())


def spokes_of(keys: NDArray[Any]) -> NDArray[np.int64]:
    """As `spokes`, of numbers, (n,): pairs, (m, 2), some of them twice."""
    order = np.argsort(keys, kind="stable")
    ordered = keys[order]
    same = ordered[1:] == ordered[:-1]
    first = np.maximum.accumulate(np.where(np.concatenate([[True], ~same])[: len(order)], np.arange(len(order)), 0))
    later = np.flatnonzero(same) + 1
    pairs = [np.column_stack([order[first[later]], order[later]]), np.column_stack([order[later - 1], order[later]])]
    return np.concatenate(pairs)


def spokes(keys: Sequence[Hashable]) -> list[Pair]:
    """Candidates among things of equal key: each with the first of its key and with the one before; never all pairs."""
    first: dict[Hashable, int] = {}
    last: dict[Hashable, int] = {}
    pairs = []
    for number, key in enumerate(keys):
        if key in first:
            pairs += [(first[key], number), (last[key], number)]
        first.setdefault(key, number)
        last[key] = number
    return pairs
