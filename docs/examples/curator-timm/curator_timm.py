"""An encoder for curator: MobileNetV4 (Qin et al. 2024), as timm builds it, with ImageNet weights from the hub."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from curator.api import EncoderSpec, Preprocess, hookimpl
from curator.kit.downloads import from_hub, in_hub_cache
from curator.kit.torch_encoder import TorchEncoder

HUB = ("timm/mobilenetv4_conv_small.e2400_r224_in1k", ("model.safetensors",))


class MobileNet(TorchEncoder):
    """The mean of the last feature map."""

    name, dim = "mobilenetv4", 960
    summary = "MobileNetV4 small, ImageNet; 960 dimensions, fetched on first use or from a file"
    preprocess = Preprocess(256, 224, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225), "bicubic")
    classifier = ("conv_head.", "norm_head.", "classifier.")
    depths = ("blocks4", "blocks3", "all")

    def build(self, variant: str) -> Any:
        """Here timm is imported, and not at the top of the module, which each command of curator imports."""
        import timm

        return timm.create_model("mobilenetv4_conv_small")

    def stages(self, network: Any, variant: str) -> Mapping[str, Any]:
        """What runs, in order; the vector is the mean of what comes out of the last."""
        blocks = {f"blocks{number}": block for number, block in enumerate(network.blocks)}
        return {"stem": [network.conv_stem, network.bn1], **blocks}

    def weights(self, variant: str) -> Path:
        """Where they are if nobody gives a file."""
        return from_hub(self.name, *HUB)

    def lacking(self, variant: str | None) -> str:
        """What `curator encoders` says of it."""
        return "" if in_hub_cache(*HUB) else "15 MB to fetch"


SPEC = MobileNet().spec()


@hookimpl
def register_encoders() -> Iterable[EncoderSpec]:
    """What this plugin offers."""
    return [SPEC]
