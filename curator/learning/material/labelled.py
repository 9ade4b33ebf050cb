"""Labelled items with their vectors, as a head is fitted on them."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from curator.api import Item
from curator.catalog.labels import Examples
from curator.errors import NotReady
from curator.learning.min_examples import number


@dataclass(frozen=True, slots=True)
class Data:
    """What a head is fitted on: unit rows with their targets."""

    examples: Examples
    items: list[Item]
    vectors: NDArray[np.float32]
    targets: NDArray[np.int64]


def without_rare_classes(data: Data, least: int) -> tuple[Data, list[str]]:
    """The examples but for classes that have fewer than `least`, and the names of these."""
    classes = data.examples.classes
    counts = np.bincount(data.targets, minlength=len(classes))
    kept = [index for index in range(len(classes)) if counts[index] >= least]
    if len(kept) < 2:
        raise NotReady(
            f"fewer than two classes have {number(least)} items with a vector: "
            "`curator status --problems` says what failed"
        )
    if len(kept) == len(classes):
        return data, []
    chosen = np.isin(data.targets, kept)
    examples = replace(data.examples, classes=tuple(classes[index] for index in kept))
    items = [item for item, keep in zip(data.items, chosen, strict=True) if keep]
    targets = np.searchsorted(np.asarray(kept), data.targets[chosen])
    dropped = [name for index, name in enumerate(classes) if index not in kept]
    return Data(examples, items, data.vectors[chosen], targets.astype(np.int64)), dropped


def originals(kin: NDArray[np.int64], targets: NDArray[np.int64], classes: int) -> NDArray[np.int64]:
    """How many examples each class has that are no copies of one another."""
    return np.bincount(np.unique(np.column_stack([targets, kin]), axis=0)[:, 0], minlength=classes)


def among(data: Data, hashes: Container[str]) -> Data:
    """What is known of these items."""
    chosen = np.asarray([item.hash in hashes for item in data.items], dtype=bool)
    items = [item for item in data.items if item.hash in hashes]
    return replace(data, items=items, vectors=data.vectors[chosen], targets=data.targets[chosen])
