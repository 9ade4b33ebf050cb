"""Scores of flaws, for quality checks: 0.5 where a measure is at the line that tells good from bad. Public."""

from __future__ import annotations

__all__ = ["FLAGGED", "above", "below"]

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
