"""How good a head is on another place: labelled items that it was kept from, all of one folder.

Folds of photos from one shop say nothing about another shop; a head that was not fitted on one of them does.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from curator.api import FittedHead, Item, ItemSet, Predictions
from curator.catalog.items import Items
from curator.catalog.labels import Examples
from curator.catalog.places import expand_path
from curator.errors import NotReady
from curator.learning.scores import scores_of
from curator.reporter import count


def examples_below(items: Items, examples: Examples, folder: Path) -> frozenset[int]:
    """The labelled items below a folder; raises `NotReady` where there is none."""
    below = {*items.select(ItemSet(under=expand_path(folder))).ids}
    found = below & {*examples.items}
    if not found:
        raise NotReady(
            f"nothing below {str(folder)!r} is labelled for {examples.target.kind} {examples.target.full_name}: "
            "label some of it, and the head is measured there"
        )
    return frozenset(found)


def parted(
    items: Items, examples: Examples, test: Path | None, among: ItemSet | None
) -> tuple[frozenset[int], frozenset[int]]:
    """The labelled items of a test folder, and those that are neither there nor in the selection to learn from.

    Raises `NotReady` where there is none in either.
    """
    apart = frozenset[int]() if test is None else examples_below(items, examples, test)
    if among in (None, ItemSet()):
        return apart, frozenset()
    chosen = {*items.select(among or ItemSet()).ids}
    if not chosen & {*examples.items}:
        raise NotReady(f"nothing that was chosen is labelled for {examples.target.kind} {examples.target.full_name}")
    return apart, frozenset(examples.items) - chosen - apart


def measure(
    head: FittedHead,
    examples: Examples,
    items: Sequence[Item],
    numbers: Any,
    apart: Collection[int],
    predict: Callable[[FittedHead, Sequence[Item]], Predictions],
) -> FittedHead:
    """The head with its figures on items that it was kept from, and what a reader of these should know.

    `items` are all that are labelled, `numbers` (n,) the same for versions of one original.

    Versions of what it learnt from are left out, as in folds, and what is of a class that it does not know.
    """
    names = dict(zip(examples.items, (examples.classes[target] for target in examples.targets), strict=True))
    learnt = {int(number) for item, number in zip(items, numbers, strict=True) if item.id not in apart}
    others = [(item, int(number) in learnt) for item, number in zip(items, numbers, strict=True) if item.id in apart]
    known = [item for item, seen in others if not seen and names[item.id] in head.classes]
    predicted = predict(head, known)
    notes = list(_left_out(others, names, head))
    if not predicted.items:
        return replace(head, notes=(*head.notes, *notes, "nothing of the test folder is left to measure on"))
    wanted = np.asarray([head.classes.index(names[item.id]) for item in predicted.items], np.int64)
    commonest = np.repeat(np.arange(len(head.classes)), head.counts)
    found = scores_of(predicted.probabilities, wanted, commonest, len(head.classes))
    return replace(head, tested={**found, "items": float(len(wanted))}, notes=(*head.notes, *notes))


def _left_out(others: list[tuple[Item, bool]], names: dict[int, str], head: FittedHead) -> list[str]:
    copies = sum(seen for _, seen in others)
    strange = sum(not seen and names[item.id] not in head.classes for item, seen in others)
    notes = []
    if copies:
        notes.append(f"{count(copies, 'item')} of the test folder left out: versions of what the head learnt from")
    if strange:
        notes.append(f"{count(strange, 'item')} of the test folder left out: of classes that are in no other place")
    return notes
