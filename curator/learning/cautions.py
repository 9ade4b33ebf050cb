"""What a reader of the figures of a head should know of them, in words."""

from __future__ import annotations

from collections.abc import Sequence

from curator.api import Model
from curator.kit.copies.vectors import MANY
from curator.learning.calibration import Calibration
from curator.learning.cross_validation import Measured
from curator.learning.scores import caution
from curator.reporter import count

__all__ = ["cautions"]


def cautions(
    model: Model,
    seen: frozenset[str],
    classes: Sequence[str],
    counts: Sequence[int],
    originals: Sequence[int],
    found: Measured,
    calibration: Calibration | None,
) -> list[str]:
    """What a reader of the figures should know. `counts` and `originals` are how many examples of each class there are,
    and how many that are no copies of one another."""
    single = [name for name, many in zip(classes, counts, strict=True) if many == 1]
    copied = [name for name, many, own in zip(classes, counts, originals, strict=True) if many > 1 and own == 1]
    tuned = f"{model.name} was fine-tuned on these labels"
    if not len(found.index):
        why = "all examples of a class are copies of one another, and none can be held out from itself"
        if seen:
            why = f"{tuned}, and too few were held back from it"
        elif single:
            why = "a class's only example cannot be held out"
        return [f"{why}: no figures, and nobody knows how often it is right"]
    notes = [f"{tuned}: measured on items that were held back from it"] if seen else []
    notes += [sentence for sentence in [caution([many for many in counts if many > 1])] if sentence]
    notes += [f"fitted on, but not measured, as it is a class's only example: {name}" for name in single]
    notes += [f"fitted on, but not measured, as all its examples are copies of one: {name}" for name in copied]
    if not found.apart:
        notes.append(f"to {model.name} all items of a class are near-copies of each other: figures may flatter")
    if found.largest:
        held_out = count(int(found.metrics["items"]), "item")
        notes.append(
            f"{found.largest:,} of {held_out} are near-copies of one another, held out together: figures rest on few "
            "different ones; label others (`curator dedupe` shows copies)"
        )
    if not found.compared:
        notes.append(f"more than {MANY:,} different items: near-copies were not kept together, figures may flatter")
    if calibration is None:
        notes.append("too few held-out items to calibrate: percentages are the head's own")
    return notes
