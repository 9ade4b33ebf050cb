"""Small pictures on a plain ground: an outline and a shading that agree do not make one capture of two."""

from __future__ import annotations

import random

import numpy as np
import pytest
from cli_kit import curator
from PIL import Image, ImageDraw, ImageFilter, ImageOps
from scenes import save, scene

SIZE, FINER = 100, 4


def on_paper(seed: int, shape: Image.Image, colours: np.ndarray) -> Image.Image:
    """What a shape covers, before paper that is darker towards the corners, with some noise."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:SIZE, 0:SIZE] / SIZE - rng.uniform(0.45, 0.55, (2, 1, 1))
    paper = (205 + rng.uniform(-8, 8, 3)) * (1 - 0.7 * (x**2 + y**2))[..., None]
    covered = np.asarray(shape.resize((SIZE, SIZE), Image.Resampling.BOX), float)[..., None] / 255
    pixels = paper * (1 - covered) + colours * covered + rng.normal(0, 1, (SIZE, SIZE, 3))
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


def hand(seed: int) -> Image.Image:
    """A palm and four fingers, each stretched out or bent."""
    rng, wide = random.Random(seed), SIZE * FINER
    shape, lines = Image.new("L", (wide, wide)), Image.new("L", (wide, wide))
    drawn, creases = ImageDraw.Draw(shape), ImageDraw.Draw(lines)
    x, y, r = wide * rng.uniform(0.47, 0.53), wide * rng.uniform(0.65, 0.71), wide * 0.19
    drawn.ellipse([x - r, y - 1.1 * r, x + r, y + 1.2 * r], fill=255)
    drawn.rectangle([x - 0.75 * r, y, x + 0.7 * r, wide], fill=255)
    for aside, turn in ((-0.75, -115), (-0.3, -100), (0.2, -87), (0.65, -70)):
        angle, length = np.radians(turn + rng.uniform(-4, 4)), wide * rng.choice((0.1, 0.3))
        begin = np.array([x + aside * r, y - 0.7 * r])
        end = begin + length * np.array([np.cos(angle), np.sin(angle)])
        across = 0.035 * wide * np.array([-np.sin(angle), np.cos(angle)])
        drawn.line([*begin, *end], fill=255, width=round(0.075 * wide))
        drawn.circle([*end], 0.037 * wide, fill=255)
        for part in (0.35, 0.7):
            at = begin + part * (end - begin)
            creases.line([*(at - across), *(at + across)], fill=rng.randint(60, 140), width=FINER)
    for _ in range(4):
        left, top, q = x + rng.uniform(-1, 0.2) * r, y + rng.uniform(-0.8, 0.5) * r, rng.uniform(0.5, 1.4) * r
        creases.arc([left, top, left + q, top + q], rng.randint(0, 180), rng.randint(180, 360), fill=90, width=FINER)
    dark = np.asarray(lines.resize((SIZE, SIZE), Image.Resampling.BOX), float)[..., None] / 255
    light = 1.1 - 0.5 * np.abs(np.mgrid[0:SIZE, 0:SIZE][1] / SIZE - 0.45)[..., None]
    return on_paper(seed, shape, np.array([180.0, 145, 115]) * light * (1 - 0.6 * dark))


def bottle(seed: int) -> Image.Image:
    """Always the same outline, what is on it another."""
    wide = SIZE * FINER
    shape = Image.new("L", (wide, wide))
    ImageDraw.Draw(shape).rounded_rectangle([0.3 * wide, 0.35 * wide, 0.7 * wide, 0.95 * wide], 20, fill=255)
    ImageDraw.Draw(shape).rectangle([0.43 * wide, 0.08 * wide, 0.57 * wide, 0.4 * wide], fill=255)
    label = ImageOps.fit(scene(seed), (SIZE, SIZE)).filter(ImageFilter.GaussianBlur(1))
    return on_paper(seed, shape, np.asarray(label, float) * 0.5 + 50)


def edited(folder):
    """(what is done, name) of each file, as the command shows it."""
    curator("add", "photos", cwd=folder)
    rows = curator("dedupe", "--include", "edited", "--json", cwd=folder).rows("duplicate")
    return {(row["do"], row["path"].rpartition("/")[2]) for row in rows}


@pytest.mark.parametrize("draw", [hand, bottle])
def test_what_shares_an_outline_and_a_shading_stays(tmp_path, draw):
    for seed in range(24):
        save(draw(seed), tmp_path / "photos" / f"{seed}.png")
    assert edited(tmp_path) == set()


@pytest.mark.parametrize("draw", [hand, bottle])
def test_one_of_them_that_was_edited_is_found(tmp_path, draw):
    for seed in range(8):
        save(draw(seed), tmp_path / "photos" / f"{seed}.png")
    save(ImageOps.mirror(draw(0)), tmp_path / "photos" / "mirrored.jpg")
    save(draw(1).crop((8, 4, 96, 94)), tmp_path / "photos" / "cropped.jpg")
    save(draw(2).point(lambda level: min(255, level * 1.3)), tmp_path / "photos" / "lighter.jpg")
    found = edited(tmp_path)
    assert {name for _, name in found} == {"0.png", "1.png", "2.png", "mirrored.jpg", "cropped.jpg", "lighter.jpg"}
    assert sum(do == "go" for do, _ in found) == 3
