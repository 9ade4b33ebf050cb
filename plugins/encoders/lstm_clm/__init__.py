"""A language model of one's own texts: an LSTM that predicts the next piece, whose states then embed a text.

It learns from the texts of the catalogue and needs no labels, no download and no GPU: pieces of byte-level BPE ->
embedding -> LSTM -> softmax over the pieces, trained to predict what comes next (Dai & Le 2015, "Semi-supervised
sequence learning"). A variant names the pooling of the states: `lstm-clm:mean`, `lstm-clm:last`; see `pooling`.

The other modules of the package are imported when the encoder is used.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from curator.api import EncoderSpec, ImageBatch, Labelled, Look, Option, Resolved, TextBatch, Tried, hookimpl
from curator.errors import NotFound, NotReady

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


POOLINGS = ("last", "mean", "max", "concat")
DEFAULT = "concat"


class LstmClm:
    """A loaded model."""

    def __init__(self, weights: dict[str, Any], vocabulary: Any, pooling: str) -> None:
        self.weights, self.vocabulary, self.pooling = weights, vocabulary, pooling

    def encode(self, batch: ImageBatch | TextBatch) -> NDArray[np.float32]:
        """(n, dim) float32; an empty text has the vector of the state from which every text begins."""
        from . import pooling

        assert isinstance(batch, TextBatch)
        return pooling.vectors(self.weights, self.vocabulary.encode(batch.texts), self.pooling)

    def next_tokens(self, text: str, k: int) -> list[tuple[str, float]]:
        """The `k` most probable next pieces of whole characters; an empty one means that the text ends."""
        from . import predicting

        return predicting.next_tokens(self.weights, self.vocabulary, text, k)

    def carry_on(self, text: str, length: int, temperature: float, seed: int) -> list[tuple[str, float]]:
        """`length` more pieces of whole characters; fewer where the model ends the text."""
        from . import predicting

        return list(predicting.carry_on(self.weights, self.vocabulary, text, length, temperature, seed).pieces)

    def close(self) -> None:
        """Drop the weights."""
        self.weights = {}


def resolve(variant: str | None, weights: Path | None) -> Resolved:
    """Settle the pooling; `weights` is the folder of a model. Reads its config alone."""
    pooling = variant or DEFAULT
    if pooling not in POOLINGS:
        raise NotFound.named("lstm-clm pooling", pooling, POOLINGS)
    if weights is None:
        raise NotReady(
            "lstm-clm was not pretrained here yet: `curator pretrain lstm-clm` learns from the texts of the catalogue"
        )
    from .config import FILES, MODEL, TOKENIZER, read_config

    shape = read_config(weights)["shape"]
    for name in FILES:
        if not (weights / name).is_file():
            raise NotFound(f"{str(weights)!r} holds no model of lstm-clm: {name} is not there")
    dim = 2 * shape["width"] + 3 * shape["embedding"] if pooling == "concat" else shape["width"]
    # The config tells of the pretraining, too: two that led to the same weights are one model.
    files = (weights / MODEL, weights / TOKENIZER)
    return Resolved(dim, pooling, files=files, config={"pooling": pooling})


def load(resolved: Resolved, device: str) -> LstmClm:
    """Read weights and vocabulary; raises `BadInput` where they do not fit each other."""
    from . import folder

    _, weights, vocabulary, _ = folder.read(resolved.files[0].parent)
    return LstmClm({name: value.to(device) for name, value in weights.items()}, vocabulary, resolved.variant)


@dataclass(frozen=True, slots=True)
class Params:
    """How the model is built, and how long it learns."""

    layers: Annotated[int, Option(min=1, max=3, help="Layers of the LSTM.")] = 1
    width: Annotated[int, Option(min=1, max=16_384, help="Units of a layer.")] = 512
    embedding: Annotated[int, Option(min=1, max=16_384, help="Dimensions of the embedded pieces.")] = 256
    vocabulary: Annotated[
        int | None, Option(min=1, help="How many pieces. Without it, it follows the size of the corpus.")
    ] = None
    epochs: Annotated[int, Option(min=1, help="At most so often through all texts.")] = 12
    minutes: Annotated[float | None, Option(min=0, help="About how long it may take.")] = None
    seed: Annotated[int, Option(min=0, help="Another seed, another model.")] = 0


def pretrain(
    texts: Sequence[str], folder: Path, params: Params, start: Path | None, report: Callable[[Look], None]
) -> None:
    """Learn from texts, and leave the model in a folder; see `pretraining`."""
    from . import pretraining

    def look(progress: pretraining.Progress) -> None:
        report(Look(progress.step / progress.steps, progress.bits_per_character, progress.best))

    pretraining.pretrain(texts, folder, pretraining.Options(**asdict(params)), start, look)


def fine_tune(
    start: Resolved, folder: Path, labelled: Labelled, depth: str, device: str, report: Callable[[Tried], None]
) -> None:
    """Learn labels, and leave another model in a folder; see `finetuning`. It computes on the CPU."""
    from . import finetuning

    def report_trial(epoch: finetuning.Tried) -> None:
        report(Tried(epoch.epoch / epoch.epochs, epoch.accuracy, epoch.best))

    texts = [str(labelled.items[index]) for index in range(len(labelled.items))]
    source = start.files[0].parent
    targets, kin = labelled.targets.tolist(), labelled.kin.tolist()
    finetuning.finetune(source, folder, texts, targets, labelled.classes, report=report_trial, kin=kin)


def lacking(variant: str | None) -> str:
    """It is made here, before which there is nothing to load."""
    return "curator pretrain lstm-clm"


@hookimpl
def register_encoders() -> Iterable[EncoderSpec]:
    """The encoder; it has a vector only once there is a model."""
    summary = "an LSTM language model of your own texts, pretrained here; no labels, no download"
    return [
        EncoderSpec(
            "lstm-clm",
            ("text",),
            summary,
            resolve,
            load,
            batch_size=512,
            lacking=lacking,
            pretrain=pretrain,
            pretrain_params=Params,
            fine_tune=fine_tune,
            requires=("torch",),
        )
    ]
