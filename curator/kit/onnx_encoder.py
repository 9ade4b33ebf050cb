"""An encoder of pictures by an ONNX model, run by ONNX Runtime: what a spec's `form` writes, where torch is not there.

Public, like `curator.api`. Nothing heavy is imported with it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from curator.api import ImageBatch, TextBatch

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["MappedOnnxEncoder", "OnnxEncoder", "onnx_encoder"]


class OnnxEncoder:
    """The vectors of a model, on the CPU."""

    def __init__(self, session: Any) -> None:
        self.session = session

    def encode(self, batch: ImageBatch | TextBatch) -> NDArray[np.float32]:
        """(n, dim) float32."""
        assert isinstance(batch, ImageBatch)
        return self._run("vector", batch)

    def close(self) -> None:
        """Drop the model."""
        self.session = None

    def _run(self, output: str, batch: ImageBatch) -> NDArray[np.float32]:
        values: NDArray[np.float32] = self.session.run([output], {"pixels": batch.pixels})[0]
        return values


class MappedOnnxEncoder(OnnxEncoder):
    """One that also gives the map of which a vector is the mean."""

    def feature_map(self, batch: ImageBatch) -> NDArray[np.float32]:
        """(n, h, w, dim) float32."""
        return self._run("map", batch).transpose(0, 2, 3, 1)


def onnx_encoder(form: bytes) -> OnnxEncoder:
    """The encoder of a model with the inputs and outputs that `EncoderSpec.form` names."""
    import onnxruntime

    session = onnxruntime.InferenceSession(form, providers=["CPUExecutionProvider"])
    mapped = any(output.name == "map" for output in session.get_outputs())
    return (MappedOnnxEncoder if mapped else OnnxEncoder)(session)
