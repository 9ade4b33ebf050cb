"""What an explanation rests on: feature maps of pictures, logits of heads; encoder and head held to their contracts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from curator.api import (
    DifferentiableHead,
    EncoderSpec,
    FeatureMap,
    FittedHead,
    HeadSpec,
    ImageBatch,
    Item,
    LinearHead,
    Logits,
    MappedPicture,
    Model,
    Query,
)
from curator.embedding.embedder import Embedder
from curator.embedding.reference import Reference
from curator.errors import BadInput
from curator.learning.training import Training
from curator.media import preprocessing
from curator.media.files import BadContent
from curator.registry.validation import Breach

if TYPE_CHECKING:
    from curator.registry.loader import Registry


class Attribution:
    """Asks encoders for maps, and heads for logits."""

    def __init__(self, encoding: Embedder, training: Training) -> None:
        self.encoding = encoding
        self.training = training
        self.registry = training.registry

    def layers(self, model: Model) -> Mapping[str, str]:
        """The variants that end at each layer of a model, by the layers' names; empty where its encoder names none."""
        spec = self.registry.get(EncoderSpec, model.encoder)
        if spec.layers is None:
            return {}
        with self.registry.guard(spec, "naming the layers of"):
            found = spec.layers(model.variant)
            if not isinstance(found, Mapping) or list(found.values())[-1:] != [model.variant]:
                raise Breach(f"its layers are not a mapping that ends with {model.variant!r}")
        return found

    def feature_maps(
        self, model: Model, pictures: Sequence[Item | Query], layer: str | None = None
    ) -> Iterator[tuple[Item | Query, MappedPicture | str]]:
        """Each picture with its feature map, or why it cannot be read. Raises `BadInput` where there are no maps."""
        if "image" not in model.modalities:
            raise BadInput(f"{model.name} does not encode images")
        hold_maps(self.registry, model.name)
        self.encoding.reporter.say(f"loading {model.name}" + (f", up to {layer}" if layer else ""))
        variant = None if layer is None else self.layers(model)[layer]
        with self.encoding.models.loaded(model, variant) as (encoder, resolved):
            if not isinstance(encoder, FeatureMap):
                raise BadInput(f"{model.name} does not say where in a picture its vector comes from")
            assert resolved.preprocess is not None
            for picture in pictures:
                try:
                    pixels, size, frame = preprocessing.framed(self._file(picture), resolved.preprocess)
                except BadContent as error:
                    yield picture, str(error)
                else:
                    values = self._map(model, encoder, ImageBatch(pixels[None]), resolved.dim)
                    yield picture, MappedPicture(values, size, frame)

    def _file(self, picture: Item | Query) -> str | Path:
        """Where a picture is; raises `BadContent` where none of its files holds it any more."""
        item = picture.item if isinstance(picture, Query) else picture
        if item is None:
            assert isinstance(picture, Query) and picture.path is not None
            return picture.path
        found = self.encoding.places.unchanged_path(item.id)
        if isinstance(found, BadContent):
            raise found
        return found

    def _map(self, model: Model, encoder: FeatureMap, batch: ImageBatch, dim: int) -> NDArray[np.float32]:
        with self.registry.guard(self.registry.get(EncoderSpec, model.encoder), "mapping with"):
            values = np.asarray(encoder.feature_map(batch))
            if values.ndim != 4 or not values.size or (values.shape[0], values.shape[3]) != (1, dim):
                raise Breach(f"gave a feature map {values.shape}, not (1, h, w, {dim})")
            _hold_numbers("a feature map", values)
        row: NDArray[np.float32] = values[0]
        return row

    def logits(self, head: FittedHead, vectors: NDArray[np.float32]) -> Logits:
        """What a head makes of unit rows. Raises `BadInput` for one that is neither linear nor differentiable."""
        row = self.training.heads.row(head)
        model = self.training.heads.load_head(row)
        n, classes, dim = len(vectors), self.training.heads.columns(row), head.model.dim
        with self.registry.guard(self.registry.get(HeadSpec, head.head), "explaining"):
            if isinstance(model, LinearHead):
                weights, bias = map(np.asarray, model.linear())
                _hold("weights", weights, (classes, dim))
                _hold("a bias", bias, (classes,))
                values, gradients = vectors @ weights.T + bias, np.broadcast_to(weights, (n, classes, dim))
            elif isinstance(model, DifferentiableHead):
                values, gradients = map(np.asarray, model.gradients(vectors))
                _hold("logits", values, (n, classes))
                _hold("gradients", gradients, (n, classes, dim))
            else:
                raise BadInput(f"a {head.head} head does not say which parts of a vector speak for a class")
        own = len(head.classes)  # the column of a background speaks for no class
        return Logits(values[:, :own], gradients[:, :own], self.training.probabilities(head, vectors))


def hold_maps(registry: Registry, reference: str) -> None:
    """Raise `BadInput` where it is known without loading it that an encoder has no feature maps."""
    spec = registry.get(EncoderSpec, Reference.parse(reference).name)
    if not spec.maps:
        able = [other.name for other in registry.all(EncoderSpec) if _may_map(other)]
        raise BadInput(
            f"{reference} does not say where in a picture its vector comes from; encoders that may: "
            f"{', '.join(able) or 'none'}"
        )


def _may_map(spec: EncoderSpec) -> bool:
    return spec.maps and spec.embeds and "image" in spec.modalities


def _hold(what: str, array: NDArray[Any], shape: tuple[int, ...]) -> None:
    """Raise `Breach` for what is not of this shape, or no finite float32."""
    if array.shape != shape:
        raise Breach(f"gave {what} of {array.shape}, not {shape}")
    _hold_numbers(what, array)


def _hold_numbers(what: str, array: NDArray[Any]) -> None:
    if array.dtype != np.float32:
        raise Breach(f"gave {what} of {array.dtype}, not float32")
    if not np.isfinite(array).all():
        raise Breach(f"gave {what} with numbers that are not finite")
