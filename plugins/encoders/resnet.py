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

import functools
import os
import re
import socket
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from curator.api import EncoderSpec, ImageBatch, Labelled, Preprocess, Resolved, TextBatch, Tried, hookimpl
from curator.errors import BadInput, NotFound
from curator.kit.devices import reduced
from curator.kit.onnx import as_onnx
from curator.kit.weights import differences, fitting_torch, gist, learnt, read_tensors, unreachable, write_learnt

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

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

STALL = 30.0  # seconds without a byte, after which a download that had begun is given up


class ResNet:
    """The network up to the layer whose map is wanted, then the mean over that."""

    def __init__(self, network: Any, side: int) -> None:
        self.network = network
        self.side = side

    def encode(self, batch: ImageBatch | TextBatch) -> NDArray[np.float32]:
        """(n, dim) float32, not negative."""
        import numpy as np
        import torch

        assert isinstance(batch, ImageBatch)
        with torch.inference_mode():
            return np.asarray(self.network(self._pixels(batch)).float().cpu().numpy(), dtype=np.float32)

    def feature_map(self, batch: ImageBatch) -> NDArray[np.float32]:
        """(n, h, w, dim) float32, not negative. Of 224 pixels h and w are 56, 28, 14 and 7 in layer1 to layer4."""
        import numpy as np
        import torch

        # All but the pooling and the flattening.
        with torch.inference_mode():
            found = self.network[:-2](self._pixels(batch)).float()
            return np.asarray(found.permute(0, 2, 3, 1).cpu().numpy(), dtype=np.float32)

    def reduced(self) -> tuple[str, ResNet] | None:
        """The network in the precision in which the machine is quickest."""
        found = reduced(self.network)
        return found and (found[0], ResNet(found[1], self.side))

    def onnx(self) -> bytes:
        """The network as an ONNX model, for queries."""
        return as_onnx(self.network, self.side)

    def _pixels(self, batch: ImageBatch) -> Any:
        """(n, 3, h, w), where the network is, in its dtype and in the order that it is quick with."""
        import torch

        first = next(self.network.parameters())
        return torch.from_numpy(batch.pixels).to(first.device, first.dtype, memory_format=torch.channels_last)

    def close(self) -> None:
        """Drop the network."""
        self.network = None


# --- which weights, and where they are ---


def resolve(name: str, variant: str | None, weights: Path | None) -> Resolved:
    """Settle the variant, and find its weights: the given file or folder, torch's cache, or a download into it."""
    if weights is not None and weights.is_dir():
        weights, own = learnt(weights, name)
        variant = variant or own
    chosen, layer = _chosen(name, variant)
    full = chosen.name if layer == LAST else f"{chosen.name}/{layer}"
    if weights is not None and not weights.is_file():
        raise (BadInput if weights.exists() else NotFound)(
            f"{name} takes its weights from a file, which {str(weights)!r} is not"
        )
    path = weights or _fetched(f"{name}:{full}", chosen.url)
    return Resolved(DIMS[name] // LAYERS[layer], full, _preprocess(chosen), (path,))


def _models() -> Any:
    """`torchvision.models`."""
    with fitting_torch():
        import torchvision.models
    return torchvision.models


def _chosen(name: str, variant: str | None) -> tuple[Any, str]:
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


def _fetched(model: str, url: str) -> Path:
    """The weights in torch's cache, downloaded if need be; raises `NotFound` saying what else can be done."""
    import torch

    path = Path(torch.hub.get_dir(), "checkpoints", url.rpartition("/")[2])
    if path.is_file():
        return path
    problem = unreachable(url) or _downloaded(url, path)
    if problem:
        raise NotFound(
            f"no weights for {model}: {str(path)!r} does not exist, and {url} cannot be fetched ({problem}); "
            f"fetch {path.name} from there on a computer that is online and give it with --weights FILE"
        )
    return path


def _downloaded(url: str, path: Path) -> str:
    """Download to `path`, with progress on stderr; what arrives whole and with the right hash is put there.

    Returns why that failed, or an empty string.
    """
    import http.client

    import torch

    # torchvision's file names end in the first digits of the content's SHA-256.
    digits = re.search(r"-([0-9a-f]{8,})\.\w+$", url)
    before = socket.getdefaulttimeout()
    # torch.hub offers no timeout of its own.
    socket.setdefaulttimeout(STALL)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        torch.hub.download_url_to_file(url, str(path), digits[1] if digits else None, progress=True)
    except (OSError, RuntimeError, ValueError, http.client.HTTPException) as error:
        return gist(error)
    finally:
        socket.setdefaulttimeout(before)
    return ""


def lacking(name: str, variant: str | None) -> str:
    """What has to be fetched first. Torch's cache is looked into without torch, whose import takes seconds."""
    weights = (variant or "").partition("/")[0]
    file, size = FILES[name].get(weights) or list(FILES[name].values())[-1]
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.join("~", ".cache")
    home = Path(os.environ.get("TORCH_HOME") or os.path.join(cache, "torch")).expanduser()
    return "" if (home / "hub" / "checkpoints" / file).is_file() else f"{size:.0f} MB to fetch"


# --- loading ---


def load(name: str, resolved: Resolved, device: str) -> ResNet:
    """Build the network and give it the weights; raises `BadInput` for a file that does not hold them."""
    import torch

    cut = _cut(_network(name, resolved.files[0]), _layer(resolved.variant))
    assert resolved.preprocess is not None
    return ResNet(cut.eval().to(device, memory_format=torch.channels_last), resolved.preprocess.crop)


def _layer(variant: str) -> str:
    """Whose map a full variant means."""
    return variant.partition("/")[2] or LAST


def _network(name: str, path: Path) -> Any:
    """The whole network with the weights of a file, without the classifier."""
    import torch

    # A classifier, of however many classes, is no part of the encoder. Later layers are compared even where they are
    # cut off: a ResNet-101 is a ResNet-50 but for layer3, and must not pass for one.
    given = {key: value for key, value in read_tensors(path).items() if not key.startswith("fc.")}
    network = _models().get_model(name, weights=None)
    network.fc = torch.nn.Identity()
    different = differences(network.state_dict(), given)
    if different:
        raise BadInput(f"{str(path)!r} does not hold the weights of a {name}: {different}")
    network.load_state_dict(given, strict=False)
    return network


def _cut(network: Any, layer: str) -> Any:
    """The network up to and with a layer, pooled; what comes later is neither kept nor computed."""
    import torch

    # torchvision registers the stages in the order in which it runs them.
    names, stages = zip(*network.named_children(), strict=True)
    return torch.nn.Sequential(*stages[: names.index(layer) + 1], network.avgpool, torch.nn.Flatten(1))


# --- fine-tuning ---


def fine_tune(
    name: str,
    start: Resolved,
    folder: Path,
    labelled: Labelled,
    depth: str,
    device: str,
    report: Callable[[Tried], None],
) -> None:
    """Let a layer and those above it learn labels; see `curator.kit.finetuning`."""
    import torch

    from curator.kit import finetuning

    layer = _layer(start.variant)
    kept = [number for number in LAYERS if number <= layer]
    if depth != "all" and depth not in kept:
        below = ", ".join(reversed(kept))
        raise BadInput(f"{name}:{start.variant} ends with {layer}, so that {depth} cannot learn: take {below} or all")
    network = _network(name, start.files[0])
    first = 0 if depth == "all" else 1 + kept.index(depth)
    stem = torch.nn.Sequential(network.conv1, network.bn1, network.relu, network.maxpool)
    pooled = torch.nn.Sequential(network.avgpool, torch.nn.Flatten(1))
    stages = [stem, *(getattr(network, number) for number in kept), pooled]

    def save() -> None:
        write_learnt(folder, name, start.variant, network.state_dict())

    assert start.preprocess is not None
    finetuning.fine_tune(stages, first, labelled, start.preprocess, device, save, report)


SPECS = tuple(
    EncoderSpec(
        name,
        ("image",),
        f"ResNet-{name.removeprefix('resnet')}, ImageNet; {dim:,} dimensions, fetched on first use or from a file",
        functools.partial(resolve, name),
        functools.partial(load, name),
        lacking=functools.partial(lacking, name),
        fine_tune=functools.partial(fine_tune, name),
        fine_tune_depths=DEPTHS,
    )
    for name, dim in DIMS.items()
)


@hookimpl
def register_encoders() -> Iterable[EncoderSpec]:
    """The five depths."""
    return SPECS
