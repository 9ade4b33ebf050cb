"""Predictions that become labels, on the word of the head: less than anyone else's, and never learnt from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from curator.api import Context, FittedHead, Predictions, SetLabel


def changes(context: Context, head: FittedHead, predictions: Predictions, least: float) -> Iterator[SetLabel]:
    """A label for each item whose class is at least so probable; for a label also that it is not, where that is so."""
    if not head.calibrated:
        context.note("note: these probabilities are not calibrated: look at what was accepted")
    accepted: Counter[str] = Counter()
    for item, row in zip(predictions.items, predictions.probabilities, strict=True):
        best = int(row.argmax())
        probability = float(row[best])
        if probability < least:
            continue
        accepted[predictions.classes[best]] += 1
        if head.target.kind == "label":
            yield SetLabel(item.id, head.target, best == 1, score=probability, source="head")
        else:
            yield SetLabel(item.id, predictions.classes[best], True, head.target.name, probability, "head")
    said = ", ".join(f"{count:,} {label}" for label, count in accepted.most_common(5))
    more = ", …" if len(accepted) > 5 else ""
    them = "it" if accepted.total() == 1 else "them"
    back = f"{said}{more}; `curator undo` takes {them} back" if accepted else "nothing was labelled"
    total = f"{accepted.total():,} of {len(predictions.items):,} prediction{'' if len(predictions.items) == 1 else 's'}"
    context.note(f"{total} accepted as labels (source: head): {back}")
