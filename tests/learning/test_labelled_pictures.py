"""Pictures kept for fine-tuning are what the encoder sees."""

from __future__ import annotations

import tempfile
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from curator.api import Preprocess
from curator.learning.labelled_pictures import Decoded
from curator.media import preprocessing

PLAIN = Preprocess(64, 56, (0.5, 0.4, 0.3), (0.2, 0.25, 0.3))


@pytest.fixture
def file():
    with tempfile.TemporaryFile() as file:
        yield file


def smooth(seed, size=(200, 150)):
    coarse = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC)


@pytest.mark.parametrize("mode", ["shortest", "longest", "squash"])
def test_a_batch_is_what_the_encoder_is_given(tmp_path, file, mode):
    preprocess = replace(PLAIN, resize_mode=mode, fill=9)
    kept, paths = Decoded(file, preprocess), []
    for number, size in enumerate([(200, 150), (90, 300), (30, 20)]):
        paths.append(tmp_path / f"{number}.png")
        smooth(number, size).save(paths[-1])
        kept.add(preprocessing.resized(paths[-1], preprocess))
    wanted = np.stack([preprocessing.pixels(path, preprocess) for path in paths])
    assert np.array_equal(kept.batch([0, 1, 2]).pixels, wanted)
    some = kept.some([2, 0])
    assert len(some) == 2 and np.array_equal(some.batch([0, 1]).pixels, wanted[[2, 0]])
    assert some[1].dtype == np.uint8 and some[1].ndim == 3


def test_a_picture_is_resized_and_not_cut(tmp_path, file):
    smooth(0).save(tmp_path / "a.png")
    kept = Decoded(file, PLAIN)
    kept.add(preprocessing.resized(tmp_path / "a.png", PLAIN))
    assert kept[0].shape == (64, 85, 3)
