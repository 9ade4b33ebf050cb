"""What is wrong with the file of a picture, and what is odd about it among the others: size, shape, no colour."""

from __future__ import annotations

import collections
import functools
import math
import statistics
from array import array
from collections.abc import Iterator, Sequence

from curator.api import Context, Flaw, Item
from curator.kit.trust.flaws import FLAGGED, above, flaws

from .figures import FIGURES, Figures, figures
from .looks import blank, faint

NARROW = 3.5
"""So many times as long as it is wide: panoramas and banners."""
TIMES = 6.0
"""So many times the middle size of the others, or a part of it."""
GREY = 6 / 255
"""What is less colourful is grey; JPEGs of grey pictures have some colour."""
RARE = 0.1
"""Kinds of picture that are more common than this are no exception."""
FEWEST = 20
"""Pictures, of fewer of which nothing is said to be usual."""


def _unreadable(context: Context, items: Sequence[Item]) -> Iterator[Flaw]:
    collections.deque(figures(context, items), maxlen=0)  # whoever was not looked at yet is now
    for item, why in context.unreadable(items):
        yield Flaw(item, 1.0, why)


def _wrong_ending(context: Context, items: Sequence[Item]) -> Iterator[Flaw]:
    from curator.kit.images.formats import RAW, named

    for item, value in context.signatures(FIGURES, items):
        if item.path is None or item.row is not None:
            continue
        ending, format_ = named(item.path), Figures.unpacked(value).format
        if format_ and ending not in RAW and ending not in _endings(format_):
            called = f"and called {ending}" if ending else "and has no extension"
            yield Flaw(item, 1.0, f"is {_NAMES.get(format_, format_)}, {called}")


_NAMES = {"MPO": "JPEG", "HEIF": "HEIC", "PPM": "PNM"}
_ALIKE = {"MPO": "JPEG", "JPEG": "MPO", "HEIF": "AVIF", "AVIF": "HEIF"}


@functools.cache
def _endings(format_: str) -> frozenset[str]:
    """Those that a file of a format may have."""
    from PIL import Image

    from curator.kit.images.formats import HEIF

    formats = {format_, _ALIKE.get(format_, format_)}
    own = {ending for ending, of in Image.registered_extensions().items() if of in formats}
    return frozenset(own | HEIF if "HEIF" in formats else own)


def _odd_shape(context: Context, items: Sequence[Item]) -> Iterator[Flaw]:
    for item in items:
        if item.pixels is not None and min(item.pixels) > 0:
            times = max(item.pixels) / min(item.pixels)
            if (score := above(times - 1, NARROW - 1, 3 * NARROW)) > 0:
                yield Flaw(item, score, f"{item.pixels[0]} x {item.pixels[1]} pixels, {times:.1f} to 1")


def _odd_size(context: Context, items: Sequence[Item]) -> Iterator[Flaw]:
    pixels = {item.id: item.pixels for item in items if item.pixels is not None and min(item.pixels) > 0}
    if len(pixels) < FEWEST:
        return
    usual = statistics.median(math.sqrt(width * height) for width, height in pixels.values())

    def judged() -> Iterator[tuple[int, float, str]]:
        for id_, (width, height) in pixels.items():
            side = math.sqrt(width * height)
            times = max(side / usual, usual / side)
            if (score := above(times - 1, TIMES - 1, 3 * TIMES)) > 0:
                than = "larger" if side > usual else "smaller"
                yield id_, score, f"{width} x {height}, {times**2:,.0f} times {than} in area than usual"

    yield from flaws(context, judged())


def _grey(context: Context, items: Sequence[Item]) -> Iterator[Flaw]:
    judged = ((id_, of.colour < GREY) for id_, of in figures(context, items) if not blank(of) and not faint(of))
    found, some = array("q"), 0
    for id_, grey in judged:
        some += 1
        if grey:
            found.append(id_)
    share = len(found) / max(1, some)
    if some < FEWEST or share > 2 * RARE:
        return
    score = 1 - FLAGGED * share / RARE
    if score > 0:
        why = f"grey, one of {len(found):,} among {some:,} pictures"
        yield from flaws(context, ((id_, score, why) for id_ in found))


CHECKS = {
    "unreadable": _unreadable,
    "wrong-extension": _wrong_ending,
    "odd-shape": _odd_shape,
    "odd-size": _odd_size,
    "grey": _grey,
}
