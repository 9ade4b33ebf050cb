"""What curator asks of every encoder, and that this one is timm's network. Weights are random: nothing is fetched."""

import functools
import tempfile
from pathlib import Path

import numpy as np
import pytest
import timm
import torch
from curator.api import ImageBatch
from curator.errors import BadInput
from curator.testing import parametrize

import curator_timm

SPEC = curator_timm.SPEC


@functools.cache
def folder():
    """Kept until the tests are over."""
    return tempfile.TemporaryDirectory()


@functools.cache
def network():
    """timm's, with statistics that are not those of a fresh one, so that pictures differ."""
    torch.manual_seed(0)
    made = timm.create_model("mobilenetv4_conv_small").eval()
    for module in made.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.uniform_(-0.1, 0.1)
            torch.nn.init.uniform_(module.bias, -0.1, 0.1)
    return made


@functools.cache
def weights():
    """A file as it is published, with the classifier."""
    path = Path(folder().name, "model.pth")
    torch.save(network().state_dict(), path)
    return path


@parametrize(curator_timm, weights=weights)
def test_contract(check):
    check()


def test_vectors_are_the_mean_of_timms_own_map():
    pixels = np.random.default_rng(0).normal(size=(3, 3, 224, 224)).astype(np.float32)
    encoder = SPEC.load(SPEC.resolve(None, weights()), "cpu")
    with torch.inference_mode():
        wanted = network().forward_features(torch.from_numpy(pixels)).mean(dim=(2, 3)).numpy()
    np.testing.assert_allclose(encoder.encode(ImageBatch(pixels)), wanted, rtol=1e-3, atol=1e-4 * abs(wanted).max())


def test_weights_of_another_network_are_refused(tmp_path):
    torch.save(timm.create_model("test_efficientnet").state_dict(), tmp_path / "other.pth")
    with pytest.raises(BadInput, match="does not hold the weights of a mobilenetv4"):
        SPEC.load(SPEC.resolve(None, tmp_path / "other.pth"), "cpu")
