"""The heads, beyond the contract (tests/plugins/test_contract.py): what tells them apart, and how they are used."""

from __future__ import annotations

import json
import subprocess
import sys

import light
import numpy as np
import pytest
from curator_plugins.heads import logistic, mlp, prototype
from safetensors.numpy import load_file, save_file

from curator.api import HeadSpec
from curator.errors import BadInput
from curator.registry.parameters import bind

SPECS: dict[str, HeadSpec] = {
    spec.name: spec for module in (logistic, mlp, prototype) for spec in module.register_heads()
}
KINDS = [
    *(("logistic", {}), ("prototype", {})),
    *(pytest.param("mlp", options, marks=pytest.mark.torch) for options in ({}, {"layers": 2, "hidden": 32})),
]
IDS = ["logistic", "prototype", "mlp", "mlp-2"]


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """On a busy machine torch's threads wait for each other twenty times longer than such small networks take."""
    if light.is_light():
        yield
        return
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def made(kind, options=None):
    spec = SPECS[kind]
    return spec.load(bind(spec.params, options or {}))


def clouds(sizes, dim=16, spread=0.5, seed=0):
    """Unit rows about one random centre a class."""
    rng = np.random.default_rng(seed)
    centres = rng.standard_normal((len(sizes), dim))
    targets = np.repeat(np.arange(len(sizes)), sizes).astype(np.int64)
    rows = centres[targets] + spread * rng.standard_normal((len(targets), dim))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32), targets


@pytest.mark.torch
def test_only_the_mlp_parts_what_no_line_parts():
    """Each class is two opposite corners."""
    corners = np.array([[1, 1], [-1, -1], [1, -1], [-1, 1]], dtype=np.float32)
    rng = np.random.default_rng(0)
    rows = np.repeat(corners, 60, axis=0) + 0.2 * rng.standard_normal((240, 2)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    targets = np.repeat([0, 0, 1, 1], 60)
    for kind, least, most in (("logistic", 0, 0.75), ("mlp", 0.97, 1)):
        head = made(kind)
        head.fit(rows, targets, 2, 0)
        assert least <= (head.predict(rows).argmax(axis=1) == targets).mean() <= most, kind


@pytest.mark.torch
def test_another_seed_gives_another_mlp():
    vectors, targets = clouds([20, 20], spread=1.5)
    heads = [made("mlp"), made("mlp")]
    for seed, head in enumerate(heads):
        head.fit(vectors, targets, 2, seed)
    assert not np.array_equal(heads[0].state()["weights0"], heads[1].state()["weights0"])


@pytest.mark.torch
def test_fitting_leaves_the_callers_random_numbers_alone():
    import torch

    vectors, targets = clouds([10, 10])
    torch.manual_seed(5)
    wanted = torch.rand(4)
    torch.manual_seed(5)
    made("mlp", {"epochs": 2}).fit(vectors, targets, 2, 0)
    assert torch.equal(torch.rand(4), wanted)


@pytest.mark.parametrize(("kind", "options"), KINDS, ids=IDS)
def test_a_state_is_all_there_is_to_a_head(kind, options, tmp_path):
    """Through safetensors into another process, which needs no torch for it."""
    vectors, targets = clouds([20, 20, 20], spread=1.0)
    head = made(kind, options)
    head.fit(vectors, targets, 3, 0)
    save_file({name: np.ascontiguousarray(array) for name, array in head.state().items()}, tmp_path / "state")
    np.save(tmp_path / "vectors.npy", vectors)
    code = f"""
import json, sys, numpy as np
from safetensors.numpy import load_file
from curator.registry.parameters import bind
from curator_plugins.heads import {kind}
(spec,) = {kind}.register_heads()
head = spec.load(bind(spec.params, json.loads(sys.argv[2])))
head.restore(load_file(sys.argv[1] + "/state"))
np.save(sys.argv[1] + "/told.npy", head.predict(np.load(sys.argv[1] + "/vectors.npy")))
assert "torch" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code, str(tmp_path), json.dumps(options)], check=True)
    np.testing.assert_array_equal(np.load(tmp_path / "told.npy"), head.predict(vectors))
    assert {array.dtype for array in load_file(tmp_path / "state").values()} == {np.dtype(np.float32)}


@pytest.mark.parametrize("kind", ["logistic", "prototype"])
def test_linear_gives_the_probabilities(kind):
    from scipy.special import softmax

    for sizes in ([30, 20], [20, 20, 20]):
        vectors, targets = clouds(sizes, spread=1.0)
        head = made(kind)
        head.fit(vectors, targets, len(sizes), 0)
        weights, bias = head.linear()
        assert weights.shape == (len(sizes), 16) and bias.shape == (len(sizes),)
        np.testing.assert_allclose(head.predict(vectors), softmax(vectors @ weights.T + bias, axis=1), atol=1e-6)


def test_two_classes_are_those_of_scikit_learn():
    from sklearn.linear_model import LogisticRegression

    vectors, targets = clouds([30, 10], spread=1.5)
    head = made("logistic", {"c": 2})
    head.fit(vectors, targets, 2, 0)
    wanted = LogisticRegression(C=2, class_weight="balanced", max_iter=1000).fit(vectors, targets)
    np.testing.assert_allclose(head.predict(vectors), wanted.predict_proba(vectors), atol=1e-4)


@pytest.mark.parametrize("kind", SPECS)
def test_what_cannot_be_done_is_said(kind):
    vectors, _ = clouds([5, 5])
    head = made(kind)
    for call in (lambda: head.predict(vectors), head.state):
        with pytest.raises(BadInput, match="not been fitted"):
            call()


def test_prototypes_are_those_of_the_paper():
    """Softmax of the scaled negative squared distances to the class means, computed here from the distances."""
    vectors, targets = clouds([5, 1, 8], spread=1.0)
    head = made("prototype", {"sharpness": 3})
    head.fit(vectors, targets, 3, 0)
    means = np.stack([vectors[targets == target].mean(axis=0) for target in range(3)])
    pairs = [((means[a] - means[b]) ** 2).sum() for a, b in ((0, 1), (0, 2), (1, 2))]
    new, _ = clouds([4, 4, 4], spread=2.0, seed=9)
    powers = np.exp(-((new[:, None] - means) ** 2).sum(axis=2) * (3 + np.log(2)) / np.mean(pairs))
    np.testing.assert_allclose(head.predict(new), powers / powers.sum(axis=1, keepdims=True), atol=1e-5)


@pytest.mark.parametrize("classes", [2, 3, 12])
def test_sharpness_is_the_log_odds_of_an_item_just_like_the_only_example(classes):
    """Whatever the number of classes, and whatever the encoder spreads its vectors over."""
    for away in (0.2, 1.0):
        corners = np.eye(classes + 1, dtype=np.float32)
        rows = corners[-1] + away * corners[:-1]  # all as far from one another
        rows = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
        head = made("prototype", {"sharpness": 2.5})
        head.fit(rows, np.arange(classes), classes, 0)
        np.testing.assert_allclose(np.diag(head.predict(rows)), 1 / (1 + np.exp(-2.5)), atol=1e-4)


def test_prototypes_that_coincide_tell_nothing():
    rows = np.repeat(np.eye(1, 4, dtype=np.float32), 2, axis=0)
    head = made("prototype")
    head.fit(rows, np.arange(2), 2, 0)
    np.testing.assert_array_equal(head.predict(rows), np.full((2, 2), 0.5, np.float32))


OUTSIDE = [
    ("prototype", {"sharpness": -1}),
    ("logistic", {"c": 0}),
    ("mlp", {"layers": 3}),
    ("mlp", {"dropout": 1}),
    ("mlp", {"hidden": 0}),
]


@pytest.mark.parametrize(("kind", "options"), OUTSIDE)
def test_options_have_bounds(kind, options):
    with pytest.raises(BadInput, match="must be at"):
        made(kind, options)
