"""What does not belong in a set: items unlike all others, and items that are there more than once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from curator.api import SIDES, CheckSpec, Context, Flaw, Item, Modality, Place, hookimpl
from curator.kit.listing import ids_of, items_in, of_media
from curator.kit.trust.flaws import above, flaws

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

NEIGHBOURS, FEWEST = 5, 30
"""Items that each is compared with, and those that a set must have for that."""
AT_ONCE = 2_000
"""Items whose files are looked up together."""
APART = 4.0
"""How many standard deviations farther than is usual, as the median deviation tells them."""


def _outliers(context: Context, items: Sequence[Item]) -> Iterator[Flaw]:
    """By the mean distance to the nearest others (Angiulli & Pizzuti 2002, "Fast outlier detection")."""
    modalities: tuple[Modality, ...] = ("image", "text")
    for modality in modalities:
        some = of_media(items, [modality])
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
    scores = ((distance, above((distance - middle) / max(spread, 1e-6), APART, 3 * APART)) for distance in distances)
    yield from flaws(
        context,
        (
            (id_, score, f"{distance:.2f} from the nearest others, {middle:.2f} is usual")
            for id_, (distance, score) in zip(ids_of(found.items), scores, strict=True)
            if score > 0
        ),
    )


def _copies(context: Context, items: Sequence[Item]) -> Iterator[Flaw]:
    """Those of another item, and those that are in several files or rows: one content is one item."""
    import numpy as np

    numbers = context.copies(items)
    counts = np.bincount(numbers)
    best: dict[int, tuple[int, int, int]] = {}
    for item, number, places in _in_places(context, items, numbers):
        if counts[number] > 1:
            worth = _worth(item, places)
            best[number] = min(worth, best.get(number, worth))
    for item, number, places in _in_places(context, items, numbers):
        kept = best[number][-1] if number in best else item.id
        if kept != item.id:
            more = f", one of {counts[number]:,}" if counts[number] > 2 else ""
            yield Flaw(item, 1.0, f"a copy of id:{kept}{more}")
        elif len(places) > 1:
            yield Flaw(item, 1.0, f"the same content in {_counted(places)}")


def _counted(places: Sequence[Place]) -> str:
    files = sum(place.whole for place in places)
    counts = (("file", files), ("row", len(places) - files))
    return " and ".join(f"{number:,} {noun}{'s' * (number > 1)}" for noun, number in counts if number)


def _in_places(
    context: Context, items: Sequence[Item], numbers: NDArray[np.int64]
) -> Iterator[tuple[Item, int, Sequence[Place]]]:
    """Each with its number and its places, some looked up at once."""
    for start in range(0, len(items), AT_ONCE):
        some = items[start : start + AT_ONCE]
        yield from zip(some, numbers[start : start + AT_ONCE].tolist(), context.places(some), strict=True)


def _worth(item: Item, places: Sequence[Place]) -> tuple[int, int, int]:
    """What the best of several copies has least of: more pixels come first, then larger files, which lost less."""
    width, height = item.pixels or (0, 0)
    return -width * height, -max((place.size for place in places if place.whole), default=0), item.id


def _leaks(context: Context, items: Sequence[Item]) -> Iterator[Flaw]:
    """What is on another side of the split than the first that something of the same original is on."""
    on_side = items_in(items, [place for place, side in enumerate(context.sides(items)) if side])
    modalities: tuple[Modality, ...] = ("image", "text")
    for modality in modalities:
        some = of_media(on_side, [modality])
        if some:
            yield from flaws(context, _leaks_of(context, some, modality))


def _leaks_of(context: Context, items: Sequence[Item], modality: Modality) -> Iterator[tuple[int, float, str]]:
    """The id of each, the score, and why; all of these are on a side."""
    numbers = context.originals(items, context.model(None, modality)).tolist()
    ranks = [SIDES.index(side) for side in context.sides(items) if side]
    first: dict[int, tuple[int, int]] = {}
    for id_, number, rank in zip(ids_of(items), numbers, ranks, strict=True):
        if number not in first or rank < first[number][0]:
            first[number] = rank, id_
    for id_, number, rank in zip(ids_of(items), numbers, ranks, strict=True):
        before, kept = first[number]
        if rank != before:
            yield id_, 1.0, f"in {SIDES[rank]}, and id:{kept} in {SIDES[before]} is of the same original"


@hookimpl
def register_quality_checks() -> Iterable[CheckSpec]:
    """Those of sets."""
    return [
        CheckSpec("outlier", "items unlike all others, by the default encoder", ("image", "text"), _outliers),
        CheckSpec("leak", "versions of one original on two sides of the split", ("image", "text"), _leaks),
        CheckSpec("copy", "items that are there more than once (see `curator dedupe`)", ("image", "text"), _copies),
    ]
