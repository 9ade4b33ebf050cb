"""Near-copies of one result, which take no more than its row.

They are what `curator.kit.copies.vectors` calls so: nearer, in the measure of their space, than two examples are.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache

import numpy as np
from numpy.typing import NDArray

from curator.api import Context, Item, Model
from curator.kit.copies.vectors import Space

WIDEST = 0.92
"""The cosine of near-copies where a space is spread as widely as unit vectors can be, in all directions: in any other
space they lie nearer, so that below it none has to be measured."""
SAMPLE = 500
"""Vectors by which a space is measured."""
ROUNDING = 1e-6
"""Equal rows have a cosine of nearly 1."""
DEEPEST = 16
"""So many times as many are looked at, at most, to fill the places of those that are folded."""


@dataclass(frozen=True, slots=True)
class Result:
    """An item that was found, with its score, and what is folded into its row."""

    item: Item
    score: float
    copies: list[Item] = field(default_factory=list)

    @property
    def more(self) -> str:
        """What is folded, as a person reads it."""
        count = len(self.copies)
        return f"+{count} near-cop{'y' if count == 1 else 'ies'}" if count else ""


def folded(context: Context, model: Model, find: Callable[[int], Sequence[tuple[Item, float]]], k: int) -> list[Result]:
    """`k` results that are no near-copies of each other; `find` gives the best n, or fewer where there are no more."""
    wanted, near = k, cache(lambda: _near(context.sample(model, SAMPLE)))
    while True:
        found = find(wanted)
        results = _without_copies(context, model, found, near)
        if len(results) >= k or len(found) < wanted or wanted >= DEEPEST * k:
            return results[:k]
        # As many as it takes if further ones have as many copies, and half as many to spare.
        wanted = min(max(2 * wanted, 3 * k * wanted // (2 * max(1, len(results)))), DEEPEST * k)


def _without_copies(
    context: Context, model: Model, found: Sequence[tuple[Item, float]], near: Callable[[], float]
) -> list[Result]:
    results: dict[int, Result] = {}
    first = _stands_for(context, model, [item for item, _ in found], near)
    for number, (item, score) in enumerate(found):
        if first[number] == number:
            results[number] = Result(item, score)
        else:
            results[first[number]].copies.append(item)
    return [*results.values()]


def _stands_for(context: Context, model: Model, items: Sequence[Item], near: Callable[[], float]) -> list[int]:
    """The number of the first item, itself or one before it, that each is a near-copy of; `near`: from which cosine."""
    first = list(range(len(items)))
    number = {item.id: number for number, item in enumerate(items)}
    present, rows = context.vectors(model, items)
    cosines = rows @ rows.T
    if (np.triu(cosines, 1) < WIDEST).all():
        return first
    alike = cosines >= near() - ROUNDING
    leading: list[int] = []
    for row, item in enumerate(present):
        before = [one for one in leading if alike[one, row]]
        if before:
            first[number[item.id]] = number[present[before[0]].id]
        else:
            leading.append(row)
    return first


def _near(sample: NDArray[np.float32]) -> float:
    """The cosine from which two unit rows of a space are near-copies, by some of its rows."""
    if len(sample) < 2:
        return 2.0
    space = Space.of(sample)
    return 1 - (space.near * space.spread) ** 2 / 2
