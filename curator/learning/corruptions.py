"""Worse pictures of the same things: heads are measured on them too, since conditions of use are not those of training.

Blur and noise are those of the second of five severities of Hendrycks & Dietterich 2019 ("Benchmarking neural network
robustness to common corruptions and perturbations"), at the size that the encoder sees.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from curator.api import EncoderSpec, ImageBatch, Item, Model
from curator.api.data import DISTURBED
from curator.embedding.codes import unit
from curator.embedding.embedder import Embedder
from curator.learning.cross_validation import Measured
from curator.media import preprocessing
from curator.media.files import BadContent

if TYPE_CHECKING:
    Views: TypeAlias = dict[str, tuple[NDArray[np.int64], NDArray[np.float32]]]

MOST = 200
"""So many pictures at most: each is embedded three times more."""

SIDE = 224  # pixels, at which the standard deviation of the blur is two
NOISE = 0.12 * 255
DARK = 0.4


def blurred(image: Image.Image) -> Image.Image:
    """As out of focus."""
    return image.filter(ImageFilter.GaussianBlur(2 * min(image.size) / SIDE))


def darkened(image: Image.Image) -> Image.Image:
    """As in bad light: 0.4 of each value."""
    return image.point(lambda value: value * DARK)


def noisy(image: Image.Image) -> Image.Image:
    """As from a poor sensor: normal noise with a standard deviation of 0.12 of full scale, always the same."""
    values = np.asarray(image, dtype=np.float32)
    noise = np.random.default_rng(0).normal(0, NOISE, values.shape)
    return Image.fromarray(np.clip(values + noise, 0, 255).astype(np.uint8))


KINDS: dict[str, Callable[[Image.Image], Image.Image]] = dict(zip(DISTURBED, (blurred, darkened, noisy), strict=True))


def views(encoding: Embedder, model: Model, items: Sequence[Item], rows: Sequence[int]) -> Views:
    """For each kind the rows of those that can still be read, and the vectors of their corrupted copies, unit rows."""
    if not items:
        return {}
    size = encoding.models.registry.get(EncoderSpec, model.encoder).batch_size
    read: dict[str, list[int]] = {name: [] for name in KINDS}
    found: dict[str, list[NDArray[np.float32]]] = {name: [] for name in KINDS}
    with (
        encoding.models.loaded(model) as (encoder, resolved),
        encoding.reporter.progress("embedding corrupted copies", len(items)) as advance,
    ):
        assert resolved.preprocess is not None
        for start in range(0, len(items), size):
            some = items[start : start + size]
            for name, worse in KINDS.items():
                pixels = []
                for row, item in zip(rows[start : start + size], some, strict=True):
                    path = encoding.places.unchanged_path(item.id)
                    try:
                        if not isinstance(path, BadContent):
                            pixels.append(preprocessing.pixels(path, resolved.preprocess, worse))
                            read[name].append(row)
                    except BadContent:
                        continue  # it was read before: the others do
                if pixels:
                    found[name].append(encoding.run(model, encoder, ImageBatch(np.stack(pixels))))
            advance(len(some))
    return {name: (np.asarray(read[name]), unit(np.concatenate(found[name]))) for name in KINDS if found[name]}


def flat(found: Measured) -> dict[str, float]:
    """The figures on corrupted copies by names of their own: `accuracy, blurred`."""
    return {
        f"{name}, {kind}": value
        for kind, figures in found.disturbed.items()
        for name, value in figures.items()
        if not name.endswith(" spread") and name != "majority baseline"
    }


def has_figures(metrics: Mapping[str, float]) -> bool:
    """Whether a head was measured on corrupted copies."""
    return any(name.endswith(tuple(f", {kind}" for kind in KINDS)) for name in metrics)
