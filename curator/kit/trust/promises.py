"""What a share that is promised rests on: exact bounds, how many random answers prove one, and estimates without any.

Public, like `curator.api`. numpy and scipy are imported when something is asked for.

Where a line may be drawn among what nobody labelled, though nobody looked at it, is an estimate and no proof (`line`).
A head that knows a background scores items by how far they stand out, and held-out examples on the same scale. Of n
items the m that stand out most hold a share `r(m)` of all that are of the classes, which is seen from the held-out
ones. What share of the n are of the classes is not known, but no more than the least of `m / n / r(m)`: where the
items that stand out most are all right (best bin estimation, Garg et al. 2021, "Mixture proportion estimation and PU
learning"). So the precision of the m is that share times `r(m)` over `m / n`. Few examples say little of `r`: its
median bounds are taken, the lower one where it speaks for a line and the upper one where it is divided by, and a line
is drawn where even so the precision is reached. Nothing is said where examples stand out neither from the items nor
from the negative examples, as these would pass for a pool that is all of the classes. `benchmarks/open_set.py` says
how often it holds, and what else was tried: a prior by expectation maximisation (Saerens et al. 2002), Elkan and Noto's
constant, conformal selection.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from curator.api import HeldOut

    Floats: TypeAlias = NDArray[np.float64]

__all__ = [
    "CONFIDENCE",
    "FIRST",
    "Estimate",
    "Standing",
    "answers_to_prove",
    "line",
    "line_of_none",
    "lower_share",
    "standing",
    "upper_share",
]

CONFIDENCE = 0.9
"""With which a promise is said to be proven."""


def lower_share(right: int, of: int, confidence: float = CONFIDENCE) -> float:
    """The exact lower bound (Clopper and Pearson 1934, one-sided) of the share of which `right` of `of` drawn are."""
    import numpy as np

    return float(_lower(np.asarray(right, np.float64), of, confidence))


def upper_share(right: int, of: int, confidence: float = CONFIDENCE) -> float:
    """The exact upper bound of that share."""
    return 1 - lower_share(of - right, of, confidence)


def answers_to_prove(share: float, confidence: float = CONFIDENCE) -> int | None:
    """How many answers about items drawn at random prove a share if all are right; None where no number does."""
    if share >= 1:
        return None
    return max(1, math.ceil(math.log(1 - confidence) / math.log(share) - 1e-9)) if share > 0 else 0


FIRST = 20
"""Fewer items than these that stand out most say little of how pure the purest are, and no line is drawn above them."""
EVEN = 0.5
"""The confidence of a median bound."""
LARGE = 50
"""A line of fewer items is small: what is seen of it rests on the few that stand out most."""
HELD, HELD_OF_MOST = 0.34, 0.25
"""Those of the recall that speaks for a line. Lower ones draw more lines, that fail more often."""
MOST = 0.4
"""Where more of the items are thought to be of the classes lines hardly fail, and no more is asked of them."""
REACHED_BY = 0.3
"""So much of the examples reaches a small line at least: that a few do says little of the others."""
SURELY = 0.4
"""So much of a large line is right at least, by bounds of `SURE`: with the others went most of those that fail."""
CHANCE = 0.01
"""Examples stand out where they are so high among others no more often than this by chance."""
SURE = 0.95
FEW, MORE = 0.7, 1.5
"""The confidence with which there are fewer than so many times `FIRST` items of the classes: then nothing is said."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A line at a score: how many items lie beyond it, and what share of them is thought to be right.

    `at_least`: with 95 % confidence, as far as the estimate rests on few examples. `recall`: of all that are to be
    found; None for those that are of no class.
    """

    threshold: float
    said: int
    precision: float
    at_least: float
    recall: float | None


@dataclass(frozen=True, slots=True)
class Standing:
    """Where held-out examples stand among items that nobody labelled: what `line` and `line_of_none` are given."""

    held_out: Floats
    right: NDArray[np.bool_]
    found: Floats
    against: Floats

    def line(self, wanted: float) -> Estimate | None:
        """As the function."""
        return line(self.held_out, self.right, self.found, wanted, self.against)

    def line_of_none(self, wanted: float) -> Estimate | None:
        """As the function."""
        return line_of_none(self.held_out, self.found, wanted)


def standing(held_out: HeldOut, scores: NDArray[np.floating], of_label: bool) -> Standing:
    """Of a head that knows a background: `scores` are those of the items in question.

    Of a label the examples count, and its negative ones count against them; of a group all count, each for its class.
    """
    import numpy as np

    assert held_out.scores is not None
    ours = held_out.targets == 1 if of_label else np.ones(len(held_out.targets), bool)
    right = ours if of_label else held_out.probabilities.argmax(axis=1) == held_out.targets
    stand = held_out.scores.astype(np.float64)
    return Standing(stand[ours], right[ours], np.asarray(scores, np.float64), stand[~ours])


def line(
    held_out: Floats, right: NDArray[np.bool_], found: Floats, wanted: float, against: Floats | None = None
) -> Estimate | None:
    """The line that says a class of most items while `wanted` of them are thought to be right; None for no line.

    `held_out` are the scores of the examples of the classes while they were held out, `right` whether the class that
    was said of each is its own; `found` are the scores of the items in question. `against`: those of negative examples,
    whose share beyond a line speaks against it, as if they were like all that is of no class. Where there are some, the
    examples have to stand out from them, or from the items.
    """
    import numpy as np

    if not len(found) or not len(held_out):
        return None
    ranked, many, known = _beyond(held_out, right, found)
    if _surely_few(many, known, len(held_out)):
        return None
    recall, share = known / len(held_out), _share(many, _upper(known, len(held_out), EVEN), len(found))
    held = HELD if share <= MOST else HELD_OF_MOST
    thought = _precision(many, known, len(held_out), len(found), held, EVEN)
    at_least = _precision(many, known, len(held_out), len(found), SURE, SURE)
    if share <= MOST:
        thought[np.where(many < LARGE, recall < REACHED_BY - 1e-9, at_least < SURELY)] = 0
    if against is not None and len(against):
        if not (_stand_out(held_out, against) or _stand_out(held_out, found)):
            return None
        beyond = 1 - np.searchsorted(np.sort(against), ranked, side="left") / len(against)
        thought = np.minimum(thought, 1 - (1 - share) * beyond * len(found) / many)
    good = np.flatnonzero(thought >= wanted - 1e-9)
    if not len(good):
        return None
    at = good[-1]
    likely = min(1.0, _share(many, recall, len(found)) * recall[at] * len(found) / many[at])
    low = float(at_least[at])
    return Estimate(float(ranked[at]), int(many[at]), float(max(likely, low)), low, float(recall[at]))


def line_of_none(held_out: Floats, found: Floats, wanted: float) -> Estimate | None:
    """The line up to which most items are said to be of no class, while `wanted` of them are thought to be of none.

    And while no more than the rest of the held-out examples would be turned away, as where the classes are rare almost
    anything is of none.
    """
    import numpy as np

    if not len(found) or not len(held_out):
        return None
    examples = len(held_out)
    ranked, many, known = _beyond(held_out, np.ones(examples, bool), found)
    below, missed = len(found) - many, examples - known

    def wrong(confidence: float) -> Floats:
        share = _share(many, _lower(known, examples, confidence), len(found))
        return np.minimum(1, share * len(found) * _upper(missed, examples, confidence) / np.maximum(below, 1))

    few = missed <= (1 - wanted) * examples + 1e-9
    good = np.flatnonzero((1 - wrong(EVEN) >= wanted - 1e-9) & few & (below > 0))
    if not len(good):
        return None
    at = good[0]  # just below this score
    under = float(ranked[at + 1]) if at + 1 < len(ranked) else float(found.min())
    return Estimate(under, int(below[at]), float(1 - wrong(EVEN)[at]), float(1 - wrong(SURE)[at]), None)


def _beyond(held_out: Floats, right: NDArray[np.bool_], found: Floats) -> tuple[Floats, Floats, Floats]:
    """The different scores, highest first; how many items and how many held-out ones that were right reach each."""
    import numpy as np

    ranked, counts = np.unique(found, return_counts=True)
    many = counts[::-1].cumsum().astype(np.float64)
    ours = np.sort(held_out[right])
    known = (len(ours) - np.searchsorted(ours, ranked[::-1], side="left")).astype(np.float64)
    return ranked[::-1], many, known


def _stand_out(held_out: Floats, others: Floats) -> bool:
    """Whether the examples are above the others more often than by chance (Mann and Whitney 1947, one-sided)."""
    import numpy as np
    from scipy.special import ndtri

    ranked, examples, many = np.sort(others), len(held_out), len(others)
    below = sum(np.searchsorted(ranked, held_out, side).mean() for side in ("left", "right")) / 2 / many
    return bool((below - 0.5) / math.sqrt((examples + many + 1) / (12 * examples * many)) > -ndtri(CHANCE))


def _precision(many: Floats, known: Floats, examples: int, items: int, held: float, confidence: float) -> Floats:
    import numpy as np

    share = _share(many, _upper(known, examples, confidence), items)
    found = np.minimum(1, share * _lower(known, examples, held) * items / many)
    return np.where(many >= FIRST, found, 0)


def _surely_few(many: Floats, known: Floats, examples: int) -> bool:
    """Whether hardly any items are of the classes, as then many examples outrank even the first of them.

    Of examples and items of one kind a tenth of the examples are above the best of nine items, half above a single one.
    """
    import numpy as np

    least = _lower(known, examples, FEW)
    first = (many < FIRST) & (least > 0)
    return bool(np.any(many[first] / least[first] < MORE * FIRST))


def _share(many: Floats, recall: Floats, items: int) -> float:
    """What share of the items is of the classes, at most, if so much of it is recalled among each number of items."""
    known = (many >= FIRST) & (recall > 0)
    return float(min(1.0, (many[known] / items / recall[known]).min())) if known.any() else 0.0


def _lower(of: Floats, all_: int, confidence: float) -> Floats:
    import numpy as np
    from scipy.special import betaincinv

    every, which = np.unique(of, return_inverse=True)  # whole numbers: of a million items a few hundred different ones
    found: Floats = np.where(every > 0, betaincinv(np.maximum(every, 1), all_ - every + 1, 1 - confidence), 0)
    return found[which].reshape(of.shape)


def _upper(of: Floats, all_: int, confidence: float) -> Floats:
    return 1 - _lower(all_ - of, all_, confidence)
