"""All pairs of 64-bit hashes within a small distance, without comparing each with each.

Multi-index hashing (Norouzi, Punjani and Fleet, "Fast Search in Hamming Space with Multi-Index Hashing", CVPR 2012):
two hashes that differ in at most r bits differ, in one of m parts of them, in at most r // m. So each part is an index
of its own, asked for every value that near; what it gives is compared whole.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations, pairwise
from math import comb

import numpy as np
from numpy.typing import NDArray

__all__ = ["near_pairs", "nearest_pairs"]

Hashes = NDArray[np.uint64]
Indices = NDArray[np.int64]

BITS = 64
LARGEST_PART = 24
"""Bits; its table of starts takes 4 bytes for each value."""

EXACT_UP_TO = 20_000
"""Among so many each is compared with each other."""
PROBED, SIDE = 64, 2_000
"""Lists that each looks in, and members of one that are compared at once.

Of hashes drawn at random, each in a pair that is 12 bits apart, nine pairs in ten are found among 30,000 and eight in
ten among 100,000; of those 8 bits apart 98 and 97 %.
"""

AT_ONCE = 1 << 22
"""Candidates that are compared in one go: 4 M of them take some 150 MB."""


def near_pairs(queries: Hashes, hashes: Hashes, radius: int) -> tuple[Indices, Indices, Indices]:
    """Every (query, hash) within `radius` bits, as two rows of indices and one of distances; in order, each once."""
    found = [
        (query, other, distance)
        for start, width in _parts(len(hashes), radius)
        for query, other, distance in _of_part(queries, hashes, start, width, radius)
    ]
    if not found:
        nothing = np.zeros(0, np.int64)
        return nothing, nothing, nothing
    query, other, distance = (np.concatenate(column) for column in zip(*found, strict=True))
    _, first = np.unique(query * len(hashes) + other, return_index=True)
    return query[first], other[first], distance[first]


def nearest_pairs(hashes: Hashes, k: int, radius: int) -> NDArray[np.int64]:
    """Each hash with its `k` nearest others of those within `radius` bits, (n, 2); of several as near the first.

    Each is compared with each: so far apart, no index leaves much out. Of more than `EXACT_UP_TO`, with those of some
    lists, which miss some.
    """
    if len(hashes) > EXACT_UP_TO:
        return _Lists(hashes).nearest_pairs(k, radius)
    found = [np.zeros((0, 2), np.int64)]
    rows = max(1, AT_ONCE // max(1, len(hashes)))
    for start in range(0, len(hashes), rows):
        bits = np.bitwise_count(hashes[start : start + rows, None] ^ hashes[None])
        own = np.arange(len(bits))
        bits[own, start + own] = BITS + 1
        for _ in range(min(k, len(hashes) - 1)):
            nearest = bits.argmin(axis=1)
            near = np.flatnonzero(bits[own, nearest] <= radius)
            found.append(np.column_stack([start + near, nearest[near]]))
            bits[own, nearest] = BITS + 1
    return np.concatenate(found)


class _Lists:
    """Hashes in lists by the nearest of some that are drawn; each is compared with those of the `PROBED` nearest lists.

    Of n hashes the work grows as n to the power 1.5, as that of `Context.neighbours`.
    """

    def __init__(self, hashes: Hashes) -> None:
        self.hashes = hashes
        self.lists = max(PROBED, round((PROBED * len(hashes)) ** 0.5))
        middles = hashes[np.sort(np.random.default_rng(0).choice(len(hashes), self.lists, replace=False))]
        self.probes = np.empty((len(hashes), PROBED), np.int32)
        """The lists that each looks in, its own first."""
        rows = max(1, AT_ONCE // self.lists)
        for start in range(0, len(hashes), rows):
            bits = np.bitwise_count(hashes[start : start + rows, None] ^ middles)
            near = np.argpartition(bits, PROBED - 1, axis=1)[:, :PROBED]
            order = np.argsort(np.take_along_axis(bits, near, 1), axis=1, kind="stable")
            self.probes[start : start + rows] = np.take_along_axis(near, order, 1)

    def nearest_pairs(self, k: int, radius: int) -> NDArray[np.int64]:
        """Each with the `k` nearest of those it was compared with, if within `radius` bits, (n, 2)."""
        best = np.full((len(self.hashes), k), BITS + 1, np.uint8)
        which = np.zeros((len(self.hashes), k), np.int32)
        for members, lookers in self._lists():
            # Some at a time both ways: a list may hold very many that are alike.
            for own in _in_blocks(members, SIDE):
                for some in _in_blocks(lookers, max(1, AT_ONCE // SIDE)):
                    bits = np.bitwise_count(self.hashes[some, None] ^ self.hashes[own])
                    bits[some[:, None] == own] = BITS + 1
                    _keep_nearest(best, which, some, own, bits)
        row, column = np.nonzero(best <= radius)
        return np.column_stack([row, which[row, column].astype(np.int64)])

    def _lists(self) -> Iterator[tuple[Indices, Indices]]:
        """The members of each list, and those that look in it."""
        looking = np.argsort(self.probes.ravel(), kind="stable")
        begins = np.searchsorted(self.probes.ravel()[looking], np.arange(self.lists + 1))
        own = np.argsort(self.probes[:, 0], kind="stable")
        starts = np.searchsorted(self.probes[own, 0], np.arange(self.lists + 1))
        for one in range(self.lists):
            yield own[starts[one] : starts[one + 1]], looking[begins[one] : begins[one + 1]] // PROBED


def _in_blocks(indices: Indices, size: int) -> Iterator[Indices]:
    return (indices[start : start + size] for start in range(0, len(indices), size))


def _keep_nearest(
    best: NDArray[np.uint8], which: NDArray[np.int32], some: Indices, others: Indices, bits: NDArray[np.uint8]
) -> None:
    """Put the nearest of the others in the place of those that are less near: (m, n) distances of m to n."""
    known = best.shape[1]
    every = np.hstack([best[some], bits])
    near = np.argpartition(every, known - 1, axis=1)[:, :known]
    found = others[np.maximum(near - known, 0)]
    which[some] = np.where(near < known, np.take_along_axis(which[some], np.minimum(near, known - 1), 1), found)
    best[some] = np.take_along_axis(every, near, 1)


def _parts(count: int, radius: int) -> list[tuple[int, int]]:
    """How the 64 bits are cut up, as (start, width): what makes the fewest look-ups and comparisons."""

    def cost(parts: int) -> float:
        width = BITS // parts
        asked = sum(comb(width, bits) for bits in range(radius // parts + 1))
        return parts * asked * (1 + count / float(2**width))

    least = -(-BITS // LARGEST_PART)
    parts = min(range(least, BITS // 4 + 1), key=cost)
    edges = [BITS * part // parts for part in range(parts + 1)]
    return [(start, end - start) for start, end in pairwise(edges)]


def _of_part(
    queries: Hashes, hashes: Hashes, start: int, width: int, radius: int
) -> Iterator[tuple[Indices, Indices, Indices]]:
    """Pairs that are near in one part, and near as a whole."""
    parts = len(_parts(len(hashes), radius))
    keys, asked = _part(hashes, start, width), _part(queries, start, width)
    order, asking = np.argsort(keys, kind="stable"), np.argsort(asked, kind="stable")
    # In the order of their keys, queries and hashes that are compared lie near each other in memory.
    keys, hashes, asked, queries = keys[order], hashes[order], asked[asking], queries[asking]
    starts = np.zeros(2**width + 1, np.int64)
    np.cumsum(np.bincount(keys, minlength=2**width), out=starts[1:])
    for mask in _masks(width, radius // parts):
        wanted = asked ^ mask
        first, many = starts[wanted], starts[wanted + 1] - starts[wanted]
        for query, position in _expand_ranges(first, many):
            distance = np.bitwise_count(queries[query] ^ hashes[position])
            near = np.flatnonzero(distance <= radius)
            yield asking[query[near]], order[position[near]], distance[near].astype(np.int64)


def _part(hashes: Hashes, start: int, width: int) -> Indices:
    return (hashes >> np.uint64(start) & np.uint64(2**width - 1)).astype(np.int64)


def _masks(width: int, distance: int) -> Iterator[int]:
    """Every number of `width` bits with at most `distance` ones."""
    for ones in range(distance + 1):
        for places in combinations(range(width), ones):
            yield sum(1 << place for place in places)


def _expand_ranges(first: Indices, many: Indices) -> Iterator[tuple[Indices, Indices]]:
    """(i, first[i] + 0), ..., (i, first[i] + many[i] - 1) for each i, in blocks of bounded size."""
    asking = np.flatnonzero(many)
    ends = np.cumsum(many[asking])
    start = 0
    while start < len(asking):
        done = ends[start - 1] if start else 0
        stop = max(start + 1, int(np.searchsorted(ends, done + AT_ONCE, side="right")))
        chosen = asking[start:stop]
        query = np.repeat(chosen, many[chosen])
        within = np.arange(len(query)) - np.repeat(ends[start:stop] - many[chosen] - done, many[chosen])
        yield query, first[query] + within
        start = stop
