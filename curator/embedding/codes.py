"""One bit for each of many directions: the more of them differ, the wider is the angle between two vectors.

The bits say on which side of the mean of its space a vector lies, along directions that are turned by chance: along the
axes of an encoder many bits would say the same, and nearly all rows would have to be read. With how far both are from
the mean, the angle tells about how far they are from each other.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from curator.store.vector_codes import Coded, DamagedCodes, VectorCodes

Floats = NDArray[np.float32]
Words = NDArray[np.uint64]

LEAST_BITS = 512
"""A space of few dimensions is looked at along more directions than it has."""


@dataclass(frozen=True)
class Coder:
    """Makes codes of unit rows. mean: (dim,); flips: (2, size), of -1 and 1.

    A turn by chance would take a product with all directions for each row, which is most of the work for a large space.
    Two of Hadamard, each with signs by chance before it, mix a row as well (Ailon and Chazelle 2006).
    """

    mean: Floats
    flips: Floats

    @classmethod
    def of(cls, rows: Floats) -> Coder:
        """For the space of which these are some."""
        chance = np.random.default_rng(0)
        flips = chance.choice(np.array([-1, 1], "<f4"), (2, _size(rows.shape[1])))
        return cls(rows.mean(axis=0, dtype=np.float64).astype(np.float32), flips)

    @classmethod
    def read(cls, head: memoryview, dim: int) -> Coder:
        """What `content` gave. Raises `DamagedCodes`."""
        if len(head) != 4 * (dim + 2 * _size(dim)):
            raise DamagedCodes
        numbers = np.frombuffer(bytes(head), "<f4")
        return cls(numbers[:dim], numbers[dim:].reshape(2, -1))

    @property
    def content(self) -> bytes:
        """The head of a file of codes."""
        return self.mean.astype("<f4").tobytes() + self.flips.astype("<f4").tobytes()

    @property
    def bits(self) -> int:
        """Of a code."""
        return max(LEAST_BITS, -(-len(self.mean) // 64) * 64)

    @property
    def width(self) -> int:
        """Bytes of a row of a file: the number of a vector, its distance from the mean, its code."""
        return 16 + self.bits // 8

    def codes(self, rows: Floats) -> tuple[Floats, Words]:
        """Distances from the mean, (n,), and codes, (n, words)."""
        centred = rows - self.mean
        sides = self._turned(centred)[:, : self.bits] > 0
        return np.linalg.norm(centred, axis=1), np.packbits(sides, axis=1).view("<u8")

    def _turned(self, rows: Floats) -> Floats:
        """The rows along other directions, (n, size), and longer."""
        count, size = len(rows), self.flips.shape[1]
        one = 1 << size.bit_length() // 2
        other = size // one
        turned = np.zeros((count, size), np.float32)
        turned[:, : rows.shape[1]] = rows
        for signs in self.flips:
            turned *= signs
            # A turn of Hadamard is one of each half of its bits: two small products, in whichever order.
            turned = turned.reshape(-1, one) @ _hadamard(one)
            turned = turned.reshape(count, other, one).transpose(0, 2, 1).reshape(-1, other) @ _hadamard(other)
            turned = turned.reshape(count, size)
        return turned

    def rows(self, vectors: NDArray[np.int64], lengths: Floats, codes: Words) -> bytes:
        """Rows of a file."""
        return np.hstack([vectors.astype("<u8")[:, None], lengths.astype("<f8").view("<u8")[:, None], codes]).tobytes()


def _size(dim: int) -> int:
    """The power of two that holds a row and a code."""
    return 1 << (max(dim, LEAST_BITS) - 1).bit_length()


@functools.cache
def _hadamard(size: int) -> Floats:
    matrix = np.ones((1, 1), np.float32)
    while len(matrix) < size:
        matrix = np.block([[matrix, matrix], [matrix, -matrix]])
    return matrix


def distances(files: VectorCodes, coded: Coded, row: Floats) -> tuple[NDArray[np.int64], Floats]:
    """Every vector of a file, and about how far it is from a unit row, squared. Raises `DamagedCodes`."""
    blocks = files.blocks(coded)
    coder = Coder.read(next(blocks), len(row))
    if coder.width != coded.width:
        raise DamagedCodes
    own, codes = coder.codes(row[None])
    cosines = np.sin(np.pi / 2 * (1 - 2 * np.arange(coder.bits + 1) / coder.bits)).astype(np.float32)
    vectors, found = np.empty(coded.held, np.int64), np.empty(coded.held, np.float32)
    start = 0
    for block in blocks:
        columns = np.ascontiguousarray(np.frombuffer(block, "<u8").reshape(-1, coded.width // 8).T)
        apart = np.zeros(columns.shape[1], np.uint16)
        for words, word in zip(columns[2:], codes[0], strict=True):
            apart += np.bitwise_count(words ^ word)
        part = slice(start, start + len(apart))
        vectors[part] = columns[0]
        found[part] = about(own[0], columns[1].view("<f8").astype(np.float32), cosines[apart])
        start = part.stop
    return vectors, found


def about(one: Floats | np.float32, other: Floats, cosines: Floats) -> Floats:
    """Distances, squared, of ends of lines from the mean of such lengths, with such an angle between them."""
    squared: Floats = one * one + other * other - 2 * one * other * cosines
    return squared


class Measure:
    """How many rows that are nearest by their codes hold the `NEIGHBOURS` of highest cosine, for queries not stored."""

    NEIGHBOURS = 10
    RECALL = 0.999
    QUERIES, FEWEST = 1000, 250
    AFFORDED = 100_000_000
    """Products of queries and rows: they are nearly all of what preparing a large space takes."""
    STEPS = 4096
    """Into so many is the distance of rows divided, as all rows are passed but once."""

    def __init__(self, coder: Coder, sample: Floats, total: int) -> None:
        """Half of the queries are like rows of the sample, half lie between two of them; `total`: of all rows."""
        chance = np.random.default_rng(1)
        half = max(self.FEWEST, min(self.QUERIES, self.AFFORDED // max(total, 1))) // 2
        one, other = (sample[chance.integers(len(sample), size=half)] for _ in range(2))
        spread = np.linalg.norm(sample - coder.mean, axis=1).mean()
        noise = chance.standard_normal(one.shape, dtype=np.float32)
        noise *= np.float32(spread / np.sqrt(sample.shape[1]) / 2)
        self.queries = unit(np.vstack([one + noise, one + other]))
        self.bits = coder.bits
        self.lengths, codes = coder.codes(self.queries)
        self.signs = _signs(codes)
        self.step = np.float32(max(9 * spread * spread / self.STEPS, np.finfo(np.float32).tiny))
        self.at = np.zeros((len(self.queries), self.STEPS), np.int64)
        """How many rows are that far from each query."""
        self.best = np.full((len(self.queries), self.NEIGHBOURS), -2, np.float32)
        self.apart = np.zeros((len(self.queries), self.NEIGHBOURS), np.int64)
        """How far the best are."""

    def take(self, rows: Floats, lengths: Floats, codes: Words) -> None:
        """More rows of the space, with their codes."""
        cosines = np.sin(np.float32(np.pi / 2 / self.bits) * (self.signs @ _signs(codes).T))
        far = about(self.lengths[:, None], lengths, cosines)
        apart = np.clip(far / self.step, 0, self.STEPS - 1).astype(np.int64)
        number = np.arange(len(self.queries))[:, None] * self.STEPS + apart
        self.at += np.bincount(number.ravel(), minlength=self.at.size).reshape(self.at.shape)
        scores, apart = np.hstack([self.best, self.queries @ rows.T]), np.hstack([self.apart, apart])
        which = np.argpartition(-scores, self.NEIGHBOURS - 1, axis=1)[:, : self.NEIGHBOURS]
        self.best, self.apart = np.take_along_axis(scores, which, 1), np.take_along_axis(apart, which, 1)

    def depth(self) -> int:
        """So many rows hold all but one in a thousand."""
        ranks = np.take_along_axis(np.cumsum(self.at, axis=1), self.apart, 1).ravel()
        return int(np.quantile(ranks, self.RECALL, method="higher"))


def _signs(codes: Words) -> Floats:
    """-1 and 1, (n, bits)."""
    return np.unpackbits(codes.view(np.uint8), axis=1).astype(np.float32) * 2 - 1


def with_one(rows: Floats, vector: Floats) -> Floats:
    """The cosines, (n,), of unit rows, (n, dim), with a unit vector.

    BLAS gives equal rows scores that differ in the last bit, by where in the matrix they stand.
    """
    found: Floats = np.einsum("ij,j->i", rows, vector)
    return found


def unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Rows divided by their Euclidean length; rows of zeros stay."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    rows: NDArray[np.float32] = np.divide(
        vectors, lengths, out=np.zeros_like(vectors, dtype=np.float32), where=lengths > 0
    )
    return rows
