"""Which items to ask about so that the answers prove how often what is said of many is right.

The items are in the order in which it would be said of them. A *line* is how many of them it is said of; asked about
are items drawn at random from those, not the ones near the line, and none that the head learnt from. A line holds if
none of the first answers is wrong, or only one of a few more: how many there must be follows from the chance that a
line which breaks the promise passes either way (exact, of items drawn without putting back). It goes as follows.

- The first line passes, or does not, with `FIRST` of the error that is allowed. Where it fails, the line moves up to
  `NEARER` of the items, of which others are drawn, with the rest of the error.
- From a line that holds it goes on to one with `WIDER` times as many, with the same error, as long as they hold and
  there are answers left. That costs none of the error: a line that breaks the promise is tried only if all before it
  held, and the first such is passed wrongly no more often than allowed (fixed sequence testing; Angelopoulos et al.
  2021, "Learn then test"). What was drawn of the narrower line serves for the wider one: each item has its random
  number, and the lowest are asked about.

`benchmarks/open_set.py` says how often it proves something with 40 answers, and how often that holds.
"""

from __future__ import annotations

import functools
from collections.abc import Generator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import hypergeom

ERROR = 0.1
"""How often at most something is said to be proven that is not so."""
FIRST, REST = 0.07, 0.03
NEARER, WIDER = 0.4, 1.4
LEAST = 20
"""No line has fewer items, as far as there are as many: who may look at so many needs no proof."""


@dataclass(frozen=True, slots=True)
class Verified:
    """What came of it: a line of so many items, 0 where none held; answers in all, and those about the line's items."""

    line: int
    asked: int
    drawn: int
    right: int


@functools.lru_cache(1_000)
def needed(items: int, share: float, most: int, error: float) -> tuple[int, int | None] | None:
    """How many answers with none wrong, and with one wrong, prove that so many of the items are right.

    Both together pass a line that is not so with the error at most. None where `most` answers are too few even with
    none wrong; the second is None where they are too few with one.
    """
    bad = int(np.floor((1 - share) * items + 1e-9)) + 1  # the fewest that break the promise
    if bad > items:
        return 0, None
    numbers = np.arange(min(items, most) + 1)
    none, one = hypergeom.pmf(0, items, bad, numbers), hypergeom.pmf(1, items, bad, numbers)
    enough = np.flatnonzero(none <= error)
    if not len(enough):
        return None
    for first in enough:
        later = numbers[numbers > first]
        passes = none[first] + one[first] * hypergeom.pmf(0, items - first, bad - 1, later - first)
        good = np.flatnonzero(passes <= error)
        if len(good):
            return int(first), int(later[good[0]])
    return int(enough[0]), None


def questions(items: int, first: int, share: float, most: int, seed: int) -> Generator[int, bool, Verified]:
    """Asks by yielding the place of an item in the order, and takes whether what is said of it is right."""
    known: dict[int, bool] = {}
    numbers = np.random.default_rng(seed).random((2, items))
    line, held, error = min(items, max(first, LEAST)), 0, FIRST
    holds = yield from _line_holds(line, numbers[0], share, most, error, known)
    if not holds:
        # Another sample: what moved the line has no part in proving it.
        line, error, numbers = min(line, max(LEAST, int(line * NEARER))), REST, numbers[1:]
        holds = yield from _line_holds(line, numbers[0], share, most, error, known)
    while holds:
        held = line
        if line == items:
            break
        line = min(items, int(line * WIDER) + 1)
        holds = yield from _line_holds(line, numbers[0], share, most, error, known)
    about = [right for place, right in known.items() if place < held]
    return Verified(held, len(known), len(about), sum(about))


def _line_holds(
    line: int,
    numbers: NDArray[np.float64],
    share: float,
    most: int,
    error: float,
    known: dict[int, bool],
) -> Generator[int, bool, bool]:
    enough = needed(line, share, most, error)
    if enough is None:
        return False
    none, one = enough
    wrong = 0
    for count, place in enumerate(map(int, np.argsort(numbers[:line]))):
        if (count >= none and not wrong) or (one is not None and count >= one and wrong <= 1):
            return True
        if place not in known:
            if len(known) >= most:
                return False
            known[place] = yield place
        wrong += not known[place]
        if wrong > (one is not None):
            return False
    return True
