"""Whether two pictures show the same pixels: one is laid over the other, then they are compared block by block.

A copy that was cut, turned, mirrored, scaled, made lighter or written over fits its original everywhere but where it
was written over. A photo of the same scene from elsewhere does not: what is near has moved against what is far.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from curator.kit.copies.image_sketches import ORIENTATIONS, Floats, Sketch, turned
from curator.kit.copies.registration import (
    MATCHES,
    Doubles,
    Mask,
    by_keypoints,
    by_pixels,
    laid,
    stretch,
    unclipped,
)

__all__ = ["Agreement", "compare"]

BLOCK = 16
"""Pixels of a thumbnail of 128."""
TEXTURE = 5.0
"""Grey levels (standard deviation): a block that varies less in both pictures says nothing."""
LEAST_BLOCKS = 6
HOPELESS = 0.4
"""With fewer agreeing blocks, a better placement will not help."""

CORRELATED = 0.8
LEAST_AGREEING = 0.6
"""Part of the blocks that correlate; two lines of large text spoil up to four in ten."""
LEAST_MEDIAN = 0.95
"""Of the blocks' correlations. Tuned on one set of photos and variants, measured on another: benchmarks/README.md."""
LEAST_OVERLAP = 0.4
"""Part of either picture: a crop of 30 % of each side leaves 0.49."""

SMOOTH_BITS = 7
ASPECT = 0.03
EVEN, FARTHEST, COLOUR = 2.0, 16.0, 8
"""Grey levels: mean and largest difference, and the largest of a field's colour, of two copies without texture."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """How one picture, laid over another, agrees with it.

    `turned` (degrees, counter-clockwise, after mirroring) and `scale` lay it there; `keypoints` say so, 0 where it has
    none. Of `blocks` with texture, `agreeing` is the part that correlates and `correlation` the median; without any,
    the shades themselves agree. `overlap` is the part that the two share, of the one of which it is less. `bits` of 64
    differ in their hashes, in the orientation in which that is least.
    """

    mirrored: bool
    turned: int
    scale: float
    keypoints: int
    blocks: int
    agreeing: float
    correlation: float
    overlap: float
    bits: int

    @property
    def convincing(self) -> bool:
        """Whether they are copies."""
        return (
            self.blocks >= LEAST_BLOCKS
            and self.agreeing >= LEAST_AGREEING
            and self.correlation >= LEAST_MEDIAN
            and self.overlap >= LEAST_OVERLAP
        )


def compare(one: Sketch, other: Sketch) -> Agreement | None:
    """The best way to lay one over the other, whether or not it convinces; None if there is none."""
    best: Agreement | None = None
    for mirrored in (False, True):
        found = _by_keypoints(one, other, mirrored)
        if found is not None and (best is None or found.agreeing > best.agreeing):
            best = found
        if best is not None and best.convincing:
            return best
    if min(len(one.points), len(other.points)) < 2 * MATCHES:
        return _by_orientation(one, other) or best
    return best


def _by_keypoints(one: Sketch, other: Sketch, mirrored: bool) -> Agreement | None:
    placed = by_keypoints(one, other, mirrored)
    if placed is None:
        return None
    matrix, keypoints = placed
    turn = round(float(np.degrees(np.arctan2(-matrix[1, 0], matrix[0, 0])))) % 360
    grey = one.grey[:, ::-1] if mirrored else one.grey
    blocks, agreeing, correlation, overlap = _agreement(grey.astype(np.float32), other.grey.astype(np.float32), matrix)
    scale = stretch(matrix) * max(other.size) / max(one.size)
    return Agreement(mirrored, turn, scale, keypoints, blocks, agreeing, correlation, overlap, _bits(one, other))


def _agreement(one: Floats, other: Floats, matrix: Doubles) -> tuple[int, float, float, float]:
    """Blocks, the part that agrees, the median correlation and the overlap."""
    # The finer one is laid on the coarser: what is scaled up lacks detail that the other has.
    if (scale := stretch(matrix)) > 1:
        one, other, matrix, scale = other, one, cv2.invertAffineTransform(matrix), 1 / scale
    if scale < 0.9:
        one = cv2.GaussianBlur(one, (0, 0), 0.4 * np.sqrt(1 / scale**2 - 1))
    first = _correlation_summary(one, other, matrix)
    if first[1] < HOPELESS:
        return first
    return max(
        first, _correlation_summary(one, other, by_pixels(one, other, matrix)), key=lambda found: found[1] + found[2]
    )


def _correlation_summary(one: Floats, other: Floats, matrix: Doubles) -> tuple[int, float, float, float]:
    values, covered = laid(one, other.shape, matrix)
    overlap = float(min(covered.mean(), covered.sum() / (one.size * stretch(matrix) ** 2)))
    correlations = _correlations(values, other, covered & unclipped(values, other))
    if not len(correlations):
        return 0, 0.0, 0.0, overlap
    agreeing, median = (correlations >= CORRELATED).mean(), np.median(correlations)
    return len(correlations), float(agreeing), float(median), overlap


def _correlations(one: Floats, other: Floats, mask: Mask) -> Floats:
    """The correlation of the two in each block that has texture and enough pixels."""

    def means(values: Floats) -> Floats:
        height, width = values.shape
        lower, right = -height % BLOCK, -width % BLOCK
        padded = cv2.copyMakeBorder(values, 0, lower, 0, right, cv2.BORDER_CONSTANT, value=0)
        size = padded.shape[1] // BLOCK, padded.shape[0] // BLOCK
        return np.asarray(cv2.resize(padded, size, interpolation=cv2.INTER_AREA))

    weight = mask.astype(np.float32)
    one, other = weight * (one - 128), weight * (other - 128)
    covered = means(weight)
    part = np.maximum(covered, 1 / BLOCK**2)
    mean_one, mean_other = means(one) / part, means(other) / part
    variance_one = np.maximum(means(one * one) / part - mean_one**2, 0)
    variance_other = np.maximum(means(other * other) / part - mean_other**2, 0)
    both = means(one * other) / part - mean_one * mean_other
    usable = (covered >= 1 / 3) & (np.maximum(variance_one, variance_other) > TEXTURE**2)
    found: Floats = (both / np.sqrt((variance_one + 1) * (variance_other + 1)))[usable]
    return found


def _bits(one: Sketch, other: Sketch) -> int:
    return int(np.bitwise_count(one.hashes ^ other.hashes[0]).min())


def _by_orientation(one: Sketch, other: Sketch) -> Agreement | None:
    """For what has too little texture for keypoints: the best of the eight ways to lay one whole on the other."""
    best: Agreement | None = None
    for orientation in range(ORIENTATIONS):
        if int(one.hashes[orientation] ^ other.hashes[0]).bit_count() > SMOOTH_BITS:
            continue
        grey, colours = (turned(pixels, orientation) for pixels in (one.grey, one.colours))
        height, width = other.grey.shape
        if abs(np.log(grey.shape[1] / grey.shape[0] * height / width)) > ASPECT:
            continue
        grey = cv2.resize(grey, (width, height), interpolation=cv2.INTER_AREA).astype(np.float32)
        apart = np.abs(grey - other.grey)
        hue = np.abs(colours.astype(int) - other.colours).max()
        alike = apart.mean() <= EVEN and apart.max() <= FARTHEST and hue <= COLOUR
        correlations = _correlations(grey, other.grey.astype(np.float32), np.ones(grey.shape, bool))
        agreeing, median = (1.0, 1.0) if alike else (0.0, 0.0)
        if not alike and len(correlations) >= LEAST_BLOCKS:
            agreeing, median = float((correlations >= CORRELATED).mean()), float(np.median(correlations))
        found = Agreement(
            bool(orientation % 2),
            90 * (orientation // 2),
            max(other.size) / max(one.size),
            0,
            LEAST_BLOCKS if alike else len(correlations),
            agreeing,
            median,
            1.0,
            _bits(one, other),
        )
        if best is None or found.agreeing > best.agreeing:
            best = found
    return best
