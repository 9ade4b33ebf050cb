"""ResNet-18 to ResNet-152 with torchvision's ImageNet weights, or a file of one's own; without the classifier.

Architecture: He et al. 2016, "Deep residual learning for image recognition", as torchvision builds it. A vector is
the mean of a feature map over the picture, by default the last: 512 numbers (18, 34) or 2,048 (50, 101, 152).

A variant is a name of torchvision's weights enum (`resnet50:IMAGENET1K_V1`); none means the enum's `DEFAULT`. It
settles the weights and the preprocessing. With `--weights FILE` it settles the preprocessing alone: versions 1 and
2 differ in the size that pictures are resized to before the cut (256 and 232), and no file says which it was
trained for, so `resnet50 --weights FILE` takes the default's and `resnet50:IMAGENET1K_V1 --weights FILE` says
otherwise.

`resnet50:IMAGENET1K_V1/layer2` takes the map of an earlier layer, `resnet50:layer2` that of the default weights: edges
and colours in layer1, textures and parts in layer2 and layer3, with 1/8, 1/4 and 1/2 of the numbers. The network is cut
there. layer4 is the last, so `IMAGENET1K_V1/layer4` means `IMAGENET1K_V1`: one space has one name.

Fine-tuned, it is a folder with the weights of the whole network, of which the layer that is named and those above it
have learnt.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from curator.api import EncoderSpec, Preprocess, Resolved, hookimpl
from curator.errors import NotFound
from curator.kit import downloads
from curator.kit.torch_encoder import TorchEncoder
from curator.kit.weights import fitting_torch

DIMS = {"resnet18": 512, "resnet34": 512, "resnet50": 2048, "resnet101": 2048, "resnet152": 2048}

LAYERS = {"layer1": 8, "layer2": 4, "layer3": 2, "layer4": 1}
"""By what the last layer's dimensions are divided; the stages in front of them are no variants."""

LAST = "layer4"

DEPTHS = (*reversed(LAYERS), "all")
"""What learns: a layer and those above it."""

FILES = {
    "resnet18": {"IMAGENET1K_V1": ("resnet18-f37072fd.pth", 44.661)},
    "resnet34": {"IMAGENET1K_V1": ("resnet34-b627a593.pth", 83.275)},
    "resnet50": {
        "IMAGENET1K_V1": ("resnet50-0676ba61.pth", 97.781),
        "IMAGENET1K_V2": ("resnet50-11ad3fa6.pth", 97.79),
    },
    "resnet101": {
        "IMAGENET1K_V1": ("resnet101-63fe2227.pth", 170.511),
        "IMAGENET1K_V2": ("resnet101-cd907fc2.pth", 170.53),
    },
    "resnet152": {
        "IMAGENET1K_V1": ("resnet152-394f9c45.pth", 230.434),
        "IMAGENET1K_V2": ("resnet152-f82ba261.pth", 230.474),
    },
}
"""torchvision's files and their sizes in MB, the default last: what can be said of them without importing it."""


class ResNet(TorchEncoder):
    """One of the five. `dim` is that of the last layer."""

    depths = DEPTHS
    classifier = ("fc.",)

    def __init__(self, name: str, dim: int) -> None:
        self.name, self.dim = name, dim
        depth = name.removeprefix("resnet")
        self.summary = f"ResNet-{depth}, ImageNet; {dim:,} dimensions, fetched on first use or from a file"

    def describe(self, variant: str | None) -> Resolved:
        """Of the full variant."""
        chosen, layer = _weights_and_layer(self.name, variant)
        full = chosen.name if layer == LAST else f"{chosen.name}/{layer}"
        return Resolved(self.dim // LAYERS[layer], full, _preprocess(chosen))

    def weights(self, variant: str) -> Path:
        """In torch's cache, or downloaded into it."""
        return downloads.from_url(f"{self.name}:{variant}", _weights_and_layer(self.name, variant)[0].url)

    def lacking(self, variant: str | None) -> str:
        """What has to be fetched first, said without torchvision."""
        weights = (variant or "").partition("/")[0]
        file, size = FILES[self.name].get(weights) or list(FILES[self.name].values())[-1]
        return "" if downloads.in_torch_cache(file) else f"{size:.0f} MB to fetch"

    def build(self, variant: str) -> Any:
        """As torchvision does."""
        return _models().get_model(self.name, weights=None)

    def stages(self, network: Any, variant: str) -> Mapping[str, Any]:
        """The stem, and the layers up to that of the variant."""
        stem = [network.conv1, network.bn1, network.relu, network.maxpool]
        last = variant.partition("/")[2] or LAST
        return {"stem": stem, **{layer: getattr(network, layer) for layer in LAYERS if layer <= last}}


def _models() -> Any:
    """`torchvision.models`."""
    with fitting_torch():
        import torchvision.models
    return torchvision.models


def _weights_and_layer(name: str, variant: str | None) -> tuple[Any, str]:
    """The member of torchvision's weights enum, and the layer: `WEIGHTS`, `LAYER`, `WEIGHTS/LAYER` or None."""
    known = _models().get_model_weights(name)
    if variant is None or variant in LAYERS:
        return known.DEFAULT, variant or LAST
    weights, slash, layer = variant.partition("/")
    if weights not in known.__members__:
        raise NotFound.named(f"{name} variant", weights, [*(member.name for member in known), *LAYERS])
    if slash and layer not in LAYERS:
        raise NotFound.named(f"{name} layer", layer, LAYERS)
    return known[weights], layer or LAST


def _preprocess(chosen: Any) -> Preprocess:
    """What the weights' own transforms do, as data."""
    transforms = chosen.transforms()
    (resize,), (crop,) = transforms.resize_size, transforms.crop_size
    return Preprocess(resize, crop, tuple(transforms.mean), tuple(transforms.std), transforms.interpolation.value)


SPECS = tuple(ResNet(name, dim).spec() for name, dim in DIMS.items())


@hookimpl
def register_encoders() -> Iterable[EncoderSpec]:
    """The five depths."""
    return SPECS
