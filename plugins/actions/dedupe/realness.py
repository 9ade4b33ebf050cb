"""Which of two copies is real, by what was measured of each: bars, what lies over one, what is made of the other.

What cannot be told: whether a model made up the detail of an enlarged picture, and which of two is the original where
one was retouched. The thresholds were set on photos of groceries, and tried on others (docs/dedupe.md); those that tell
what a filter did on 25 photos of `mixed` and 15 drawn scenes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from .detail import AT_ONCE, BINS, LEAST_BAR, THUMBNAIL, Detail, Grey

SHAPE = 0.03
"""Two pictures whose sides are in the same proportion to so much (log) may have the same bars, or none: what ends at
once in a small one, as the margin of an icon, ends little by little in the same enlarged."""

MARGIN, ALIKE = 24, 0.9
"""Levels by which no pixel of a margin differs from it; and how well, at least, what it frames correlates with the
picture that it is compared with."""

LARGER = 1.25
"""By how much longer a side is of a picture that can hold more detail."""
ENLARGED, WORN = 1.8, 4.0
"""What is so empty where the smaller picture ends was enlarged; and how much what is worn off counts for that."""
NEAR_THE_LIMIT, FAR_BELOW_IT = (0.65, 0.95), (0.15, 0.4)
"""Bands of the frequencies of the smaller picture."""
AT = (np.arange(BINS) + 0.5) / BINS
"""The frequency of each ring, as a part of the highest."""
RECODED, EDITED, COARSER = 0.09, 0.018, 2.4
"""A copy that was saved again less coarsely has the upper spectrum of what it was made of, to so much (log10); one that
was edited has another lower one. Of 24 photos at quality 75, saved again at 90 as they are, mirrored or in grey, 5 in
100 are beyond the first, and half of those that were saved at 90 at once. Of these the lower spectra differ by up to
0.014, of photos that were turned, written over, lighter, darker at the corners or in other colours from 0.019 on."""

SHARPER = 0.7
"""By how much (log10) more power a picture of the same size has in the higher half, if the other is blurred."""

LAID = 0.75
"""Where they correlate less in what is fine elsewhere, one is turned, mirrored, cut or painted by a filter, and where
they differ tells nothing: with writing over one they do by 0.77 and more, mostly above 0.9, painted by 0.09 to 0.6."""
HIDDEN = 0.15
"""By how much less they correlate where something lies over one; else the light is another there. Writing a
third as strong made it 0.17 at least on 40 photos and drawn scenes; of most that were tone-mapped or vignetted it is
below 0.1."""
WORN_OFF = 1.3
"""How much more of the finest detail there is elsewhere in the one, if the other of its size went through a filter."""
IN_PLACE, GREYED = 0.9, 5.0
"""How two correlate in what is fine that lie on each other as they are; and how far apart the colours (a and b of 8-bit
Lab) of half of the blocks are, if one of them lost them."""
ONE_SCALE = 0.2
"""How much (log10, standard deviation) two spectra differ ring by ring that are of one scale: a crop of 30 % by 0.03 to
0.16, enlarged twice by 0.34 and more."""
BURNT = 247
RECOLOURED = 20.0
"""How far two are apart in the plane of colours (a and b of 8-bit Lab) where nine of ten blocks are less so: photos
with other hues were 60 to 166 apart, of largely grey ones some only 8; with writing over them at most
7 in the median."""
OVER, LEAST_OVER, MOST_OVER, MORE_EDGES = 10.0, 0.003, 0.35, 1.3
"""Levels by which a block differs, the part of blocks that may do, and how many more edges what lies over it has."""


def emptiness(larger: Detail, smaller: Detail) -> float | None:
    """How empty (log10) the larger one is of what the smaller one cannot hold; None if that is not to be told.

    Light falls slowly over all frequencies; what was enlarged has next to nothing beyond those that it was made of. And
    enlarging wears off the highest that it was made of, where making smaller wears off those of the smaller one.
    """
    if not (len(larger.power) and len(smaller.power)):
        return None
    limit = smaller.side / larger.side
    below, above = (0.5 * limit < AT) & (0.9 * limit > AT), (1.1 * limit < AT) & (2 * limit >= AT)
    if not above.any() or not below.any():
        return None
    fall = np.log10(larger.power[below].mean()) - np.log10(larger.power[above].mean())
    worn = _advantage(smaller, larger, limit, NEAR_THE_LIMIT) - _advantage(smaller, larger, limit, FAR_BELOW_IT)
    return float(fall + WORN * worn)


def _advantage(smaller: Detail, larger: Detail, limit: float, band: tuple[float, float]) -> float:
    """How much more power (log10) the smaller one has in a band of its own frequencies than the larger one there."""
    at = np.linspace(*band, 8)
    mine, theirs = np.interp(at, AT, np.log10(smaller.power)), np.interp(at * limit, AT, np.log10(larger.power))
    return float(mine.mean() - theirs.mean())


def shows_more(one: Detail, other: Detail) -> bool:
    """Whether the one is larger, and has detail that the other cannot hold, or that cannot be told; or is sharper."""
    if _as_large(one, other) and len(one.power) and len(other.power):
        more = np.log10(one.power) - np.log10(other.power)
        sharper = more[BINS // 2 :].mean() - more[1 : BINS // 4].mean() > SHARPER
        return bool(sharper and _in_place(one, other))  # what a filter drew or somebody wrote is no detail
    return one.side >= LARGER * other.side and not was_enlarged(one, other)


def was_enlarged(one: Detail, other: Detail) -> bool:
    """Whether the one is larger, and shows no more for that."""
    found = emptiness(one, other) if one.side >= LARGER * other.side else None
    return found is not None and found >= ENLARGED and not _is_part(other, one)


def _is_part(smaller: Detail, larger: Detail) -> bool:
    """Whether the smaller was cut from the larger one, and neither of them scaled."""
    apart = np.log10(smaller.power) - np.log10(larger.power)
    return bool(apart[1:].std() <= ONE_SCALE) and not _in_place(smaller, larger)


def _as_large(one: Detail, other: Detail) -> bool:
    return max(one.side, other.side) < 1.1 * min(one.side, other.side)


def _in_place(one: Detail, other: Detail) -> bool:
    """Whether all that is fine in one lies where it lies in the other: not turned, nor cut, nor drawn anew."""
    if not _of_one_shape(one, other):
        return False
    first, second = (cv2.cvtColor(small, cv2.COLOR_BGR2GRAY).astype(np.float32) for small in _softened(one, other))
    return _fine_alike(first, second, np.ones((1, 1), np.bool_)) >= IN_PLACE


def _of_one_shape(one: Detail, other: Detail) -> bool:
    (height, width), (high, wide) = one.small.shape[:2], other.small.shape[:2]
    return bool(abs(np.log(height * wide / (width * high))) <= SHAPE)


def _softened(one: Detail, other: Detail) -> list[NDArray[np.uint8]]:
    """Both small pictures in the size of the first, a little blurred, as ways to scale differ in the finest detail."""
    size = one.small.shape[1::-1]
    return [
        cv2.GaussianBlur(cv2.resize(each.small, size, interpolation=cv2.INTER_AREA), (0, 0), 1.2)
        for each in (one, other)
    ]


def has_bars_less(one: Detail, other: Detail) -> bool:
    """Whether bars take a larger part of the other one, and it was not only scaled."""
    (width, height), (wide, high) = one.size, other.size
    if other.filled >= 0.97 * one.filled:
        return other.filled == 1 and _is_framed(other.small, one.small)
    if abs(np.log(width * high / (height * wide))) > SHAPE:
        return True
    # Framed all around, it shows within its bars all of the one; only scaled, no more than what lies there in the one.
    scale = np.array([wide / width, high / height] * 2)
    left, top, right, bottom = (np.array(other.box) / scale - np.tile(one.box[:2], 2)) * len(one.small[0]) / _wide(one)
    rows, columns = (slice(max(0, round(begin)), max(1, round(end))) for begin, end in ((top, bottom), (left, right)))
    return _alike(one.small, other.small) > _alike(one.small[rows, columns], other.small)


def _is_framed(other: NDArray[np.uint8], one: NDArray[np.uint8]) -> bool:
    """Whether one lies whole within a margin of the other. By themselves such margins are none where the picture has
    their shade along its edge; here there is the picture to compare with."""
    margins = [
        _margin(way) for way in (other, other[::-1], other.transpose(1, 0, 2), other[:, ::-1].transpose(1, 0, 2))
    ]
    return any(
        ALIKE < _alike(one, inner) > _alike(one, other)
        for inner in _within(other, one.shape[1] / one.shape[0], margins)
    )


def _within(framed: NDArray[np.uint8], aspect: float, margins: list[int]) -> Iterator[NDArray[np.uint8]]:
    """What may be framed, of that proportion: within bars on two sides, or a border that is as wide all around."""
    height, width = framed.shape[:2]
    top, bottom, left, right = margins
    around, above, beside = min(margins), min(top, bottom), min(left, right)
    if abs(1 - aspect) > SHAPE:
        around = min(around, round((width - aspect * height) / (2 * (1 - aspect))))
    above, beside = min(above, round((height - width / aspect) / 2)), min(beside, round((width - height * aspect) / 2))
    for y, x in ((around, around), (above, 0), (0, beside)):
        if max(y, x) >= LEAST_BAR * THUMBNAIL and min(y, x) >= 0:
            inner = framed[y : height - y, x : width - x]
            if inner.size and abs(np.log(inner.shape[1] / inner.shape[0] / aspect)) <= SHAPE:
                yield inner


def _margin(rows: NDArray[np.uint8]) -> int:
    """How many rows from the first one on are of one colour. Of most pictures few are: no more rows are looked at."""
    colour = np.median(rows[0], axis=0)
    for start in range(0, len(rows), AT_ONCE):
        same = np.abs(rows[start : start + AT_ONCE] - colour).max(axis=(1, 2)) < MARGIN
        if not same.all():
            return start + int(np.argmin(same))
    return 0


def _wide(one: Detail) -> int:
    return one.box[2] - one.box[0]


def _alike(one: NDArray[Any], other: NDArray[Any]) -> float:
    """How two correlate, one laid whole on the other."""
    size = min(one.shape[1], other.shape[1]), min(one.shape[0], other.shape[0])
    both = [cv2.resize(each, size, interpolation=cv2.INTER_AREA).ravel() for each in (one, other)]
    return _correlation(*both)


def _correlation(one: NDArray[Any], other: NDArray[Any]) -> float:
    """NaN, of which no comparison holds, where one of them is of one shade."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return float(np.corrcoef(one, other)[0, 1])


def is_another(one: Detail, other: Detail) -> bool:
    """Whether two of one size are one picture that was compressed twice. Else the one was only saved again from the
    other, or edited, and tables say nothing of which came first."""
    if one.box != other.box or not (len(one.power) and len(other.power)):
        return False
    if not _in_place(one, other) or _colours_apart(_softened(one, other), 0.5) > GREYED:
        return False
    apart = np.abs(np.log10(one.power) - np.log10(other.power))
    return bool(apart[1 : BINS // 4].max() <= EDITED and apart[BINS // 4 :].max() >= RECODED)


def lies_over(one: Detail, other: Detail) -> bool:
    """Whether something seems to lie over the one: it differs in some places alone, and has more edges there."""
    if not _of_one_shape(one, other):
        return False
    both = _softened(one, other)
    first, second = (cv2.cvtColor(small, cv2.COLOR_BGR2GRAY).astype(np.float32) for small in both)
    as_first, as_second = _toned(second, first), _toned(first, second)
    differs = _blocks(np.minimum(np.abs(first - as_first), np.abs(second - as_second)))
    # Where the other one is burnt out, being lighter, the one has edges, and nothing lies over either.
    burnt = _blocks(np.max(both[1], axis=2) >= BURNT) > 0.2
    places = (differs > OVER + 3 * np.median(differs)) & ~burnt
    if not LEAST_OVER < places.mean() < MOST_OVER or _colours_apart(both, 0.9, ~places) > RECOLOURED:
        return False
    edges = [_blocks(np.hypot(*np.gradient(small)))[places].sum() for small in (first, as_first)]
    if edges[0] <= MORE_EDGES * edges[1]:
        return False
    there, elsewhere = (_fine_alike(first, second, where) for where in (places, ~places))
    return elsewhere > LAID and there <= elsewhere - HIDDEN and not _is_worn(other, one, places)


def _is_worn(other: Detail, one: Detail, places: NDArray[np.bool_]) -> bool:
    """Whether a filter took fine detail from the other one all over, and not only from around these places."""
    far = cv2.dilate(places.astype(np.uint8), np.ones((3, 3), np.uint8)) == 0
    if not _as_large(one, other) or not far.any():
        return False
    size = one.small.shape[1::-1]
    both = [
        cv2.resize(cv2.cvtColor(each.small, cv2.COLOR_BGR2GRAY), size, interpolation=cv2.INTER_AREA)
        for each in (one, other)
    ]
    finest = [grey.astype(np.float32) - cv2.GaussianBlur(grey.astype(np.float32), (0, 0), 1.2) for grey in both]
    mine, theirs = (float(np.sqrt(_blocks(fine**2)[far].mean())) for fine in finest)
    return mine > WORN_OFF * theirs


def _colours_apart(both: list[NDArray[np.uint8]], part: float, where: NDArray[np.bool_] | None = None) -> float:
    """How far apart their colours are in that part of the blocks in which they are least. Where one is recoloured,
    things stand out in the one and not in the other, and lie over neither."""
    colours = (cv2.cvtColor(small, cv2.COLOR_BGR2LAB)[:, :, 1:].astype(np.float32) for small in both)
    apart = _blocks(np.linalg.norm(np.subtract(*colours), axis=2))
    return float(np.quantile(apart if where is None else apart[where], part))


def _fine_alike(one: Grey, other: Grey, where: NDArray[np.bool_]) -> float:
    """How two correlate in what is fine, in these blocks."""
    inside = cv2.resize(where.astype(np.uint8), one.shape[::-1], interpolation=cv2.INTER_NEAREST) > 0
    fine = [small - cv2.GaussianBlur(small, (0, 0), 4) for small in (one, other)]
    return _correlation(*(part[inside] for part in fine))


def _toned(grey: Grey, like: Grey) -> Grey:
    """A picture in the shades of another one of the same, lighter or darker, which are the median of each shade's."""
    shade = (grey / 8).astype(np.uint8).ravel()
    counts = np.bincount(shade, minlength=33)
    known = [number for number in range(33) if counts[number] > 16]
    if len(known) < 2:
        return grey
    by_shade = np.split(like.ravel()[np.argsort(shade, kind="stable")], np.cumsum(counts)[:-1])
    medians = [_median(by_shade[number]) for number in known]
    return np.interp(grey, [8.0 * number + 4 for number in known], medians).astype(np.float32)


def _median(values: Grey) -> float:
    """What `np.median` gives, which takes several times as long for a few hundred."""
    low, high = (len(values) - 1) // 2, len(values) // 2
    ordered = np.partition(values, (low, high))
    return float((ordered[low] + ordered[high]) / 2)


def _blocks(values: NDArray[Any]) -> Grey:
    """The means of blocks of 8 x 8."""
    height, width = (max(1, length // 8) for length in values.shape)
    return np.asarray(cv2.resize(values.astype(np.float32), (width, height), interpolation=cv2.INTER_AREA))
