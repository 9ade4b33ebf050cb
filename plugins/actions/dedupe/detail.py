"""How much of a picture is real, measured on its pixels: bars around it, its spectrum, and what lies over it.

What cannot be told: whether a model made up the detail of an enlarged picture, and which of two is the original where
one was retouched. The thresholds were set on photos of groceries, and tried on others (docs/dedupe.md).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from curator.api import Signature

Grey = NDArray[np.float32]

TILE, GRID, BINS = 256, 4, 32
"""The spectrum is that of 4 x 4 tiles of so many pixels, in so many rings up to the highest frequency."""
SHORTEST = 48
"""Pixels of a side, below which a spectrum says nothing."""
THUMBNAIL = 256
"""The longest side of what is kept to lay one over the other."""

FLAT, EDGE, STEP, LEAST_BAR, LEAST_ROW = 3.0, 12.0, 0.5, 0.02, 4
"""A bar has so little texture; it ends where so many levels of difference come at once, over half of the row."""

SHAPE = 0.03
"""Two pictures whose sides are in the same proportion to so much (log) may have the same bars, or none: what ends at
once in a small one, as the margin of an icon, ends little by little in the same enlarged."""

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

LAID = 0.5
"""Where they correlate less in what is fine elsewhere, one is turned, mirrored or cut, and where they differ tells
nothing."""
LIT = 0.88
"""Where two correlate so well in what is fine, the light is another and nothing lies over either: of photos that are
darker at their corners they do by 0.91 to 0.99, where writing half as strong was seen, by 0.56 to 0.73."""
BURNT = 247
RECOLOURED = 20.0
"""How far two are apart in the plane of colours (a and b of 8-bit Lab) where nine of ten blocks are less so: photos
with other hues were 60 to 166 apart, of largely grey ones some only 8; with writing over them at most
7 in the median."""
OVER, LEAST_OVER, MOST_OVER, MORE_EDGES = 10.0, 0.003, 0.35, 1.3
"""Levels by which a block differs, the part of blocks that may do, and how many more edges what lies over it has."""

AT_ONCE = 16
"""Rows that are looked at together for a bar."""

HEAD = struct.Struct("<6I")


@dataclass(frozen=True, slots=True)
class Detail:
    """What was measured of a picture: the box within its bars, the power by frequency, and a small picture of it.

    `power` is (32,), from no change to a change at each pixel; empty where it is too small.
    """

    size: tuple[int, int]
    box: tuple[int, int, int, int]
    power: Grey
    small: NDArray[np.uint8]

    @property
    def side(self) -> int:
        """The longer side within the bars."""
        left, top, right, bottom = self.box
        return max(right - left, bottom - top)

    @property
    def filled(self) -> float:
        """The part of it that is no bar."""
        left, top, right, bottom = self.box
        return (right - left) * (bottom - top) / (self.size[0] * self.size[1])

    @classmethod
    def read(cls, data: bytes) -> Detail:
        """What `measured` packed."""
        width, height, *box = HEAD.unpack_from(data)
        power = np.frombuffer(data, np.float32, BINS, HEAD.size)
        jpeg = np.frombuffer(data, np.uint8, offset=HEAD.size + 4 * BINS)
        small = cv2.imdecode(jpeg, cv2.IMREAD_COLOR)
        left, top, right, bottom = box
        return cls((width, height), (left, top, right, bottom), power if power.any() else power[:0], small)


def measured(picture: Image.Image) -> bytes:
    """Of a whole picture; nothing of a film, of which one frame says too little."""
    if picture.info["frames"] > 1:
        return b""
    colour = np.asarray(picture.convert("RGB"))
    grey = cv2.cvtColor(colour, cv2.COLOR_RGB2GRAY)
    left, top, right, bottom = box_within_bars(grey)
    inner = grey[top:bottom, left:right]
    factor = THUMBNAIL / max(inner.shape)
    size = max(1, round(inner.shape[1] * factor)), max(1, round(inner.shape[0] * factor))
    small = cv2.resize(
        colour[top:bottom, left:right], size, interpolation=cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
    )
    jpeg = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, 92])[1]
    head = HEAD.pack(*picture.size, left, top, right, bottom)
    return b"".join([head, spectrum(inner).tobytes(), jpeg.tobytes()])


DETAIL = Signature("dedupe.detail/1", "image", measured)
"""Kept only of pictures that may be copies."""


def box_within_bars(grey: NDArray[np.uint8]) -> tuple[int, int, int, int]:
    """Left, top, right and bottom of a picture without its bars: one shade from edge to edge, on both sides, that ends
    at once. The background of a thing photographed before white ends little by little, and is none."""
    top, bottom = _bars(grey)
    left, right = _bars(np.ascontiguousarray(grey[top : len(grey) - bottom].T))
    return left, top, grey.shape[1] - right, grey.shape[0] - bottom


def _bars(grey: NDArray[np.uint8]) -> tuple[int, int]:
    """How many rows are bars, above and below; both or none."""
    ends = _bar(grey), _bar(grey[::-1])
    least = max(LEAST_ROW, LEAST_BAR * len(grey))
    return ends if min(ends) >= least and sum(ends) < 0.9 * len(grey) else (0, 0)


def _bar(grey: NDArray[np.uint8]) -> int:
    """How many rows from the first one on are a bar."""
    shade = grey[0].mean()
    rows = _one_shade(grey, shade)
    if rows in (0, len(grey)):
        return 0
    # An enlarged or compressed edge is a few rows wide.
    beyond = grey[min(rows + 3, len(grey) - 1)].astype(np.float32)
    return rows if np.mean(np.abs(beyond - shade) > EDGE) > STEP else 0


def _one_shade(grey: NDArray[np.uint8], shade: float) -> int:
    """How many rows from the first one on are of one shade. Of most pictures not one is: no more rows are looked at."""
    for start in range(0, len(grey), AT_ONCE):
        rows = grey[start : start + AT_ONCE]
        same = (rows.std(axis=1) < FLAT) & (np.abs(rows.mean(axis=1) - shade) < FLAT)
        if not same.all():
            return start + int(np.argmin(same))
    return len(grey)


def spectrum(grey: NDArray[np.uint8]) -> Grey:
    """(32,) mean power by frequency, of tiles all over it; zeros where it is too small."""
    side = min(TILE, *grey.shape)
    if side < SHORTEST:
        return np.zeros(BINS, np.float32)
    window = np.outer(np.hanning(side), np.hanning(side)).astype(np.float32)
    ring = np.hypot(np.fft.fftfreq(side)[:, None], np.fft.rfftfreq(side)[None, :]) * 2 * BINS
    ring = np.minimum(ring.astype(int), BINS)  # the corners of the square count for nothing
    power = np.zeros(ring.shape)
    starts = [{round(at) for at in np.linspace(0, length - side, GRID)} for length in grey.shape]
    for y in starts[0]:
        for x in starts[1]:
            tile = grey[y : y + side, x : x + side].astype(np.float32)
            power += np.abs(np.fft.rfft2((tile - tile.mean()) * window)) ** 2
    sums = np.bincount(ring.ravel(), power.ravel(), BINS + 1)[:BINS]
    return (sums / np.bincount(ring.ravel(), minlength=BINS + 1)[:BINS] + 1e-3).astype(np.float32)


# --- of two pictures ---


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
    if max(one.side, other.side) < 1.1 * min(one.side, other.side) and len(one.power) and len(other.power):
        more = np.log10(one.power) - np.log10(other.power)
        return bool(more[BINS // 2 :].mean() - more[1 : BINS // 4].mean() > SHARPER)
    return one.side >= LARGER * other.side and not was_enlarged(one, other)


def was_enlarged(one: Detail, other: Detail) -> bool:
    """Whether the one is larger, and shows no more for that."""
    found = emptiness(one, other) if one.side >= LARGER * other.side else None
    return found is not None and found >= ENLARGED


def has_bars_less(one: Detail, other: Detail) -> bool:
    """Whether bars take a larger part of the other one, and it was not only scaled."""
    (width, height), (wide, high) = one.size, other.size
    if other.filled >= 0.97 * one.filled:
        return False
    if abs(np.log(width * high / (height * wide))) > SHAPE:
        return True
    # Framed all around, it shows within its bars all of the one; only scaled, no more than what lies there in the one.
    scale = np.array([wide / width, high / height] * 2)
    left, top, right, bottom = (np.array(other.box) / scale - np.tile(one.box[:2], 2)) * len(one.small[0]) / _wide(one)
    rows, columns = (slice(max(0, round(begin)), max(1, round(end))) for begin, end in ((top, bottom), (left, right)))
    return _alike(one.small, other.small) > _alike(one.small[rows, columns], other.small)


def _wide(one: Detail) -> int:
    return one.box[2] - one.box[0]


def _alike(one: NDArray[Any], other: NDArray[Any]) -> float:
    """How two correlate, one laid whole on the other."""
    size = min(one.shape[1], other.shape[1]), min(one.shape[0], other.shape[0])
    both = [cv2.resize(each, size, interpolation=cv2.INTER_AREA).ravel() for each in (one, other)]
    return float(np.corrcoef(*both)[0, 1])


def is_another(one: Detail, other: Detail) -> bool:
    """Whether two of one size are one picture that was compressed twice. Else the one was only saved again from the
    other, or edited, and tables say nothing of which came first."""
    if one.box != other.box or not (len(one.power) and len(other.power)):
        return False
    apart = np.abs(np.log10(one.power) - np.log10(other.power))
    return bool(apart[1 : BINS // 4].max() <= EDITED and apart[BINS // 4 :].max() >= RECODED)


def lies_over(one: Detail, other: Detail) -> bool:
    """Whether something seems to lie over the one: it differs in some places alone, and has more edges there."""
    if abs(np.log(one.small.shape[0] * other.small.shape[1] / (one.small.shape[1] * other.small.shape[0]))) > 0.03:
        return False
    size = one.small.shape[1::-1]
    both = [
        cv2.GaussianBlur(cv2.resize(each.small, size, interpolation=cv2.INTER_AREA), (0, 0), 1.2)
        for each in (one, other)
    ]
    first, second = (cv2.cvtColor(small, cv2.COLOR_BGR2GRAY).astype(np.float32) for small in both)
    as_first, as_second = _toned(second, first), _toned(first, second)
    differs = _blocks(np.minimum(np.abs(first - as_first), np.abs(second - as_second)))
    # Where the other one is burnt out, being lighter, the one has edges, and nothing lies over either.
    burnt = _blocks(np.max(both[1], axis=2) >= BURNT) > 0.2
    places = (differs > OVER + 3 * np.median(differs)) & ~burnt
    if not LEAST_OVER < places.mean() < MOST_OVER or _other_colours(both[0], both[1], ~places):
        return False
    edges = [_blocks(np.hypot(*np.gradient(small)))[places].sum() for small in (first, as_first)]
    if edges[0] <= MORE_EDGES * edges[1]:
        return False
    there, elsewhere = _fine_alike(first, second, places)
    return elsewhere > LAID and there <= LIT


def _other_colours(one: NDArray[np.uint8], other: NDArray[np.uint8], where: NDArray[np.bool_]) -> bool:
    """Whether one is recoloured: then things stand out in the one and not in the other, and lie over neither."""
    colours = (cv2.cvtColor(small, cv2.COLOR_BGR2LAB)[:, :, 1:].astype(np.float32) for small in (one, other))
    apart = _blocks(np.linalg.norm(np.subtract(*colours), axis=2))[where]
    return float(np.quantile(apart, 0.9)) > RECOLOURED


def _fine_alike(one: Grey, other: Grey, places: NDArray[np.bool_]) -> tuple[float, float]:
    """How two correlate in what is fine, in these blocks and elsewhere."""
    inside = cv2.resize(places.astype(np.uint8), one.shape[::-1], interpolation=cv2.INTER_NEAREST) > 0
    fine = [small - cv2.GaussianBlur(small, (0, 0), 4) for small in (one, other)]
    there, elsewhere = (float(np.corrcoef(*(part[where] for part in fine))[0, 1]) for where in (inside, ~inside))
    return there, elsewhere


def _toned(grey: Grey, like: Grey) -> Grey:
    """A picture in the shades of another one of the same, lighter or darker, which are the median of each shade's."""
    shade = (grey / 8).astype(int)
    known = [number for number in range(33) if np.count_nonzero(shade == number) > 16]
    if len(known) < 2:
        return grey
    medians = [float(np.median(like[shade == number])) for number in known]
    return np.interp(grey, [8.0 * number + 4 for number in known], medians).astype(np.float32)


def _blocks(values: NDArray[Any]) -> Grey:
    """The means of blocks of 8 x 8."""
    height, width = (max(1, length // 8) for length in values.shape)
    return np.asarray(cv2.resize(values.astype(np.float32), (width, height), interpolation=cv2.INTER_AREA))
