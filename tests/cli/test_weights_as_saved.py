"""Weights of one's own on the command line, as scripts save them; those that cannot be used make no model."""

from __future__ import annotations

import argparse
import json
import shutil

import cli_kit
import pytest
import torch
from safetensors.torch import save_file
from torchvision.models import resnet18

import curator


@pytest.fixture(scope="module")
def state():
    torch.manual_seed(0)
    return {name: value for name, value in resnet18().state_dict().items() if not name.startswith("fc.")}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("made")
    (folder / "photos").mkdir()
    for number, name in enumerate("ab"):
        cli_kit.photo(folder / "photos" / f"{name}.jpg", number)
    assert cli_kit.curator("add", "photos", "--no-encode", cwd=folder).code == 0
    return folder


@pytest.fixture
def encode(made, run, tmp_path):
    shutil.copytree(made / "workspace", tmp_path / "workspace")
    shutil.copytree(made / "photos", tmp_path / "photos")
    assert run("add", "photos", "--no-encode").code == 0
    return lambda file: run("encode", "-e", "resnet18", "--weights", file)


def models(folder):
    with curator.open_workspace(folder / "workspace") as workspace:
        return [model.version for model in workspace.models.all()]


def below(part, state):
    return {f"{part}{name}": value for name, value in state.items()}


def test_a_checkpoint_of_a_training_script_is_used_and_what_was_chosen_is_told(run, encode, tmp_path, state):
    other = {name: value + 1 for name, value in state.items()}
    saved = {"student": below("module.backbone.", other), "teacher": below("backbone.", state)}
    torch.save(saved | {"epoch": 3, "args": argparse.Namespace(lr=0.1)}, tmp_path / "dino.pth")
    ran = encode("dino.pth")
    assert ran.code == 0 and ran.err.count("dino.pth: took the tensors of 'teacher', and not 'student'") == 1
    torch.save(below("module.encoder_q.", state) | {"module.queue": torch.ones(2)}, tmp_path / "dino.pth")
    ran = encode("dino.pth")
    assert ran.code == 0 and "resnet18 has other weights now" in ran.err and models(tmp_path) == [1, 2]


def test_weights_with_numbers_that_are_none_make_no_model(run, encode, tmp_path, state):
    broken = state["layer1.0.conv1.weight"].clone()
    broken[0, 0, 0, 0] = float("nan")
    torch.save(state | {"layer1.0.conv1.weight": broken}, tmp_path / "w.pth")
    assert (
        "w.pth" in (ran := encode("w.pth")).err and "layer1.0.conv1.weight holds numbers that are not finite" in ran.err
    )
    assert ran.code == 2 and models(tmp_path) == []


@pytest.mark.parametrize(
    ("content", "says"),
    [(b"", "is empty"), (b"version https://git-lfs.github.com/spec/v1\n", "Git LFS"), (b"<!doctype html>\n", "HTML")],
)
def test_what_is_no_weights_is_called_what_it_is(run, encode, tmp_path, content, says):
    (tmp_path / "w.pth").write_bytes(content)
    ran = encode("w.pth")
    assert ran.code == 2 and says in ran.err and "w.pth" in ran.err and models(tmp_path) == []


def test_weights_in_several_files_are_a_space_by_what_is_in_all_of_them(run, encode, tmp_path, state):
    names = sorted(state)
    parts = {"w-1.safetensors": names[:60], "w-2.safetensors": names[60:]}
    for part, own in parts.items():
        save_file({name: state[name].contiguous() for name in own}, tmp_path / part)
    index = {"weight_map": {name: part for part, own in parts.items() for name in own}}
    (tmp_path / "w.safetensors.index.json").write_text(json.dumps(index))
    assert encode("w.safetensors.index.json").code == 0
    save_file({name: state[name].contiguous() + 1 for name in names[60:]}, tmp_path / "w-2.safetensors")
    ran = run("encode", "-e", "resnet18")  # the file that it was made of is meant, not torchvision's
    assert ran.code == 0 and "w.safetensors.index.json changed since it was recorded" in ran.err
    assert "has other weights now" in ran.err and models(tmp_path) == [1, 2]
    (tmp_path / "w-1.safetensors").unlink()
    assert "names w-1.safetensors" in encode("w.safetensors.index.json").err
