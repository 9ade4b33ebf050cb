"""Which items to ask about so that the answers show how often what is said of many is right.

The items are in the order in which it would be said of them; a *line* is how many of them it is said of. As in
acceptance sampling (Dodge and Romig 1929, "A method of sampling inspection") there are two shares: the one that is
wanted, which the answers must have, and a lower one that is not tolerated, which they must refute. A line of which less
than that is right is passed no more often than `ERROR` says, whatever the head is like (exact, of items drawn without
putting back). Items that the head learnt from are not among them.

- *Search.* From `LEAST` items on, or part of the estimated line, one item is drawn from each next half as many, until
  one is wrong. These answers are no sample of any line and refute nothing. The first line is `PART` of how far it went.
- *Sample.* Items are drawn at random from those of the line that the search left. It passes with none wrong of a few,
  one of some more, two of still more (`enough`). If it does not, nothing is shown.
- *On.* After a line that passed, one with a tenth more is tried with the same error, while they pass and there are
  answers left. That adds nothing to the error: a line that must not pass is tried only if all before it passed, so that
  only the first of them counts (fixed sequence testing; Angelopoulos et al. 2021, "Learn then test"). What was drawn
  of a line serves for the next: each item has its random number, and the lowest are asked about.

Of the lines that passed, the widest counts of whose answers as many are right as is wanted, with those that came later.
`benchmarks/open_set.py` says how often something is shown with 40 answers, of how many, and how often it holds.
"""

from __future__ import annotations

import functools
from collections.abc import Generator, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from curator.kit.trust.promises import CONFIDENCE

ERROR = 1 - CONFIDENCE
"""How often at most a line is passed of which less is right than is tolerated."""
FIRST = 0.6
"""So much of the error is for lines of which nothing is found wrong; of the rest half for those with one, and so on."""
STEP, PART, WIDER = 1.5, 0.3, 1.1
SEARCH = 0.25
"""So much of the answers the search may take."""
LEAST = 20
"""No line has fewer items, as far as there are as many: who may look at so many needs no sample."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is wanted of a line, what share is the least that is tolerated, and how many answers there are."""

    wanted: float
    least: float
    most: int

    def fewest(self, line: int) -> int | None:
        """How many answers about it show enough if all are right; None where there are too few."""
        return next(iter(self.enough(line, 0, 0)), None)

    def enough(self, line: int, known: int, wrong: int) -> tuple[int, ...]:
        """As the function, for a line of which so many are known, and so many of these to be wrong."""
        bad = int(np.floor((1 - self.least) * line + 1e-9)) + 1
        return enough(line - known, bad - wrong, self.wanted, self.most)


@dataclass(frozen=True, slots=True)
class Question:
    """The place of an item in the order; `alone`: what to ask next depends on the answer."""

    place: int
    alone: bool


@dataclass(frozen=True, slots=True)
class Verified:
    """What came of it: a line of so many items, 0 where none passed; answers in all, and those drawn from the line."""

    line: int
    asked: int
    drawn: int
    right: int


@functools.lru_cache(1_000)
def enough(items: int, bad: int, wanted: float, most: int) -> tuple[int, ...]:
    """After how many answers a line passes with none wrong, with one, with two and so on.

    Where `bad` of its items are wrong, it passes with `ERROR` at most. Ends where `most` answers are too few.
    """
    if bad > items:
        return (0,)
    found, left = list[int](), ERROR
    going = np.ones(1)  # how likely it is not to have passed yet, with none wrong, with one and so on
    for count in range(min(items, most) + 1 if bad > 0 else 0):
        while (wrong := len(found)) < len(going) and wrong <= (1 - wanted) * count + 1e-9:
            passes = going[: wrong + 1].sum()
            if left - passes < ERROR * (1 - FIRST) / 2**wrong - 1e-12:
                break
            found.append(count)
            left -= passes
            going[: wrong + 1] = 0
        if count < items:
            wrong_next = np.clip((bad - np.arange(len(going))) / (items - count), 0, 1)
            going = np.append(going * (1 - wrong_next), 0) + np.append(0, going * wrong_next)
    return tuple(found)


def proceed(
    items: int, first: int, plan: Plan, seed: int, answers: Mapping[int, bool], batch: int = 1
) -> tuple[list[int], Verified | None]:
    """The places to ask about next, a few at once as if all were right, or what came of the answers by place.

    `first` is the estimated line.
    """
    asking, next_ = _questions(items, first, plan, seed), list[int]()
    try:
        question = next(asking)
        while len(next_) < batch:
            if question.place in answers:
                question = asking.send(answers[question.place])
            elif len(answers) + len(next_) >= plan.most:
                if next_:
                    break
                question = asking.send(None)
            else:
                next_.append(question.place)
                if question.alone:
                    break
                question = asking.send(True)
    except StopIteration as end:
        if not next_:
            result: Verified = end.value
            return [], replace(result, asked=len(answers))
    return next_, None


def _questions(items: int, first: int, plan: Plan, seed: int) -> Generator[Question, bool | None, Verified]:
    """Asks, and takes whether what is said of the item is right; None where there are no answers left."""
    known: dict[int, bool] = {}
    rng = np.random.default_rng(seed)
    reached = yield from _search(items, max(LEAST, int(first * PART)), int(plan.most * SEARCH), known, rng)
    searched, numbers = dict(known), rng.random(items)
    line, passed = min(items, max(LEAST, int(reached * PART))), list[int]()
    while (yield from _passes(line, plan, numbers, searched, known)):
        passed.append(line)
        if line == items:
            break
        line = min(items, int(line * WIDER) + 1)
    for line in reversed(passed):
        drawn = [right for place, right in known.items() if place < line and place not in searched]
        if sum(drawn) >= plan.wanted * len(drawn) - 1e-9:
            return Verified(line, 0, len(drawn), sum(drawn))
    return Verified(0, 0, 0, 0)


def _search(
    items: int, start: int, most: int, known: dict[int, bool], rng: np.random.Generator
) -> Generator[Question, bool | None, int]:
    """How far what is said seems to be right, by one item each of more and more."""
    reached = start
    while reached < items and len(known) < most:
        next_ = min(items, int(reached * STEP) + 1)
        place = int(rng.integers(reached, next_))
        answer = yield Question(place, True)
        if answer is not None:
            known[place] = answer
        if not answer:
            break
        reached = next_
    return reached


def _passes(
    line: int, plan: Plan, numbers: NDArray[np.float64], searched: dict[int, bool], known: dict[int, bool]
) -> Generator[Question, bool | None, bool]:
    places = [place for place in map(int, np.argsort(numbers[:line])) if place not in searched]
    seen = sum(place < line and not right for place, right in searched.items())
    needed = plan.enough(line, line - len(places), seen)
    wrong = 0
    for count, place in enumerate(places):
        if wrong >= len(needed):
            return False
        if count >= needed[wrong]:
            return True
        if place not in known:
            answer = yield Question(place, False)
            if answer is None:
                return False
            known[place] = answer
        wrong += not known[place]
    return wrong < len(needed)
