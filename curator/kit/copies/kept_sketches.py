"""The sketches of pictures as they are kept, of which only those are in memory that are wanted just now."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Iterator, Sequence
from copy import copy

import numpy as np
from numpy.typing import NDArray

from curator.api import Context, Item, Signature
from curator.kit.copies import image_sketches
from curator.kit.copies.image_sketches import Sketch
from curator.kit.listing import ids_of, items_in

__all__ = ["HELD", "KeptSketches", "placed"]

HELD = 2_000
"""Sketches in memory, some 12 KB each, 28 where they were looked at closely."""
AT_ONCE = 1_000
"""Sketches that are read together."""


class KeptSketches:
    """Those of `items`, as far as there are any; `hashes`, (n, orientations), are all there, as that is little."""

    def __init__(
        self, context: Context, items: Sequence[Item], plain: Signature, whole: Signature, other: bytes
    ) -> None:
        """`other` stands in place of the `plain` signature where there is a `whole` one."""
        self.context = context
        self.plain, self.whole = plain, whole
        hashes = np.zeros((len(items), image_sketches.ORIENTATIONS), np.uint64)
        there, wholes = np.zeros(len(items), bool), []
        for place, data in placed(context, plain, items, range(len(items))):
            if data == other:
                wholes.append(place)
            elif data:
                hashes[place], there[place] = image_sketches.hashes(data), True
        for place, data in placed(context, whole, items_in(items, wholes), wholes):
            hashes[place], there[place] = image_sketches.hashes(data), True
        ids = ids_of(items)
        self._wholes = {ids[place] for place in wholes}
        self.items = items if there.all() else items_in(items, np.flatnonzero(there))
        self.hashes = hashes[there]
        self._held: OrderedDict[int, Sketch] = OrderedDict()

    def among(self, numbers: Sequence[int] | NDArray[np.int64]) -> KeptSketches:
        """Some of them, by their number among `items`, in this order."""
        found = copy(self)
        found.items, found.hashes = items_in(self.items, numbers), self.hashes[numbers]
        return found

    def get(self, item: Item) -> Sketch | None:
        """One that is in memory; None where it was not to be had, as of a file that is gone by now."""
        return self._held.get(item.id)

    def hold(self, items: Collection[Item]) -> None:
        """Have these in memory, and drop what was not wanted for longest. Only for the thread that runs the plan."""
        for item in items:
            if item.id in self._held:
                self._held.move_to_end(item.id)
        missing = [item for item in items if item.id not in self._held]
        while self._held and len(self._held) + len(missing) > max(HELD, len(items)):
            self._held.popitem(last=False)
        for signature, of_whole in ((self.plain, False), (self.whole, True)):
            some = [item for item in missing if (item.id in self._wholes) is of_whole]
            for start in range(0, len(some), AT_ONCE):
                for item, data in self.context.signatures(signature, some[start : start + AT_ONCE]):
                    self._held[item.id] = Sketch.read(data)


def placed(
    context: Context, signature: Signature, items: Sequence[Item], places: Sequence[int]
) -> Iterator[tuple[int, bytes]]:
    """The signature of each of the items that has one, and the place that is given of it."""
    number, ids = 0, ids_of(items)
    for id_, data in context.signature_values(signature, items):
        while ids[number] != id_:  # they come in order
            number += 1
        yield places[number], data
