"""Laying one picture over another: by keypoints first, then by the pixels themselves; and how each block fits there."""

from __future__ import annotations

import functools
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from curator.kit.copies.image_sketches import LONGEST, THUMBNAIL, Floats, Sketch

__all__ = ["Blocks", "by_keypoints", "by_pixels", "evened", "laid", "over_whole", "rescaled", "stretch", "unclipped"]

Doubles: TypeAlias = NDArray[np.float64]
Mask: TypeAlias = NDArray[np.bool_]

MATCHES = 7
"""Keypoints that must agree on one placement; any two agree on some."""
RATIO, FARTHEST = 0.85, 70
"""A match is better than the second best by this factor (Lowe 2004), and differs in at most so many of 256 bits."""
PROMISING = 10
"""So many matches it takes to look for a placement. Of 1,507 true pairs, each found by its keypoints, the least has 10;
of the neighbours in the space of an encoder that are no copies, half have fewer."""
TOLERANCE = 3.0
"""Pixels, where the longest side has 256: so far from where it should be a keypoint may lie."""
STRETCH = 4.0
"""How much larger one may show the same than the other."""

ROUNDS, STILL = 5, 0.05
"""Steps of the second placement, and the one in pixels that is too small to go on."""
LEAST_PIXELS = 500
AROUND = np.ones((3, 3), np.uint8)
NEIGHBOURHOOD, DIM = 6.0, 3.0
"""Pixels (standard deviation) over which light and contrast are evened out; grey levels that are not made more of."""

WHOLLY = 0.999
"""Part of a pixel from which on it is covered as a whole."""

DARK, LIGHT = 4, 251
"""Grey levels outside of which a pixel may be clipped."""

BLOCK = 16
"""Pixels of a thumbnail of 128."""
TEXTURE = 5.0
"""Grey levels (standard deviation): a block that varies less in both pictures says nothing."""
FAINT = 4.0
"""Grey levels: where one varies less, the other was written over it, or its corners were darkened there."""
STEP = 2
"""Pixels to each side where a block is tried as well."""
STRUCTURED = 0.01
"""Variance of the slope along the way in which a block varies least, of its own: below it is shading or one outline."""


def by_keypoints(one: Sketch, other: Sketch, mirrored: bool) -> tuple[Doubles, int] | None:
    """The turn, scale and shift, (2, 3) for thumbnails, that brings most keypoints onto their like; and how many."""
    if min(len(one.points), len(other.points)) < MATCHES:
        return None
    descriptors = one.mirrored if mirrored else one.descriptors
    distances, nearest = cv2.batchDistance(descriptors, other.descriptors, dtype=-1, normType=cv2.NORM_HAMMING, K=2)
    good = (distances[:, 0] < RATIO * distances[:, 1]) & (distances[:, 0] <= FARTHEST)
    if good.sum() < PROMISING:
        return None
    start = one.points[good]
    if mirrored:
        start = np.column_stack([one.frame[0] - 1 - start[:, 0], start[:, 1]])
    matrix, inliers = cv2.estimateAffinePartial2D(
        start, other.points[nearest[good, 0]], method=cv2.RANSAC, ransacReprojThreshold=TOLERANCE, maxIters=500
    )
    if matrix is None or inliers.sum() < MATCHES or not 1 / STRETCH < stretch(matrix) < STRETCH:
        return None
    ratio = THUMBNAIL / LONGEST
    return rescaled(matrix, ratio, ratio), int(inliers.sum())


def rescaled(matrix: Doubles, one: float, other: float) -> Doubles:
    """What lays one over the other once each of them is this many times as large."""
    # The middles of pixels lie at halves; scaled about their corners, the two would lie apart.
    half, turn = np.array([0.5, 0.5]), matrix[:, :2] * other / one
    shift = other * (matrix[:, 2] + half - matrix[:, :2] @ half) - half + turn @ half
    return np.column_stack([turn, shift])


def stretch(matrix: Doubles) -> float:
    """How many times larger the one laid over the other becomes."""
    return float(np.sqrt(abs(np.linalg.det(matrix[:, :2]))))


def laid(one: Floats, shape: tuple[int, ...], matrix: Doubles) -> tuple[Floats, Mask, float]:
    """One picture where it comes to lie on another of `shape`, where it covers it, and the part that the two share."""
    values, covered = _warped(one, shape, matrix)
    # A pixel of the border may be covered in part: such ones count for the part, but their values are no one's.
    overlap = float(min(covered.mean(), covered.sum() / (one.size * stretch(matrix) ** 2)))
    return values, covered > WHOLLY, overlap


def _warped(one: Floats, shape: tuple[int, ...], matrix: Doubles) -> tuple[Floats, Floats]:
    """One picture where it comes to lie on another of `shape`, and the part of each pixel that it covers."""
    size = shape[1], shape[0]
    values = cv2.warpAffine(one, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    covered = cv2.warpAffine(np.ones_like(one), matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
    return values, covered


def over_whole(shape: tuple[int, ...], other: tuple[int, ...]) -> Doubles:
    """What lays a whole picture over another, middle on middle, so that it covers it."""
    size, wanted = np.array(shape[1::-1], float), np.array(other[1::-1], float)
    scale = float((wanted / size).max())
    shift = (wanted - scale * size) / 2 + (scale - 1) / 2
    return np.array([[scale, 0, shift[0]], [0, scale, shift[1]]])


def evened(pixels: Floats) -> Floats:
    """Without what is lighter or stronger in some part of the picture: every neighbourhood of one mean and contrast."""
    rest = pixels - cv2.GaussianBlur(pixels, (0, 0), NEIGHBOURHOOD)
    contrast = np.sqrt(cv2.GaussianBlur(rest**2, (0, 0), NEIGHBOURHOOD) + DIM**2)
    found: Floats = np.clip(128 + 40 * rest / contrast, DARK + 1, LIGHT - 1)
    return found


def unclipped(one: Floats, other: Floats) -> Mask:
    """Where neither is so dark or so light that the other's shades may be lost in it."""
    return (one > DARK) & (one < LIGHT) & (other > DARK) & (other < LIGHT)


def by_pixels(one: Floats, other: Floats, matrix: Doubles) -> Doubles:
    """The placement moved to where the pixels fit best (Gauss-Newton; Lucas and Kanade 1981).

    Turn, scale, shift, contrast and brightness are free; a pixel that fits badly, as one under a line of text, counts
    for little. Nothing else is free, so that a view from elsewhere stays a bad fit.
    """
    height, width = other.shape
    x, y = _grid(height, width)
    centre = np.array([[1, 0, width / 2], [0, 1, height / 2], [0, 0, 1]])
    off_centre = np.linalg.inv(centre)
    level: Doubles | None = None
    for _ in range(ROUNDS):
        values, covered = _warped(one, other.shape, matrix)
        across, down = (cv2.Sobel(values, cv2.CV_32F, *axis, scale=1 / 8) for axis in ((1, 0), (0, 1)))
        inside = cv2.erode((covered > WHOLLY).view(np.uint8), AROUND) > 0
        inside &= unclipped(values, other)
        if np.count_nonzero(inside) < LEAST_PIXELS:
            return matrix
        at = np.flatnonzero(inside)
        across, down, value, wanted, u, v = (array.ravel().take(at) for array in (across, down, values, other, x, y))
        design = np.empty((6, len(at)), np.float32)
        design[0], design[1] = across * u + down * v, down * u - across * v
        design[2], design[3], design[4], design[5] = across, down, value, 1
        if level is None:
            contrast = wanted.std() / (value.std() + 1e-3)
            level = np.array([contrast, np.median(wanted) - contrast * np.median(value)])
        step = _step(design, wanted - (level[0] * value + level[1]).astype(np.float32))
        level = level + step[4:]
        grow, turn, right, lower = step[:4] / max(level[0], 0.1)
        if max(abs(grow), abs(turn)) > 0.2 or max(abs(right), abs(lower)) > 10:
            return matrix  # lost: so far off, the first placement was better
        # It would fit better if it were looked up a step further on; so it is moved back by that step.
        move = np.array([[1 + grow, -turn, right], [turn, 1 + grow, lower], [0, 0, 1]])
        whole = centre @ np.linalg.inv(move) @ off_centre @ np.vstack([matrix, [0, 0, 1]])
        matrix = whole[:2]
        if np.abs([grow * width, turn * width, right, lower]).max() < STILL:
            break
    return matrix


@functools.lru_cache(256)
def _grid(height: int, width: int) -> tuple[Floats, Floats]:
    """How far each pixel is to the right of the middle, and how far below it."""
    x, y = np.meshgrid(np.arange(width) - width / 2, np.arange(height) - height / 2)
    return x.astype(np.float32), y.astype(np.float32)


def _step(design: Floats, residual: Floats) -> Doubles:
    """Weighted least squares; the weight falls with the residual, measured by what is usual here."""
    middle = len(residual) // 2
    usual = 3 * np.partition(np.abs(residual), middle)[middle] + 1
    weight = 1 + np.square(residual / usual)
    weighted = design * (1 / (weight * weight))
    normal = (weighted @ design.T).astype(np.float64)
    found: Doubles = np.linalg.solve(normal + 1e-6 * np.diag(np.diag(normal) + 1), weighted @ residual)
    return found


class Blocks:
    """The blocks of one picture, of which those pixels count that are in a mask."""

    def __init__(self, other: Floats, mask: Mask) -> None:
        self.grey = other
        self.weight = mask.astype(np.float32)
        self.other = self.weight * (other - 128)
        self.covered = _means(self.weight)
        self.part = np.maximum(self.covered, 1 / BLOCK**2)
        self.mean = _means(self.other) / self.part
        self.variance = np.maximum(_means(self.other * self.other) / self.part - self.mean**2, 0)

    def correlations(self, one: Floats) -> tuple[Floats, Floats]:
        """The correlation of each block with that of another picture, and the variance of that."""
        one = self.weight * (one - 128)
        mean = _means(one) / self.part
        variance = np.maximum(_means(one * one) / self.part - mean**2, 0)
        both = _means(one * self.other) / self.part - mean * self.mean
        return both / np.sqrt((variance + 1) * (self.variance + 1)), variance

    def told(self, variance: Floats) -> tuple[Mask, Mask]:
        """Which have texture and enough pixels; which have it in one of the two only."""
        usable = (self.covered >= 1 / 3) & (np.maximum(variance, self.variance) > TEXTURE**2)
        return usable, np.minimum(variance, self.variance) < FAINT**2

    def off(self, one: Floats, here: Floats, way: tuple[int, int]) -> tuple[Floats, Floats]:
        """How sharply each block fits in one direction, and how far off it would fit best: the peak of a parabola."""
        size = one.shape[1], one.shape[0]
        tried = []
        for step in (STEP, -STEP):
            move = np.array([[1.0, 0, step * way[0]], [0, 1, step * way[1]]])
            moved = cv2.warpAffine(one, move, size, flags=cv2.INTER_NEAREST, borderMode=cv2.BORDER_REPLICATE)
            tried.append(self.correlations(moved)[0])
        sharp = 2 * here - tried[0] - tried[1]
        off = STEP * (tried[0] - tried[1]) / 2 / np.maximum(sharp, 1e-3)
        return sharp, np.where(sharp > 0.02, off, 0).astype(np.float32)

    def structured(self, one: Floats, variance: Floats) -> Mask:
        """Which vary along both sides in either picture, beyond a shading, so that they fit hardly anywhere else."""
        mine, theirs = self._least_slope(self.grey), self._least_slope(one)
        found: Mask = np.maximum(mine / (self.variance + 1), theirs / (variance + 1)) > STRUCTURED
        return found

    def _least_slope(self, grey: Floats) -> Floats:
        """The variance of the slope along the way in which it varies least, by which a place is known (Shi, Tomasi
        1994): none in a shading, and none along one straight outline."""
        x, y = (cv2.Sobel(grey, cv2.CV_32F, *way, scale=1 / 8) for way in ((1, 0), (0, 1)))
        across, down, xx, yy, xy = (_means(self.weight * each) / self.part for each in (x, y, x * x, y * y, x * y))
        xx, yy, xy = xx - across**2, yy - down**2, xy - across * down
        return np.asarray((xx + yy) / 2 - np.hypot((xx - yy) / 2, xy), np.float32)


def _means(values: Floats) -> Floats:
    """The mean of each block."""
    height, width = values.shape
    if height % BLOCK or width % BLOCK:
        values = cv2.copyMakeBorder(values, 0, -height % BLOCK, 0, -width % BLOCK, cv2.BORDER_CONSTANT, value=0)
    size = values.shape[1] // BLOCK, values.shape[0] // BLOCK
    return np.asarray(cv2.resize(values, size, interpolation=cv2.INTER_AREA))
