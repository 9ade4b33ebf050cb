"""The sketches of pictures as they are kept, of which only those are in memory that are wanted just now."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Iterator, Sequence
from copy import copy

import numpy as np

from curator.api import Context, Item, Signature
from curator.kit.copies import image_sketches
from curator.kit.copies.image_sketches import Sketch

__all__ = ["HELD", "KeptSketches"]

HELD = 2_000
"""Sketches in memory, some 12 KB each, 28 where they were looked at closely."""
AT_ONCE = 1_000
"""Sketches that are read together."""


class KeptSketches:
    """Those of `items`, by their number among these; `hashes` are all there, as that is little."""

    def __init__(
        self, context: Context, items: Sequence[Item], plain: Signature, whole: Signature, other: bytes
    ) -> None:
        """`other` stands in place of the `plain` signature where there is a `whole` one."""
        self.context = context
        self.plain, self.whole = plain, whole
        hashes, wholes = {}, []
        for item, data in context.signatures(plain, items):
            if data == other:
                wholes.append(item)
            elif data:
                hashes[item.id] = image_sketches.hashes(data).copy()
        hashes |= {item.id: image_sketches.hashes(data).copy() for item, data in context.signatures(whole, wholes)}
        self._wholes = {item.id for item in wholes}
        self.items = [item for item in items if item.id in hashes]
        found = [hashes[item.id] for item in self.items]
        self.hashes = np.stack(found) if found else np.zeros((0, image_sketches.ORIENTATIONS), np.uint64)
        self._held: OrderedDict[int, Sketch] = OrderedDict()

    def among(self, items: Sequence[Item]) -> KeptSketches:
        """Those of some of them, in another order."""
        number = {item.id: position for position, item in enumerate(self.items)}
        found = copy(self)
        found.items = [item for item in items if item.id in number]
        found.hashes = self.hashes[[number[item.id] for item in found.items]]
        found._held = OrderedDict()
        return found

    def get(self, number: int) -> Sketch | None:
        """One that is in memory; None where it was not to be had, as of a file that is gone by now."""
        return self._held.get(number)

    def hold(self, numbers: Collection[int]) -> None:
        """Have these in memory, and drop what was not wanted for longest. Only for the thread that runs the plan."""
        for number in numbers:
            if number in self._held:
                self._held.move_to_end(number)
        missing = [number for number in numbers if number not in self._held]
        while self._held and len(self._held) + len(missing) > max(HELD, len(numbers)):
            self._held.popitem(last=False)
        self._held.update(self._read(missing))

    def _read(self, numbers: Sequence[int]) -> Iterator[tuple[int, Sketch]]:
        number = {self.items[one].id: one for one in numbers}
        wanted = [self.items[one] for one in numbers]
        for signature, of_whole in ((self.plain, False), (self.whole, True)):
            some = [item for item in wanted if (item.id in self._wholes) is of_whole]
            for start in range(0, len(some), AT_ONCE):
                for item, data in self.context.signatures(signature, some[start : start + AT_ONCE]):
                    yield number[item.id], Sketch.read(data)
