"""What a share that was promised rests on: exact bounds of a share, and how many random answers prove one.

Public, like `curator.api`. scipy is imported when something is asked for.
"""

from __future__ import annotations

import math

__all__ = ["CONFIDENCE", "answers_to_prove", "lower_share", "upper_share"]

CONFIDENCE = 0.9
"""With which a promise is said to be proven."""


def lower_share(right: int, of: int, confidence: float = CONFIDENCE) -> float:
    """The exact lower bound (Clopper and Pearson 1934, one-sided) of the share of which `right` of `of` drawn are."""
    from scipy.special import betaincinv

    return float(betaincinv(right, of - right + 1, 1 - confidence)) if right else 0.0


def upper_share(right: int, of: int, confidence: float = CONFIDENCE) -> float:
    """The exact upper bound of that share."""
    return 1 - lower_share(of - right, of, confidence)


def answers_to_prove(share: float, confidence: float = CONFIDENCE) -> int | None:
    """How many answers about items drawn at random prove a share if all are right; None where no number does."""
    if share >= 1:
        return None
    return max(1, math.ceil(math.log(1 - confidence) / math.log(share) - 1e-9)) if share > 0 else 0
