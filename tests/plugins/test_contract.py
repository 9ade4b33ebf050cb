"""curator's own plugins, held to the contract by the kit that third parties use."""

from __future__ import annotations

import functools
import tempfile
from pathlib import Path

import pytest
from curator_plugins.actions import audit, classify, cluster, complete, dedupe, explain, review, sample, similar, split
from curator_plugins.checks import pictures, sets, texts
from curator_plugins.encoders import clip, efficientnet_lite, imported, lsa, lstm_clm, ngram, resnet, use_multilingual
from curator_plugins.exporters import arrow, coco, imagefolder, tables, webdataset
from curator_plugins.heads import logistic, mlp, prototype
from curator_plugins.metrics import projection
from curator_plugins.readers import folder, table

from curator.testing import checks, examine, parametrize, samples

WEIGHTS = tempfile.TemporaryDirectory(prefix="curator-weights-")
"""Removed when the process ends."""


@parametrize(explain, arguments={"label": "red"})
def test_explain(check):
    check()


@parametrize(
    *(
        arrow,
        coco,
        imagefolder,
        imported,
        lsa,
        ngram,
        logistic,
        projection,
        prototype,
        similar,
        split,
        audit,
        classify,
        cluster,
        complete,
        dedupe,
        folder,
        pictures,
        review,
        sample,
        sets,
        table,
        tables,
        texts,
        webdataset,
    )
)
def test_light_plugins(check):
    check()


@parametrize(use_multilingual)
def test_use_multilingual(check):
    check()


@parametrize(mlp)
@pytest.mark.torch
@pytest.mark.usefixtures("one_thread")
def test_mlp(check):
    check()


@parametrize(*mlp.register_heads(), options={"layers": 2, "hidden": 32})
@pytest.mark.torch
@pytest.mark.usefixtures("one_thread")
def test_mlp_of_two_layers(check):
    check()


@pytest.fixture(scope="module")
def one_thread():
    """On a busy machine torch's threads wait for each other twenty times longer than such small networks take."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@parametrize(lstm_clm)
@pytest.mark.torch
@pytest.mark.slow
def test_lstm_clm_which_learns_from_a_few_texts(check):
    check()


@pytest.fixture(scope="module")
def learnt():
    """A folder with what the language model learns of a few texts, the same however it is pooled."""
    (spec,) = lstm_clm.register_encoders()
    path = Path(WEIGHTS.name) / "lstm-clm"
    path.mkdir()
    spec.pretrain(list(samples.CORPUS), path, spec.pretrain_params(), None, lambda look: None)
    return path


@pytest.mark.parametrize("pooling", ["last", "mean", "max"])
@pytest.mark.slow
def test_lstm_clm_pooled_otherwise(pooling, learnt):
    others = (check for check in checks(lstm_clm, variant=pooling, weights=learnt) if "pretraining" not in check.name)
    outcomes = list(examine(others))
    assert {outcome.state for outcome in outcomes} == {"passed", "not applicable"}, outcomes
    assert sum(outcome.state == "passed" for outcome in outcomes) > 15, outcomes


@parametrize(efficientnet_lite)
@pytest.mark.slow
def test_efficientnet(check):
    check()


@pytest.mark.slow
@parametrize(resnet, clip)
def test_resnet_and_clip_without_their_weights(check):
    check()


@functools.cache
def resnet_weights(name: str) -> Path:
    """Random weights, with batch-norm statistics that make pictures differ."""
    import torch
    import torchvision

    torch.manual_seed(0)
    network = torchvision.models.get_model(name, weights=None)
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.uniform_(-0.3, 0.3)
            module.running_var.uniform_(0.5, 1.5)
            torch.nn.init.uniform_(module.bias, -0.2, 0.2)
    path = Path(WEIGHTS.name) / f"{name}.pth"
    torch.save(network.state_dict(), path)
    return path


RESNETS = {spec.name: spec for spec in resnet.register_encoders()}


@parametrize(RESNETS["resnet18"], weights=functools.partial(resnet_weights, "resnet18"))
@pytest.mark.slow
def test_resnet18(check):
    check()


@parametrize(RESNETS["resnet18"], variant="layer2", weights=functools.partial(resnet_weights, "resnet18"))
@pytest.mark.slow
def test_an_earlier_layer_of_resnet18(check):
    check()


@parametrize(RESNETS["resnet50"], weights=functools.partial(resnet_weights, "resnet50"))
@pytest.mark.slow
def test_resnet50(check):
    check()


@functools.cache
def clip_weights() -> Path:
    """A folder as a hub has it, with a tiny model of random weights."""
    import open_clip
    import torch
    from clip_kit import describe
    from safetensors.torch import save_file

    made = describe(Path(WEIGHTS.name) / "tiny")
    torch.manual_seed(0)
    save_file(open_clip.create_model(f"local-dir:{made}").state_dict(), made / "open_clip_model.safetensors")
    return made


@parametrize(*clip.register_encoders(), weights=clip_weights)
@pytest.mark.slow
def test_clip(check):
    check()
