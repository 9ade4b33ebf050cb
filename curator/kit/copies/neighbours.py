"""Pairs of items that lie near each other in the space of an encoder: what is similar, and candidates for copies."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from curator.api import Context, Item, Model

__all__ = ["neighbours"]


def neighbours(
    context: Context, model: Model, items: Sequence[Item], k: int, least: float = -1
) -> dict[tuple[int, int], float]:
    """The cosine of each pair of which one is among the `k` nearest of the other, if it is at least `least`."""
    # Ties among neighbours go by position: by content it is the same whatever the order in which things were added.
    found = context.neighbours(model, sorted(items, key=lambda item: item.hash), k)
    number = {item.id: position for position, item in enumerate(items)}
    own = [number[item.id] for item in found.items]
    pairs = {}
    for row, column in zip(*np.nonzero(found.score >= least), strict=True):
        one, other = own[row], own[found.index[row, column]]
        pairs[min(one, other), max(one, other)] = float(found.score[row, column])
    return pairs
