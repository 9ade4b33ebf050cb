"""A torch network of pictures as an encoder that is loaded; `curator.kit.torch_encoder` makes it.

Public, like `curator.api`. Torch is imported with it: it is for modules that are imported by a spec's `load`.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

from curator.api import ImageBatch, TextBatch
from curator.kit.devices import reduce_precision
from curator.kit.onnx import as_onnx

__all__ = ["Called", "MeanOfMap", "TorchNetwork", "in_order", "mean_of"]

_Network = TypeVar("_Network", bound="TorchNetwork")


class TorchNetwork:
    """An encoder by a network that makes vectors, (n, dim), of pixels, (n, 3, side, side).

    `order`: how the pixels lie in memory where the network is quick with that (`torch.channels_last`).
    """

    def __init__(self, network: Any, side: int, order: torch.memory_format = torch.preserve_format) -> None:
        self.network = network
        self.side = side
        self.order = order

    def forward(self, pixels: Any) -> Any:
        """The vectors, as a tensor. A subclass says so where they are not simply what the network gives."""
        return self.network(pixels)

    def encode(self, batch: ImageBatch | TextBatch) -> NDArray[np.float32]:
        """(n, dim) float32."""
        assert isinstance(batch, ImageBatch)
        return self.compute(self.forward, self.pixels(batch))

    def reduced(self: _Network) -> tuple[str, _Network] | None:
        """The encoder in the precision in which the machine is quickest."""
        found = reduce_precision(self.network)
        if found is None:
            return None
        precision, network = found
        other = copy.copy(self)
        other.network = network
        return precision, other

    def onnx(self) -> bytes:
        """The network as an ONNX model, for queries."""
        return as_onnx(Called(self.network, self.forward), self.side)

    def close(self) -> None:
        """Drop the network."""
        self.network = None

    @property
    def device(self) -> Any:
        """Where the network is."""
        return next(self.network.parameters()).device

    def pixels(self, batch: ImageBatch) -> Any:
        """(n, 3, side, side), where the network is, in its dtype and in the order that it is quick with."""
        first = next(self.network.parameters())
        return torch.from_numpy(batch.pixels).to(first.device, first.dtype, memory_format=self.order)

    @staticmethod
    def compute(call: Callable[[Any], Any], given: Any) -> NDArray[np.float32]:
        """What a call makes of a tensor, as float32 on the CPU."""
        with torch.inference_mode():
            return np.asarray(call(given).float().cpu().numpy(), dtype=np.float32)


class MeanOfMap(TorchNetwork):
    """An encoder whose vector is the mean of a map; the network is what `mean_of` gives."""

    def feature_map(self, batch: ImageBatch) -> NDArray[np.float32]:
        """(n, h, w, dim) float32."""
        # All but the pooling and the flattening.
        return self.compute(lambda pixels: self.network[:-2](pixels).float().permute(0, 2, 3, 1), self.pixels(batch))


class Called(torch.nn.Module):
    """A function of a network as a network of its own."""

    def __init__(self, network: Any, call: Callable[[Any], Any]) -> None:
        super().__init__()
        self.network = network
        self.call = call
        self.eval()

    def forward(self, given: Any) -> Any:
        """What the function gives."""
        return self.call(given)


def in_order(parts: Any | Sequence[Any]) -> Any:
    """A module, or several that run one after the other, as one."""
    return torch.nn.Sequential(*parts) if isinstance(parts, (list, tuple)) else parts


def mean_of(stages: Mapping[str, Any]) -> Any:
    """The stages of a network one after the other, and the mean over the map that comes out of the last."""
    return torch.nn.Sequential(*map(in_order, stages.values()), torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(1))
