"""What is measured of each picture, once, scaled down to `LONGEST`, and kept: a few numbers."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass
from typing import TYPE_CHECKING, Any

from curator.api import Context, Item, Signature

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

LONGEST = 256
"""Pixels of the longer side. What is sharp at this size looks sharp; grain and the blocks of JPEGs are evened out."""
SHARE, EXTREME = 0.01, 0.002
"""Of the pixels: an edge must be so common to count, and what is bright or dark: a moon, a line of text."""
PLAIN, RING = 12, 3
"""Levels of grey in which a row of a border may differ, and pixels beside it in which a JPEG has its echo."""
FORM = "<7f"
NUMBERS = struct.calcsize(FORM)


@dataclass(frozen=True, slots=True)
class Figures:
    """All without a plain border. Brightness (0 to 1) that 2, 500 and 998 of a thousand pixels do not reach; sharpness
    and height of the steepest edges; entropy of the brightness in bits; how far apart red, green and blue are in a
    hundredth of the pixels; and the format of the file, as Pillow calls it.
    """

    low: float
    middle: float
    high: float
    sharpness: float
    edges: float
    entropy: float
    colour: float
    format: str

    def packed(self) -> bytes:
        """As they are kept."""
        numbers = astuple(self)[:-1]
        return struct.pack(FORM, *numbers) + self.format.encode()

    @classmethod
    def unpacked(cls, value: bytes) -> Figures:
        """From what was kept."""
        low, middle, high, sharpness, edges, entropy, colour = struct.unpack_from(FORM, value)
        return cls(low, middle, high, sharpness, edges, entropy, colour, value[NUMBERS:].decode())


def measure(picture: Any, format_: str = "") -> Figures:
    """The figures of a picture in RGB."""
    import cv2
    import numpy as np

    pixels = np.asarray(picture)
    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    inside = _inside(grey)
    pixels, grey = np.ascontiguousarray(pixels[inside]), np.ascontiguousarray(grey[inside])
    counts = _counts(grey) / grey.size
    low, middle, high = (int(np.searchsorted(counts.cumsum(), share)) / 255 for share in (EXTREME, 0.5, 1 - EXTREME))
    some = counts[counts > 0]
    bent = cv2.convertScaleAbs(cv2.Laplacian(grey, cv2.CV_16S), alpha=0.5)
    across, down = (cv2.Sobel(grey, cv2.CV_16S, *axis) for axis in ((1, 0), (0, 1)))
    steep = cv2.max(cv2.convertScaleAbs(across, alpha=0.25), cv2.convertScaleAbs(down, alpha=0.25))
    height = _reached(steep)
    red, green, blue = cv2.split(pixels)
    spread = cv2.subtract(cv2.max(cv2.max(red, green), blue), cv2.min(cv2.min(red, green), blue))
    return Figures(
        low,
        middle,
        high,
        2 * _reached(bent) / max(height, 1),
        height / 255,
        float(abs((some * np.log2(some)).sum())),
        _reached(spread) / 255,
        format_,
    )


def _inside(grey: NDArray[np.uint8]) -> tuple[slice, slice]:
    """The part without the rows and columns around it that are of one shade; all of it where there are no others."""
    import numpy as np

    parts = []
    for axis in (1, 0):
        busy = np.flatnonzero(np.ptp(grey, axis=axis) > PLAIN)
        if not len(busy):
            return slice(None), slice(None)
        first, last, size = int(busy[0]), int(busy[-1]) + 1, grey.shape[1 - axis]
        cut = slice(first + RING if first else 0, last - RING if last < size else size)
        parts.append(cut if cut.stop - cut.start > 2 * RING else slice(first, last))
    return parts[0], parts[1]


def _reached(values: NDArray[np.uint8]) -> int:
    """The value that a share of all reaches."""
    import numpy as np

    counts = _counts(values)[::-1].cumsum()
    return 255 - int(np.searchsorted(counts, max(1, SHARE * values.size)))


def _counts(values: NDArray[np.uint8]) -> NDArray[np.float32]:
    """How many pixels have each value, (256,)."""
    import cv2
    import numpy as np

    return np.asarray(cv2.calcHist([values], [0], None, [256], [0, 256]), np.float32).ravel()


def _packed(picture: Any) -> bytes:
    return measure(picture, picture.info["format"]).packed()


def _whole(value: bytes) -> bool:
    return len(value) >= NUMBERS and value[NUMBERS:].isascii()


FIGURES = Signature("quality.picture/2", "image", _packed, LONGEST, _whole)


def figures(context: Context, items: Sequence[Item]) -> Iterator[tuple[int, Figures]]:
    """Those of each picture that can be read, by its id."""
    for id_, value in context.signature_values(FIGURES, items):
        yield id_, Figures.unpacked(value)
