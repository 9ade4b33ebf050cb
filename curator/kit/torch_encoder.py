"""An encoder of pictures by a torch network: a subclass says what is its own, and the rest is done here.

Public, like `curator.api`. Nothing heavy is imported with it, so that the subclass may stand at the top of a plugin's
module. Imports of torch and its companions belong into `build`.

    class Ghost(TorchEncoder):
        '''GhostNet as timm builds it; the weights are a file that the user gives.'''

        name, dim, summary = "ghost", 960, "GhostNet, ImageNet; 960 dimensions"
        preprocess = Preprocess(256, 224, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225), "bicubic")
        classifier, depths = ("classifier.",), ("top", "all")

        def build(self, variant):
            import timm
            return timm.create_model("ghostnet_100")

        def stages(self, network, variant):
            return {"stem": [network.conv_stem, network.bn1, network.act1], "top": network.blocks}

    SPEC = Ghost().spec()
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from curator.api import Encoder, EncoderSpec, Labelled, Preprocess, Resolved, Tried
from curator.errors import BadInput, NotFound
from curator.kit.devices import lacking_torch
from curator.kit.onnx_encoder import onnx_encoder
from curator.kit.weights import differences, fitting_torch, learnt, named_as, read_tensors, with_shards, write_learnt

__all__ = ["TorchEncoder"]


class TorchEncoder:
    """An architecture of encoders of pictures.

    A subclass sets `name`, `summary`, `dim` and `preprocess`, and has `build`. With `stages` the encoder also says
    where in a picture its vector comes from (`FeatureMap`), and with `depths` it can be fine-tuned: names of stages,
    the highest first, and "all"; each learns with those above it. `classifier`: beginnings of the names of tensors that
    are no part of the encoder, whether a file of weights has them or not. `channels_last`: how networks of convolutions
    are quick on most processors. The others are as in `EncoderSpec`.

    Of variants there are none, unless a subclass has its own `describe`; the weights are a file that the user gives,
    or a folder that was fine-tuned, unless it has its own `weights`.
    """

    name: str
    summary: str
    dim: int
    preprocess: Preprocess
    depths: tuple[str, ...] = ()
    classifier: tuple[str, ...] = ()
    channels_last: bool = True
    revision: int = 1
    default: bool = False
    batch_size: int = 16

    # --- what a subclass says ---

    def build(self, variant: str) -> Any:
        """The network, with whatever weights: it gets those of the file."""
        raise NotImplementedError(f"{type(self).__name__} does not say how its network is built")

    def stages(self, network: Any, variant: str) -> Mapping[str, Any]:
        """Its parts by name in the order in which they run: a module each, or a list of modules.

        The vector is the mean, over h and w, of the map that comes out of the last, (n, dim, h, w). Empty: the vector
        is what the network gives, (n, dim), and is the mean of no map.
        """
        return {}

    def describe(self, variant: str | None) -> Resolved:
        """What the vectors of a variant will be, without files. Raises `NotFound` or `BadInput` for an unknown one."""
        if variant:
            raise BadInput(f"{self.name} has no variants, so {variant!r} is none")
        return Resolved(self.dim, preprocess=self.preprocess)

    def weights(self, variant: str) -> Path:
        """Where the weights are if the user gives none, fetched if need be; `curator.kit.downloads` helps."""
        raise NotFound(f"no weights for {self.name}: give the file with --weights FILE")

    def lacking(self, variant: str | None) -> str:
        """What would have to be fetched, as for `EncoderSpec`; `curator.kit.downloads` helps."""
        return "" if type(self).weights is not TorchEncoder.weights else "weights to give with --weights FILE"

    def layers(self, variant: str) -> Mapping[str, str]:
        """The variants that end at each layer of a variant, by the layers' names, as for `EncoderSpec`."""
        return {}

    def form(self, resolved: Resolved) -> bytes:
        """The encoder as an ONNX model, made of its files without torch, as for `EncoderSpec`.

        `curator.kit.graph` helps. A subclass that has none is embedded with torch.
        """
        raise NotImplementedError(f"{type(self).__name__} does not say how its network is written down")

    def fill(self, network: Any, given: Mapping[str, Any], path: Path) -> None:
        """Give the network the tensors of a file; raises `BadInput` where they are not its own."""
        given = self._own(named_as(network.state_dict(), given, path))
        # All are compared, also of parts that are not run: a ResNet-101 is a ResNet-50 but for layer3, and must not
        # pass for one.
        different = differences(self._own(network.state_dict()), given)
        if different:
            raise BadInput(f"{str(path)!r} does not hold the weights of a {self.name}: {different}")
        network.load_state_dict(given, strict=False)

    # --- what is done with it ---

    def spec(self) -> EncoderSpec:
        """The encoder as curator takes it.

        Kept in the module, or made of an object that is: a hook has to give equal specs each time it is called.
        """
        return EncoderSpec(
            self.name,
            ("image",),
            self.summary,
            self.resolve,
            self.load,
            self.revision,
            self.default,
            self.batch_size,
            lacking=self.lacking,
            fine_tune=self.fine_tune if self.depths else None,
            fine_tune_depths=self.depths,
            form=self.form if self._has_form else None,
            requires=("torch",),
            maps=type(self).stages is not TorchEncoder.stages,
            layers=self.layers if type(self).layers is not TorchEncoder.layers else None,
        )

    def resolve(self, variant: str | None, weights: Path | None) -> Resolved:
        """Settle the variant, and find its weights: the file or folder that is given, else those of `weights`."""
        if weights is not None and weights.is_dir():
            weights, own = learnt(weights, self.name)
            variant = variant or own
        found = self.describe(variant)
        if weights is not None and not weights.is_file():
            raise (BadInput if weights.exists() else NotFound)(
                f"{self.name} takes its weights from a file, which {str(weights)!r} is not"
            )
        return replace(found, files=with_shards(weights or self.weights(found.variant)))

    def load(self, resolved: Resolved, device: str) -> Encoder:
        """Build the network and give it the weights; raises `BadInput` for a file that does not hold them.

        Where torch is not installed, what has a form is run by ONNX Runtime.
        """
        if self._has_form and lacking_torch():
            return onnx_encoder(self.form(resolved))
        network = self.network(resolved)
        import torch

        from curator.kit.torch_network import MeanOfMap, TorchNetwork, mean_of

        assert resolved.preprocess is not None
        order = torch.channels_last if self.channels_last else torch.preserve_format
        stages = self.stages(network, resolved.variant)
        # What comes after the last stage is neither kept nor computed.
        kind, network = (MeanOfMap, mean_of(stages)) if stages else (TorchNetwork, network)
        return kind(network.eval().to(device, memory_format=order), resolved.preprocess.crop, order)

    def network(self, resolved: Resolved) -> Any:
        """The whole network with the weights of its file."""
        given = read_tensors(resolved.files[0])
        with fitting_torch():
            import torchvision  # noqa: F401
        network = self.build(resolved.variant)
        self.fill(network, given, resolved.files[0])
        return network

    def fine_tune(
        self,
        start: Resolved,
        folder: Path,
        labelled: Labelled,
        depth: str,
        device: str,
        report: Callable[[Tried], None],
    ) -> None:
        """Let a stage and those above it learn labels; see `curator.kit.finetuning`."""
        from curator.kit import finetuning
        from curator.kit.torch_network import in_order, mean_of

        network = self.network(start)
        stages = self.stages(network, start.variant)
        able = [name for name in self.depths if name in stages]
        if depth not in (*able, "all"):
            model = f"{self.name}:{start.variant}" if start.variant else self.name
            raise BadInput(
                f"{model} ends with {list(stages)[-1]}, so that {depth} cannot learn: take {', '.join(able)} or all"
            )
        first = 0 if depth == "all" else list(stages).index(depth)
        parts = [*map(in_order, stages.values()), mean_of({})]

        def save() -> None:
            write_learnt(folder, self.name, start.variant, self._own(network.state_dict()))

        assert start.preprocess is not None
        finetuning.fine_tune(parts, first, labelled, start.preprocess, device, save, report)

    @property
    def _has_form(self) -> bool:
        return type(self).form is not TorchEncoder.form

    def _own(self, tensors: Mapping[str, Any]) -> dict[str, Any]:
        """Without those of a classifier, of however many classes."""
        return {name: value for name, value in tensors.items() if not name.startswith(self.classifier)}
