"""How a picture looks: too dark or bright, hazy, blurred, or nothing on it.

The lines were set by photos of groceries and of hundreds of other things, plain, saved at quality 30, with grain, with
a sharp middle alone, and made worse on purpose; benchmarks/README.md says what they find where no line was set.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial

from curator.api import Context, Flaw, Item
from curator.kit.trust.flaws import above, below, flaws

from .figures import Figures, figures

DARK, BRIGHT, HAZY = 0.25, 0.75, 0.2
"""The brightness that hardly a pixel reaches; that which hardly one does not; how far the two are apart."""
SHARP = 0.58
"""How steep the steepest edges are, in how far they rise: plain photos have 0.6 to 2.9, a Gaussian blur of a 170th of
the longer side leaves at most 0.56 in 95 of 100."""
EDGES, PLAIN = 12 / 255, 1.5
"""Edges lower than this are none; a picture without any and with fewer bits for each pixel has nothing on it."""


def blank(found: Figures) -> bool:
    """Whether there is nothing to be seen, so that it is neither dark nor blurred."""
    return found.entropy < PLAIN and found.edges < EDGES


def faint(found: Figures) -> bool:
    """Whether it is too dark, bright or hazy to have colours."""
    return found.high < DARK or found.low > BRIGHT or found.high - found.low < HAZY


def dark(found: Figures) -> tuple[float, str]:
    """Hardly anything in it is brighter than the line."""
    return below(found.high, DARK), f"nearly all darker than {found.high:.0%}"


def bright(found: Figures) -> tuple[float, str]:
    """Hardly anything in it is darker than the line."""
    return above(found.low, BRIGHT, 1), f"nearly all brighter than {found.low:.0%}"


def hazy(found: Figures) -> tuple[float, str]:
    """All of it is about as bright; what is dark or bright altogether is called that."""
    if found.high < DARK or found.low > BRIGHT:
        return 0.0, ""
    return below(found.high - found.low, HAZY), f"brightness {found.low:.0%} to {found.high:.0%}"


def blurred(found: Figures) -> tuple[float, str]:
    """Even its steepest edges are wide, or there are none, though it has dark and bright parts."""
    if found.edges >= EDGES:
        return below(found.sharpness, SHARP), f"sharpness {found.sharpness:.2f} of {SHARP:g}"
    if found.high - found.low < HAZY:
        return 0.0, ""
    return 1 - found.edges / EDGES / 4, "no edges, but dark and bright parts"


def _each(judge: Callable[[Figures], tuple[float, str]], context: Context, items: Sequence[Item]) -> Iterator[Flaw]:
    judged = ((id_, (0.0, "") if blank(found) else judge(found)) for id_, found in figures(context, items))
    yield from flaws(context, ((id_, score, why) for id_, (score, why) in judged if score > 0))


def _blank(context: Context, items: Sequence[Item]) -> Iterator[Flaw]:
    judged = (
        (id_, below(found.entropy, PLAIN), f"no edges, {found.entropy:.1f} bits a pixel")
        for id_, found in figures(context, items)
        if found.edges < EDGES
    )
    yield from flaws(context, (one for one in judged if one[1] > 0))


CHECKS = {
    "dark": partial(_each, dark),
    "bright": partial(_each, bright),
    "low-contrast": partial(_each, hazy),
    "blurred": partial(_each, blurred),
    "blank": _blank,
}
