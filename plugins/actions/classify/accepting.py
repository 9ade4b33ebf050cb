"""Predictions that become labels, on the word of the head: less than anyone else's, and never learnt from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from curator.api import Context, FittedHead, HeldOut, Predictions, SetLabel
from curator.kit.listing import ids_of
from curator.kit.trust.promises import lower_share, upper_share

from .deciding import NO, NONE, UNKNOWN, Estimated, Lines


def changes(
    context: Context, head: FittedHead, found: Predictions, least: float, dry_run: bool, lines: Lines | None
) -> Iterator[SetLabel]:
    """A label for each item of which a class is said; for a label also that it is not, where that is said.

    By the lines where there are any among the items, else of what is at least so probable.
    """
    if not head.calibrated:
        context.note("note: these probabilities are not calibrated: look at what was accepted")
    if lines is not None and not lines.on_scores:
        lines = None  # drawn by held-out items, for what is said
    accepted: Counter[str] = Counter()
    for index, number in enumerate(ids_of(found.items)):
        best, probability = _accepted(head, found, index, least, lines)
        if best is None:
            continue
        accepted[found.classes[best]] += 1
        if dry_run:
            continue
        if head.target.kind == "label":
            yield SetLabel(number, head.target, best == 1, score=probability, source="head")
        else:
            yield SetLabel(number, found.classes[best], True, head.target.name, probability, "head")
    said = ", ".join(f"{count:,} {label}" for label, count in accepted.most_common(5))
    more = ", …" if len(accepted) > 5 else ""
    them = "it" if accepted.total() == 1 else "them"
    back = f"`curator undo` takes {them} back" if not dry_run else "with --dry-run nothing was labelled"
    back = f"{said}{more}; {back}" if accepted else "nothing was labelled"
    total = f"{accepted.total():,} of {len(found.items):,} prediction{'' if len(found.items) == 1 else 's'}"
    context.note(f"{total} {'would be ' if dry_run else ''}accepted as labels (source: head): {back}")
    if accepted:
        context.note(_wrong(context.held_out(head), least, lines))


def _accepted(
    head: FittedHead, found: Predictions, index: int, least: float, lines: Lines | None
) -> tuple[int | None, float]:
    """The class that an item is given, None for none, and how probable it is."""
    row = found.probabilities[index]
    best = int(row.argmax())
    if lines is None or found.scores is None:
        return (best if row[best] >= least else None), float(row[best])
    said = lines.verdict(float(found.scores[index]), "yes")
    if said in (UNKNOWN, NONE):
        return None, 0.0
    if head.target.kind == "label":
        best = 0 if said == NO else 1
        return best, float(row[best])
    return best, float(found.scores[index])


def _wrong(held_out: HeldOut, least: float, lines: Lines | None) -> str:
    """What share is expected to be wrong, or that it is not known."""
    if lines is not None:
        drawn = [line for line in (lines.yes, lines.no) if isinstance(line, Estimated) and line.what != NONE]
        # Apart: where the label is rare there are many that are not, and these would hide how many of the few are.
        of = " and ".join(
            f"{1 - line.at.precision:.0%} of the {line.at.said:,} of which {line.what} is said "
            f"(up to {1 - line.at.at_least:.0%})"
            if line.told
            else f"not known how many of the {line.at.said:,} of which {line.what} is said"
            for line in drawn
        )
        return f"note: expected to be wrong: {of}; an estimate, nobody looked at them"
    sure = held_out.probabilities.max(axis=1, initial=0) >= least
    many = int(sure.sum())
    if not many:
        return "note: how many of them are wrong is not known: no held-out item was as sure"
    bad = int((held_out.probabilities.argmax(axis=1) != held_out.targets)[sure].sum())
    low, high = lower_share(bad, many, 0.95), upper_share(bad, many, 0.95)
    return (
        f"note: {bad / many:.0%} of them are expected to be wrong ({low:.0%} to {high:.0%}), going by {many:,} "
        f"held-out item{'' if many == 1 else 's'} that were as sure; more if they are unlike the labelled ones"
    )
