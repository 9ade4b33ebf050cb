"""What the catalogue holds, as a plugin sees it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats: TypeAlias = NDArray[np.float32]

Modality: TypeAlias = Literal["image", "text"]
"""What an item is."""


@dataclass(frozen=True, slots=True)
class Item:
    """One content: an image or a text, wherever its files lie.

    `hash` is the SHA-256 (hex) of the whole file, for a text of its UTF-8. `path` is one place where
    the content is now, None when every known file of it is gone. `text` is the body of a text.
    """

    id: int
    hash: str
    modality: Modality
    path: Path | None
    text: str | None = None

    def __str__(self) -> str:
        return str(self.path) if self.path else f"id:{self.id}"


@dataclass(frozen=True, slots=True)
class Model:
    """An encoder with its weights, as the workspace has recorded it.

    `name` is what `-e` takes (`resnet50:IMAGENET1K_V2@1`). `fingerprint` names the *space* of its
    vectors: vectors of two fingerprints must never be compared.
    """

    id: int
    name: str
    encoder: str
    variant: str
    version: int
    dim: int
    modalities: tuple[Modality, ...]
    fingerprint: str


@dataclass(frozen=True, slots=True)
class FittedHead:
    """A head that has been fitted and saved.

    `target` is the label or group; `classes` are its columns in order (for a label: `("not X", "X")`).
    `metrics` are means over held-out folds; `metrics["items"]` says on how many items they rest.
    `reused` is True when neither labels nor vectors changed since it was fitted; `notes` are
    sentences that a reader of the metrics should see.
    """

    id: int
    target: str
    version: int
    head: str
    model: Model
    classes: tuple[str, ...]
    counts: tuple[int, ...]
    metrics: Mapping[str, float]
    reused: bool
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Predictions:
    """`probabilities[i, c]` is that of `classes[c]` for `items[i]`; (n, classes), rows sum to 1."""

    items: list[Item]
    classes: tuple[str, ...]
    probabilities: Floats


@dataclass(frozen=True, slots=True)
class ItemSet:
    """Which items: those that meet every condition given. Empty: all of them."""

    media: Modality | None = None
    under: Path | None = None
    label: str | None = None
    unlabelled: bool = False


@dataclass(frozen=True, slots=True)
class Query:
    """What to look for, already resolved: a catalogued item, a file outside, or a text.

    `hash` is that of the content, so that exact copies can be told.
    """

    modality: Modality
    hash: str
    item: Item | None = None
    path: Path | None = None
    text: str | None = None
