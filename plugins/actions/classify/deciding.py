"""From probabilities to what is said: where to draw the line for a wanted precision or recall, by held-out items.

With a precision it is said only where it is right so often; what lies between is not known. The lower bound of a
precision is that of Wilson's interval of 95 % (Wilson 1927, "Probable inference, the law of succession, and statistical
inference"): few items prove little.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from curator.api import Finding, HeldOut, Predictions
from curator.errors import NotReady
from curator.kit.trust import promises
from curator.kit.trust.promises import Estimate, answers_to_prove

YES, NO, UNKNOWN, NONE = "yes", "no", "don't know", "none of these"
Z = 1.96


@dataclass(frozen=True, slots=True)
class Line:
    """Something is said from (`up`) or up to a probability, which was right of `right` of `said` held-out items.

    `of` is how many there are of which it would be right: `right` / `of` is the recall.
    """

    what: str
    threshold: float
    up: bool
    right: int
    said: int
    of: int

    def holds(self, probability: float) -> bool:
        """Whether it is said of an item."""
        return probability >= self.threshold if self.up else probability <= self.threshold

    def finding(self) -> Finding:
        """The row to show."""
        values = {
            "said": self.what,
            "where": "from" if self.up else "up to",
            "probability": self.threshold,
            "precision": self.right / self.said,
            "at_least": lower_bound(self.right, self.said),
            "recall": self.right / self.of if self.of else None,
            "items": self.said,
        }
        return Finding("line", values)


ENOUGH = 50
"""Of fewer items no share is told. As many may be called a class among items of which hardly any are, and then a third
to a half of them were right: nothing in the scores tells the two cases apart. Elsewhere 0.86 were. That many are said
does not make a share sure either: of a hundred estimates of so many items and more, 42 were right in less than 0.85
where 0.9 was asked for (benchmarks/README.md)."""


@dataclass(frozen=True, slots=True)
class Estimated:
    """As a `Line`, at a score, of items that nobody looked at; `probability` is what is shown for the score."""

    what: str
    at: Estimate
    up: bool
    probability: float

    def holds(self, score: float) -> bool:
        """Whether it is said of an item."""
        return score >= self.at.threshold if self.up else score <= self.at.threshold

    @property
    def told(self) -> bool:
        """Whether it can be told what share of them is right."""
        return self.at.said >= ENOUGH

    def finding(self) -> Finding:
        """The row to show."""
        values = {
            "said": self.what,
            "where": "from" if self.up else "up to",
            "probability": self.probability,
            "precision": self.at.precision if self.told else None,
            "at_least": self.at.at_least if self.told else None,
            "recall": self.at.recall,
            "items": self.at.said,
        }
        return Finding("line", values)


@dataclass(frozen=True, slots=True)
class Lines:
    """For a label: above which probability yes, and below which no. For a group: above which the class is said.

    `no` is None where nothing may be denied: what is not said is then not known; `rest` is what is said of it. `yes`
    is None where nothing may be said.
    """

    yes: Line | Estimated | None
    no: Line | Estimated | None = None
    rest: str = UNKNOWN

    @property
    def on_scores(self) -> bool:
        """Whether they are drawn at scores."""
        return not isinstance(self.yes, Line)

    def verdict(self, probability: float, label: str) -> str:
        """What is said of an item whose class, or label, has this probability."""
        if self.yes is not None and self.yes.holds(probability):
            return label
        return self.no.what if self.no is not None and self.no.holds(probability) else self.rest

    def findings(self) -> Iterator[Finding]:
        """A row for each line."""
        yield from (line.finding() for line in (self.yes, self.no) if line is not None)


def by_precision(held_out: HeldOut, wanted: float, binary: bool) -> Lines:
    """The lowest threshold from which so many are right; for a label also the highest up to which so many are not.

    Raises `NotReady` with the best that can be had, where no threshold reaches it.
    """
    sure, right = _probabilities_and_hits(held_out, binary)
    found = _best(sure, right, wanted, True, YES if binary else "the class")
    if isinstance(found, str):
        raise NotReady(f"no threshold has a precision of {wanted:g} {found}")
    if not binary:
        return Lines(found)
    below = sure < found.threshold
    no = _best(sure[below], ~right[below], wanted, False, NO) if below.any() else None
    if isinstance(no, Line):  # of all that are not, those above the line too
        return Lines(found, Line(NO, no.threshold, False, no.right, no.said, int((~right).sum())))
    return Lines(found)


def by_unlabelled(held_out: HeldOut, found: Predictions, wanted: float, binary: bool) -> Lines:
    """Lines among items that nobody labelled, by how the held-out ones stand among them; what cannot hold is not drawn.

    Both have scores. What somebody denied of an item moves no line, and so nothing that is said of others.
    """
    assert found.scores is not None
    own = found.scores
    stand = promises.standing(held_out, own if found.as_given is None else found.as_given, binary)
    scores, yes, no = stand.found, stand.line(wanted), stand.line_of_none(wanted)
    beyond = scores < (np.inf if yes is None else yes.threshold)
    if no is not None and yes is not None and no.threshold >= yes.threshold:
        no = None if not beyond.any() else replace(no, threshold=float(scores[beyond].max()), said=int(beyond.sum()))

    def drawn(what: str, at: Estimate | None, up: bool) -> Estimated | None:
        if at is None:
            return None
        shown = found.probabilities[int(abs(scores - at.threshold).argmin()), 1] if binary else at.threshold
        if found.as_given is not None:  # of those that were denied it is not said
            now = own >= at.threshold if up else own <= at.threshold
            at = replace(at, said=int(now.sum()))
        return Estimated(what, at, up, float(shown))

    return Lines(drawn(YES if binary else "the class", yes, True), drawn(NO if binary else NONE, no, False))


def what_would_help(wanted: float, among: str) -> str:
    """How many answers would prove a precision; `among` says of which items."""
    needed = answers_to_prove(wanted)
    if needed is None:
        return "no number of answers proves that all are right: ask for less than 1"
    return (
        f"{needed} answers about items drawn at random from those {among} would prove {wanted:g}, "
        f"if all are right: `curator review --verify {wanted:g}` draws them"
    )


def by_recall(held_out: HeldOut, wanted: float) -> Lines:
    """The highest threshold from which so many of those that are the label are said to be; below it is said no."""
    sure, right = _probabilities_and_hits(held_out, True)
    if not right.any():
        raise NotReady("no held-out item has the label, so recall cannot be measured")
    needed = max(1, math.ceil(wanted * int(right.sum()) - 1e-9))
    threshold = sorted(sure[right], reverse=True)[needed - 1]
    said = sure >= threshold
    return Lines(Line(YES, float(threshold), True, int(right[said].sum()), int(said.sum()), int(right.sum())), rest=NO)


def lower_bound(right: int, said: int) -> float:
    """Of a share, by Wilson's interval of 95 %."""
    share, weight = right / said, Z * Z / said
    middle = share + weight / 2 - Z * math.sqrt((share * (1 - share) + weight / 4) / said)
    return max(0.0, middle / (1 + weight))


def _probabilities_and_hits(held_out: HeldOut, binary: bool) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """The probability of the label, or of the most probable class, and whether it is right."""
    if not held_out.items:
        raise NotReady("no items could be held out, so no threshold can be measured: label more items")
    if binary:
        return held_out.probabilities[:, 1], held_out.targets == 1
    return held_out.probabilities.max(axis=1), held_out.probabilities.argmax(axis=1) == held_out.targets


def _best(sure: NDArray[np.float32], right: NDArray[np.bool_], wanted: float, up: bool, what: str) -> Line | str:
    """The line that says it of most items while so many are right; else a remark on the best there is."""
    thresholds = np.unique(sure)
    found = []
    for threshold in thresholds if up else thresholds[::-1]:
        said = sure >= threshold if up else sure <= threshold
        line = Line(what, float(threshold), up, int(right[said].sum()), int(said.sum()), int(right.sum()))
        if line.right >= wanted * line.said - 1e-9:
            return line
        found.append(line)
    best = max(found, key=lambda line: (line.right / line.said, line.said))
    items = f"{len(sure):,} held-out item{'' if len(sure) == 1 else 's'}"
    return (
        f"on the {items}: the best is {best.right / best.said:.3f}, from {best.threshold:.1%} "
        f"({best.right} of {best.said})"
    )
