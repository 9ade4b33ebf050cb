"""What texts are about, from which of their words and characters occur together: latent semantic analysis.

Deerwester et al. 1990, "Indexing by latent semantic analysis". Pieces of each text are counted and weighted by how few
texts hold them (TF-IDF); a truncated singular value decomposition of texts by pieces finds the directions in which the
texts of the catalogue differ most, and a text is where it lies on these. It needs no labels, no download and no torch,
and learns in seconds. What it learnt is frozen: texts that are added later are embedded by it, and nothing again.

The other modules of the package are imported when the encoder is used.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from curator.api import EncoderSpec, ImageBatch, Look, Option, Resolved, TextBatch, hookimpl
from curator.errors import BadInput, NotReady

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MEASURE = "of the weight of words and characters lost"


class Lsa:
    """A loaded model."""

    def __init__(self, model: Any) -> None:
        self.model = model

    def encode(self, batch: ImageBatch | TextBatch) -> NDArray[np.float32]:
        """(n, dim) float32; a text of which nothing is known is a row of zeros."""
        assert isinstance(batch, TextBatch)
        found: NDArray[np.float32] = self.model.vectors(batch.texts)
        return found

    def close(self) -> None:
        """Drop what was learnt."""
        self.model = None


def resolve(variant: str | None, weights: Path | None) -> Resolved:
    """`weights` is the folder of a model. Reads its config alone."""
    if variant:
        raise BadInput("lsa has no variants")
    if weights is None:
        raise NotReady("lsa learnt nothing here yet: `curator pretrain lsa` learns from the texts of the catalogue")
    from .folder import MODEL, read_dim

    return Resolved(read_dim(weights), files=(weights / MODEL,))


def load(resolved: Resolved, device: str) -> Lsa:
    """Read what was learnt; raises `BadInput` where it does not fit its description. It computes on the CPU."""
    from .folder import read

    return Lsa(read(resolved.files[0].parent))


@dataclass(frozen=True, slots=True)
class Params:
    """How much is kept."""

    dimensions: Annotated[int, Option(min=1, max=4096, help="Directions that are kept, at most.")] = 768


def pretrain(
    texts: Sequence[str], folder: Path, params: Params, start: Path | None, report: Callable[[Look], None]
) -> None:
    """Learn from texts, and leave the model in a folder; see `learning`."""
    if start is not None:
        raise BadInput("lsa learns anew each time, and continues from no earlier version")
    from .folder import write
    from .learning import learn

    model, lost = learn(texts, params.dimensions)
    write(folder, model, lost)
    report(Look(1.0, lost, True, MEASURE))


def lacking(variant: str | None) -> str:
    """It is made here, before which there is nothing to load."""
    return "curator pretrain lsa"


@hookimpl
def register_encoders() -> Iterable[EncoderSpec]:
    """The encoder; it has a vector only once there is a model."""
    summary = "words and characters of your own texts that occur together (LSA), learnt here; no labels, no download"
    return [
        EncoderSpec(
            "lsa",
            ("text",),
            summary,
            resolve,
            load,
            batch_size=512,
            lacking=lacking,
            pretrain=pretrain,
            pretrain_params=Params,
        )
    ]
