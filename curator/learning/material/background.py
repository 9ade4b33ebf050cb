"""What nobody labelled, as one more class of a head: without it a head knows only its classes, and gives all one.

A sample of the unlabelled items is a class of its own in every fit, of the same weight as each of the others (Dhamija,
Günther and Boult 2018, "Reducing network agnostophobia", call it a background class; where there is one class it is
learning from positive and unlabelled examples, Elkan and Noto 2008). It holds some that are of the classes, so that it
is never taken for truth: nothing is calibrated or measured on it. What it says is used for a *score*, how far an item
stands out from what nobody labelled, and a held-out item has one, too: that of the unlabelled item whose place it would
take in their order, so that what fewer examples say of it is on the scale of the whole head. How they compare says
where a line may be drawn (`curator.kit.trust.promises`; measured in `benchmarks/open_set.py`).
"""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from curator.api import Item, Model
from curator.catalog.items import Items
from curator.catalog.labels import Examples
from curator.catalog.selection import Selection
from curator.embedding.embedder import ASK_SECONDS, Embedder

if TYPE_CHECKING:
    Floats = NDArray[np.float32]
    Integers = NDArray[np.int64]

LEAST = 100
"""Of fewer unlabelled items no background is made: too few would be left to say how held-out ones stand among them."""
MOST = 200
"""So many are learnt from at most. Of 50, 200 and 600 none was better in all that was tried."""
SHARE = 3
"""And one in so many of the items: those that are learnt from stand out less than others of their kind."""
OTHERS = 2_000
"""Among so many others each held-out item is given its place."""
AGAIN = 2
"""A saved head is fitted again once there are so many times as many unlabelled items."""


@dataclass(frozen=True, slots=True, eq=False)
class Background:
    """Unit rows of items that are learnt from, with their `hashes`; `pool` is of how many they were drawn.

    `others` are rows of further items that nobody labelled.
    """

    hashes: tuple[str, ...]
    vectors: Floats
    others: Floats
    pool: int

    @property
    def note(self) -> str:
        """What a reader of the figures should know."""
        return f"{len(self.hashes):,} of {self.pool:,} items that nobody labelled are fitted on as a class of their own"

    def joined(self, vectors: Floats, targets: Integers, classes: int) -> tuple[Floats, Integers]:
        """What to fit on, with one more class."""
        own = np.full(len(self.vectors), classes, np.int64)
        return np.concatenate([vectors, self.vectors]), np.concatenate([targets, own])


class Backgrounds:
    """Draws them."""

    def __init__(self, items: Items, encoding: Embedder) -> None:
        self.items = items
        self.encoding = encoding

    def draw(self, examples: Examples, model: Model, may_encode: bool) -> Background | None:
        """Some of what nobody labelled; None where that is too little. The same while items and labels are.

        By their hashes, which are as good as drawn: what is added later changes the sample little.
        """
        every, said = self.items.select(modalities=model.modalities), {*examples.items, *examples.conflicts}
        pool = len(every) - len(every.only(sorted(said)))
        if pool < LEAST:
            return None
        some = self.items.without_texts(self._first(every, said, MOST + OTHERS))
        self._embed(model, some, may_encode)
        some.sort(key=lambda item: item.hash)
        present, vectors = self.encoding.matrix(model, some)
        if len(present) < LEAST:
            return None
        many = min(MOST, pool // SHARE, len(present) // 2)
        return Background(tuple(item.hash for item in present[:many]), vectors[:many], vectors[many:], pool)

    def _first(self, items: Selection, but: Set[int], number: int) -> list[int]:
        """The ids of so many of the items, but for some, in the order of their hashes."""
        found: list[int] = []
        for _, _, _, ids in self.items.store.in_order_of_hash():
            page = [of for of in map(int, ids.split(",")) if of not in but]
            among = {*items.only(sorted(page)).ids}
            found += [of for of in page if of in among]
            if len(found) >= number:
                break
        return found[:number]

    def _embed(self, model: Model, items: Sequence[Item], may_encode: bool) -> None:
        """What is missing, where that is quick: nobody is asked for the sake of a sample."""
        missing = self.encoding.missing(model, items)
        quick = may_encode or self.encoding.estimate(model, missing) <= ASK_SECONDS
        if missing and quick and not self.encoding.read_only:
            self.encoding.encode(model, self.items.by_ids([item.id for item in missing]))


def taken_off(said: Floats, classes: int, binary: bool) -> tuple[Floats, Floats | None]:
    """What a head says without the column of the background, (n, classes), and the scores, (n,), if there was one.

    For a label the background is what is not; for a group the other columns are made to sum to 1, and the score is
    that of the most probable class before.
    """
    if said.shape[1] == classes:
        return said, None
    if binary:
        yes = said[:, 1]
        return np.stack([1 - yes, yes], axis=1), yes
    return among_classes(said, classes), said[:, :classes].max(axis=1)


def among_classes(said: Floats, classes: int) -> Floats:
    """(n, classes) that sum to 1, as if there were nothing else."""
    known = said[:, :classes]
    total = known.sum(axis=1, keepdims=True)
    rows: Floats = np.where(total > 0, known / np.where(total > 0, total, 1), 1 / classes).astype(np.float32)
    return rows


def places(scores: Floats, others: Floats) -> Floats:
    """The share of the scores of others, sorted, that each is below: the least for what stands out most."""
    return (1 - np.searchsorted(others, scores, side="left") / len(others)).astype(np.float32)


def at_places(found: Floats, others: Floats) -> Floats:
    """The scores of which `places` would be these, among the sorted scores of others as the whole head gives them."""
    return np.quantile(others, np.clip(1 - found, 0, 1)).astype(np.float32)
