"""Reduced precision: where an encoder is quicker with shorter numbers and finds the same, they fill the space.

An encoder as it is loaded is the reference. Its quicker form serves a medium only after it made of the first batch
what the reference made of it; which of the two made a vector is kept with the vector.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from curator.api import Encoder, ImageBatch, ReducedPrecision, TextBatch
from curator.embedding.coverage import FULL
from curator.errors import PluginError, Shortage

if TYPE_CHECKING:
    Floats = NDArray[np.float32]


APART = 0.1
"""So far the vectors of a batch may be from the reference's, relative to how far those are from their mean.

bfloat16 was at 0.03 to 0.04 with EfficientNet-Lite0, ResNet-50 and CLIP's ViT-B-32.
"""

CHECKED = 8
"""So many items a batch needs at least to be a check."""


class Reduced:
    """An encoder and its quicker form, chosen between for each medium."""

    def __init__(
        self,
        encoder: Encoder,
        run: Callable[[Encoder, ImageBatch | TextBatch], Floats],
        form: Callable[[ReducedPrecision], tuple[str, Encoder] | None],
        say: Callable[[str], None],
    ) -> None:
        """`run` encodes and raises `PluginError`; so does `form`, which asks an encoder for its quicker form."""
        self.encoder = encoder
        self.run = run
        self.say = say
        self._ask = form
        self._form: tuple[str, Encoder] | None = None
        self._asked = not isinstance(encoder, ReducedPrecision)
        self._serves: dict[type, bool] = {}

    def encode(self, batch: ImageBatch | TextBatch, check: bool) -> tuple[Floats, str]:
        """Vectors, (n, dim), and the precision that they were computed in. `check`: the batch may decide about that."""
        medium = type(batch)
        if self._serves.get(medium) and self._form is not None:
            precision, quick = self._form
            try:
                return self.run(quick, batch), precision
            except (PluginError, Shortage):  # as by an overflow; the reference has the last word
                self._serves[medium] = False
        vectors = self.run(self.encoder, batch)
        if check and medium not in self._serves and len(vectors) >= CHECKED:
            self._serves[medium] = self._agrees(batch, vectors)
        return vectors, FULL

    def close(self) -> None:
        """Free the quicker form."""
        if self._form is not None:
            self._form[1].close()
            self._form = None

    def _agrees(self, batch: ImageBatch | TextBatch, vectors: Floats) -> bool:
        try:
            if not self._asked:
                encoder: Any = self.encoder
                self._asked, self._form = True, self._ask(encoder)
            if self._form is None:
                return False
            precision, quick = self._form
            apart = distance(self.run(quick, batch), vectors)
        except (PluginError, Shortage) as error:
            self.say(f"note: embedding goes on in {FULL}: {error}")
            return False
        if not apart <= APART:
            self.say(f"note: embedding goes on in {FULL}: {precision} differs by {apart:.0%} of the vectors' spread")
        return apart <= APART


def distance(vectors: Floats, reference: Floats) -> float:
    """How far vectors, (n, dim), are from others of the same items, relative to how far those are from their mean.

    What all vectors have in common tells nothing apart, and would make any two encoders seem to agree.
    """
    wide = reference.astype(np.float64)
    spread = float(np.linalg.norm(wide - wide.mean(axis=0)))
    return float(np.linalg.norm(vectors - wide)) / max(spread, 1e-12)
