"""A second look at two files themselves: whether one is the other saved again, and nothing in it is another.

A median over a picture does not see one changed digit, and no constant tells it from what a hard compression leaves: at
quality 30 and half the size that is as much. So what saving again would have done is done: each picture is compressed
as the other's file was, and where the two differ by more than that, something was changed.
"""

from __future__ import annotations

import functools
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, JpegImagePlugin
from PIL.JpegPresets import presets

from curator.kit.copies.image_sketches import THUMBNAIL
from curator.kit.copies.planes import COLOUR, DEEP, Planes, planes
from curator.kit.copies.registration import Doubles, by_pixels, rescaled, stretch
from curator.kit.images import colours, opened, room_for
from curator.kit.memory import Budget
from curator.kit.reading import reading

__all__ = ["Difference", "Look", "difference", "look"]

# Tuned on 5 x 5 photos (grocery and made of it, drawn scenes) saved again in eight ways, and on `tests/zoo.py`; tried
# on photos that nothing was tuned on, see benchmarks/README.md.

Floats: TypeAlias = NDArray[np.float32]
Mask: TypeAlias = NDArray[np.bool_]

LONGEST = 1024
"""Pixels to which larger files are brought."""
AT_ONCE, ARRAYS = Budget(96 << 20), 11
"""Bytes for comparing, of all threads, and so many arrays of float32 as large as the larger of two are in use."""
SHARED = 0.96
"""Part of either's width and height that two must share: a crop of 3 % leaves 0.97, a step aside that takes in as much
anew on the other side is none."""
PLACED = 320
"""Pixels of the longest side at which the placement is refined."""
EDGE = 2
"""Pixels of the border that are left out: there, ways to scale make up what lies beyond."""
SOFT = 0.6
"""Both are blurred by so many pixels (standard deviation), as ways to scale differ in the finest detail."""

WINDOW = 8
"""Pixels, square, in which a difference is summed up: a block of JPEG, a letter of small type."""
FLOOR = 1.5
"""Grey levels of each colour that are no difference: two decoders, a rounding."""
EXACT, RESAMPLED = 0.03, 0.12
"""Pixels by which what is scaled may lie off its place; where nothing was scaled, nearly none."""
WORST = 2.9
"""Times what saving again makes. Photos saved at quality 50 to 95, scaled or cut reach 2.2, drawn scenes 2.7, both at
quality 30 2.8. Of 520 pairs of the zoo and 98 more of sprites those that are not tiny begin at 3.46."""
TINY = 48
"""Pixels: in a smaller picture, as a sprite of 32, a change as large as an arm (1.79) drowns in one block of JPEG."""

WIDE, TINT, SHARE = 32, 1.5, 0.25
"""Over so many pixels, square, noise evens out: a tint is measured by so many grey levels and this share of it. What is
pale and large is seen by it, as another colour of the same brightness."""
TINTED = 1.5
"""Times that. Saved again at quality 50 or better: up to 1.46; the other label that `WORST` sees least, 2.3."""

CONTRAST, PART = 30.0, 0.5
"""Grey levels (standard deviation) from which a window may hold type, and the part that another letter changes."""
BLIND = 40.0
"""Grey levels that a change may have in any window without being seen, before the file is too coarse there."""
UNRESOLVED = 0.5
"""Part of such windows in which a change would drown in what saving again makes: then nothing is known."""

UNKNOWN = "web_high"
"""The preset of JPEG, of Pillow's, that is taken for other lossy formats, which do not say how they were compressed."""
LOSSY = ("WEBP", "AVIF", "HEIF", "JPEG2000")


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """A file, upright and at most `LONGEST` pixels long; the tables that compressed it, and its colours' sampling.

    `reduced`: by how much it was brought to that length. `profiled`: a profile says that its numbers are no sRGB.
    """

    planes: Planes
    tables: list[list[int]]
    sampling: int
    reduced: float
    profiled: bool


@dataclass(frozen=True, slots=True)
class Difference:
    """`worst`: the largest ratio of a local difference to what saving again makes; `tint`: that of a paler, larger one.
    `unresolved`: the part in which a change would not be seen, of what is drawn as strongly as type or of the whole.
    `bare`: by their numbers, as only one of the two says what these mean."""

    worst: float
    tint: float
    unresolved: float
    bare: bool = False

    @property
    def saved_again(self) -> bool:
        """Whether nothing but saving again, at some size, lies between the two."""
        return self.worst <= WORST and self.tint <= TINTED and self.unresolved <= UNRESOLVED


def look(path: str | Path, bare: bool = False) -> Look:
    """Take up a file, `bare` of what a profile says of its colours; raises `Unreadable`."""
    with opened(path) as image, room_for(image, None):
        tables, sampling = _compression(image)
        longest = max(image.size)
        profiled = colours(image) is not None
        if bare:
            image.info.pop("icc_profile", None)
        found = planes(image, LONGEST)
    return Look(found, tables, sampling, longest / max(found.values.shape[:2]), profiled)


def _compression(image: Image.Image) -> tuple[list[list[int]], int]:
    with reading("its compression cannot be read"):
        if image.format in ("JPEG", "MPO"):
            tables = [list(table) for table in image.quantization.values()]  # type: ignore[attr-defined]
            return tables[:2], max(0, JpegImagePlugin.get_sampling(image))
    unknown: dict[str, Any] = presets[UNKNOWN]
    return (unknown["quantization"], unknown["subsampling"]) if image.format in LOSSY else ([], 0)


def difference(one: Look, other: Look, placement: tuple[float, ...]) -> Difference | None:
    """What lies between two, of which `placement` lays one thumbnail over the other, unless they are not comparable.

    It takes up to a hundred megabytes: threads that ask for more than `AT_ONCE` together wait for each other.
    """
    with AT_ONCE.room(min(AT_ONCE.limit, ARRAYS * 4 * max(look.planes.values.size for look in (one, other)))):
        return _difference(one, other, placement)


def _difference(one: Look, other: Look, placement: tuple[float, ...]) -> Difference | None:
    if one.planes.kind != other.planes.kind or min(max(look.planes.values.shape) for look in (one, other)) < TINY:
        return None
    matrix = _of_looks(np.reshape(placement, (2, 3)), one, other)
    if _shared(one, other, matrix) < SHARED:
        return None
    if stretch(matrix) > 1:
        one, other, matrix = other, one, cv2.invertAffineTransform(matrix)
    one = replace(one, reduced=one.reduced / stretch(matrix))
    first, second = _levels(one.planes, other.planes)
    best: Difference | None = None
    for values, covered, scaled in _placed(first, second, matrix):
        found = _compared(values, second, covered, (one, other), scaled)
        if found.saved_again:
            return found
        if best is None or found.worst < best.worst:
            best = found
    return best


def _of_looks(matrix: Doubles, one: Look, other: Look) -> Doubles:
    ratio = [max(look.planes.values.shape[:2]) / THUMBNAIL for look in (one, other)]
    return rescaled(matrix, ratio[0], ratio[1])


def _shared(one: Look, other: Look, matrix: Doubles) -> float:
    """The part of the longer width or height that lies within the shorter, of that side of which it is less."""
    length = np.array(one.planes.values.shape[1::-1]) * stretch(matrix)
    begin, wanted = matrix[:, 2], np.array(other.planes.values.shape[1::-1])
    both = np.minimum(begin + length, wanted) - np.maximum(begin, 0)
    return float((both / np.maximum(length, wanted)).min())


def _levels(one: Planes, other: Planes) -> tuple[Floats, Floats]:
    """Both as grey levels, 0 to 255; what is deeper by the range of the two together."""
    first, second = one.values.astype(np.float32), other.values.astype(np.float32)
    if one.kind == DEEP:
        low = min(first.min(), second.min())
        scale = 255 / max(first.max() - low, second.max() - low, 1e-6)
        first, second = (first - low) * scale, (second - low) * scale
    return first, second


def _placed(one: Floats, other: Floats, matrix: Doubles) -> Iterator[tuple[Floats, Mask, bool]]:
    """One where it lies on the other, where it covers it, and if it was scaled: whole, then cut, then as it fits."""
    height, width = other.shape[:2]
    longest = max(height, width)
    if abs(width / one.shape[1] - height / one.shape[0]) * max(one.shape) < 3:
        same = one.shape == other.shape
        yield one if same else _resized(one, (width, height)), np.ones((height, width), bool), not same
    scale = stretch(matrix)
    unscaled = abs(scale - 1) * longest < 2
    size = one.shape[1], one.shape[0]
    if not unscaled:
        size = max(WINDOW, round(size[0] * scale)), max(WINDOW, round(size[1] * scale))
    smaller = one if unscaled else _resized(one, size)
    placed = _refined(smaller, other, rescaled(matrix, max(smaller.shape) / max(one.shape), 1.0))
    if unscaled and np.abs(placed[:, :2] - np.eye(2)).max() * longest < 2:
        middle = np.array([width / 2, height / 2])
        moved = np.round(placed[:, 2] + placed[:, :2] @ middle - middle)
        yield *_laid(smaller, (height, width), np.column_stack([np.eye(2), moved])), False
    yield *_laid(smaller, (height, width), placed), True


def _refined(one: Floats, other: Floats, matrix: Doubles) -> Doubles:
    """The placement moved to where the pixels fit best."""
    ratio = min(1.0, PLACED / max(other.shape[:2]))
    small = [
        cv2.resize(_grey(values), None, fx=ratio, fy=ratio, interpolation=cv2.INTER_AREA) for values in (one, other)
    ]
    return rescaled(by_pixels(small[0], small[1], rescaled(matrix, ratio, ratio)), 1 / ratio, 1 / ratio)


def _grey(values: Floats) -> Floats:
    if values.shape[2] == 1:
        return np.ascontiguousarray(values[..., 0])
    return np.ascontiguousarray(values[..., :3] @ np.array([0.299, 0.587, 0.114], np.float32))


def _resized(values: Floats, size: tuple[int, int]) -> Floats:
    smaller = size[0] < values.shape[1]
    made = cv2.resize(values, size, interpolation=cv2.INTER_AREA if smaller else cv2.INTER_CUBIC)
    resized: Floats = made.reshape(size[1], size[0], values.shape[2])
    return resized


def _laid(values: Floats, shape: tuple[int, int], matrix: Doubles) -> tuple[Floats, Mask]:
    size = shape[1], shape[0]
    made = cv2.warpAffine(values, matrix, size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    covered = cv2.warpAffine(np.ones(values.shape[:2], np.float32), matrix, size, flags=cv2.INTER_LINEAR)
    placed: Floats = made.reshape(*shape, values.shape[2])
    return placed, covered > 0.999


def _compared(one: Floats, other: Floats, covered: Mask, looks: tuple[Look, Look], scaled: bool) -> Difference:
    inside = covered.astype(np.uint8)
    inside[:EDGE], inside[-EDGE:], inside[:, :EDGE], inside[:, -EDGE:] = 0, 0, 0, 0
    inside = cv2.erode(inside, np.ones((2 * EDGE + 1,) * 2, np.uint8)).astype(np.float32)
    if not inside.any():
        return Difference(float("inf"), float("inf"), 1.0)
    rest = (_soft(one) - _soft(other)) * inside[..., None]
    noise = _noise(one, looks[1]), _noise(other, looks[0])
    off = RESAMPLED if scaled else EXACT
    energy = _expected(one, noise, off)
    ratio = np.sqrt(_summed(_of_colours(rest**2), WINDOW) / energy)
    weight = np.maximum(cv2.blur(inside, (WIDE, WIDE)), 0.25)
    pale = _of_colours(np.abs(cv2.blur(rest, (WIDE, WIDE)).reshape(rest.shape)), np.maximum) / weight
    tint = pale / (TINT + SHARE * np.sqrt(_summed(energy, WIDE)))
    # In grey as well: where colours are strong, JPEG spoils them so much that a letter would drown in it.
    light = _expected(_grey(one)[..., None], [_grey(part)[..., None] for part in noise], off)
    in_grey = np.sqrt(_summed(_grey(rest) ** 2, WINDOW) / light)
    unresolved = _unresolved(_grey(one), WORST * np.sqrt(light), inside > 0)
    return Difference(float(max(ratio.max(), in_grey.max())), float(tint.max()), unresolved)


def _expected(one: Floats, noise: Sequence[Floats], off: float) -> Floats:
    """What saving again makes: the squared difference, summed over the colours, in the window about each pixel."""
    squares = sum(_of_colours(part**2) for part in noise)
    expected: Floats = _summed(squares + off**2 * _slope(one), WINDOW) + one.shape[2] * FLOOR**2
    return expected


def _unresolved(grey: Floats, seen: NDArray[np.floating], inside: Mask) -> float:
    """Of windows as strong as type the part in which another letter would not be seen, or of all in which little is."""
    around = grey - cv2.blur(grey, (2 * WINDOW, 2 * WINDOW))
    strength = np.sqrt(_summed(around**2, WINDOW))
    typed = (strength > CONTRAST) & inside
    hidden = float((typed & (seen > PART * strength)).sum() / max(typed.sum(), 1))
    return max(hidden, float((inside & (seen > BLIND)).sum() / inside.sum()))


def _noise(values: Floats, like: Look) -> Floats:
    """What compressing it as the other's file was would change."""
    if not like.tables or like.planes.kind != COLOUR:
        return np.zeros_like(values)
    # On another grid than its own: what is compressed twice alike no longer changes.
    half = WINDOW // 2
    whole = np.clip(values, 0, 255)
    padded = cv2.copyMakeBorder(whole.round().astype(np.uint8), half, half, half, half, cv2.BORDER_REPLICATE)
    made = io.BytesIO()
    Image.fromarray(padded).save(made, "JPEG", qtables=like.tables, subsampling=like.sampling)
    decoded = cv2.imdecode(np.frombuffer(made.getbuffer(), np.uint8), cv2.IMREAD_COLOR_RGB)
    noise = _soft(decoded[half:-half, half:-half].astype(np.float32) - whole)
    # Of what was compressed larger, part has evened out.
    left: Floats = noise / np.float32(max(1.0, like.reduced) ** 0.5)
    return left


def _slope(values: Floats) -> Floats:
    """The squared gradient, summed over the colours."""
    soft = _soft(values)
    ways = [cv2.Sobel(soft, cv2.CV_32F, *way, ksize=3, scale=1 / 8) for way in ((1, 0), (0, 1))]
    return _of_colours(sum(way.reshape(values.shape) ** 2 for way in ways))


def _of_colours(values: Any, how: np.ufunc = np.add) -> Floats:
    """The sum over the colours, plane by plane: along an axis of three numpy takes ten times as long."""
    total: Floats = functools.reduce(how, np.moveaxis(values, 2, 0))
    return total


def _soft(values: Floats) -> Floats:
    blurred: Floats = cv2.GaussianBlur(values, (0, 0), SOFT).reshape(values.shape)
    return blurred


def _summed(values: Floats, side: int) -> Floats:
    """The mean over the square about each pixel; a running sum may come out a little below nothing."""
    found: Floats = np.maximum(cv2.blur(values, (side, side)), 0)
    return found
