"""What people do to photos, for `dedupe.py`: versions that must be found, saved again, changed and edited."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import TypeAlias

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageFont, ImageOps

Variant: TypeAlias = Callable[[Image.Image, random.Random], Image.Image]


def cropped(image: Image.Image, part: float, rng: random.Random) -> Image.Image:
    """`part` of the width and of the height is cut away, at a random place."""
    width, height = image.size
    new = round(width * (1 - part)), round(height * (1 - part))
    left, top = rng.randint(0, width - new[0]), rng.randint(0, height - new[1])
    return image.crop((left, top, left + new[0], top + new[1]))


def scaled(image: Image.Image, factor: float) -> Image.Image:
    """Larger or smaller by this factor."""
    size = max(1, round(image.width * factor)), max(1, round(image.height * factor))
    return image.resize(size, Image.Resampling.LANCZOS if factor < 1 else Image.Resampling.BICUBIC)


def written_over(image: Image.Image, rng: random.Random) -> Image.Image:
    """Two lines of text, each a tenth of the height, over most of the width."""
    image = image.copy()
    size = image.height // 10
    for _ in range(2):
        at = rng.randint(0, image.width // 4), rng.randint(0, image.height - 2 * size)
        colour = rng.choice(["white", "black", "red", "yellow"])
        ImageDraw.Draw(image).text(at, "SAMPLE 2026 shop", font=ImageFont.load_default(size), fill=colour)
    return image


def recoloured(image: Image.Image, rng: random.Random) -> Image.Image:
    """All hues turned by a sixth to a third of the circle, and half as much colour again."""
    hue, saturation, value = image.convert("HSV").split()
    turn = rng.randint(42, 85)
    hue = hue.point([(level + turn) % 256 for level in range(256)])
    return ImageEnhance.Color(Image.merge("HSV", (hue, saturation, value)).convert("RGB")).enhance(1.5)


def toned(image: Image.Image, rng: random.Random) -> Image.Image:
    """Sepia."""
    return ImageOps.colorize(image.convert("L"), "#1a0d00", "#fff0d0", "#a07850")


def sharpened(image: Image.Image, rng: random.Random) -> Image.Image:
    """Strongly, with halos."""
    return image.filter(ImageFilter.UnsharpMask(radius=max(2, max(image.size) / 200), percent=220, threshold=0))


def tone_mapped(image: Image.Image, rng: random.Random) -> Image.Image:
    """As phones make "HDR": local contrast evened out, colours stronger."""
    lab = cv2.cvtColor(np.asarray(image), cv2.COLOR_RGB2LAB)
    light = cv2.createCLAHE(clipLimit=4, tileGridSize=(8, 8)).apply(np.ascontiguousarray(lab[..., 0]))
    mapped = cv2.cvtColor(np.dstack([light, lab[..., 1:]]), cv2.COLOR_LAB2RGB)
    return ImageEnhance.Color(Image.fromarray(mapped)).enhance(1.4)


def painted(image: Image.Image, rng: random.Random) -> Image.Image:
    """A painterly filter."""
    return Image.fromarray(cv2.stylization(np.asarray(image), sigma_s=40, sigma_r=0.45))


def vignetted(image: Image.Image, rng: random.Random) -> Image.Image:
    """Dark towards the corners, where a quarter of the light is left."""
    height, width = image.height, image.width
    y, x = np.mgrid[0:height, 0:width]
    far = ((x / width - 0.5) ** 2 + (y / height - 0.5) ** 2) / 0.5
    return Image.fromarray((np.asarray(image) * (1 - 0.75 * far[..., None])).astype(np.uint8))


def framed(image: Image.Image, rng: random.Random) -> Image.Image:
    """A border of 5 to 12 % of the longer side all around, of one colour."""
    wide = round(max(image.size) * rng.uniform(0.05, 0.12))
    return ImageOps.expand(image, wide, rng.choice(["white", "black", "#c0a060"]))


def unchanged(image: Image.Image, rng: random.Random) -> Image.Image:
    """As it is."""
    return image


CHANGED: dict[str, Variant] = {
    "jpeg 30": unchanged,
    "resize 50 %": lambda image, rng: scaled(image, 0.5),
    "crop 10 %": lambda image, rng: cropped(image, 0.1, rng),
    "crop 30 %": lambda image, rng: cropped(image, 0.3, rng),
    "mirror": lambda image, rng: ImageOps.mirror(image),
    "rotate 90": lambda image, rng: image.transpose(Image.Transpose.ROTATE_90),
    "text": written_over,
    "brighter 40 %": lambda image, rng: ImageEnhance.Brightness(image).enhance(1.4),
    "grey": lambda image, rng: image.convert("L"),
}
"""Nine, as in earlier versions of the benchmark; to be found at any level."""

SAVED: dict[str, Variant] = {
    "jpeg 50": unchanged,
    "jpeg 75": unchanged,
    "jpeg 95": unchanged,
    "scale 50 %": lambda image, rng: scaled(image, 0.5),
    "scale 75 %": lambda image, rng: scaled(image, 0.75),
    "scale 200 %": lambda image, rng: scaled(image, 2),
    "crop 3 %": lambda image, rng: cropped(image, 0.03, rng),
}
"""Saved again and no more: to be found as `copy`, or closer."""

EDITED: dict[str, Variant] = {
    "recoloured": recoloured,
    "toned": toned,
    "sharpened": sharpened,
    "tone-mapped": tone_mapped,
    "painted": painted,
    "vignette": vignetted,
    "framed": framed,
}
"""To be found, and never as `copy`."""

VARIANTS = CHANGED | SAVED | EDITED


def quality(name: str) -> int:
    """With which quality a variant is saved."""
    return int(name.removeprefix("jpeg ")) if name.startswith("jpeg ") else 90
