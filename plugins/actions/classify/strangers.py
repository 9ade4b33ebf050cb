"""A word where the items in question do not look like the labelled ones, and in which folder least."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from curator.api import Context, FittedHead, Item
from curator.kit.listing import items_at
from curator.kit.trust.novelty import FEWEST, USUAL, unlike

SAMPLE = 2_000
"""So many of the items, and of the labelled ones, are looked at, evenly."""

SAID = 0.4
"""From this share on it is said: more than was ever measured among items of the same place."""


def note(context: Context, head: FittedHead, items: Sequence[Item]) -> str | None:
    """What to say of items that a head was asked about; None where there is nothing to say."""
    some, labelled = _evenly(items), _evenly(context.held_out(head).items)
    if len(some) < FEWEST or len(labelled) < FEWEST:
        return None
    present, vectors = context.vectors(head.model, some)
    _, known = context.vectors(head.model, labelled)
    strange = unlike(known, vectors)
    if strange is None:
        return None
    worst = _worst_folder(present, strange)
    if strange.mean() < SAID and worst is None:
        return None
    where = "" if worst is None else f", most of all in {worst[0]} ({worst[1]:.0%})"
    return (
        f"note: {strange.mean():.0%} of these items are like nothing that is labelled ({USUAL:.0%} is usual){where}: "
        "what is said of them was measured on others; label some of them"
    )


def _evenly(items: Sequence[Item]) -> list[Item]:
    every = np.linspace(0, max(len(items) - 1, 0), min(len(items), SAMPLE)).round().astype(np.int64)
    return items_at(items, np.unique(every).tolist())


def _worst_folder(items: Sequence[Item], strange: NDArray[np.bool_]) -> tuple[Path, float] | None:
    """The folder with the largest share of strangers, if that is much and more than elsewhere."""
    rows: dict[Path, list[int]] = defaultdict(list)
    for row, item in enumerate(items):
        if item.path is not None:
            rows[item.path.parent].append(row)
    shares = {folder: float(strange[some].mean()) for folder, some in rows.items() if len(some) >= FEWEST}
    worst = max(shares, key=lambda folder: shares[folder], default=None)
    if worst is None or len(rows) == 1 or shares[worst] < max(SAID, strange.mean()):
        return None
    return worst, shares[worst]
