"""The numbers of a picture, not one way to show them: colours, what is transparent, or values of more than 8 bits.

Shown on white, all white icons are the same; shown in 8 bits, all depth maps are black.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from curator.kit.images import plain, upright, whole
from curator.kit.reading import Unreadable, reading

__all__ = ["Planes", "deep_numbers", "of_whole", "planes", "shown"]

Values: TypeAlias = NDArray[Any]

COLOUR, ALPHA, DEEP = "colour", "alpha", "deep"
"""Kinds of planes."""
DEEPER = ("I", "F")
"""Modes of more than 8 bits begin so."""


@dataclass(frozen=True, slots=True, eq=False)
class Planes:
    """`COLOUR`: (h, w, 3). `ALPHA`: (h, w, 4), colours as far as they are seen. `DEEP`: (h, w, 1), over 8 bits."""

    kind: str
    values: Values


def planes(image: Image.Image, longest: int) -> Planes:
    """Those of an opened picture, upright and at most `longest` pixels long; raises `Unreadable`."""
    if plain(image):
        picture = upright(image, longest)
        with reading("cannot be made smaller"):
            picture.thumbnail((longest, longest), Image.Resampling.LANCZOS)
            return Planes(COLOUR, np.asarray(picture))
    picture = whole(image)
    with reading("cannot be made smaller"):
        return of_whole(picture, longest)


def of_whole(picture: Image.Image, longest: int) -> Planes:
    """Those of a picture in its own mode."""
    if picture.mode.startswith(DEEPER):
        deep = Image.fromarray(np.nan_to_num(np.asarray(picture, np.float32), posinf=0, neginf=0))
        deep.thumbnail((longest, longest), Image.Resampling.BOX)
        return Planes(DEEP, np.asarray(deep)[..., None])
    rgba = picture.convert("RGBa") if picture.mode == "RGBA" else picture.convert("RGBA").convert("RGBa")
    rgba.thumbnail((longest, longest), Image.Resampling.BOX)
    return Planes(ALPHA, np.asarray(rgba))


def shown(found: Planes) -> NDArray[np.uint8]:
    """(h, w, 3) with as much contrast as there is in it: on the better of two grounds, or from least to most."""
    values = found.values.astype(np.float32)
    if found.kind == ALPHA:
        grounds = [values[..., :3] + (255 - values[..., 3:]) * light for light in np.array([1, 0], np.float32)]
        values = max(grounds, key=lambda ground: float(ground.std(axis=(0, 1)).sum()))
    elif found.kind == DEEP:
        low, high = np.percentile(values, (0.5, 99.5))
        if high <= low:
            low, high = float(values.min()), float(values.max())
        values = np.repeat(255 * (values - low) / max(high - low, 1e-9), 3, axis=2)
    return np.clip(values, 0, 255).astype(np.uint8)


def deep_numbers(path: str | Path) -> Values:
    """All numbers of a picture of which Pillow gives fewer bits, not turned; raises `Unreadable`.

    By OpenCV, which reads most of them as they are. The picture must have been opened by Pillow before, which holds its
    size to what is allowed.
    """
    with reading("its finer colours cannot be read"):
        found: Values | None = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_UNCHANGED)
    if found is None or found.dtype.itemsize < 2:
        raise Unreadable("its finer colours cannot be read")
    return found
