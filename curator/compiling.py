"""From a torch network to a form that answers a query without torch. Public, like `curator.api`."""

from __future__ import annotations

import tempfile
import warnings
from pathlib import Path
from typing import Any

__all__ = ["as_onnx"]


def as_onnx(network: Any, side: int) -> bytes:
    """A torch network as an ONNX model, for the `onnx` of an encoder.

    `network` takes (1, 3, side, side) float32 and gives (1, dim); it is traced with a picture of zeros, so that what
    hangs on values or on the size of a batch is not in it.
    """
    import torch

    device = next(network.parameters()).device
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings(), torch.inference_mode():
        file = Path(folder) / "model.onnx"
        # The exporter that follows the program took five times as long, and writes the weights beside the model.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            network,
            (torch.zeros(1, 3, side, side, device=device),),
            file,
            input_names=["pixels"],
            output_names=["vector"],
            dynamo=False,
        )
        return file.read_bytes()
