"""Pairs of items that lie near each other in the space of an encoder: what is similar, and candidates for copies."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from curator.api import Context, Item, Model

__all__ = ["neighbour_pairs", "neighbours"]


def neighbours(
    context: Context, model: Model, items: Sequence[Item], k: int, least: float = -1
) -> dict[tuple[int, int], float]:
    """The cosine of each pair of which one is among the `k` nearest of the other, if it is at least `least`."""
    pairs, cosines = _found(context, model, items, k, least)
    return dict(zip(map(tuple, pairs.tolist()), cosines.tolist(), strict=True))


def neighbour_pairs(context: Context, model: Model, items: Sequence[Item], k: int) -> NDArray[np.int64]:
    """The same pairs as rows, (n, 2), of many pictures: a pair may stand there twice."""
    return _found(context, model, items, k, -1)[0]


def _found(
    context: Context, model: Model, items: Sequence[Item], k: int, least: float
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    # Ties among neighbours go by position: by content it is the same whatever the order in which things were added.
    found = context.neighbours(model, sorted(items, key=lambda item: item.hash), k)
    number = {item.id: position for position, item in enumerate(items)}
    own = np.asarray([number[item.id] for item in found.items], np.int64)
    row, column = np.nonzero(found.score >= least)
    pairs = np.column_stack([own[row], own[found.index[row, column]]])
    return np.sort(pairs, axis=1), found.score[row, column]
