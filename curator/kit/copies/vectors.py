"""Copies among vectors: equal rows, rows too near to be two examples, and whatever hangs together by these.

A cosine says nothing by itself: in one space two photos of anything have a cosine of 0.2, in another of 0.99. So all is
measured in the spread of the space, which is how far two of its rows are apart (root mean square). That is the same
whatever is added to all rows, as in a narrow cone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = ["MANY", "SHARE", "Space", "comparable", "copies", "join", "near_copies", "nearest_pairs", "parts"]

Integers: TypeAlias = NDArray[np.int64]
Floats: TypeAlias = NDArray[np.float32]

SHARE = 0.28
"""Of the spread of a space: two rows that near are one example to a head, and must not be learnt from and measured on.

For 1,608 photos of groceries in the space of EfficientNet-Lite0 that is a cosine of 0.95. Of 295 photos of 295 things
none is that near another, in its space or, with `CHANCE`, in that of a network of random weights; of those saved at
quality 75, brightened or mirrored nine in ten are that near the original. No threshold saw 600 photos of hands, whose
signs look alike, and 2,000 reviews by their n-grams: of the first none is near another, of the second four are.
"""

CHANCE = 0.1
"""Of so many rows one may be that near to another that has nothing to do with it."""

SAMPLE = 1_000
"""Rows, spread over all, of which it is told in how many directions a space goes."""

MANY = 100_000
"""Different rows up to which all pairs are compared; of more only equal ones are found. It takes minutes."""

BLOCK = 1024
"""Rows that are compared with as many others at once: all that is ever held of pairs, 1 in 3,000 of 60,000 rows'."""

ROUNDING = 1e-6
"""Of the length of rows: a spread below it is none."""


@dataclass(frozen=True, slots=True, eq=False)
class Space:
    """What is usual among rows: their mean, how far two are apart, and within which share of that two are near-copies.

    `near` is `SHARE`, or less where the rows go in few directions: there, many different ones lie close together.
    """

    mean: Floats
    spread: float
    near: float

    @classmethod
    def of(cls, rows: Floats) -> Space:
        """That of (n, dim) rows, n > 1."""
        count, mean = len(rows), rows.mean(axis=0, dtype=np.float64).astype(np.float32)
        variance = sum(float((_centred(rows, mean, at) ** 2).sum()) for at in range(0, count, BLOCK)) / (count - 1)
        some = rows[:: -(-count // SAMPLE)] - mean
        products = some @ some.T
        own = np.diag(products).astype(np.float64)
        across = (float((products.astype(np.float64) ** 2).sum()) - (own**2).sum()) / max(1, len(some) ** 2 - len(some))
        # As many directions of equal spread have two rows whose product is as large (the participation ratio). Among n
        # rows of d directions, one within a share s of the spread is met with a probability of about n * s ** d.
        directions = float(own.mean()) ** 2 / across if across > 0 else np.inf
        return cls(mean, float(np.sqrt(2 * variance)), min(SHARE, (CHANCE / count) ** (1 / max(directions, 1.0))))

    def laid_out(self, rows: Floats) -> Floats:
        """Rows about their mean, of which two are one apart on average."""
        found: Floats = (rows - self.mean) * np.float32(1 / self.spread if self.spread else 0)
        return found

    @property
    def empty(self) -> bool:
        """Whether nothing but rounding tells rows apart."""
        return self.spread <= ROUNDING * max(1.0, float(np.linalg.norm(self.mean)))


def copies(vectors: Floats) -> Integers:
    """A number for each of (n, dim) rows, (n,) int64: the same for equal ones."""
    # Numbered as they come: hash() of bytes differs between processes, and with it the folds would. By a digest, as
    # the rows themselves would be held twice.
    numbers: dict[bytes, int] = {}
    digests = (hashlib.blake2b(row.tobytes(), digest_size=16).digest() for row in vectors)
    return np.asarray([numbers.setdefault(digest, len(numbers)) for digest in digests], dtype=np.int64)


def near_copies(vectors: Floats) -> Integers:
    """A number for each of (n, dim) rows, (n,) int64: the same for near-copies, and for near-copies of these.

    Where there are more than `MANY` different rows, for equal ones alone: see `comparable`.
    """
    same = copies(vectors)
    if not 1 < same.max(initial=-1) + 1 <= MANY:
        return same
    rows = vectors if same[-1] == len(same) - 1 else vectors[np.unique(same, return_index=True)[1]]
    space = Space.of(rows)
    if space.empty:
        return np.zeros(len(vectors), np.int64)
    return parts(rows, space, space.near)[same]


def comparable(vectors: Floats) -> bool:
    """Whether these are few enough for `near_copies` to compare them all; who measures on them says it if not."""
    return len(vectors) <= MANY or int(copies(vectors).max()) < MANY


def parts(rows: Floats, space: Space, within: float) -> Integers:
    """The connected parts, (n,) int64 as they come, where rows within a share of the spread of each other are linked.

    Block by block: pairs are never collected, and what is linked already is not compared again.
    """
    found = np.arange(len(rows), dtype=np.int64)  # the first row of the part that each belongs to, as far as known
    for start in range(0, len(rows), BLOCK):
        mine = space.laid_out(rows[start : start + BLOCK])
        for other in range(start, len(rows), BLOCK):
            one, two = found[start : start + BLOCK], found[other : other + BLOCK]
            if one.min() == one.max() == two.min() == two.max():
                continue
            theirs = mine if other == start else space.laid_out(rows[other : other + BLOCK])
            near = _squares(mine, theirs) <= within**2
            near &= one[:, None] != two[None, :]
            if near.any():
                found = _merge_parts(found, one, two, near)
    return np.unique(found, return_inverse=True)[1].astype(np.int64)


def nearest_pairs(vectors: Floats, count: int, within: float, most: int) -> tuple[list[tuple[int, int]], bool]:
    """Pairs of a row and one of the `count` nearest to it, within a share of the spread, the nearest pairs first.

    At most `most`, and whether these are all. Of more than `MANY` rows none, which `comparable` tells.
    """
    if not 1 < len(vectors) <= MANY:
        return [], True
    space, found = Space.of(vectors), dict[tuple[int, int], float]()
    count = min(count, len(vectors) - 1)
    for start in range(0, len(vectors), BLOCK):
        mine = space.laid_out(vectors[start : start + BLOCK])
        number = np.arange(start, start + len(mine))
        best, which = np.full((len(mine), 0), np.inf, np.float32), np.zeros((len(mine), 0), np.int64)
        for other in range(0, len(vectors), BLOCK):
            apart = _squares(mine, space.laid_out(vectors[other : other + BLOCK]))
            theirs = np.arange(other, other + apart.shape[1])
            apart[number[:, None] == theirs] = np.inf
            best, which = np.hstack([best, apart]), np.hstack([which, np.broadcast_to(theirs, apart.shape)])
            nearest = np.argpartition(best, min(count, best.shape[1]) - 1, axis=1)[:, :count]
            best, which = np.take_along_axis(best, nearest, 1), np.take_along_axis(which, nearest, 1)
        for row, column in zip(*np.nonzero(best <= within**2), strict=True):
            one, two = int(number[row]), int(which[row, column])
            found[min(one, two), max(one, two)] = float(best[row, column])
    ordered = sorted(found, key=lambda pair: (found[pair], pair))
    return ordered[:most], len(ordered) <= most


def join(*groupings: Integers, pairs: Sequence[tuple[int, int]] = ()) -> Integers:
    """A number for each of n things, (n,) int64 as they come: the same where any of the groupings or pairs says so.

    Each of the `groupings` has a number for each thing: (n,) int64.
    """
    count = len(groupings[0])
    one = [np.arange(count)] * len(groupings)
    first = [np.unique(grouping, return_index=True, return_inverse=True)[1:] for grouping in groupings]
    other = [index[inverse] for index, inverse in first]
    left, right = np.asarray(pairs, np.int64).reshape(-1, 2).T
    found = _connected(np.concatenate([*one, left]), np.concatenate([*other, right]), count)
    return np.unique(found, return_inverse=True)[1].astype(np.int64)


def _squares(one: Floats, other: Floats) -> Floats:
    """How far each row is from each other one, squared."""
    found = one @ other.T
    found *= -2
    found += np.einsum("ij,ij->i", one, one)[:, None]
    found += np.einsum("ij,ij->i", other, other)
    return found


def _centred(rows: Floats, mean: Floats, start: int) -> NDArray[np.float64]:
    return (rows[start : start + BLOCK] - mean).astype(np.float64)


def _merge_parts(parts: Integers, one: Integers, two: Integers, near: NDArray[np.bool_]) -> Integers:
    """`parts` when some of `one` and of `two` are one, which is called by the first of them: `near` says which."""
    names, short = np.unique(np.concatenate([one, two]), return_inverse=True)
    first, second = np.nonzero(near)
    found = _connected(short[: len(one)][first], short[len(one) :][second], len(names))
    renamed = np.arange(len(parts), dtype=np.int64)
    renamed[names] = names[found]  # which are in order, so that the first of a part is its least
    joined: Integers = renamed[parts]
    return joined


def _connected(one: Integers, other: Integers, count: int) -> Integers:
    """The least node of the connected part that each of `count` nodes is in, (count,), by the two ends of edges.

    Parts that an edge links take the least of both names, and each node that of its name, until nothing changes
    (Shiloach and Vishkin, "An O(log n) parallel connectivity algorithm", 1982). SciPy does as much, but takes longer to
    import than `similar` to find its neighbours.
    """
    found = np.arange(count, dtype=np.int64)
    while True:
        least = np.minimum(found[one], found[other])
        named = found.copy()
        np.minimum.at(named, found[one], least)
        np.minimum.at(named, found[other], least)
        while not (named == named[named]).all():
            named = named[named]
        if (named == found).all():
            return found
        found = named
