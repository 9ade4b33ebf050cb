"""Weights as training scripts and hubs leave them: read by whatever names, or called what it is."""

from __future__ import annotations

import argparse
import json
import os
import pathlib
from collections import OrderedDict

import pytest
import torch
from safetensors.torch import save_file

from curator.errors import BadInput
from curator.kit.weights import named_as, read_tensors, telling, with_shards

OWN = {f"layer{number}.weight": torch.full((2,), float(number)) for number in range(4)} | {"fc.weight": torch.ones(1)}


def read(path, content):
    torch.save(content, path)
    told = []
    with telling(told.append):
        found = named_as(OWN, read_tensors(path), path)
    return found, told


def below(part, state=OWN):
    return {f"{part}{name}": value for name, value in state.items()}


def same(found, state=OWN):
    return found.keys() == state.keys() and all(torch.equal(found[name], state[name]) for name in state)


BARE = ("", "module.", "_orig_mod.")


@pytest.mark.parametrize(
    "part",
    [
        *("", "module.", "model.", "backbone.", "encoder.", "encoder_q.", "base_encoder.", "student.backbone."),
        *("_orig_mod.", "module._orig_mod.model.", "net.visual."),
    ],
)
def test_tensors_are_found_below_any_prefix_and_other_parts_left_out(tmp_path, part):
    rest = {"projector.0.weight": torch.ones(3), "queue": torch.ones(3)} if part not in BARE else {}
    found, told = read(tmp_path / "w.pth", below(part) | rest)
    assert same(found) and told == []


def test_names_of_another_network_stay_for_the_message(tmp_path):
    other = {"head.layer0.weight": torch.ones(2), "blocks.0.norm": torch.ones(2)}
    assert read(tmp_path / "w.pth", other)[0].keys() == other.keys()


SCRIPT = {
    "epoch": 7,
    "args": argparse.Namespace(lr=0.1, out=pathlib.PurePosixPath("runs/1"), parts=[1, 2]),
    "optimizer": {"state": {0: {"step": torch.ones(1)}}, "param_groups": [{"lr": 0.1}]},
}


@pytest.mark.parametrize("name", ["model", "state_dict", "model_state_dict", "net", "my_network"])
def test_what_a_training_script_saves_is_read(tmp_path, name):
    found, told = read(tmp_path / "w.pth", SCRIPT | {name: OrderedDict(below("module."))})
    assert same(found) and told == []


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ({"student": below("s.", {k: v + 1 for k, v in OWN.items()}), "teacher": below("backbone.")}, "'student'"),
        ({"state_dict": {k: v + 1 for k, v in OWN.items()}, "state_dict_ema": OWN}, "'state_dict'"),
        (
            {"state_dict": below("module.encoder_k.", {k: v + 1 for k, v in OWN.items()}) | below("module.encoder_q.")},
            "k",
        ),
        (
            {"model": below("momentum_encoder.", {k: v + 1 for k, v in OWN.items()}) | below("base_encoder.")},
            "momentum",
        ),
        (below("student.backbone.", {k: v + 1 for k, v in OWN.items()}) | below("teacher.backbone."), "student"),
    ],
    ids=["DINO", "EMA", "MoCo", "MoCo v3", "DINOv2"],
)
def test_of_several_networks_in_a_file_one_is_taken_and_told(tmp_path, content, says):
    found, told = read(tmp_path / "w.pth", content)
    assert same(found) and len(told) == 1
    assert told[0].startswith("w.pth: took the tensors") and says in told[0].partition("not")[2]


class Runs:
    def __init__(self, folder):
        self.folder = folder

    def __reduce__(self):
        return os.mkdir, (str(self.folder),)


@pytest.mark.parametrize("where", ["beside", "within the options"])
def test_nothing_in_a_file_is_run(tmp_path, where):
    runs = Runs(tmp_path / "ran")
    torch.save(
        {"model": OWN, "args": argparse.Namespace(hook=runs) if "options" in where else runs}, tmp_path / "w.pth"
    )
    with pytest.raises(BadInput, match="could run code"):
        read_tensors(tmp_path / "w.pth")
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is empty"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 1\n", "Git LFS.*git lfs pull"),
        (b"\n <!DOCTYPE html>\n<title>Sign in</title>", "HTML"),
        (b"<HTML><body>404</body></HTML>", "HTML"),
        (b'<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>', "XML"),
    ],
)
def test_what_is_downloaded_in_place_of_weights_is_called_what_it_is(tmp_path, content, says):
    (tmp_path / "w.pth").write_bytes(content)
    with pytest.raises(BadInput, match=says):
        read_tensors(tmp_path / "w.pth")


@pytest.fixture
def sharded(tmp_path):
    names = list(OWN)
    shards = {"w-1-of-2.safetensors": names[:2], "w-2-of-2.safetensors": names[2:]}
    for shard, own in shards.items():
        save_file({name: OWN[name] for name in own}, tmp_path / shard)
    index = tmp_path / "w.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": {name: shard for shard, own in shards.items() for name in own}}))
    return index


def test_weights_in_several_files_are_read_by_their_index(sharded):
    assert same(read_tensors(sharded))
    assert [path.name for path in with_shards(sharded)[1:]] == ["w-1-of-2.safetensors", "w-2-of-2.safetensors"]


def test_an_index_without_its_files_or_that_is_none_is_refused(sharded):
    (sharded.parent / "w-2-of-2.safetensors").unlink()
    with pytest.raises(BadInput, match=r"names w-2-of-2.safetensors, which are not beside it: fetch all 2 files"):
        with_shards(sharded)
    for content in ("{}", "[1]", '{"weight_map": {"a": "../x.safetensors"}}', '{"weight_map": {"a": 5}}', "no"):
        sharded.write_text(content)
        with pytest.raises(BadInput, match="is not an index of weights"):
            with_shards(sharded)
