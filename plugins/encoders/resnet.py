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

It embeds as an ONNX model, which is written here from the weights alone; torch and torchvision are for fine-tuning, and
for who asks for them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from curator.api import EncoderSpec, Preprocess, Resolved, hookimpl
from curator.errors import BadInput, NotFound
from curator.kit import downloads
from curator.kit.graph import Convolution, Graph
from curator.kit.torch_encoder import TorchEncoder
from curator.kit.weights import differences, fitting_torch, named_as, read_arrays

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

SERVER = "https://download.pytorch.org/models"

RESIZE = {"IMAGENET1K_V1": 256, "IMAGENET1K_V2": 232}
"""What the shorter side of a picture is resized to for those weights."""

BLOCKS = {
    **{"resnet18": (2, 2, 2, 2), "resnet34": (3, 4, 6, 3), "resnet50": (3, 4, 6, 3)},
    **{"resnet101": (3, 4, 23, 3), "resnet152": (3, 8, 36, 3)},
}
"""How many each layer has."""

EPSILON = 1e-5


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
        weights, layer = _weights_and_layer(self.name, variant)
        mean, deviation = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
        full = self.layers(f"{weights}/{layer}")[layer]
        return Resolved(self.dim // LAYERS[layer], full, Preprocess(RESIZE[weights], 224, mean, deviation))

    def layers(self, variant: str) -> Mapping[str, str]:
        """The layers up to that of the variant."""
        weights, last = _weights_and_layer(self.name, variant)
        return {layer: weights if layer == LAST else f"{weights}/{layer}" for layer in LAYERS if layer <= last}

    def weights(self, variant: str) -> Path:
        """In torch's cache, or downloaded into it."""
        file, _ = FILES[self.name][_weights_and_layer(self.name, variant)[0]]
        return downloads.from_url(f"{self.name}:{variant}", f"{SERVER}/{file}")

    def lacking(self, variant: str | None) -> str:
        """What has to be fetched first, said without torchvision."""
        weights = (variant or "").partition("/")[0]
        file, size = FILES[self.name].get(weights) or list(FILES[self.name].values())[-1]
        return "" if downloads.in_torch_cache(file) else f"{size:.0f} MB to fetch"

    def build(self, variant: str) -> Any:
        """As torchvision does."""
        with fitting_torch():
            import torchvision.models
        return torchvision.models.get_model(self.name, weights=None)

    def form(self, resolved: Resolved) -> bytes:
        """Written block by block, as torchvision's network runs, up to the layer of the variant."""
        assert resolved.preprocess is not None
        graph = Graph(resolved.preprocess.crop, self._read(resolved.files[0]), EPSILON)
        seen = graph.max_pool(graph.relu(graph.convolution(graph.pixels, STEM)), 3, 2, 1)
        for block in blocks(self.name):
            if block.layer > (resolved.variant.partition("/")[2] or LAST):
                break
            begin = graph.convolution(seen, block.shortcut) if block.shortcut else seen
            for layer in block.layers[:-1]:
                seen = graph.relu(graph.convolution(seen, layer))
            seen = graph.relu(graph.add(graph.convolution(seen, block.layers[-1]), begin))
        return graph.mean_of(seen)

    def _read(self, path: Path) -> Mapping[str, Any]:
        """The tensors of a file; raises `BadInput` where they are not its own, also those that a variant leaves out."""
        wanted = STEM.tensors()
        for block in blocks(self.name):
            for layer in (*block.layers, *([block.shortcut] if block.shortcut else [])):
                wanted |= layer.tensors()
        given = self._own(named_as(wanted, read_arrays(path), path))
        different = differences(wanted, given)
        if different:
            raise BadInput(f"{str(path)!r} does not hold the weights of a {self.name}: {different}")
        return given

    def stages(self, network: Any, variant: str) -> Mapping[str, Any]:
        """The stem, and the layers up to that of the variant."""
        stem = [network.conv1, network.bn1, network.relu, network.maxpool]
        last = variant.partition("/")[2] or LAST
        return {"stem": stem, **{layer: getattr(network, layer) for layer in LAYERS if layer <= last}}


@dataclass(frozen=True, slots=True)
class Block:
    """Convolutions one after the other, and what brings their input to the shape of their output, to be added to it."""

    layer: str
    layers: tuple[Convolution, ...]
    shortcut: Convolution | None


STEM = Convolution("conv1", "bn1", 3, 64, 7, 2)


def blocks(name: str) -> Iterator[Block]:
    """Those of a network, in the order in which they run, by torchvision's names."""
    inputs, deep = STEM.outputs, DIMS[name] == 2048
    for number, (layer, count) in enumerate(zip(LAYERS, BLOCKS[name], strict=True)):
        width, outputs = 64 << number, DIMS[name] // LAYERS[layer]
        for index in range(count):
            at, stride = f"{layer}.{index}", 2 if number and not index else 1
            sides = [(inputs, width, 1, 1), (width, width, 3, stride), (width, outputs, 1, 1)]
            sides = sides if deep else [(inputs, width, 3, stride), (width, outputs, 3, 1)]
            layers = tuple(
                Convolution(f"{at}.conv{place}", f"{at}.bn{place}", *side) for place, side in enumerate(sides, 1)
            )
            down = Convolution(f"{at}.downsample.0", f"{at}.downsample.1", inputs, outputs, 1, stride)
            yield Block(layer, layers, down if stride > 1 or inputs != outputs else None)
            inputs = outputs


def _weights_and_layer(name: str, variant: str | None) -> tuple[str, str]:
    """The name of torchvision's weights, and the layer: `WEIGHTS`, `LAYER`, `WEIGHTS/LAYER` or None."""
    known = list(FILES[name])
    if variant is None or variant in LAYERS:
        return known[-1], variant or LAST
    weights, slash, layer = variant.partition("/")
    weights = known[-1] if weights == "DEFAULT" else weights
    if weights not in known:
        raise NotFound.named(f"{name} variant", weights, [*known, *LAYERS])
    if slash and layer not in LAYERS:
        raise NotFound.named(f"{name} layer", layer, LAYERS)
    return weights, layer or LAST


SPECS = tuple(ResNet(name, dim).spec() for name, dim in DIMS.items())


@hookimpl
def register_encoders() -> Iterable[EncoderSpec]:
    """The five depths."""
    return SPECS
