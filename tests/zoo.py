"""Pairs of pictures that must not go as copies of one another, drawn by a seed: twins in most of what they show.

`pair(kind, seed)` gives the two; one of them may be saved again, as `saved` does, which must not hide what is another.
"""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont, ImageOps
from scenes import backdrop, scene

WORDS = ("market", "river", "window", "copper", "garden", "silver", "letter", "winter", "orange", "bridge", "doctor")


def font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)


def icons(rng: random.Random) -> tuple[Image.Image, Image.Image]:
    """White or black, on nothing."""
    side, level = rng.choice([48, 64, 128]), rng.choice([0, 255])

    def drawn(number: int) -> Image.Image:
        alpha = Image.new("L", (side, side), 0)
        draw, s = ImageDraw.Draw(alpha), side / 8
        shapes = [
            lambda: draw.ellipse([s, s, 7 * s, 7 * s], fill=255),
            lambda: draw.rectangle([s, 2 * s, 7 * s, 6 * s], fill=255),
            lambda: draw.polygon([(4 * s, s), (7 * s, 7 * s), (s, 7 * s)], fill=255),
            lambda: draw.line([(s, 4 * s), (3 * s, 6 * s), (7 * s, 2 * s)], fill=255, width=round(s)),
            lambda: [draw.rectangle([s, y * s, 7 * s, (y + 1) * s], fill=255) for y in (1, 3, 5)],
        ]
        shapes[number]()
        return Image.merge("LA", (Image.new("L", alpha.size, level), alpha)).convert("RGBA")

    one, other = rng.sample(range(5), 2)
    return drawn(one), drawn(other)


def depth_maps(rng: random.Random) -> tuple[Image.Image, Image.Image]:
    """Of 16 bits, of which the upper ones say nothing."""
    noise = np.random.default_rng(rng.randrange(10**9))
    size = rng.choice([160, 240])
    y, x = np.mgrid[0:size, 0:size] / size

    def depth(ball: tuple[float, float]) -> Image.Image:
        floor = 300 + 500 * y
        near = (x - ball[0]) ** 2 + (y - ball[1]) ** 2 < 0.02
        return Image.fromarray((np.where(near, 250, floor) + noise.normal(0, 2, x.shape)).astype(np.uint16))

    first = rng.uniform(0.2, 0.45), rng.uniform(0.2, 0.8)
    return depth(first), depth((first[0] + rng.uniform(0.05, 0.3), first[1]))


def flags(rng: random.Random) -> tuple[Image.Image, Image.Image]:
    """Three bands, upright or level, in other colours or in another order."""
    palette = ["#0055a4", "#ffffff", "#ef4135", "#169b62", "#ff883e", "#009246", "#fcd116", "#002b7f", "#000000"]
    size = rng.choice([(300, 200), (240, 160), (480, 320)])
    upright = rng.random() < 0.6

    def drawn(colours: list[str]) -> Image.Image:
        image = Image.new("RGB", size)
        for band, colour in enumerate(colours):
            at = size[0 if upright else 1] * band // 3
            box = (at, 0, size[0], size[1]) if upright else (0, at, size[0], size[1])
            image.paste(colour, box)
        return image

    one = rng.sample(palette, 3)
    other = list(one)
    if rng.random() < 0.5:
        other[rng.randrange(3)] = rng.choice([colour for colour in palette if colour not in one])
    else:
        other.reverse()
    return drawn(one), drawn(other)


def signs(rng: random.Random) -> tuple[Image.Image, Image.Image]:
    """An arrow to the left and one to the right."""
    side = rng.choice([200, 300])
    image = Image.new("RGB", (side, side), rng.choice(["#ffffff", "#ffd000", "#0050a0"]))
    draw, s = ImageDraw.Draw(image), side / 10
    colour = rng.choice(["#000000", "#d00000"])
    draw.ellipse([s / 2, s / 2, 9.5 * s, 9.5 * s], outline=colour, width=round(s / 2))
    draw.rectangle([3 * s, 4.5 * s, 7.5 * s, 5.5 * s], fill=colour)
    draw.polygon([(2 * s, 5 * s), (4.5 * s, 3 * s), (4.5 * s, 7 * s)], fill=colour)
    if rng.random() < 0.5:
        return image, ImageOps.mirror(image)
    return image, image.transpose(Image.Transpose.ROTATE_90)


def _page(lines: list[str], size: int, width: int) -> Image.Image:
    image = Image.new("RGB", (width, round(width * 1.3)), "white")
    for number, line in enumerate(lines):
        ImageDraw.Draw(image).text((width // 12, round(size * (2 + 1.5 * number))), line, font=font(size), fill="black")
    return image


def pages(rng: random.Random) -> tuple[Image.Image, Image.Image]:
    """One line of twenty, or one word of it, is another."""
    width = rng.choice([480, 640, 900])
    size = width // rng.choice([28, 36, 48])
    lines = [" ".join(rng.choice(WORDS) for _ in range(6)) for _ in range(20)]
    changed = list(lines)
    number = rng.randrange(20)
    words = changed[number].split()
    if rng.random() < 0.5:
        words = [rng.choice(WORDS) for _ in range(6)]
    else:
        at = rng.randrange(6)
        words[at] = rng.choice([word for word in WORDS if word != words[at]])
    changed[number] = " ".join(words)
    return _page(lines, size, width), _page(changed, size, width)


def codes(rng: random.Random) -> tuple[Image.Image, Image.Image]:
    """As QR codes: one group of 2 x 2 to 4 x 4 modules is inverted."""
    noise = np.random.default_rng(rng.randrange(10**9))
    many, scale = rng.choice([25, 33, 41]), rng.choice([4, 6, 8])
    modules = noise.integers(0, 2, (many, many))
    changed, group = modules.copy(), rng.randint(2, 4)
    x, y = rng.randrange(8, many - 8), rng.randrange(8, many - 8)
    changed[y : y + group, x : x + group] ^= 1

    def drawn(values: np.ndarray) -> Image.Image:
        image = Image.fromarray((255 * (1 - values)).astype(np.uint8)).convert("RGB")
        image = image.resize((many * scale, many * scale), Image.Resampling.NEAREST)
        return ImageOps.expand(image, 4 * scale, "white")

    return drawn(modules), drawn(changed)


def sprites(rng: random.Random) -> tuple[Image.Image, Image.Image]:
    """Frames of a small figure, of which an arm moves; on nothing, or on one colour."""
    noise = np.random.default_rng(rng.randrange(10**9))
    half = noise.integers(0, 5, (16, 8))
    palette = np.vstack([[[0, 0, 0, 0]], np.column_stack([noise.integers(30, 255, (4, 3)), np.full(4, 255)])])
    pixels = palette[np.concatenate([half, half[:, ::-1]], 1)].astype(np.uint8)
    moved = pixels.copy()
    y = rng.randrange(4, 11)
    moved[y : y + 3, 1:4] = palette[noise.integers(1, 5, (3, 3))]
    moved[y, 1] = 255 - moved[y, 1]
    moved[y, 1, 3] = 255
    scale = rng.choice([2, 4, 8])

    def drawn(values: np.ndarray) -> Image.Image:
        image = Image.fromarray(values).resize((16 * scale, 16 * scale), Image.Resampling.NEAREST)
        return image

    one, other = drawn(pixels), drawn(moved)
    if rng.random() < 0.4:
        ground = Image.new("RGBA", one.size, "#80b0e0")
        return tuple(Image.alpha_composite(ground, image).convert("RGB") for image in (one, other))  # type: ignore[return-value]
    return one, other


def charts(rng: random.Random) -> tuple[Image.Image, Image.Image]:
    """One bar of ten is higher or lower by a tenth, or more."""
    heights = [rng.uniform(0.2, 0.9) for _ in range(10)]
    changed = list(heights)
    at = rng.randrange(10)
    changed[at] += rng.choice([-1, 1]) * rng.uniform(0.08, 0.15)
    width, colour = rng.choice([300, 480]), rng.choice(["#3060c0", "#c04020", "#209050"])

    def drawn(values: list[float]) -> Image.Image:
        image = Image.new("RGB", (width, width * 2 // 3), "white")
        draw, bar = ImageDraw.Draw(image), width / 12
        for number, value in enumerate(values):
            left = bar * (1 + number)
            draw.rectangle([left, image.height * (1 - value) - 10, left + bar * 0.7, image.height - 10], fill=colour)
        draw.line([bar, image.height - 10, width - bar, image.height - 10], fill="black", width=2)
        return image

    return drawn(heights), drawn(changed)


def forms(rng: random.Random) -> tuple[Image.Image, Image.Image]:
    """An invoice with another number, of which one to three digits differ."""
    width = rng.choice([420, 600, 840])
    number = f"{rng.randrange(10**8):08d}"
    changed = list(number)
    for at in rng.sample(range(8), rng.randint(1, 3)):
        changed[at] = rng.choice([digit for digit in "0123456789" if digit != changed[at]])
    rows = [(rng.choice(WORDS), f"{rng.uniform(1, 99):.2f}") for _ in range(6)]

    def drawn(digits: str) -> Image.Image:
        image = Image.new("RGB", (width, width), "white")
        draw, size = ImageDraw.Draw(image), width // 26
        draw.text((size, size), f"INVOICE {digits}", font=font(size), fill="black")
        for row, (name, price) in enumerate(rows):
            y = round(size * (5 + 2.5 * row))
            draw.rectangle([size, y, width - size, y + 2 * size], outline="#808080")
            draw.text((1.5 * size, y + size // 3), name, font=font(size), fill="black")
            draw.text((width - 6 * size, y + size // 3), price, font=font(size), fill="black")
        return image

    return drawn(number), drawn("".join(changed))


def flavours(rng: random.Random) -> tuple[Image.Image, Image.Image]:
    """One label in two colours of the same brightness."""
    size = rng.choice([(240, 320), (300, 300)])
    ground = backdrop(rng.randrange(10**6), size)
    hue, other = rng.sample(range(0, 256, 36), 2)
    colours = [Image.new("HSV", (1, 1), (one, 190, 180)).convert("RGB").getpixel((0, 0)) for one in (hue, other)]
    name = rng.choice(WORDS).upper()

    def drawn(colour: tuple[int, ...]) -> Image.Image:
        image = ground.copy()
        draw, (w, h) = ImageDraw.Draw(image), size
        draw.rounded_rectangle([w // 5, h // 8, 4 * w // 5, 7 * h // 8], 20, fill="#f0f0f0", outline="#404040")
        draw.rectangle([w // 5, h // 3, 4 * w // 5, 2 * h // 3], fill=colour)
        draw.text((w // 4, 2 * h // 5), name, font=font(w // 10), fill="white")
        return image

    return drawn(colours[0]), drawn(colours[1])


def skies(rng: random.Random) -> tuple[Image.Image, Image.Image]:
    """Stars, of which each sky has its own."""
    size = rng.choice([(320, 240), (480, 320)])

    def drawn(seed: int) -> Image.Image:
        noise = np.random.default_rng(seed)
        values = np.full((size[1], size[0]), 12.0) + np.linspace(0, 10, size[1])[:, None]
        for _ in range(120):
            x, y = noise.integers(2, size[0] - 2), noise.integers(2, size[1] - 2)
            values[y : y + 2, x : x + 2] += noise.uniform(30, 220)
        values += noise.normal(0, 2, values.shape)
        return (
            Image.fromarray(values.clip(0, 255).astype(np.uint8)).convert("RGB").filter(ImageFilter.GaussianBlur(0.5))
        )

    seed = rng.randrange(10**6)
    return drawn(seed), drawn(seed + 1)


def bursts(rng: random.Random) -> tuple[Image.Image, Image.Image]:
    """A fixed frame, in which something small has moved or come in; each with its own noise."""
    size = rng.choice([(360, 300), (480, 360), (640, 480)])
    behind = scene(rng.randrange(10**6), size)
    r = size[0] * rng.uniform(0.02, 0.04)
    colour = tuple(rng.randrange(20, 110) for _ in range(3))

    def drawn(at: tuple[float, float] | None, seed: int) -> Image.Image:
        image = behind.copy()
        if at is not None:
            x, y = at
            ImageDraw.Draw(image).ellipse([x - r, y - 0.7 * r, x + r, y + 0.7 * r], fill=colour)
            ImageDraw.Draw(image).ellipse([x + 0.6 * r, y - r, x + 1.4 * r, y - 0.2 * r], fill=colour)
        values = np.asarray(image) + np.random.default_rng(seed).normal(0, 2, (size[1], size[0], 3))
        return Image.fromarray(values.clip(0, 255).astype(np.uint8))

    def place() -> tuple[float, float]:
        return rng.uniform(0.1, 0.9) * size[0], rng.uniform(0.1, 0.9) * size[1]

    return drawn(place(), 1), drawn(place() if rng.random() < 0.5 else None, 2)


def memes(rng: random.Random) -> tuple[Image.Image, Image.Image]:
    """One photo with two captions."""
    size = rng.choice([(360, 300), (480, 400)])
    behind = scene(rng.randrange(10**6), size)

    def drawn() -> Image.Image:
        image = behind.copy()
        for y in (0.04, 0.82):
            words = " ".join(rng.choice(WORDS) for _ in range(2)).upper()
            at = (size[0] * 0.1, size[1] * y)
            ImageDraw.Draw(image).text(
                at, words, font=font(size[0] // 12), fill="white", stroke_width=2, stroke_fill="black"
            )
        return image

    return drawn(), drawn()


KINDS = {
    made.__name__: made
    for made in (
        icons, depth_maps, flags, signs, pages, codes, sprites, charts, forms, flavours, skies, bursts, memes,
    )
}  # fmt: skip


def pair(kind: str, seed: int) -> tuple[Image.Image, Image.Image]:
    """Two pictures that are not one."""
    return KINDS[kind](random.Random(f"{kind} {seed}"))


def saved(image: Image.Image, stem: Path, seed: int) -> Path:
    """A file of it: what JPEG can hold is saved again in one of several ways, the rest is PNG."""
    rng = random.Random(f"saved {seed}")
    way = rng.choice(["png", "png", "jpeg", "jpeg", "jpeg", "scale"])
    if way == "png" or image.mode != "RGB":
        path = stem.with_suffix(".png")
        image.save(path)
        return path
    if way == "scale":
        factor = rng.uniform(0.5, 2)
        image = image.resize((round(image.width * factor), round(image.height * factor)), Image.Resampling.LANCZOS)
    path = stem.with_suffix(".jpg")
    image.save(path, quality=rng.randint(30, 95))
    return path
