"""Stars: one stays in the middle, and each that may go matches that very one.

Chains are no groups: where A is like B and B is like C, A and C need not be alike.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Hashable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

__all__ = ["Star", "spokes", "stars"]

E = TypeVar("E")
"""The evidence that two match."""

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
    candidates: Iterable[tuple[int, int]],
    match: Callable[[int, int], E | None],
    prepare: Callable[[Sequence[tuple[int, int]]], None] | None = None,
) -> list[Star[E]]:
    """Stars of things 0, 1, ..., which stand in the order in which they should stay; no thing is in two.

    `candidates` are pairs that may match, `match(lower, higher)` tells, in threads. The first of those that are linked
    becomes a centre and takes all that match it, then the first of what is left. `prepare` is told before which pairs
    will be asked for, in the caller's thread.
    """
    seen: dict[tuple[int, int], E | None] = {}

    def cached_match(lower: int, higher: int) -> E | None:
        if (lower, higher) not in seen:
            seen[lower, higher] = match(lower, higher)
        return seen[lower, higher]

    edges = sorted({(min(pair), max(pair)) for pair in candidates if pair[0] != pair[1]})
    for start in range(0, len(edges), AT_ONCE):
        chunk = edges[start : start + AT_ONCE]
        if prepare:
            prepare(chunk)
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            seen.update(zip(chunk, pool.map(lambda pair: match(*pair), chunk), strict=True))
    links = [pair for pair in edges if seen[pair] is not None]
    near: dict[int, list[int]] = {}
    for lower, higher in links:
        near.setdefault(lower, []).append(higher)
    found = []
    for heap in _heaps(count, links):
        left = dict.fromkeys(heap)
        for centre in heap:
            if centre not in left:
                continue
            del left[centre]
            others = list(left) if len(heap) <= LARGE else [one for one in near.get(centre, ()) if one in left]
            if prepare:
                prepare([(centre, other) for other in others if (centre, other) not in seen])
            rays = [(other, evidence) for other in others if (evidence := cached_match(centre, other)) is not None]
            for other, _ in rays:
                del left[other]
            if rays:
                found.append(Star(centre, rays))
    return found


def _heaps(count: int, links: Sequence[tuple[int, int]]) -> list[list[int]]:
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


def spokes(keys: Sequence[Hashable]) -> list[tuple[int, int]]:
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
