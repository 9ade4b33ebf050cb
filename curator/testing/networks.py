"""What an encoder that is a network must do: say where its vectors come from, name its layers, learn labels."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO

import numpy as np

from curator.api import FeatureMap, ImageBatch, Labelled, Tried
from curator.testing import samples
from curator.testing.encoders import CLOSE, EncoderCase, agree, no_network
from curator.testing.fresh import folder
from curator.testing.given import NotApplicable, hold_told

HEAD = "head"
EACH = 6


def check_feature_map_means_to_the_vector(case: EncoderCase) -> None:
    """A heat map shares an answer out among parts of a picture: that is true where the parts' mean is the vector."""
    encoder = case.encoder
    if "image" not in case.spec.modalities or not isinstance(encoder, FeatureMap):
        raise NotApplicable("it gives no feature map, which is optional")
    for batch, vectors in case.batches:
        if isinstance(batch, ImageBatch):
            given = np.asarray(encoder.feature_map(batch))
            fits = given.ndim == 4 and given.size and (given.shape[0], given.shape[3]) == vectors.shape
            wanted = f"({len(vectors)}, h, w, {case.resolved.dim})"
            assert fits, f"its feature map has the shape {given.shape}, not {wanted}"
            assert given.dtype == np.float32, f"its feature map is {given.dtype}, not float32"
            agree(given.mean(axis=(1, 2), dtype=np.float64), vectors, "and the means of their feature maps")


def check_layers_are_variants_of_the_same_weights(case: EncoderCase) -> None:
    """What a layer sees is shown by its feature map: each has to be had by its variant, and the last is the encoder."""
    if case.spec.layers is None:
        raise NotApplicable("it names no layers, which is optional")
    variant = case.resolved.variant
    layers = case.spec.layers(variant)
    assert isinstance(layers, Mapping) and layers, f"of {variant!r} its layers are {layers!r}, not a mapping of names"
    last = list(layers.values())[-1]
    assert last == variant, f"the last layer of {variant!r} is {last!r}, not itself"
    batch = next(batch for batch, _ in case.batches if isinstance(batch, ImageBatch))
    for name, ends in layers.items():
        resolved = case.spec.resolve(ends or None, case.weights)
        assert resolved.variant == ends, f"its layer {name!r} names the variant {ends!r}, which is {resolved.variant!r}"
        assert resolved.files == case.resolved.files, f"its layer {name!r} has other weights"
        assert resolved.preprocess == case.resolved.preprocess, f"its layer {name!r} prepares pictures otherwise"
        with contextlib.closing(case.spec.load(resolved, "cpu")) as encoder:
            assert isinstance(encoder, FeatureMap), f"its layer {name!r} gives no feature map"
            shape = np.asarray(encoder.feature_map(batch)).shape
            wanted = f"({len(batch.pixels)}, h, w, {resolved.dim})"
            fits = len(shape) == 4 and (shape[0], shape[3]) == (len(batch.pixels), resolved.dim)
            assert fits, f"the feature map of its layer {name!r} has the shape {shape}, not {wanted}"


def check_depths_have_names_of_their_own(case: EncoderCase) -> None:
    """A person says by name how much of an encoder learns; `head` is curator's own, for nothing of it."""
    depths = case.spec.fine_tune_depths
    if case.spec.fine_tune is None:
        assert not depths, "it names depths, and cannot be fine-tuned"
        raise NotApplicable("it cannot be fine-tuned, which is optional")
    assert len(set(depths)) == len(depths), f"two of its depths have one name: {', '.join(depths)}"
    wrong = [name for name in depths if not name or name == HEAD or name.startswith("-") or name.split() != [name]]
    assert not wrong, f"{wrong[0]!r} cannot name a depth"


def check_fine_tuning_leaves_a_model(case: EncoderCase) -> None:
    """What learnt the labels is a model beside the first one: it loads, has other vectors, and the first one stays."""
    if case.spec.fine_tune is None:
        raise NotApplicable("it cannot be fine-tuned, which is optional")
    start, before = case.resolved, [path.read_bytes() for path in case.resolved.files]
    told: list[Tried] = []

    def report(tried: Tried) -> None:
        told.append(tried)
        hold_told(told, Tried, "accuracy")
        assert 0 <= tried.accuracy <= 1, f"an accuracy of {tried.accuracy} is none"
        if tried.best and tried.done and any(made.iterdir()):
            raise KeyboardInterrupt  # which must leave the best until now

    depth = next(iter(_depths(case)), "")
    with folder() as here, tempfile.TemporaryFile() as file, no_network():
        made = here / "made"
        made.mkdir()
        with contextlib.suppress(KeyboardInterrupt):
            case.spec.fine_tune(start, made, _labelled_examples(case, file, here), depth, "cpu", report)
        assert told, "it never told a `Tried`"
        assert [path.read_bytes() for path in start.files] == before, "it changed the model that it began with"
        if not any(made.iterdir()):
            assert not any(tried.best for tried in told if tried.done), "it told that it was better, and left no model"
            raise NotApplicable("nothing that it tried was better, so that it left no model")
        resolved = case.spec.resolve(start.variant or None, made)
        assert all(path.parent == made for path in resolved.files), "its model lies elsewhere than in the given folder"
        hidden = [path.name for path in resolved.files if path.name.startswith(".")]
        assert not hidden, f"{hidden} are of its model and hidden: hidden files are not kept"
        same = (resolved.dim, resolved.variant, resolved.preprocess) == (start.dim, start.variant, start.preprocess)
        assert same, "its model has another dimension, variant or preprocessing than the one that it began with"
        encoder = case.spec.load(resolved, "cpu")
        try:
            batch, vectors = case.batches[0]
            apart = np.linalg.norm(case.encoded(batch, encoder) - vectors, axis=1).max()
            assert apart > CLOSE * np.linalg.norm(vectors, axis=1).max(), "it learnt nothing: its vectors are the same"
        finally:
            encoder.close()


def _depths(case: EncoderCase) -> tuple[str, ...]:
    """Those of its depths that the variant may have: where it is cut, only a name for all of it is sure to be one."""
    depths = case.spec.fine_tune_depths
    return depths[-1:] if case.given.variant else depths


def _labelled_examples(case: EncoderCase, file: IO[bytes], here: Path) -> Labelled:
    """Items of two classes that are told apart easily, and not at once."""
    import numpy as np

    from curator.learning.labelled_pictures import Decoded
    from curator.media.preprocessing import resized

    targets = np.arange(2 * EACH, dtype=np.int64) % 2
    if case.spec.modalities[0] == "text":
        texts = [f"{samples.TEXTS[0 if target else 1]} {number}" for number, target in enumerate(targets)]
        return Labelled(texts, targets, 2, np.arange(len(targets)))
    assert case.resolved.preprocess is not None
    pictures = Decoded(file, case.resolved.preprocess)
    for path in samples.two_kinds(here, targets):
        pictures.add(resized(path, case.resolved.preprocess))
    return Labelled(pictures, targets, 2, np.arange(len(targets)))
