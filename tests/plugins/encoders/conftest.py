"""Models and pictures that the encoders' tests share."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    """A folder with the tiny model; its weights are random."""
    import open_clip
    import torch
    from clip_kit import describe
    from safetensors.torch import save_file

    folder = describe(tmp_path_factory.mktemp("models") / "tiny")
    torch.manual_seed(0)
    save_file(open_clip.create_model(f"local-dir:{folder}").state_dict(), folder / "open_clip_model.safetensors")
    return folder


@pytest.fixture(scope="module")
def state(tiny):
    from safetensors.torch import load_file

    return load_file(tiny / "open_clip_model.safetensors")


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """PNGs of several shapes with coarse and fine structure."""
    random = np.random.default_rng(0)
    paths = []
    for number, (width, height) in enumerate([(320, 240), (20, 30), (32, 32), (65, 33), (100, 301), (64, 64)]):
        coarse = Image.fromarray(random.integers(0, 256, (5, 5, 3), dtype=np.uint8)).resize((width, height))
        noise = random.integers(-20, 21, (height, width, 3))
        path = tmp_path_factory.mktemp("pictures") / f"图{number}.png"
        Image.fromarray(np.clip(np.asarray(coarse) + noise, 0, 255).astype(np.uint8)).save(path)
        paths.append(path)
    return paths
