"""What is done for an encoder that says only what is its own, on networks of a few weights."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import torch

from curator.api import Compilable, FeatureMap, ImageBatch, Preprocess, ReducedPrecision
from curator.errors import BadInput, NotFound
from curator.kit.torch_encoder import TorchEncoder
from curator.kit.torch_network import MeanOfMap, TorchNetwork
from curator.testing import checks

SIDE = 16


class Bare(torch.nn.Module):
    """A map of 6 channels, its largest values, and a classifier."""

    def __init__(self, channels=6):
        super().__init__()
        self.stem = torch.nn.Conv2d(3, 4, 3, stride=2)
        self.body = torch.nn.Conv2d(4, channels, 3)
        self.fc = torch.nn.Linear(channels, 10)

    def forward(self, pixels):
        return self.body(self.stem(pixels).relu()).amax(dim=(2, 3))


class Largest(TorchEncoder):
    """Its vector is the mean of no map."""

    name, summary, dim = "largest", "the largest values of a map", 6
    preprocess = Preprocess(SIDE, SIDE, (0.5,) * 3, (0.5,) * 3)
    classifier = ("fc.",)

    def build(self, variant):
        return Bare()


class Mean(Largest):
    """The same network; the mean of its map."""

    name, depths = "mean", ("body", "all")

    def stages(self, network, variant):
        return {"stem": [network.stem, torch.nn.ReLU()], "body": network.body}


LARGEST, MEAN = Largest(), Mean()


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    return Bare().eval()


@pytest.fixture(scope="module")
def file(network, tmp_path_factory):
    path = tmp_path_factory.mktemp("weights") / "bare.pth"
    torch.save(network.state_dict(), path)
    return path


@pytest.fixture(scope="module")
def pixels():
    return np.random.default_rng(0).normal(size=(3, 3, SIDE, SIDE)).astype(np.float32)


def loaded(architecture, file):
    return architecture.load(architecture.resolve(None, file), "cpu")


def test_without_stages_the_vector_is_what_the_network_gives(network, file, pixels):
    encoder = loaded(LARGEST, file)
    with torch.inference_mode():
        np.testing.assert_allclose(
            encoder.encode(ImageBatch(pixels)), network(torch.from_numpy(pixels)).numpy(), rtol=1e-5
        )
    assert type(encoder) is TorchNetwork and not isinstance(encoder, FeatureMap)
    assert isinstance(encoder, Compilable) and isinstance(encoder, ReducedPrecision)
    spec = LARGEST.spec()
    assert (spec.fine_tune, spec.fine_tune_depths) == (None, ())


def test_with_stages_it_is_the_mean_of_the_map_of_the_last(network, file, pixels):
    encoder = loaded(MEAN, file)
    assert type(encoder) is MeanOfMap and isinstance(encoder, FeatureMap)
    with torch.inference_mode():
        wanted = network.body(network.stem(torch.from_numpy(pixels)).relu()).permute(0, 2, 3, 1).numpy()
    found = encoder.feature_map(ImageBatch(pixels))
    assert found.shape == (3, 5, 5, 6)
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(encoder.encode(ImageBatch(pixels)), wanted.mean(axis=(1, 2)), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("architecture", [LARGEST, MEAN], ids=lambda architecture: architecture.name)
def test_what_curator_asks_of_every_encoder(architecture, file):
    """But for what needs a process of its own, which the tests of whole plugins have."""
    passed = set()
    for check in checks(architecture.spec(), weights=file):
        try:
            check()
            passed.add(check.name)
        except Exception as error:
            assert type(error).__name__ == "NotApplicable", (check.name, error)
    assert {"check_compiled_form_agrees", "check_neighbours_do_not_matter", "check_odd_images"} <= passed
    assert ("check_feature_map_means_to_the_vector" in passed) is (architecture is MEAN)


def test_the_reduced_form_is_an_encoder_of_its_kind(file, pixels, monkeypatch):
    monkeypatch.setattr("curator.kit.devices._quickest", lambda device: torch.bfloat16)
    encoder = loaded(MEAN, file)
    precision, quick = encoder.reduced()
    assert (precision, type(quick)) == ("bfloat16", MeanOfMap)
    wanted = encoder.encode(ImageBatch(pixels))
    found = quick.encode(ImageBatch(pixels))
    assert found.dtype == np.float32 and 0 < abs(found - wanted).max() < 0.05
    quick.close()
    assert quick.network is None and encoder.network is not None


# --- weights ---


def test_a_classifier_of_any_size_or_none_is_no_part_of_it(network, file, pixels, tmp_path):
    state = {name: value for name, value in network.state_dict().items() if not name.startswith("fc.")}
    torch.save(state, tmp_path / "without.pth")
    torch.save(state | {"fc.weight": torch.ones(7, 6)}, tmp_path / "other.pth")
    wanted = loaded(MEAN, file).encode(ImageBatch(pixels))
    for name in ("without.pth", "other.pth"):
        np.testing.assert_array_equal(loaded(MEAN, tmp_path / name).encode(ImageBatch(pixels)), wanted)


def test_weights_of_another_network_are_refused_with_what_differs(tmp_path):
    path = tmp_path / "wide.pth"
    torch.save(Bare(8).state_dict(), path)
    with pytest.raises(BadInput) as caught:
        loaded(MEAN, path)
    assert str(caught.value) == (
        f"{str(path)!r} does not hold the weights of a mean: body.weight has the shape (8, 4, 3, 3) instead of "
        "(6, 4, 3, 3), body.bias has the shape (8,) instead of (6,)"
    )


def test_weights_that_nobody_gave_are_asked_for():
    with pytest.raises(NotFound, match=r"^no weights for mean: give the file with --weights FILE$"):
        MEAN.resolve(None, None)
    assert MEAN.spec().lacking(None) == "weights to give with --weights FILE"


def test_one_that_knows_where_its_weights_are_lacks_nothing(file):
    class Own(Mean):
        def weights(self, variant):
            return file

    assert Own().resolve(None, None).files == (file,)
    assert Own().spec().lacking(None) == ""


def test_what_cannot_be_resolved_is_said(file, tmp_path):
    with pytest.raises(BadInput, match=r"^mean has no variants, so 'large' is none$"):
        MEAN.resolve("large", file)
    with pytest.raises(NotFound, match=r"^mean takes its weights from a file, which '.*gone\.pth' is not$"):
        MEAN.resolve(None, tmp_path / "gone.pth")
    with pytest.raises(BadInput, match="holds no model that was fine-tuned"):
        MEAN.resolve(None, tmp_path)


# --- fine-tuning ---


@pytest.fixture
def asked(monkeypatch):
    """What the loop of `curator.kit.finetuning` is asked, which has its own tests; it saves once."""
    from curator.kit import finetuning

    calls = []

    def fine_tune(stages, first, labelled, preprocess, device, save, report):
        calls.append((stages, first))
        with torch.no_grad():
            for parameter in stages[first].parameters():
                parameter += 1
        save()

    monkeypatch.setattr(finetuning, "fine_tune", fine_tune)
    return calls


@pytest.mark.parametrize(("depth", "first", "moved"), [("body", 1, "body"), ("all", 0, "stem")])
def test_a_stage_and_those_above_it_learn_and_are_found_again(asked, file, pixels, tmp_path, depth, first, moved):
    start = MEAN.resolve(None, file)
    MEAN.fine_tune(start, tmp_path, None, depth, "cpu", None)
    ((stages, given),) = asked
    assert given == first
    assert [len(list(stage.parameters())) for stage in stages] == [2, 2, 0]
    with torch.inference_mode():
        assert torch.nn.Sequential(*stages)(torch.from_numpy(pixels)).shape == (3, 6)
    tuned = MEAN.resolve(None, tmp_path)
    assert (tuned.dim, tuned.variant, tuned.preprocess) == (start.dim, start.variant, start.preprocess)
    before, after = (MEAN.network(resolved).state_dict() for resolved in (start, tuned))
    assert {name for name in after if not name.startswith("fc.") and not after[name].equal(before[name])} == {
        f"{moved}.weight",
        f"{moved}.bias",
    }


def test_a_depth_above_where_a_variant_ends_is_refused(file):
    class Cut(Mean):
        depths = ("body", "stem", "all")

        def stages(self, network, variant):
            return {"stem": network.stem}

    with pytest.raises(BadInput, match=r"^mean ends with stem, so that body cannot learn: take stem or all$"):
        Cut().fine_tune(Cut().resolve(None, file), None, None, "body", "cpu", None)


# --- as a part of plugins ---


def test_one_object_gives_equal_specs():
    assert MEAN.spec() == MEAN.spec() != Mean().spec()


def test_what_a_subclass_forgot_is_said(file):
    class Nothing(Largest):
        build = TorchEncoder.build

    with pytest.raises(NotImplementedError, match="Nothing does not say how its network is built"):
        loaded(Nothing(), file)


def test_every_module_of_the_kit_is_light_but_the_one_that_says_otherwise():
    code = (
        "import importlib, json, pkgutil, sys\n"
        "from curator import kit\n"
        "names = {one.name for one in pkgutil.iter_modules(kit.__path__)}\n"
        "assert all(f'| `{name}` |' in kit.__doc__ for name in names), names\n"
        "heavy = lambda: {'torch', 'numpy', 'PIL', 'scipy', 'sklearn', 'huggingface_hub'} & set(sys.modules)\n"
        "for name in names - {'torch_network'}: importlib.import_module(f'curator.kit.{name}')\n"
        "assert not heavy(), heavy()\n"
        "import curator.kit.torch_network\n"
        "assert 'torch' in heavy()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
