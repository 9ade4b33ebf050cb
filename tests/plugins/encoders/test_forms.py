"""Forms of encoders that are written without torch, against what timm and torchvision make of the same weights."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import torch
import torchvision
from curator_plugins.encoders import efficientnet_lite, resnet
from safetensors.torch import save_file
from scenes import scene

from curator.api import FeatureMap, ImageBatch
from curator.errors import BadInput
from curator.kit import torch_encoder
from curator.kit.graph import Graph
from curator.kit.onnx_encoder import onnx_encoder
from curator.kit.torch_encoder import TorchEncoder
from curator.kit.weights import write_learnt
from curator.media.preprocessing import pixels

LITE = efficientnet_lite.ENCODER.spec()
RESNETS = {spec.name: spec for spec in resnet.register_encoders()}
COSINE = 0.99999


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """Paths of pictures with texture, of several shapes."""
    folder, sizes = tmp_path_factory.mktemp("photos"), [(320, 240), (240, 400), (500, 90), (64, 64), (224, 224)]
    for seed, size in enumerate(sizes):
        scene(seed, size).save(folder / f"{seed}.png")
    return sorted(folder.iterdir())


def seen(paths, resolved):
    return ImageBatch(np.stack([pixels(path, resolved.preprocess) for path in paths]))


def cosines(one, other):
    lengths = np.linalg.norm(one, axis=1) * np.linalg.norm(other, axis=1)
    return (one.astype(np.float64) * other).sum(axis=1) / lengths


def apart(found, wanted):
    """Relative to what tells pictures from one another, or random weights would agree whatever was done."""
    return np.linalg.norm(found - wanted) / np.linalg.norm(wanted - wanted.mean(axis=0))


def drawn(name):
    """A network of torchvision with random weights, whose statistics are not those of a fresh one."""
    torch.manual_seed(0)
    network = torchvision.models.get_model(name, weights=None)
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.uniform_(-0.3, 0.3)
            module.running_var.uniform_(0.5, 1.5)
            module.weight.data.uniform_(0.7, 1.3)
    return network.eval()


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    path = tmp_path_factory.mktemp("weights") / "resnet18.pth"
    torch.save(drawn("resnet18").state_dict(), path)
    return path


def test_that_of_the_default_finds_what_timm_finds(photos):
    resolved = LITE.resolve(None, None)
    batch = seen(photos, resolved)
    reference, encoder = LITE.load(resolved, "cpu"), onnx_encoder(LITE.form(resolved))
    wanted = reference.encode(batch)
    assert cosines(encoder.encode(batch), wanted).min() > COSINE
    np.testing.assert_allclose(encoder.feature_map(batch), reference.feature_map(batch), rtol=1e-3, atol=1e-4)
    # The measure tells: zeros before and after alike, as torch pads and TensorFlow does not.
    mutant = onnx_encoder(padded_as_torch(resolved))
    assert cosines(mutant.encode(batch), wanted).max() < 0.999


@pytest.mark.parametrize("layer", [layer for layer in efficientnet_lite.LAYERS if layer != "top"])
def test_that_of_a_layer_of_the_default_finds_what_timm_finds(layer, photos):
    resolved = LITE.resolve(layer, None)
    batch = seen(photos, resolved)
    reference, encoder = LITE.load(resolved, "cpu"), onnx_encoder(LITE.form(resolved))
    wanted = reference.encode(batch)
    assert wanted.shape == (len(photos), efficientnet_lite.LAYERS[layer])
    assert apart(encoder.encode(batch), wanted) < 5e-4  # means of 112 x 112 numbers, summed in another order
    assert apart(encoder.feature_map(batch), reference.feature_map(batch)) < 1e-4


def padded_as_torch(resolved):
    with pytest.MonkeyPatch.context() as patch:
        convolution = Graph.convolution
        patch.setattr(Graph, "convolution", lambda graph, given, layer, before, after: convolution(graph, given, layer))
        return LITE.form(resolved)


@pytest.mark.parametrize("name", RESNETS)
def test_a_resnet_is_written_of_all_tensors_that_torchvision_has(name):
    with torch.device("meta"):
        state = torchvision.models.get_model(name, weights=None).state_dict()
    wanted = {key: tuple(value.shape) for key, value in state.items() if not key.startswith("fc.")}
    parts = [resnet.STEM]
    for block in resnet.blocks(name):
        parts += [*block.layers, *([block.shortcut] if block.shortcut else [])]
    assert {key: value.shape for part in parts for key, value in part.tensors().items()} == wanted


@pytest.mark.parametrize(("name", "variant"), [("resnet18", None), ("resnet18", "layer2"), ("resnet50", "layer3")])
def test_that_of_a_resnet_finds_what_torchvision_finds(name, variant, photos, tmp_path):
    torch.save(drawn(name).state_dict(), tmp_path / "w.pth")
    resolved = RESNETS[name].resolve(variant, tmp_path / "w.pth")
    batch = seen(photos, resolved)
    reference, encoder = RESNETS[name].load(resolved, "cpu"), onnx_encoder(RESNETS[name].form(resolved))
    wanted, found = reference.encode(batch), encoder.encode(batch)
    assert found.shape == (len(photos), resolved.dim)
    assert apart(found, wanted) < 1e-4
    assert apart(encoder.feature_map(batch), reference.feature_map(batch)) < 1e-4


def test_short_numbers_safetensors_and_what_scripts_save_give_the_same_form(checkpoint, tmp_path):
    spec, state = RESNETS["resnet18"], torch.load(checkpoint, weights_only=True)
    short = {key: value.half() if value.is_floating_point() else value for key, value in state.items()}
    torch.save({"model": {f"module.{key}": value for key, value in state.items()}, "epoch": 3}, tmp_path / "a.pth")
    save_file(state, tmp_path / "b.safetensors")
    torch.save(
        {f"backbone.{key}": value for key, value in state.items()} | {"queue": torch.ones(3)}, tmp_path / "c.pth"
    )
    torch.save(short, tmp_path / "short.pth")
    save_file(
        {key: value.bfloat16() if value.is_floating_point() else value for key, value in state.items()},
        tmp_path / "shorter.safetensors",
    )
    wanted = spec.form(spec.resolve(None, checkpoint))
    for name in ("a.pth", "b.safetensors", "c.pth"):
        assert spec.form(spec.resolve(None, tmp_path / name)) == wanted, name
    batch = ImageBatch(np.random.default_rng(0).normal(size=(2, 3, 224, 224)).astype(np.float32))
    vectors = onnx_encoder(wanted).encode(batch)
    for name in ("short.pth", "shorter.safetensors"):
        form = spec.form(spec.resolve(None, tmp_path / name))
        assert form != wanted and cosines(onnx_encoder(form).encode(batch), vectors).min() > 0.999, name


def test_weights_of_another_network_are_refused_with_what_differs(checkpoint, tmp_path):
    state = torch.load(checkpoint, weights_only=True)
    bad = {
        "34.pth": (drawn("resnet34").state_dict(), "layer1.2.conv1.weight is unexpected"),
        "grey.pth": (state | {"conv1.weight": torch.zeros(64, 1, 7, 7)}, r"conv1.weight has the shape \(64, 1, 7, 7\)"),
        "nan.pth": (
            state | {"bn1.bias": torch.full((64,), float("nan"))},
            "bn1.bias holds numbers that are not finite",
        ),
        "double.pth": (
            state | {"bn1.bias": torch.full((64,), 1e300, dtype=torch.float64)},
            "bn1.bias holds numbers that are not",
        ),
        "complex.pth": (state | {"bn1.bias": torch.zeros(64).cfloat()}, "bn1.bias holds no plain numbers"),
    }
    spec = RESNETS["resnet18"]
    for name, (content, says) in bad.items():
        torch.save(content, tmp_path / name)
        for variant in (None, "layer1"):  # all are compared, also those that the variant leaves out
            with pytest.raises(BadInput, match=f"does not hold the weights of a resnet18: {says}"):
                spec.form(spec.resolve(variant, tmp_path / name))
    torch.save({"weight": torch.zeros(3)}, tmp_path / "other.pth")
    with pytest.raises(BadInput, match=r"other\.pth does not hold the 296 tensors of EfficientNet-Lite0"):
        LITE.form(LITE.resolve(None, tmp_path / "other.pth"))


def test_what_was_fine_tuned_has_a_form_too(photos, tmp_path):
    resolved = LITE.resolve(None, None)
    network = efficientnet_lite.ENCODER.network(resolved)
    with torch.no_grad():
        network.conv_head.weight *= 1.5
    state = {key: value for key, value in network.state_dict().items() if not key.startswith("classifier.")}
    write_learnt(tmp_path, LITE.name, "", state)
    tuned = LITE.resolve(None, tmp_path)
    batch = seen(photos, tuned)
    found = onnx_encoder(LITE.form(tuned)).encode(batch)
    assert cosines(found, LITE.load(tuned, "cpu").encode(batch)).min() > COSINE
    assert cosines(found, onnx_encoder(LITE.form(resolved)).encode(batch)).min() < 0.9999


def test_where_torch_is_not_installed_the_form_is_what_is_loaded(monkeypatch, checkpoint, photos):
    spec = RESNETS["resnet18"]
    resolved = spec.resolve(None, checkpoint)
    batch, reference = seen(photos, resolved), spec.load(resolved, "cpu")
    monkeypatch.setattr(torch_encoder, "lacking_torch", lambda: "pip install it")
    monkeypatch.setattr(TorchEncoder, "network", lambda self, resolved: 1 / 0)
    encoder = spec.load(resolved, "cpu")
    assert isinstance(encoder, FeatureMap)
    np.testing.assert_allclose(encoder.encode(batch), reference.encode(batch), rtol=1e-3, atol=1e-4)
    encoder.close()
    assert spec.lacking("layer1") == "45 MB to fetch"


def test_nothing_of_torch_is_imported_for_it():
    code = (
        "import sys\n"
        "from curator_plugins.encoders.efficientnet_lite import ENCODER\n"
        "assert ENCODER.form(ENCODER.resolve(None, None))\n"
        "print(sorted({'torch', 'torchvision', 'timm', 'cv2', 'onnxruntime'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
