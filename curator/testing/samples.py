"""Pictures, texts and vectors to try plugins with."""

from __future__ import annotations

import functools
import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    Floats = NDArray[np.float32]
    Integers = NDArray[np.int64]

TEXTS = (
    "A red apple lies on a wooden table.",
    "The stock market fell sharply yesterday.",
    "How do I top up my card?",
    "一只白猫在窗台上睡觉",
    "今天股市大跌",
    "Der Zug nach München hat Verspätung.",
    "def add(a, b): return a + b",
)

CORPUS = tuple(f"{text} {number}" for text in TEXTS for number in range(20))
"""What an encoder that learns may learn from."""

ODD_TEXTS = {
    "empty": "",
    "white space": " \n\t ",
    "emoji": "🐈‍⬛👩‍🚀🇨🇳",
    "Chinese": "深度学习的表示可以迁移到新的任务",
    "10,000 characters": "lorem ipsum 中文 " * 625,
    "one word of 10,000 characters": "a" * 10_000,
    "control characters": "a\x07b\x1b[31mc\u200b\ufeff",
    "right to left": "שלום עולם مرحبا",
    "a private character": "\ue000\U0010ffff",
}


def pictures(folder: Path) -> list[Path]:
    """Eight pictures that anybody would tell apart."""
    found = [folder / f"picture-{number}.png" for number in range(8)]
    for path, data in zip(found, _files_of_pictures(), strict=True):
        path.write_bytes(data)
    return found


@functools.cache
def _files_of_pictures() -> tuple[bytes, ...]:
    """Made once in a process: a check asks for the pictures many times, and compressing them takes longer than it."""
    from PIL import Image

    rng = np.random.default_rng(0)
    files = []
    for number in range(8):
        coarse = Image.fromarray(rng.integers(0, 256, (4 + number, 5, 3), dtype=np.uint8))
        stream = io.BytesIO()
        coarse.resize((320 - 10 * number, 240 + 15 * number), Image.Resampling.BICUBIC).save(stream, "png")
        files.append(stream.getvalue())
    return tuple(files)


def two_kinds(folder: Path, kinds: Integers) -> list[Path]:
    """A picture of noise for each number: coarse where it is 0, else fine."""
    from PIL import Image

    rng = np.random.default_rng(2)
    found = []
    for number, kind in enumerate(kinds.tolist()):
        side = 60 if kind else 20
        noise = Image.fromarray(rng.integers(0, 256, (side, side, 3), dtype=np.uint8))
        found.append(folder / f"kind-{number}.png")
        noise.resize((240, 240), Image.Resampling.NEAREST).save(found[-1])
    return found


def odd_pictures(folder: Path) -> dict[str, Path]:
    """Pictures of every mode and of extreme sizes, by what is odd about them."""
    from PIL import Image

    rng = np.random.default_rng(1)
    colours = Image.fromarray(rng.integers(0, 256, (40, 60, 3), dtype=np.uint8))
    deep = Image.fromarray(rng.integers(0, 2**16, (40, 60), dtype=np.uint16))
    made: dict[str, tuple[Any, str]] = {
        "1 x 1": (Image.new("RGB", (1, 1), "red"), ".png"),
        "grey": (colours.convert("L"), ".png"),
        "transparent": (colours.convert("RGBA"), ".png"),
        "CMYK": (colours.convert("CMYK"), ".jpg"),
        "palette": (colours.quantize(16), ".gif"),
        "black and white": (colours.convert("1"), ".png"),
        "16 bits": (deep, ".png"),
        "4000 x 10": (colours.resize((4000, 10)), ".png"),
        "10 x 4000": (colours.resize((10, 4000)), ".png"),
        "all black": (Image.new("RGB", (50, 50)), ".png"),
    }
    found = {}
    for number, (what, (image, ending)) in enumerate(made.items()):
        found[what] = folder / f"odd-{number}{ending}"
        image.save(found[what])
    return found


def clouds(sizes: tuple[int, ...], spread: float = 0.4, dim: int = 24, seed: int = 0) -> tuple[Floats, Integers]:
    """Unit rows about one random centre a class, and their classes."""
    rng = np.random.default_rng(seed)
    targets = np.repeat(np.arange(len(sizes)), sizes).astype(np.int64)
    centres = np.random.default_rng(99).standard_normal((len(sizes), dim))
    rows = centres[targets] + spread * rng.standard_normal((len(targets), dim))
    order = rng.permutation(len(targets))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)[order], targets[order]


def pairs(number: int, seed: int = 0) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    """Pairs of unit rows, half of them alike: by a faint property, beside which they have a strong one."""
    rng, fixed = np.random.default_rng(seed), np.random.default_rng(98)
    faint, strong = fixed.standard_normal((3, 24)), fixed.standard_normal((6, 24))
    alike = np.arange(number) % 2 == 0
    one = rng.integers(0, 3, number)
    other = np.where(alike, one, (one + rng.integers(1, 3, number)) % 3)
    sides = []
    for kinds in (one, other):
        rows = 0.5 * faint[kinds] + strong[rng.integers(0, 6, number)] + 0.3 * rng.standard_normal((number, 24))
        sides.append((rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32))
    return sides[0], sides[1], alike
