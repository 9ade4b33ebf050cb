"""Vectors of any number of items, some at a time, in the order in which they lie.

To look each up by its hash, which is as good as drawn, takes most of the time among many: so where they lie is asked
first, all hashes of both databases being gone through in their order, and then the file is read from front to back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from curator.api import Item, Model
from curator.catalog.selection import arranged, ids_of, kept, pages_of
from curator.errors import NotReady
from curator.store.catalogue.items import ItemStore
from curator.store.derived import Derived

AT_ONCE = 500
"""Vectors that are held at once: as many as stay in the cache of a processor take half the time of 2,000."""
FEW = 20_000
"""So many are looked for by their hashes."""

Floats = NDArray[np.float32]
Integers = NDArray[np.int64]


class StoredVectors:
    """What `curator.api.StoredVectors` promises: `items` that have a vector, and their vectors, read when asked for."""

    def __init__(self, derived: Derived, model: Model, items: Sequence[Item], numbers: Integers, state: int) -> None:
        """`numbers`, (n,): of the vector of each item, while the cache is in that `state`."""
        self.items = items
        self._derived = derived
        self._model = model
        self._numbers = numbers
        self._state = state

    def __len__(self) -> int:
        return len(self._numbers)

    def blocks(self) -> Iterator[tuple[Integers, Floats]]:
        """Every item by its index, and its unit row: `AT_ONCE` of them at a time, in the order in which they lie."""
        order = np.argsort(self._numbers, kind="stable")
        for start in range(0, len(order), AT_ONCE):
            index = order[start : start + AT_ONCE]
            yield index, self.rows(index)

    def arranged(self, order: Integers) -> StoredVectors:
        """The same in another order, (n,)."""
        items = arranged(self.items, order.tolist())
        return StoredVectors(self._derived, self._model, items, self._numbers[order], self._state)

    def by_content(self) -> Integers:
        """The order, (n,), in which they are by their hashes: it is the same whenever each was added."""
        heads = (int(hash_[:15], 16) for page in pages_of(self.items) for hash_ in page.values())
        return np.argsort(np.fromiter(heads, np.int64, len(self)), kind="stable")

    def rows(self, index: Integers) -> Floats:
        """The unit rows, (m, dim), of some items. Raises `NotReady` where they are no longer as they were."""
        wanted, places = np.unique(self._numbers[index], return_inverse=True)
        rows = np.empty((len(wanted), self._model.dim), np.float32)
        of = index[np.unique(places, return_index=True)[1]]
        for start in range(0, len(wanted), AT_ONCE):
            some = wanted[start : start + AT_ONCE]
            found = list(self._derived.numbered(self._model.fingerprint, some.tolist()))
            if len(found) < len(some) or self._derived.codes.state() != self._state:
                raise NotReady(f"vectors of {self._model.name} were removed while they were being read: run it again")
            name = _named(self.items, of[start : start + AT_ONCE])
            rows[start : start + AT_ONCE] = unit_rows(self._model, [vector for _, vector in found], name)
        return rows if np.array_equal(places, np.arange(len(wanted))) else rows[places]


class VectorReader:
    """Finds where the vectors of items lie."""

    def __init__(self, items: ItemStore, derived: Derived) -> None:
        self.items = items
        self.derived = derived

    def of(self, model: Model, items: Sequence[Item]) -> StoredVectors:
        """Those of items, in whichever order; without those that have none."""
        state = self.derived.codes.state()
        ids, numbers = self._by_hash(model, items) if len(items) <= FEW else self._by_order(model)
        order = np.argsort(ids)
        ids, numbers = ids[order], numbers[order]
        wanted = np.asarray(ids_of(items), np.int64)
        at = np.minimum(np.searchsorted(ids, wanted), max(len(ids) - 1, 0))
        there = np.flatnonzero(ids[at] == wanted) if len(ids) else np.zeros(0, np.int64)
        return StoredVectors(self.derived, model, kept(items, there.tolist()), numbers[at[there]], state)

    def _by_hash(self, model: Model, items: Sequence[Item]) -> tuple[Integers, Integers]:
        """The ids of those that have a vector, and its number."""
        ids: list[int] = []
        numbers: list[int] = []
        for page in pages_of(items):
            found = dict(self.derived.numbers(model.fingerprint, list(page.values())))
            ids += [number for number, hash_ in page.items() if hash_ in found]
            numbers += [found[hash_] for hash_ in page.values() if hash_ in found]
        return np.asarray(ids, np.int64), np.asarray(numbers, np.int64)

    def _by_order(self, model: Model) -> tuple[Integers, Integers]:
        """The same of all items there are."""
        ids, numbers = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
        for after, last, hashes, of in self.items.in_order_of_hash():
            there, at = self.derived.numbers_between(model.fingerprint, after, last)
            mine, theirs = _numbers(of), _numbers(at)
            if there != hashes:
                _, one, other = np.intersect1d(
                    np.asarray(hashes.split(",")), np.asarray(there.split(",")), True, return_indices=True
                )
                # Of no vectors at all there is one empty text, which is no hash.
                mine, theirs = mine[one], theirs[other]
            ids.append(mine)
            numbers.append(theirs)
        return np.concatenate(ids), np.concatenate(numbers)


def unit_rows(model: Model, vectors: Sequence[bytes], name: Callable[[int], str]) -> Floats:
    """Rows of the cache as unit rows, (n, dim); `name`: what the item of one of them is called in a message.

    Raises `NotReady` for one that is not finite or not as long as others, as a damaged cache may hold: it would make
    all others useless.
    """
    for at in (at for at, vector in enumerate(vectors) if len(vector) != 4 * model.dim):
        hold_length(model, vectors[at], name(at))
    rows = np.frombuffer(bytearray().join(vectors), "<f4").reshape(len(vectors), model.dim)
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    if not np.isfinite(lengths).all():
        whole = np.isfinite(rows).all(axis=1)
        if not whole.all():
            bad = name(int(np.argmin(whole)))
            raise NotReady(f"the vector of {bad} in {model.name} is not finite: `curator check --repair`, then again")
    np.divide(rows, lengths, out=rows, where=lengths > 0)  # in place: half the work is to find room
    return rows


def hold_length(model: Model, vector: bytes, of: str) -> None:
    """Raise `NotReady` for a vector of another length than the model's."""
    if len(vector) != 4 * model.dim:
        raise NotReady(
            f"the vector of {of} in {model.name} is not of {model.dim} numbers: `curator check --repair` forgets "
            "it, and `curator encode` makes it again"
        )


def _named(items: Sequence[Item], index: Integers) -> Callable[[int], str]:
    return lambda at: str(items[int(index[at])])


def _numbers(text: str) -> Integers:
    return np.fromstring(text, np.int64, sep=",")
