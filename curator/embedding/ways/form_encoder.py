"""A form in a runtime as an encoder: what embeds without the encoder's own libraries."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from curator.api import ImageBatch, TextBatch
from curator.embedding.ways.agreement import Floats
from curator.runtimes.runtime import MAP, Network

Tokenize = Callable[[Sequence[str]], tuple[NDArray[np.int64], Sequence[int]]]
"""Texts become tokens, (n, length), and the rows whose end is lost."""


class FormEncoder:
    """An encoder of one medium, as `curator.api.Encoder`."""

    def __init__(self, network: Network, tokenize: Tokenize | None = None) -> None:
        """`tokenize`: of a form of texts."""
        self.network = network
        self.tokenize = tokenize
        self._last: tuple[TextBatch | None, Any] = (None, None)

    def encode(self, batch: ImageBatch | TextBatch) -> Floats:
        """(n, dim) float32."""
        if isinstance(batch, ImageBatch):
            return self.network.run(batch.pixels)
        return self.network.run(self._tokens(batch)[0])

    def truncated(self, batch: TextBatch) -> Sequence[int]:
        """The rows of those texts whose end is not read."""
        return self._tokens(batch)[1]

    def close(self) -> None:
        """Free the network."""
        self.network.close()

    def _tokens(self, batch: TextBatch) -> tuple[NDArray[np.int64], Sequence[int]]:
        assert self.tokenize is not None
        if self._last[0] is not batch:
            self._last = batch, self.tokenize(batch.texts)
        found: tuple[NDArray[np.int64], Sequence[int]] = self._last[1]
        return found


class MappedFormEncoder(FormEncoder):
    """One whose form also gives the map that the vector is the mean of, as `curator.api.FeatureMap`."""

    def feature_map(self, batch: ImageBatch) -> Floats:
        """(n, h, w, dim) float32."""
        return np.ascontiguousarray(self.network.run(batch.pixels, MAP).transpose(0, 2, 3, 1))


def form_encoder(network: Network, tokenize: Tokenize | None = None) -> FormEncoder:
    """The encoder of a form that is loaded."""
    kind = MappedFormEncoder if MAP in network.outputs and tokenize is None else FormEncoder
    return kind(network, tokenize)
