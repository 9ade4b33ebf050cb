"""What is kept of a picture to find and to prove its copies: a few kilobytes, so that it is decoded once.

`sketch` makes them from the picture, at most 256 pixels long, and `Sketch.read` takes them up again:

- the perceptual hash of the picture in its eight orientations, to find candidates;
- 96 ORB keypoints (Rublee et al., "ORB: an efficient alternative to SIFT or SURF", ICCV 2011), spread over the picture,
  with their descriptors as they are and as they are in a mirror, to lay one picture over another;
- the picture in grey, at most 128 pixels long, to compare the two where they lie;
- its colours in 4 x 4 fields, which are all that tells pictures without any texture.
"""

from __future__ import annotations

import functools
import math
import struct
from dataclasses import dataclass
from typing import Any, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = ["Sketch", "hashes", "perceptual_hashes", "sketch", "turned"]

Bytes: TypeAlias = NDArray[np.uint8]
Floats: TypeAlias = NDArray[np.float32]

LONGEST = 256
THUMBNAIL = 128
KEYPOINTS, EDGE = 96, 15
FIELDS = 4
"""Keypoints are spread over 4 x 4 fields: a line of text laid over a picture has the strongest, but not all."""

FLAT = 2.0
"""Grey levels (standard deviation)."""

HEAD = struct.Struct("<HHHH")
ORIENTATIONS = 8
"""Orientation `2 * quarter turns + mirrored`: mirrored left to right first, then turned counter-clockwise."""


@dataclass(frozen=True, eq=False)
class Sketch:
    """`hashes`: (8,) uint64, one for each orientation. `points`: (n, 2) x and y in the picture scaled to a longest side
    of 256; `descriptors` and `mirrored`: (n, 32) bytes. `grey`: (h, w) pixels. `colours`: (4, 4, 3)."""

    size: tuple[int, int]
    hashes: NDArray[np.uint64]
    points: Floats
    descriptors: Bytes
    mirrored: Bytes
    colours: Bytes
    jpeg: Bytes

    @functools.cached_property
    def grey(self) -> Bytes:
        """Decoded when it is asked for: of most pairs the keypoints tell enough."""
        return np.asarray(cv2.imdecode(self.jpeg, cv2.IMREAD_GRAYSCALE))

    @property
    def frame(self) -> tuple[int, int]:
        """Width and height where the longest side is 256, as for `points`."""
        return _size(self.size, LONGEST)

    @classmethod
    def read(cls, data: bytes) -> Sketch:
        """From what `sketch` gave."""
        width, height, count, _ = HEAD.unpack_from(data)
        at = HEAD.size

        def take(dtype: str, *shape: int) -> NDArray[Any]:
            nonlocal at
            array = np.frombuffer(data, dtype, math.prod(shape), at).reshape(shape)
            at += array.nbytes
            return array

        return cls(
            (width, height),
            take("<u8", ORIENTATIONS),
            take("<u2", count, 2).astype(np.float32) / np.float32(64),
            take("u1", count, 32),
            take("u1", count, 32),
            take("u1", FIELDS, FIELDS, 3),
            np.frombuffer(data, np.uint8, offset=at),
        )


def whole(data: bytes) -> bool:
    """Whether bytes may be a sketch, or that of a film: by their length and how they begin and end."""
    if not data:
        return True
    if len(data) < HEAD.size:
        return False
    *_, count, _ = HEAD.unpack_from(data)
    thumbnail = data[HEAD.size + 8 * ORIENTATIONS + count * (4 + 32 + 32) + 3 * FIELDS**2 :]
    return thumbnail[:2] == b"\xff\xd8" and thumbnail[-2:] == b"\xff\xd9"


def sketch(picture: Bytes) -> bytes:
    """What to keep of a picture, (height, width, 3) RGB: about 10 KB."""
    height, width = picture.shape[:2]
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    points, descriptors, mirrored = _keypoints(_scaled(grey, LONGEST))
    parts = (
        perceptual_hashes(grey).astype("<u8"),
        np.round(points * 64).astype("<u2"),
        descriptors,
        mirrored,
        cv2.resize(picture, (FIELDS, FIELDS), interpolation=cv2.INTER_AREA),
        cv2.imencode(".jpg", _scaled(grey, THUMBNAIL), [cv2.IMWRITE_JPEG_QUALITY, 70])[1],
    )
    return HEAD.pack(width, height, len(points), 0) + b"".join(part.tobytes() for part in parts)


def perceptual_hashes(grey: Bytes) -> NDArray[np.uint64]:
    """The DCT hash of the picture in each orientation, (8,) uint64; equal pictures turned give them in other order.

    Mirroring changes the sign of every second column of the transform and a transposition transposes it, so one
    transform does for all eight. A picture without any texture has the hash 0, and not that of its noise.
    """
    small = cv2.resize(grey, (32, 32), interpolation=cv2.INTER_AREA).astype(np.float32)
    if small.std() < FLAT:
        return np.zeros(ORIENTATIONS, np.uint64)
    low = cv2.dct(small)[:8, :8]
    signs = np.where(np.arange(8) % 2, -1, 1).astype(np.float32)
    turned = np.empty((ORIENTATIONS, 8, 8), np.float32)
    turned[0], turned[1] = low, low * signs
    for orientation in range(2, ORIENTATIONS):
        turned[orientation] = turned[orientation - 2].T * signs[:, None]
    values = turned.reshape(ORIENTATIONS, 64)
    # Without the mean of the picture, which would tell light ones from dark ones and nothing else.
    bits = values > np.median(values[:, 1:], axis=1, keepdims=True)
    bits[:, 0] = False
    return np.packbits(bits, axis=1).view(">u8")[:, 0].astype(np.uint64)


def hashes(data: bytes) -> NDArray[np.uint64]:
    """Those of a sketch, without taking up the rest."""
    return np.frombuffer(data, "<u8", ORIENTATIONS, HEAD.size)


def turned(pixels: Bytes, orientation: int) -> Bytes:
    """A picture in an orientation."""
    return np.rot90(pixels[:, ::-1] if orientation % 2 else pixels, orientation // 2)


def _scaled(grey: Bytes, longest: int) -> Bytes:
    size = _size((grey.shape[1], grey.shape[0]), longest)
    smaller = max(size) < max(grey.shape)
    return np.asarray(cv2.resize(grey, size, interpolation=cv2.INTER_AREA if smaller else cv2.INTER_CUBIC))


def _size(size: tuple[int, int], longest: int) -> tuple[int, int]:
    scale = longest / max(size)
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def _keypoints(grey: Bytes) -> tuple[Floats, Bytes, Bytes]:
    """Positions, descriptors, and the descriptors in the mirrored picture."""
    nothing = np.zeros((0, 2), np.float32), np.zeros((0, 32), np.uint8), np.zeros((0, 32), np.uint8)
    if min(grey.shape) <= 2 * EDGE:  # OpenCV stumbles over a strip of a pixel or two
        return nothing
    orb = cv2.ORB_create(4 * KEYPOINTS, edgeThreshold=EDGE, fastThreshold=7)
    # Descriptors of all cost less than the pyramid of the picture once more for those of the chosen ones.
    found, descriptors = orb.detectAndCompute(grey, None)
    width = grey.shape[1]
    chosen = _spread(found, grey.shape)
    mirrored = []
    for number in chosen:
        p = found[number]
        place = width - 1 - p.pt[0], p.pt[1]
        mirrored.append(cv2.KeyPoint(*place, p.size, (180 - p.angle) % 360, p.response, p.octave, number))
    mirrored, in_mirror = orb.compute(np.ascontiguousarray(grey[:, ::-1]), mirrored)
    # A descriptor that reaches over the edge is left out, and the order is not kept.
    row = {point.class_id: number for number, point in enumerate(mirrored)}
    kept = [number for number in chosen if number in row]
    if not kept:
        return nothing
    points = np.asarray([found[number].pt for number in kept], np.float32)
    # ORB scales the corner of a pixel of its pyramid, not its middle: left so, a turned copy would lie a pixel off.
    points += (np.float32(1.2) ** np.asarray([[found[number].octave] for number in kept], np.float32) - 1) / 2
    return points, descriptors[kept], in_mirror[[row[number] for number in kept]]


def _spread(points: Any, shape: tuple[int, ...]) -> list[int]:
    """The strongest keypoints of each field, then the strongest of the rest; ties by place, to be repeatable."""
    if not points:
        return []
    x, y = cv2.KeyPoint.convert(points).T.astype(np.float64)
    ranked = np.lexsort((y, x, [-point.response for point in points]))
    field = (x * FIELDS / shape[1]).astype(int) * FIELDS + (y * FIELDS / shape[0]).astype(int)
    by_field = ranked[np.argsort(field[ranked], kind="stable")]
    alike = field[by_field]
    place = np.empty(len(points), int)  # of each among those of its field
    place[by_field] = np.arange(len(points)) - np.searchsorted(alike, alike)
    first = place[ranked] < KEYPOINTS // FIELDS**2
    chosen: list[int] = np.concatenate([ranked[first], ranked[~first]])[:KEYPOINTS].tolist()
    return chosen
