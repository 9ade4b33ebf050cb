"""An encoder by an ONNX model that a runtime has loaded: what embeds without the encoder's own libraries.

Public, like `curator.api`. Nothing heavy is imported with it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from curator.api import ImageBatch, TextBatch
from curator.runtimes.runtime import MAP, Unrunnable

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from curator.runtimes.runtime import Floats, Network

__all__ = ["MappedOnnxEncoder", "OnnxEncoder", "Unrunnable", "onnx_encoder", "run_by"]

Tokenize: TypeAlias = "Callable[[Sequence[str]], tuple[NDArray[np.int64], Sequence[int]]]"
"""Texts become tokens, (n, length), and the rows whose end is lost."""


class OnnxEncoder:
    """An encoder of one medium, as `curator.api.Encoder`."""

    def __init__(self, network: Network, tokenize: Tokenize | None = None) -> None:
        """`tokenize`: of a model of texts."""
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


class MappedOnnxEncoder(OnnxEncoder):
    """One whose model also gives the map that the vector is the mean of, as `curator.api.FeatureMap`."""

    def feature_map(self, batch: ImageBatch) -> Floats:
        """(n, h, w, dim) float32."""
        return self.network.run(batch.pixels, MAP).transpose(0, 2, 3, 1)


def run_by(network: Network, tokenize: Tokenize | None = None) -> OnnxEncoder:
    """The encoder of a model that is loaded."""
    kind = MappedOnnxEncoder if MAP in network.outputs and tokenize is None else OnnxEncoder
    return kind(network, tokenize)


def onnx_encoder(form: bytes) -> OnnxEncoder:
    """The encoder of pictures of a model with the inputs and outputs that `EncoderSpec.form` names.

    Raises `Unrunnable` where ONNX Runtime cannot run it.
    """
    from curator.runtimes.known import REFERENCE

    return run_by(REFERENCE.load(form))
