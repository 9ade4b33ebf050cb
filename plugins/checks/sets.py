"""What does not belong in a set: items unlike all others, and items that are there more than once."""

from __future__ import annotations

import collections
from collections.abc import Iterable, Iterator, Sequence

from curator.api import SIDES, CheckSpec, Context, Flaw, Item, Modality, Place, hookimpl
from curator.kit.trust.flaws import above

NEIGHBOURS, FEWEST = 5, 30
"""Items that each is compared with, and those that a set must have for that."""
APART = 4.0
"""How many standard deviations farther than is usual, as the median deviation tells them."""


def _outliers(context: Context, items: Sequence[Item]) -> Iterator[Flaw]:
    """By the mean distance to the nearest others (Angiulli & Pizzuti 2002, "Fast outlier detection")."""
    modalities: tuple[Modality, ...] = ("image", "text")
    for modality in modalities:
        some = [item for item in items if item.modality == modality]
        if len(some) >= FEWEST:
            yield from _outliers_of(context, some, modality)


def _outliers_of(context: Context, items: Sequence[Item], modality: Modality) -> Iterator[Flaw]:
    import numpy as np

    found = context.neighbours(context.model(None, modality), items, NEIGHBOURS)
    if len(found.items) < FEWEST:
        return
    distances = np.sqrt(np.maximum(0, 2 - 2 * found.score.astype(np.float64))).mean(axis=1)
    middle = float(np.median(distances))
    spread = 1.4826 * float(np.median(abs(distances - middle)))
    for item, distance in zip(found.items, distances, strict=True):
        off = (distance - middle) / max(spread, 1e-6)
        if (score := above(off, APART, 3 * APART)) > 0:
            yield Flaw(item, score, f"{distance:.2f} from the nearest others, {middle:.2f} is usual")


def _copies(context: Context, items: Sequence[Item]) -> Iterator[Flaw]:
    """Those of another item, and those that are in several files: one content is one item."""
    numbers: list[int] = context.copies(items).tolist()
    counts, places_of = collections.Counter(numbers), context.places(items)
    best: dict[int, Item] = {}
    for at in sorted(range(len(items)), key=lambda at: _worth(items[at], places_of[at])):
        best.setdefault(numbers[at], items[at])
    for item, number, places in zip(items, numbers, places_of, strict=True):
        kept, files = best[number], sum(place.whole for place in places)
        if kept is not item:
            more = f", one of {counts[number]:,}" if counts[number] > 2 else ""
            yield Flaw(item, 1.0, f"a copy of id:{kept.id}{more}")
        elif files > 1:
            yield Flaw(item, 1.0, f"the same content in {files:,} files")


def _worth(item: Item, places: Sequence[Place]) -> tuple[int, int, int]:
    """What the best of several copies has least of: more pixels come first, then larger files, which lost less."""
    width, height = item.pixels or (0, 0)
    return -width * height, -max((place.size for place in places if place.whole), default=0), item.id


def _leaks(context: Context, items: Sequence[Item]) -> Iterator[Flaw]:
    """What is on another side of the split than the first that something of the same original is on."""
    sides = dict(zip((item.id for item in items), context.sides(items), strict=True))
    on_side = [item for item in items if sides[item.id]]
    for modality in sorted({item.modality for item in on_side}):
        some = [item for item in on_side if item.modality == modality]
        numbers = context.originals(some, context.model(None, modality)).tolist()
        first: dict[int, Item] = {}
        for item, number in zip(some, numbers, strict=True):
            rank = SIDES.index(sides[item.id])
            if number not in first or rank < SIDES.index(sides[first[number].id]):
                first[number] = item
        for item, number in zip(some, numbers, strict=True):
            kept = first[number]
            if (side := sides[kept.id]) != sides[item.id]:
                yield Flaw(item, 1.0, f"in {sides[item.id]}, and id:{kept.id} in {side} is of the same original")


@hookimpl
def register_quality_checks() -> Iterable[CheckSpec]:
    """Those of sets."""
    return [
        CheckSpec("outlier", "items unlike all others, by the default encoder", ("image", "text"), _outliers),
        CheckSpec("leak", "versions of one original on two sides of the split", ("image", "text"), _leaks),
        CheckSpec("copy", "items that are there more than once (see `curator dedupe`)", ("image", "text"), _copies),
    ]
