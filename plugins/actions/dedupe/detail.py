"""What is measured of one picture, to tell how much of it is real: bars around it, its spectrum, and a small one."""

from __future__ import annotations

import functools
import struct
from dataclasses import dataclass

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
    window, ring, size = _rings(side)
    power = np.zeros(ring.shape)
    starts = [{round(at) for at in np.linspace(0, length - side, GRID)} for length in grey.shape]
    for y in starts[0]:
        for x in starts[1]:
            tile = grey[y : y + side, x : x + side].astype(np.float32)
            power += np.abs(np.fft.rfft2((tile - tile.mean()) * window)) ** 2
    sums = np.bincount(ring.ravel(), power.ravel(), BINS + 1)[:BINS]
    return (sums / size + 1e-3).astype(np.float32)


@functools.lru_cache(8)
def _rings(side: int) -> tuple[Grey, NDArray[np.int64], NDArray[np.int64]]:
    """What makes a tile fade out, the ring of each of its frequencies, and the size of each ring."""
    window = np.outer(np.hanning(side), np.hanning(side)).astype(np.float32)
    ring = np.hypot(np.fft.fftfreq(side)[:, None], np.fft.rfftfreq(side)[None, :]) * 2 * BINS
    ring = np.minimum(ring.astype(np.int64), BINS)  # the corners of the square count for nothing
    return window, ring, np.bincount(ring.ravel(), minlength=BINS + 1)[:BINS]
