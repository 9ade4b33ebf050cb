"""Pictures with texture at every size, as photos have, drawn by a seed."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFilter


def backdrop(seed: int, size: tuple[int, int]) -> Image.Image:
    """Soft patches of several sizes."""
    rng = np.random.default_rng(seed)
    canvas = np.full((size[1], size[0], 3), 128.0)
    for cells, strength in ((3, 60), (9, 35), (27, 20), (80, 12)):
        field = rng.normal(0, strength, (cells, cells, 3)).clip(-128, 127) + 128
        grown = Image.fromarray(field.astype(np.uint8)).resize(size, Image.Resampling.BICUBIC)
        canvas += np.asarray(grown, np.float64) - 128
    return Image.fromarray(canvas.clip(0, 255).astype(np.uint8))


def things(image: Image.Image, seed: int, count: int = 40, shift: float = 0.0) -> Image.Image:
    """Shapes of many colours; `shift`: the nearer ones are moved by up to this many pixels, as from another place."""
    image = image.copy()
    draw, rng = ImageDraw.Draw(image), random.Random(seed)
    width, height = image.size
    for number in range(count):
        x, y, r = rng.uniform(0, width), rng.uniform(0, height), rng.uniform(0.02, 0.09) * width
        x += shift * number / count
        colours = [tuple(rng.randrange(256) for _ in range(3)) for _ in range(2)]
        kind = rng.choice(["ellipse", "rectangle", "cross"])
        if kind == "cross":
            draw.line([x - r, y - r, x + r, y + r], fill=colours[0], width=3)
            draw.line([x - r, y + r, x + r, y - r], fill=colours[1], width=3)
        else:
            getattr(draw, kind)([x - r, y - 0.7 * r, x + r, y + 0.7 * r], fill=colours[0], outline=colours[1], width=2)
            draw.ellipse([x - r / 3, y - r / 3, x, y], fill=colours[1])
    return image.filter(ImageFilter.GaussianBlur(0.6))


def scene(seed: int, size: tuple[int, int] = (360, 300)) -> Image.Image:
    """A backdrop with things before it."""
    return things(backdrop(seed, size), seed)


def save(image: Image.Image, path: Path, **how: Any) -> Path:
    """Write it, as a JPEG of quality 90 unless the name or `how` says otherwise."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path, **({"quality": 90} if path.suffix == ".jpg" else {}) | how)
    return path
