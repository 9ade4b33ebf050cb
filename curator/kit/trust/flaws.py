"""Scores of flaws, for quality checks: 0.5 where a measure is at the line that tells good from bad. Public."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice

from curator.api import Context, Flaw

__all__ = ["FLAGGED", "above", "below", "flaws"]

AT_ONCE = 2_000
"""Items that are made at once."""

FLAGGED = 0.5
"""From this score on an item is reported, unless people move that."""


def below(value: float, line: float) -> float:
    """The score of what is a flaw where it is low: 1 at 0, 0.5 at `line`, 0 from twice that on."""
    return min(1.0, max(0.0, 1 - 0.5 * value / line))


def above(value: float, line: float, most: float) -> float:
    """The score of what is a flaw where it is high: 0 at 0, 0.5 at `line`, 1 from `most` on."""
    if value < line:
        return max(0.0, 0.5 * value / line)
    return min(1.0, 0.5 + 0.5 * (value - line) / (most - line))


def flaws(context: Context, judged: Iterable[tuple[int, float, str]]) -> Iterator[Flaw]:
    """A flaw of each item, of which there may be very many: from its id, the score, and why."""
    rest = iter(judged)
    while some := list(islice(rest, AT_ONCE)):
        made = {item.id: item for item in context.of_ids([id_ for id_, _, _ in some])}
        yield from (Flaw(made[id_], score, why) for id_, score, why in some if id_ in made)
