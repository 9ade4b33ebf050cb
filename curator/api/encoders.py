"""Encoders: they turn images or texts into vectors."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias, runtime_checkable

from curator.api.data import Modality
from curator.api.heads import NoParams

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats: TypeAlias = NDArray[np.float32]


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


@runtime_checkable
class FeatureMap(Encoder, Protocol):
    """An encoder of images that can also say where in a picture its vector comes from. Optional.

    Only where the vector is the plain mean of a map. `isinstance(encoder, FeatureMap)` tells whether an encoder is one.
    """

    def feature_map(self, batch: ImageBatch) -> Floats:
        """(n, h, w, dim) float32, finite; its mean over h and w is what `encode` gives.

        Row and column 0 are the top left of the preprocessed picture, of which each cell covers an equal part.
        """
        ...


@runtime_checkable
class Compilable(Encoder, Protocol):
    """An encoder of images that can be written down in a form which needs no library of its own to run. Optional.

    curator makes the form once, holds it against what `encode` gives, and then embeds with it where that is quicker,
    and answers a query by a new picture, without loading the encoder.
    """

    def onnx(self) -> bytes:
        """An ONNX model: (n, 3, crop, crop) float32 becomes (n, dim), as `encode` makes it of n pictures.

        `curator.kit.onnx.as_onnx` makes one of a torch network. A model of a fixed n of 1 is run for one picture after
        the other.
        """
        ...


@dataclass(frozen=True, slots=True)
class TextForm:
    """An encoder of texts in a form that needs no library of its own to run.

    `onnx` is an ONNX model: the tokens of n texts, (n, length) int64, become their vectors, (n, dim), where n may be
    fixed to 1. `tokenizer` is what the spec's `tokens` needs to make tokens of a text.
    """

    onnx: bytes
    tokenizer: bytes


@runtime_checkable
class CompilableText(Encoder, Protocol):
    """An encoder of texts that can be written down like a `Compilable` one, if its spec has `tokens`. Optional."""

    def onnx_text(self) -> TextForm:
        """The form. `curator.kit.onnx.text_as_onnx` makes the model of a torch network."""
        ...


@runtime_checkable
class ReducedPrecision(Encoder, Protocol):
    """An encoder that can also compute with shorter numbers, where the machine is quicker with them. Optional.

    curator uses the form to fill a space with many items, after it made of a first batch nearly what `encode` made.
    """

    def reduced(self) -> tuple[str, Encoder] | None:
        """The precision ("bfloat16"), and the encoder that computes in it; None where nothing is gained here.

        `curator.kit.devices.reduce_precision` makes it of a torch network.
        """
        ...


@runtime_checkable
class Truncating(Encoder, Protocol):
    """An encoder of texts that reads only the beginning of long ones. Optional; curator then says so."""

    def truncated(self, batch: TextBatch) -> Sequence[int]:
        """The rows of those texts whose end is not read."""
        ...


@runtime_checkable
class LanguageModel(Encoder, Protocol):
    """An encoder of texts that can also go on with one. Optional."""

    def next_tokens(self, text: str, k: int) -> Sequence[tuple[str, float]]:
        """The `k` most probable next pieces with their probabilities, the most probable first.

        Each is of whole characters; an empty one means that the text ends here.
        """
        ...

    def carry_on(self, text: str, length: int, temperature: float, seed: int) -> Sequence[tuple[str, float]]:
        """Up to `length` pieces, each with its probability after all before it; fewer only where the text ends.

        With a temperature of 0 each is the most probable one; else it is drawn, by `seed`.
        """
        ...


@dataclass(frozen=True, slots=True)
class Look:
    """How far an encoder is with pretraining: the share that is done, 0 to 1, and the loss on texts that it never saw.

    `held_out` is in bits per character, or in what `unit` says, a few words that stand behind the number; `best`: it
    was never lower, and the weights of now are those that are kept.
    """

    done: float
    held_out: float
    best: bool
    unit: str = "bits per character"


@dataclass(frozen=True, slots=True)
class Tried:
    """How far an encoder is with fine-tuning: the share that is done, and the accuracy (0 to 1) on what it holds out.

    Best so that each class counts the same in it (balanced accuracy). `best`: it was never better.
    """

    done: float
    accuracy: float
    best: bool


class Pictures(Protocol):
    """Pictures to learn from, decoded by curator and kept in a temporary file: n of them take no memory."""

    def __len__(self) -> int:
        """How many."""
        ...

    def __getitem__(self, index: int) -> NDArray[np.uint8]:
        """(h, w, 3) RGB, resized as the encoder's `Preprocess` says and not yet cut: crops can be drawn from it."""
        ...

    def batch(self, indices: Sequence[int]) -> ImageBatch:
        """Some of them, just as `Encoder.encode` is given them."""
        ...


@dataclass(frozen=True, slots=True)
class Labelled:
    """What an encoder is fine-tuned on: items of its first modality, and the class of each.

    `targets` is (n,) int64, each of 0 to `classes` - 1 at least twice. `kin` is (n,) int64: copies and near-copies of
    one another have the same number, and what is held out is only unseen where all of them are.
    `curator.kit.finetuning.split` parts them so.
    """

    items: Sequence[str] | Pictures
    targets: NDArray[np.int64]
    classes: int
    kin: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class EncoderSpec:
    """An architecture that turns images or texts into vectors. Of several `modalities`, a search finds the first.

    `resolve(variant, weights)` makes a variant definite; `weights` is a file or folder that the user
    gave, else None. It avoids heavy imports where it can, and raises `NotFound` naming what was tried,
    the file that is wanted and the option that takes it. `load(resolved, device)` does the heavy work.
    `revision` goes up when the same weights give other vectors. `default` offers the encoder as the one
    that a new workspace takes for its modalities. `batch_size` is how many items to encode at once.
    `lacking(variant)` says in a few words what would have to be fetched before it can be loaded ("98 MB to fetch"), and
    '' if nothing; it is quick, and asks no network. Without it, nothing ever is. `tokens(tokenizer, texts)` makes of
    texts what the `TextForm` of a `CompilableText` takes, (n, length) int64, and says which rows lost their end; it
    does so without heavy imports.
    `pretrain(texts, folder, params, start, report)` lets it learn from texts. It leaves in `folder` what `resolve` and
    `load` take as `weights`; hidden files there are what it needs to go on, which it does where it finds them. `params`
    is of the type `pretrain_params`, a frozen dataclass of annotated fields as for an action; `start` is the folder of
    an earlier model to go on from; `report` takes a `Look` now and then. Where it is interrupted it leaves the best
    model so far, and lets the `KeyboardInterrupt` through.
    `fine_tune(start, folder, labelled, depth, device, report)` lets a model learn labels: `start` is what `resolve`
    made of it, `labelled` a `Labelled`, `depth` one of `fine_tune_depths` (names of how much of the network learns, the
    first if nothing is said; '' where there are none), `device` as for `load`. It leaves in `folder` what `resolve` and
    `load` take as `weights`: another model of the same dimension and variant, whose vectors tell the classes apart
    better; or nothing, where none that it tried was better. `report` takes a `Tried` now and then, an interrupt is as
    above. `curator.kit.finetuning.fine_tune` does it for a torch network of pictures.
    `form(resolved)` writes an encoder of pictures down as an ONNX model, made of the resolved files alone: the encoder
    is not loaded for it, and neither is torch. Of "pixels", float32 (n, 3, crop, crop) with n left open, it makes
    "vector", (n, dim), as `encode` does. It may have a second output, "map", (n, dim, h, w), whose mean over h and w is
    the vector: what `FeatureMap` is for an encoder that is loaded. `curator.kit.graph` helps to write it.
    `requires` names packages that `load`, `pretrain` and `fine_tune` import and that may not be installed, as "torch":
    curator says so before it asks for weights or fetches any. Without them an encoder that has a `form` is loaded all
    the same. `maps=False`: what `load` gives is never a `FeatureMap`, so that nothing is loaded to find out.
    `layers(variant)` gives, of a variant's full name, the layers of its network by name in the order in which they run,
    each with the full name of the variant that ends there and has the same weights, the last with that of the variant
    itself. What is loaded of each is a `FeatureMap`.
    `embeds=False`: its vectors are made elsewhere and imported, and `load` is never called. `resolve` is given
    `NAME/DIM`, what people call them and how many numbers each has, and no weights.
    """

    name: str
    modalities: tuple[Modality, ...]
    summary: str
    resolve: Callable[[str | None, Path | None], Resolved]
    load: Callable[[Resolved, str], Encoder]
    revision: int = 1
    default: bool = False
    batch_size: int = 16
    lacking: Callable[[str | None], str] | None = None
    tokens: Callable[[bytes, Sequence[str]], tuple[Any, Sequence[int]]] | None = None
    pretrain: Callable[[Sequence[str], Path, Any, Path | None, Callable[[Look], None]], Any] | None = None
    pretrain_params: type = NoParams
    fine_tune: Callable[[Resolved, Path, Labelled, str, str, Callable[[Tried], None]], Any] | None = None
    fine_tune_depths: tuple[str, ...] = ()
    embeds: bool = True
    form: Callable[[Resolved], bytes] | None = None
    requires: tuple[str, ...] = ()
    maps: bool = True
    layers: Callable[[str], Mapping[str, str]] | None = None
