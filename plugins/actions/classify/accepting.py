"""Predictions that become labels, on the word of the head: less than anyone else's, and never learnt from."""

from __future__ import annotations

from collections.abc import Iterator

from curator.api import Context, FittedHead, Predictions, SetLabel


def changes(context: Context, head: FittedHead, predictions: Predictions, least: float) -> Iterator[SetLabel]:
    """A label for each item whose class is at least so probable; for a label also that it is not, where that is so."""
    kind, _, name = head.target.partition(":")
    if not head.calibrated:
        context.note("note: these probabilities are not calibrated: look at what was accepted")
    accepted = 0
    for item, row in zip(predictions.items, predictions.probabilities, strict=True):
        best = int(row.argmax())
        probability = float(row[best])
        if probability < least:
            continue
        accepted += 1
        if kind == "label":
            yield SetLabel(item.id, name, best == 1, score=probability, source="head")
        else:
            yield SetLabel(item.id, predictions.classes[best], True, name, probability, "head")
    back = "`curator undo` takes them back" if accepted else "nothing was labelled"
    context.note(f"{accepted:,} of {len(predictions.items):,} predictions accepted as labels (source: head): {back}")
