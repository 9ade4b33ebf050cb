"""A tiny CLIP (32 pixels, 16 tokens, 32 dimensions), and open_clip's own loop to hold ours against."""

from __future__ import annotations

import json

import numpy as np
import open_clip
import pytest
import torch
from curator_plugins.encoders import clip
from PIL import Image

from curator.api import ImageBatch
from curator.media.preprocessing import pixels

(SPEC,) = clip.register_encoders()

# Patches are dropped in training only.
VISION = {"image_size": 32, "layers": 2, "width": 64, "head_width": 32, "patch_size": 8, "patch_dropout": 0.5}
MODEL = {
    "embed_dim": 32,
    "vision_cfg": VISION,
    "text_cfg": {"context_length": 16, "vocab_size": 49408, "width": 64, "heads": 2, "layers": 1},
}
PREPROCESS = {
    "mean": [0.48, 0.46, 0.41],
    "std": [0.27, 0.26, 0.28],
    "interpolation": "bicubic",
    "resize_mode": "shortest",
}
TEXTS = [
    "a photo of a cat",
    "Ultraman",
    "奥特曼打怪兽",
    "",
    "one two three four five six seven eight nine " * 5,
    "HTTP 404 <b>",
]


def describe(folder, model=MODEL, preprocess=PREPROCESS):
    """Put an open_clip_config.json into a folder."""
    folder.mkdir(exist_ok=True)
    content = {"model_cfg": model} | ({} if preprocess is None else {"preprocess_cfg": preprocess})
    (folder / "open_clip_config.json").write_text(json.dumps(content), encoding="utf-8")
    return folder


def seen(pictures, preprocess):
    return ImageBatch(np.stack([pixels(picture, preprocess) for picture in pictures]))


def by_open_clip(pictures, name, **options):
    """What open_clip itself makes of the pictures and TEXTS, and its network."""
    network, _, prepare = open_clip.create_model_and_transforms(name, **options)
    tokenizer = open_clip.get_tokenizer(name)
    with torch.inference_mode():
        images = network.eval().encode_image(torch.stack([prepare(Image.open(picture)) for picture in pictures]))
        texts = network.encode_text(tokenizer(TEXTS))
    return images.numpy(), texts.numpy()


def error_of(given, wanted):
    """Relative error after taking away the mean vector, which all items share."""
    return np.linalg.norm(given - wanted) / np.linalg.norm(wanted - wanted.mean(axis=0))


def refusal(kind, variant, weights, load=False):
    """The one line of an error of the given kind."""
    with pytest.raises(kind) as caught:
        resolved = SPEC.resolve(variant, weights)
        assert load
        SPEC.load(resolved, "cpu")
    assert "\n" not in str(caught.value)
    return str(caught.value)


def offending(tmp_path, name="open_clip_pytorch_model.bin"):
    """Where to put bad weights, in a folder that describes the tiny model."""
    return describe(tmp_path / "bad") / name
