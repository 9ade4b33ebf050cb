"""ResNet-18 to ResNet-152 with torchvision's ImageNet weights, or a file of one's own; without the classifier.

Architecture: He et al. 2016, "Deep residual learning for image recognition", as torchvision builds it. A vector is
the mean of the last feature map: 512 numbers (18, 34) or 2,048 (50, 101, 152).

A variant is a name of torchvision's weights enum (`resnet50:IMAGENET1K_V1`); none means the enum's `DEFAULT`. It
settles the weights and the preprocessing. With `--weights FILE` it settles the preprocessing alone: versions 1 and
2 differ in the size that pictures are resized to before the cut (256 and 232), and no file says which it was
trained for, so `resnet50 --weights FILE` takes the default's and `resnet50:IMAGENET1K_V1 --weights FILE` says
otherwise.
"""

from __future__ import annotations

import functools
import re
import socket
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from curator.api import EncoderSpec, ImageBatch, Preprocess, Resolved, TextBatch, hookimpl
from curator.checkpoints import differences, fitting_torch, gist, read_tensors, unreachable
from curator.errors import BadInput, NotFound

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

DIMS = {"resnet18": 512, "resnet34": 512, "resnet50": 2048, "resnet101": 2048, "resnet152": 2048}

STALL = 30.0  # seconds without a byte, after which a download that had begun is given up


class ResNet:
    """The network without its classifier."""

    def __init__(self, network: Any) -> None:
        self.network = network

    def encode(self, batch: ImageBatch | TextBatch) -> NDArray[np.float32]:
        """(n, dim) float32, not negative."""
        import numpy as np
        import torch

        assert isinstance(batch, ImageBatch)
        with torch.inference_mode():
            device = next(self.network.parameters()).device
            pixels = torch.from_numpy(batch.pixels).to(device, memory_format=torch.channels_last)
            return np.asarray(self.network(pixels).float().cpu().numpy(), dtype=np.float32)

    def close(self) -> None:
        """Drop the network."""
        self.network = None


# --- which weights, and where they are ---


def resolve(name: str, variant: str | None, weights: Path | None) -> Resolved:
    """Settle the variant, and find its weights: the given file, torch's cache, or a download into it."""
    chosen = _chosen(name, variant)
    if weights is not None and not weights.is_file():
        raise (BadInput if weights.exists() else NotFound)(
            f"{name} takes its weights from a file, which {str(weights)!r} is not"
        )
    path = weights or _fetched(f"{name}:{chosen.name}", chosen.url)
    return Resolved(DIMS[name], chosen.name, _preprocess(chosen), (path,))


def _models() -> Any:
    """`torchvision.models`."""
    with fitting_torch():
        import torchvision.models
    return torchvision.models


def _chosen(name: str, variant: str | None) -> Any:
    """The member of torchvision's weights enum."""
    known = _models().get_model_weights(name)
    if variant is None:
        return known.DEFAULT
    if variant not in known.__members__:
        raise NotFound.named(f"{name} variant", variant, [member.name for member in known])
    return known[variant]


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


# --- loading ---


def load(name: str, resolved: Resolved, device: str) -> ResNet:
    """Build the network and give it the weights; raises `BadInput` for a file that does not hold them."""
    import torch

    path = resolved.files[0]
    # A classifier, of however many classes, is no part of the encoder.
    given = {key: value for key, value in read_tensors(path).items() if not key.startswith("fc.")}
    network = _models().get_model(name, weights=None)
    network.fc = torch.nn.Identity()
    different = differences(network.state_dict(), given)
    if different:
        raise BadInput(f"{str(path)!r} does not hold the weights of a {name}: {different}")
    network.load_state_dict(given, strict=False)
    return ResNet(network.eval().to(device, memory_format=torch.channels_last))


SPECS = tuple(
    EncoderSpec(
        name,
        ("image",),
        f"ResNet-{name.removeprefix('resnet')}, ImageNet; {dim:,} dimensions, fetched on first use or from a file",
        functools.partial(resolve, name),
        functools.partial(load, name),
    )
    for name, dim in DIMS.items()
)


@hookimpl
def register_encoders() -> Iterable[EncoderSpec]:
    """The five depths."""
    return SPECS
