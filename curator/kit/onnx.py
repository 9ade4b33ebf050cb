"""From a torch network to a form that runs without torch. Public, like `curator.api`."""

from __future__ import annotations

import tempfile
import warnings
from pathlib import Path
from typing import Any

__all__ = ["as_onnx", "text_as_onnx"]


def as_onnx(network: Any, side: int) -> bytes:
    """A torch network as an ONNX model, for the `onnx` of an encoder.

    `network` takes (n, 3, side, side) float32 and gives (n, dim); it is traced with pictures of zeros, so that what
    hangs on values is not in it. Any number of pictures goes into the model, where the network does not count them.
    """
    import torch

    return _export_onnx(network, torch.zeros(2, 3, side, side, device=next(network.parameters()).device), "pixels")


def text_as_onnx(network: Any, tokens: Any) -> bytes:
    """A torch network of texts as an ONNX model, for the `onnx_text` of an encoder.

    `network` takes (n, length) int64 and gives (n, dim); it is traced with `tokens`, those of any text.
    """
    import torch

    device = next(network.parameters()).device
    given = torch.as_tensor(tokens, dtype=torch.int64, device=device)[:1].repeat(2, 1)
    return _export_onnx(network, given, "tokens")


def _export_onnx(network: Any, given: Any, name: str) -> bytes:
    import torch

    quick = torch.backends.mha.get_fastpath_enabled()
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings(), torch.inference_mode():
        file = Path(folder) / "model.onnx"
        # The exporter that follows the program took five times as long, and writes the weights beside the model.
        warnings.simplefilter("ignore")
        torch.backends.mha.set_fastpath_enabled(False)  # its fused attention has no name in ONNX
        try:
            torch.onnx.export(
                network,
                (given,),
                file,
                input_names=[name],
                output_names=["vector"],
                dynamic_axes={name: {0: "n"}, "vector": {0: "n"}},
                dynamo=False,
            )
        finally:
            torch.backends.mha.set_fastpath_enabled(quick)
        return file.read_bytes()
