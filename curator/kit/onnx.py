"""From a torch network to a form that answers a query without torch. Public, like `curator.api`."""

from __future__ import annotations

import tempfile
import warnings
from pathlib import Path
from typing import Any

__all__ = ["as_onnx", "text_as_onnx"]


def as_onnx(network: Any, side: int) -> bytes:
    """A torch network as an ONNX model, for the `onnx` of an encoder.

    `network` takes (1, 3, side, side) float32 and gives (1, dim); it is traced with a picture of zeros, so that what
    hangs on values or on the size of a batch is not in it.
    """
    import torch

    return _export_onnx(network, torch.zeros(1, 3, side, side, device=next(network.parameters()).device), "pixels")


def text_as_onnx(network: Any, tokens: Any) -> bytes:
    """A torch network of texts as an ONNX model, for the `onnx_text` of an encoder.

    `network` takes (1, length) int64 and gives (1, dim); it is traced with `tokens`, those of any text.
    """
    import torch

    device = next(network.parameters()).device
    return _export_onnx(network, torch.as_tensor(tokens, dtype=torch.int64, device=device), "tokens")


def _export_onnx(network: Any, given: Any, name: str) -> bytes:
    import torch

    quick = torch.backends.mha.get_fastpath_enabled()
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings(), torch.inference_mode():
        file = Path(folder) / "model.onnx"
        # The exporter that follows the program took five times as long, and writes the weights beside the model.
        warnings.simplefilter("ignore")
        torch.backends.mha.set_fastpath_enabled(False)  # its fused attention has no name in ONNX
        try:
            torch.onnx.export(network, (given,), file, input_names=[name], output_names=["vector"], dynamo=False)
        finally:
            torch.backends.mha.set_fastpath_enabled(quick)
        return file.read_bytes()
