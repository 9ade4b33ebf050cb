"""Checkpoints whose embeddings are spread out, and the pictures to train and to compare them on.

Networks with random weights give nearly the same vector for every picture, so that a comparison of vectors passes
whatever was done to the pictures. A few training steps are enough to pull the vectors apart. What is drawn is one of
four patterns in one of four colours, so that what the vectors say hangs on colours, on detail and on position: on all
that preprocessing can get wrong.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import open_clip
import torch
import torchvision
from clip_kit import describe
from PIL import Image, ImageDraw
from torch.nn.functional import cross_entropy

from curator.api import ImageBatch
from curator.media.preprocessing import pixels

COLOURS = {"red": (205, 50, 40), "green": (50, 160, 60), "blue": (50, 80, 210), "yellow": (225, 200, 60)}
PATTERNS = ("stripes", "checks", "dots", "gradient")
CLASSES = [(colour, pattern) for colour in COLOURS for pattern in PATTERNS]

# The layout of the published ones (ViT with patches of 32 on 224 pixels, texts of 77 tokens), but narrow and shallow.
MODEL = {
    "embed_dim": 64,
    "vision_cfg": {"image_size": 224, "layers": 3, "width": 128, "head_width": 32, "patch_size": 32},
    "text_cfg": {"context_length": 77, "vocab_size": 49408, "width": 64, "heads": 2, "layers": 2},
}
# OpenAI's, which are open_clip's default, would hide that ours are ignored.
PREPROCESS = {
    "mean": [0.46, 0.42, 0.38],
    "std": [0.25, 0.24, 0.26],
    "interpolation": "bicubic",
    "resize_mode": "shortest",
}


# --- pictures ---


def drawn(colour: str, pattern: str, chance: random.Random, size: tuple[int, int]) -> Image.Image:
    """The pattern in about the colour on a dark ground, with grain, and with two things that are in no pattern."""
    width, height = size
    x, y = np.meshgrid(np.arange(width), np.arange(height))
    angle, period = chance.uniform(0, math.pi), chance.uniform(24, 60)
    u = (x * math.cos(angle) + y * math.sin(angle)) / period + chance.random()
    v = (y * math.cos(angle) - x * math.sin(angle)) / period + chance.random()
    if pattern == "stripes":
        part = u % 1 < 0.5
    elif pattern == "checks":
        part = (u % 1 < 0.5) ^ (v % 1 < 0.5)
    elif pattern == "dots":
        part = np.hypot(u % 1 - 0.5, v % 1 - 0.5) < chance.uniform(0.28, 0.4)
    else:
        part = (u - u.min()) / (u.max() - u.min())
    fore = np.array([value + chance.randint(-30, 30) for value in COLOURS[colour]])
    ground = np.array([chance.randint(0, 90) for _ in range(3)])
    mixed = ground + np.asarray(part, dtype=np.float64)[..., None] * (fore - ground)
    grain = np.random.default_rng(chance.getrandbits(32)).normal(0, 8, mixed.shape)
    image = Image.fromarray((mixed + grain).clip(0, 255).astype(np.uint8))
    draw = ImageDraw.Draw(image)
    for _ in range(2):
        left, top, side = chance.uniform(0, width), chance.uniform(0, height), chance.uniform(0.05, 0.2) * min(size)
        draw.ellipse((left, top, left + side, top + side), tuple(chance.randint(0, 255) for _ in range(3)))
    return image


def pictures(
    folder: Path, count: int, seed: int, sides: tuple[int, int] = (260, 480), suffixes: str = "jp"
) -> list[Path]:
    """Files of all classes in turn, landscape and portrait, JPEG and PNG; both sides lie between `sides`."""
    folder.mkdir(parents=True, exist_ok=True)
    chance, paths = random.Random(seed), []
    for number in range(count):
        short = chance.randint(sides[0], (sides[0] + sides[1]) // 2)
        size = (short, min(sides[1], round(short * chance.uniform(1.1, 1.8))))
        image = drawn(*CLASSES[number % len(CLASSES)], chance, size if number % 2 else size[::-1])
        paths.append(folder / f"{number:02}{'.png' if number % 3 == 2 else '.jpg'}")
        image.save(paths[-1], **({"quality": 92} if paths[-1].suffix == ".jpg" else {}))
    return paths


# --- training ---


def batches(prepare: Any, seed: int, steps: int, side: int, few: int = 10) -> Iterator[torch.Tensor]:
    """A picture of each class at every step. Only the first `few` batches are drawn, which takes longer than a step."""
    chance = random.Random(seed)
    made = [
        torch.stack([prepare(drawn(*pair, chance, (side, side))) for pair in CLASSES]) for _ in range(min(steps, few))
    ]
    for step in range(steps):
        yield made[step % few]


def trained_resnet(name: str = "resnet18", seed: int = 0, steps: int = 12, side: int = 64) -> Any:
    """A torchvision network that has learnt a little of which class is which, on small pictures for speed."""
    torch.manual_seed(seed)
    network = torchvision.models.get_model(name)
    prepare = torchvision.models.get_model_weights(name).DEFAULT.transforms(crop_size=side, resize_size=side)
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = 0.4  # so that after few steps little is left of a fresh network's statistics
    optimizer = torch.optim.Adam(network.parameters(), 1e-3)
    network.train()
    for batch in batches(prepare, seed, steps, 144):
        optimizer.zero_grad()
        cross_entropy(network(batch), torch.arange(len(CLASSES))).backward()
        optimizer.step()
    return network.eval()


def captions() -> list[str]:
    """One for each class."""
    return [f"a photo of {colour} {pattern}" for colour, pattern in CLASSES]


def trained_clip(folder: Path, seed: int = 0, steps: int = 50) -> tuple[Any, Any]:
    """The network of `MODEL`, which has learnt a little of which picture has which caption, and its optimizer.

    The folder gets the open_clip_config.json.
    """
    describe(folder, model=MODEL, preprocess=PREPROCESS)
    torch.manual_seed(seed)
    network = open_clip.create_model(f"local-dir:{folder}", load_weights=False)
    prepare = open_clip.transform.image_transform_v2(
        open_clip.transform.PreprocessCfg(MODEL["vision_cfg"]["image_size"], **PREPROCESS), is_train=False
    )
    tokens = open_clip.get_tokenizer(f"local-dir:{folder}")(captions())
    network.token_embedding.requires_grad_(False)  # three million numbers; random vectors tell words apart
    optimizer = torch.optim.Adam((part for part in network.parameters() if part.requires_grad), 1e-3)
    loss = open_clip.loss.ClipLoss()
    network.train()
    for batch in batches(prepare, seed, steps, 256):
        optimizer.zero_grad()
        images, texts = network.encode_image(batch, normalize=True), network.encode_text(tokens, normalize=True)
        loss(images, texts, network.logit_scale.exp()).backward()
        optimizer.step()
    return network.eval(), optimizer


# --- the measure ---

BOUND = 1e-3
"""How far the worst vector may be from the library's, relative to what tells it from the others."""

NEAREST = 5


def likeness(vectors: np.ndarray) -> float:
    """The mean cosine of two different rows: near 1 where the embeddings are all but one."""
    rows = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    cosines = rows @ rows.T
    return float(cosines[~np.eye(len(rows), dtype=bool)].mean())


@dataclass(frozen=True)
class Agreement:
    """How well vectors agree: the error of the worst, and for how many the five nearest are not the same."""

    error: float
    differing: int

    def __bool__(self) -> bool:
        return self.error < BOUND and self.differing == 0


def agreement(given: np.ndarray, wanted: np.ndarray) -> Agreement:
    """Of each row with its own: the distance, relative to the row without the mean, which all rows share."""
    assert given.shape == wanted.shape and len(wanted) > 2 * NEAREST
    errors = np.linalg.norm(given - wanted, axis=1) / np.linalg.norm(wanted - wanted.mean(axis=0), axis=1)
    differing = sum(
        set(ours) != set(theirs) for ours, theirs in zip(nearest(given, given), nearest(wanted, wanted), strict=True)
    )
    return Agreement(float(errors.max()), differing)


def nearest(queries: np.ndarray, among: np.ndarray) -> np.ndarray:
    """The rows of `among` with the highest cosine with each query, other than that of the query itself."""
    unit = [vectors / np.linalg.norm(vectors, axis=1, keepdims=True) for vectors in (queries, among)]
    cosines = unit[0] @ unit[1].T
    if queries is among:
        np.fill_diagonal(cosines, -np.inf)
    return np.argsort(-cosines, axis=1, kind="stable")[:, :NEAREST]


# --- wrong preprocessing ---


def bgr(path: Path, right: Any) -> np.ndarray:
    """Blue where red should be, and scaled as red."""
    return pixels(path, replace(right, mean=right.mean[::-1], std=right.std[::-1]))[::-1]


Mutants: TypeAlias = dict[str, Callable[[Path, Any], np.ndarray]]

MUTANTS: Mutants = {
    "other mean": lambda path, right: pixels(path, replace(right, mean=(0.5, 0.5, 0.5))),
    "no crop": lambda path, right: pixels(path, replace(right, resize=right.crop, resize_mode="squash")),
    "BGR": bgr,
}

SMALLER: Mutants = {
    "other std": lambda path, right: pixels(path, replace(right, std=(0.27, 0.26, 0.28))),
    "other interpolation": lambda path, right: pixels(
        path, replace(right, interpolation={"bilinear": "bicubic", "bicubic": "bilinear"}[right.interpolation])
    ),
    "two pixels off": lambda path, right: pixels(path, replace(right, resize=right.resize + 2)),
}
"""Of these only the error has to tell: they may be too small to exchange neighbours."""


def encoded(encoder: Any, views: list[np.ndarray]) -> np.ndarray:
    """The vectors of pictures as they were prepared."""
    return encoder.encode(ImageBatch(np.ascontiguousarray(np.stack(views))))
