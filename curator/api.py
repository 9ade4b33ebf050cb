"""All that a plugin may use.

A plugin is a module behind an entry point of the group `curator`. It implements hooks (see
`curator.hookspecs`) that return *specs*: frozen descriptions that cost microseconds. Heavy libraries
are imported inside the functions that a spec names (`resolve`, `load`, `plan`, `read`), never at the
top of the module, because every command imports every plugin.

    from curator.api import EncoderSpec, hookimpl

    @hookimpl
    def register_encoders():
        return [EncoderSpec(name="mine", modalities=("image",), summary="...", resolve=..., load=...)]

Arrays: `n` items, `dim` dimensions, `classes` classes; float32 unless said otherwise. Where a docstring
says *unit rows*, each row has Euclidean length 1 (all-zero rows stay zero).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NewType, Protocol, TypeAlias

import pluggy

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats: TypeAlias = NDArray[np.float32]
    Integers: TypeAlias = NDArray[np.int64]

__all__ = [
    "ActionSpec",
    "Argument",
    "Column",
    "Context",
    "Encoder",
    "EncoderRef",
    "EncoderSpec",
    "Finding",
    "FittedHead",
    "Found",
    "GroupName",
    "Head",
    "HeadName",
    "HeadSpec",
    "ImageBatch",
    "Item",
    "ItemSet",
    "LabelName",
    "Modality",
    "Model",
    "NoParams",
    "Option",
    "Output",
    "Predictions",
    "Preprocess",
    "Query",
    "ReadOptions",
    "ReaderSpec",
    "Resolved",
    "SetLabel",
    "Skipped",
    "Table",
    "TextBatch",
    "hookimpl",
]

hookimpl = pluggy.HookimplMarker("curator")
"""Marks a function as the implementation of the hook of its name."""

Modality: TypeAlias = Literal["image", "text"]

# --- what the catalogue holds, as a plugin sees it ----------------------------------------------------


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


# --- encoders -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Preprocess:
    """How a picture becomes pixels, as data: the core does it with Pillow and numpy.

    The decoded RGB picture is resized (`shortest`: its shorter side to `resize`; `longest`: its longer
    side, the rest padded with `fill`; `squash`: both sides), cut at the centre to `crop` x `crop`, scaled
    to 0..1, then `(x - mean) / std` per channel.
    """

    resize: int
    crop: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    interpolation: Literal["nearest", "bilinear", "bicubic", "lanczos", "box", "hamming"] = "bilinear"
    resize_mode: Literal["shortest", "longest", "squash"] = "shortest"
    fill: int = 0


@dataclass(frozen=True, slots=True)
class Resolved:
    """A variant of an encoder made definite: what it needs and what its vectors will be.

    `variant` is the full name of what a shorter or absent one meant. `files` are the weights; the core
    hashes them. `config` holds whatever else shapes the vectors (JSON values); it, the hashes, the
    preprocessing and the spec's `revision` make the fingerprint of the space.
    """

    dim: int
    variant: str = ""
    preprocess: Preprocess | None = None
    files: tuple[Path, ...] = ()
    config: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ImageBatch:
    """Preprocessed pictures: `pixels` is (n, 3, crop, crop) float32."""

    pixels: Floats


@dataclass(frozen=True, slots=True)
class TextBatch:
    """Texts as they are in the catalogue."""

    texts: Sequence[str]


class Encoder(Protocol):
    """A loaded model. Made by `EncoderSpec.load`, used by one thread at a time."""

    def encode(self, batch: ImageBatch | TextBatch) -> Floats:
        """(n, dim) float32, finite; row i belongs to item i, and does not depend on its neighbours."""
        ...

    def close(self) -> None:
        """Free what was loaded; called once."""
        ...


@dataclass(frozen=True, slots=True)
class EncoderSpec:
    """An architecture that turns images or texts into vectors.

    `resolve(variant, weights)` makes a variant definite; `weights` is a file or folder that the user
    gave, else None. It avoids heavy imports where it can, and raises `NotFound` naming what was tried,
    the file that is wanted and the option that takes it. `load(resolved, device)` does the heavy work.
    `revision` goes up when the same weights give other vectors. `default` offers the encoder as the one
    that a new workspace takes for its modalities. `batch_size` is how many items to encode at once.
    """

    name: str
    modalities: tuple[Modality, ...]
    summary: str
    resolve: Callable[[str | None, Path | None], Resolved]
    load: Callable[[Resolved, str], Encoder]
    revision: int = 1
    default: bool = False
    batch_size: int = 16


# --- heads --------------------------------------------------------------------------------------------


class Head(Protocol):
    """A small model on stored vectors."""

    def fit(self, vectors: Floats, targets: Integers, classes: int, seed: int) -> None:
        """Learn from (n, dim) unit rows with (n,) int64 targets in 0..classes-1, each class present.

        Classes weigh the same whatever their sizes. Fitting again forgets; the same seed gives the same.
        """
        ...

    def predict(self, vectors: Floats) -> Floats:
        """(n, classes) float32 probabilities for (n, dim) unit rows; each row sums to 1."""
        ...

    def state(self) -> Mapping[str, NDArray[Any]]:
        """Everything that `restore` needs, as arrays and nothing else."""
        ...

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Take up a state; afterwards `predict` gives what it gave when the state was taken."""
        ...


@dataclass(frozen=True, slots=True)
class NoParams:
    """The parameters of something that has none."""


@dataclass(frozen=True, slots=True)
class HeadSpec:
    """A kind of head. `params` is a frozen dataclass of annotated fields, as for an action."""

    name: str
    summary: str
    load: Callable[[Any], Head]
    params: type = NoParams
    default: bool = False


# --- actions ------------------------------------------------------------------------------------------

LabelName = NewType("LabelName", str)
GroupName = NewType("GroupName", str)
EncoderRef = NewType("EncoderRef", str)
"""`NAME[:VARIANT][@VERSION]`: the first colon splits, `@digits` at the end is the version."""
HeadName = NewType("HeadName", str)


@dataclass(frozen=True, slots=True)
class Option:
    """How a field of `params` shows as an option: `k: Annotated[int, Option("-k", min=1)] = 5`.

    The long name is the field's own (`--encoder`); `flag` adds a short one.
    """

    flag: str = ""
    help: str = ""
    min: float | None = None
    max: float | None = None
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Argument:
    """How a field of `params` shows as a positional argument. A `Query` also gives `--text TEXT`."""

    help: str = ""


@dataclass(frozen=True, slots=True)
class Column:
    """A value of a finding: its name (also the key in JSON), what it means, how it is set in a table."""

    name: str
    help: str
    style: Literal["text", "integer", "score", "percent", "path"] = "text"


@dataclass(frozen=True, slots=True)
class Table:
    """Findings of one kind, shown together. `whole`: never cut to `--limit`."""

    kind: str
    title: str
    columns: tuple[Column, ...]
    whole: bool = False


@dataclass(frozen=True, slots=True)
class Finding:
    """A row to show, of a kind that the action's `tables` declare."""

    kind: str
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class SetLabel:
    """A change: say that `item` is (`True`), is not (`False`) or is no longer said to be (`None`) `label`."""

    item: int
    label: str
    value: bool | None
    group: str | None = None
    score: float | None = None


Output: TypeAlias = Finding | SetLabel


class Context(Protocol):
    """What an action may ask. It reads; whatever should change, the action yields."""

    def items(self, among: ItemSet = ..., modalities: Sequence[Modality] | None = None) -> list[Item]:
        """The items of a selection, by id."""
        ...

    def model(self, ref: EncoderRef | None, modality: Modality) -> Model:
        """The model that `ref` names, or the workspace's default for the modality."""
        ...

    def embed(self, query: Query, model: Model) -> Floats:
        """The vector of a query, (dim,), of unit length."""
        ...

    def nearest(self, vector: Floats, model: Model, items: Sequence[Item], k: int) -> list[tuple[Item, float]]:
        """The `k` items of highest cosine (-1..1) with `vector`, best first; ties by id. Exact.

        Embeds what is missing if that is quick; items that cannot be embedded are left out.
        """
        ...

    def target(self, label: LabelName | None, group: GroupName | None) -> str:
        """The one label or group that was named, checked; raises `NotFound` with the nearest name."""
        ...

    def head(self, target: str, model: Model | None = None, head: HeadName | None = None) -> FittedHead:
        """The head for a label or group: the saved one while labels and vectors are the same, else a new one."""
        ...

    def predict(self, head: FittedHead, items: Sequence[Item]) -> Predictions:
        """What a head says of items; those that cannot be embedded are left out."""
        ...

    def unlabelled(self, target: str, items: Sequence[Item]) -> list[Item]:
        """Those of `items` of which nothing is said as to the label or group."""
        ...

    def labels(self, items: Sequence[Item]) -> list[tuple[str, ...]]:
        """The labels that each item is said to be, sorted."""
        ...

    def note(self, message: str) -> None:
        """Tell the person something beside the findings, in one line."""
        ...


@dataclass(frozen=True, slots=True)
class ActionSpec:
    """Something to do with the catalogue; becomes the command `name` and the call `ws.run(name, ...)`.

    `plan(context, params)` yields outputs and does nothing else: no writing, printing or asking.
    """

    name: str
    summary: str
    params: type
    plan: Callable[[Context, Any], Iterator[Output]]
    tables: tuple[Table, ...] = ()
    example: str = ""


# --- readers ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """How to read a source. `captions`: a `.txt` beside an image of the same stem is its caption.

    `leave_out(folder)` is True for a folder that must not be entered (a workspace).
    """

    captions: bool = False
    leave_out: Callable[[Path], bool] = lambda folder: False


@dataclass(frozen=True, slots=True)
class Found:
    """A file that may be an item. `folder` is the first folder below the source that it lies in."""

    path: Path
    modality: Modality
    folder: str | None = None
    caption_of: Path | None = None


@dataclass(frozen=True, slots=True)
class Skipped:
    """A file left out, and why. `problem`: something is wrong with it, so it is recorded and counted as failed."""

    path: Path
    reason: str
    problem: bool = False


@dataclass(frozen=True, slots=True)
class ReaderSpec:
    """Lists what a source holds, in a stable order, without opening what it need not and without raising
    on a bad file. Exactly one reader must match a source.
    """

    name: str
    summary: str
    matches: Callable[[Path], bool]
    read: Callable[[Path, ReadOptions], Iterable[Found | Skipped]]
