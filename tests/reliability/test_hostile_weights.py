"""Weights from anybody: what the name of tensors stands for, of whatever kind, size and shape, is used or refused.

What `hostile` damages are bytes; here the files are whole, and what they hold is not what an encoder wants. Each goes
the whole way: `encode` with it ends in vectors, in reasons beside the texts and pictures, or in one line that names the
file; nothing in it is run.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import os
import random
import shutil
import sqlite3
import warnings

import cli_kit
import hostile
import numpy as np
import pytest
import torch
from fakes import picture
from safetensors.torch import load, load_file, save, save_file

from curator.errors import BadInput, CuratorError, PluginError
from curator.registry.loader import load_plugins
from curator.workspace import Workspace

SEED = int(os.environ.get("CURATOR_TESTS_SEED", "1"))
SECONDS = 20
SUSPECTED = ("damaged, or of another network?", "is not what curator keeps of a head")
"""What is said beside the plugin where it cannot tell which is to blame: what it is, or what it was given."""


# --- files that are whole ---


class Runs:
    """What would be run by a pickle that is trusted."""

    def __reduce__(self):
        return os.mkdir, (os.environ["CURATOR_TESTS_RUN"],)


def one(state, chance):
    return chance.choice(sorted(state))


def each(change):
    """A mutation of one tensor."""

    def mutation(state, chance):
        name = one(state, chance)
        return state | {name: change(state[name])}

    return mutation


def first(value):
    """A mutation of one number of a tensor."""

    def change(tensor):
        tensor = tensor.clone().float()
        tensor.view(-1)[:1] = value
        return tensor

    return each(change)


def without(state, chance):
    gone = one(state, chance)
    return {name: tensor for name, tensor in state.items() if name != gone}


def renamed(state, chance):
    name = one(state, chance)
    return without(state, random.Random(0)) | {
        chance.choice(["", "\0", "../../x", "a" * 10_000, "猫", f"{name}.x"]): state[name]
    }


def swapped(state, chance):
    one_, other = one(state, chance), one(state, chance)
    return state | {one_: state[other], other: state[one_]}


def spread_out(shown):
    """Of as many numbers as no machine holds, in a file of one."""
    return lambda state, chance: state | {shown or one(state, chance): torch.zeros(1).expand(1 << 20, 1 << 20)}


def quantised(tensor):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return torch.quantize_per_tensor(tensor.float(), 0.1, 0, torch.qint8)


TENSORS = {
    "without": without,
    "renamed": renamed,
    "swapped": swapped,
    "more": lambda state, chance: state | {"more": torch.ones(3)},
    "none": lambda state, chance: {},
    "empty": each(lambda tensor: tensor[:0]),
    "a number": each(lambda tensor: torch.tensor(1.0)),
    "transposed": each(lambda tensor: tensor.T.contiguous() if tensor.ndim == 2 else tensor[None]),
    "longer": each(lambda tensor: torch.cat([tensor, tensor])),
    "nan": first(float("nan")),
    "infinite": first(float("inf")),
    "huge": first(3e38),
    "all zeros": lambda state, chance: {name: torch.zeros_like(tensor) for name, tensor in state.items()},
    **{
        f"{kind}".removeprefix("torch."): each(lambda tensor, kind=kind: tensor.to(kind))
        for kind in (
            torch.float64,
            torch.float16,
            torch.bfloat16,
            torch.int64,
            torch.uint8,
            torch.bool,
            torch.complex64,
        )
    },
}
"""By name, what may stand in any file of tensors."""

PICKLED = {
    "sparse": each(lambda tensor: tensor.to_sparse()),
    "spread out": spread_out("more"),
    "spread out, of a known name": spread_out(""),
    "without storage": each(lambda tensor: tensor.to("meta")),
    "quantised": each(quantised),
    "parameter": each(lambda tensor: torch.nn.Parameter(tensor.float())),
    "wrapped": lambda state, chance: {"state_dict": state, "epoch": 3},
    "wrapped twice": lambda state, chance: {"state_dict": {"model": {"state_dict": state}}},
    "text": lambda state, chance: state | {one(state, chance): "a text"},
    "list": lambda state, chance: list(state.values()),
    "numbers for names": lambda state, chance: dict(enumerate(state.values())),
    "array": lambda state, chance: {name: tensor.float().numpy() for name, tensor in state.items()},
    "code": lambda state, chance: state | {"more": Runs()},
    "module": lambda state, chance: torch.nn.Linear(2, 2),
}
"""And what torch's own files may hold besides."""


def written(path, state, chance):
    """Write tensors with something done to them, as a file of one of the formats; returns what was done."""
    # By that ending torch itself takes a file for one of safetensors; by any other, the content tells.
    how = "safetensors" if path.suffix == ".safetensors" else chance.choice(["safetensors", "zip", "legacy"])
    what, mutation = chance.choice(list((TENSORS if how == "safetensors" else TENSORS | PICKLED).items()))
    changed = mutation(dict(state), chance)
    if how == "safetensors":
        save_file({name: tensor.contiguous().clone() for name, tensor in changed.items()}, path)
    else:
        torch.save(changed, path, _use_new_zipfile_serialization=how == "zip")
    return f"{how}, {what}"


def damaged(path, chance):
    """Flip, cut or splice bytes of a file; returns that."""
    data = path.read_bytes()
    path.write_bytes(hostile.mutated(data, [data], chance))
    return f"{path.name} damaged"


NUMBERS = (0, -1, 1, 1.5, 10**9, 10**30, float("nan"), float("inf"), True, None, "8", [8], {}, "a" * 100_000)


def described(path, chance):
    """Another value somewhere in a file of JSON; returns that."""
    told = json.loads(path.read_text(encoding="utf-8"))
    inner, steps = told, []
    while isinstance(inner, dict | list) and inner:
        key = chance.choice(list(inner) if isinstance(inner, dict) else range(len(inner)))
        steps.append((inner, key))
        inner = inner[key]
        if chance.random() < 0.3:
            break
    value = chance.choice(NUMBERS)
    steps[-1][0][steps[-1][1]] = value
    path.write_text(json.dumps(told), encoding="utf-8")
    return f"{path.name}: {'/'.join(str(key) for _, key in steps)} = {value!r:.20}"


# --- encoders that take them ---


@pytest.fixture(scope="module")
def registry():
    return load_plugins()


@pytest.fixture(scope="module")
def made(registry, tmp_path_factory):
    """A workspace of some texts and pictures, none embedded."""
    base = tmp_path_factory.mktemp("weights")
    Workspace.create(base / "workspace")
    cli_kit.texts(base / "data" / "texts", 6)
    for number in range(3):
        picture(base / "data" / f"{number}.png", seed=number, size=(20, 16))
    with Workspace(base / "workspace", registry) as workspace:
        workspace.add(base / "data", encode=False)
    return base / "workspace"


@pytest.fixture
def opened(made, registry, tmp_path):
    """Opens it as it was: what it once recorded of a model would be taken in place of what a trial gives."""

    @contextlib.contextmanager
    def opening():
        copy = tmp_path / "workspace"
        shutil.copytree(made, copy)
        with Workspace(copy, registry) as workspace:
            yield workspace
        shutil.rmtree(copy)

    return opening


@pytest.fixture(scope="module")
def language_model(made, registry, tmp_path_factory):
    """The folder of a tiny lstm-clm, and its tensors."""
    base = tmp_path_factory.mktemp("lstm")
    folder = base / "model"
    shutil.copytree(made, base / "workspace")
    with Workspace(base / "workspace", registry) as ws:
        model = ws.pretrain("lstm-clm", options={"width": 8, "embedding": 8, "epochs": 1}).model
        shutil.copytree(ws.models.weights(model), folder)
    return folder, load_file(folder / "model.safetensors"), "lstm-clm", "model.safetensors"


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    """The folder of a tiny CLIP, and its tensors."""
    import clip_kit
    import open_clip

    folder = tmp_path_factory.mktemp("clip") / "model"
    texts = clip_kit.MODEL["text_cfg"] | {"width": 8}
    vision = clip_kit.VISION | {"width": 32, "layers": 1}
    clip_kit.describe(folder, clip_kit.MODEL | {"embed_dim": 8, "text_cfg": texts, "vision_cfg": vision})
    network = open_clip.create_model(f"local-dir:{folder}", load_weights=False)
    torch.save(network.state_dict(), folder / "open_clip_pytorch_model.bin")
    return folder, network.state_dict(), "clip:local-dir:{}", "open_clip_pytorch_model.bin"


@pytest.fixture(autouse=True)
def guarded(tmp_path, monkeypatch):
    """A sign of what was run."""
    monkeypatch.setenv("CURATOR_TESTS_RUN", str(tmp_path / "run"))
    yield
    assert not (tmp_path / "run").exists()


def refused(do):
    """What came out that should not; empty where it was done, or refused in one line."""
    try:
        with hostile.within(SECONDS):
            do()
    except PluginError as error:
        return "" if any(words in str(error) for words in SUSPECTED) else f"called a plugin's failure: {error}"
    except CuratorError as error:
        return "" if str(error).strip() and "\n" not in str(error) else f"not one line: {error!r}"
    except BaseException as error:
        return f"{type(error).__name__}: {error}"
    return ""


def finite(ws):
    """Whether every vector is of finite numbers."""
    return all(
        np.isfinite(np.frombuffer(vector, "<f4")).all()
        for space in ws.derived.spaces()
        for _, vector in ws.derived.all_vectors(space)
    )


def hold(opened, model, tmp_path, count, ways):
    """Hold so many of them to that."""
    sound, state, name, file = model
    chance, wrong = random.Random(f"{SEED} {name}"), []
    for number in range(count):
        folder = tmp_path / f"{number}"
        shutil.copytree(sound, folder)
        way = chance.choice(ways)
        told = way(folder / file, state, chance) if way is written else way(folder, chance)
        with opened() as ws:
            said = refused(functools.partial(ws.encode, name.format(folder), None if "{}" in name else folder))
            wrong += [f"{told}: {said}"] if said else []
            wrong += [] if finite(ws) else [f"{told}: numbers that are none"]
        shutil.rmtree(folder)
    print(f"\nweights of {name}: {count}", end="")
    assert not wrong, "\n".join(wrong)


def damaged_file(folder, chance):
    return damaged(chance.choice(sorted(path for path in folder.iterdir() if path.is_file())), chance)


def another_config(folder, chance):
    return described(folder / "config.json", chance)


def another_tokenizer(folder, chance):
    return described(folder / "tokenizer.json", chance)


LSTM = (written, written, damaged_file, another_config, another_tokenizer)
CLIP = (written, written, written, damaged_file)


def test_sound_ones_are_taken(opened, language_model, clip):
    with opened() as ws:
        (report,) = ws.encode("lstm-clm", weights=language_model[0]).values()
        assert report.encoded == 6
        (report,) = ws.encode(f"clip:local-dir:{clip[0]}").values()
        assert report.encoded == 9 and finite(ws)


def test_some_weights_of_a_language_model(opened, language_model, tmp_path):
    hold(opened, language_model, tmp_path, 12, LSTM)


def test_some_weights_of_clip(opened, clip, tmp_path):
    hold(opened, clip, tmp_path, 4, CLIP)


@pytest.mark.parametrize("size", [10**9, 10**30, 1.5, True, float("inf"), "8", 10_000_000])
@pytest.mark.parametrize("which", ["vocabulary", "layers", "width", "embedding"])
def test_sizes_that_a_config_says_are_not_believed(opened, language_model, tmp_path, which, size):
    shutil.copytree(language_model[0], tmp_path / "model")
    config = json.loads((tmp_path / "model" / "config.json").read_text())
    config["shape"][which] = size
    (tmp_path / "model" / "config.json").write_text(json.dumps(config))
    with opened() as ws, pytest.raises(BadInput, match=r"config\.json"):
        ws.encode("lstm-clm", weights=tmp_path / "model")


@pytest.mark.parametrize(
    ("tower", "which", "size"),
    [("text_cfg", "layers", 10**9), ("text_cfg", "vocab_size", 10**9), ("vision_cfg", "width", 2**20)],
)
def test_sizes_that_the_config_of_a_clip_says_are_not_believed(opened, clip, tmp_path, tower, which, size):
    shutil.copytree(clip[0], tmp_path / "model")
    path = tmp_path / "model" / "open_clip_config.json"
    config = json.loads(path.read_text())
    config["model_cfg"][tower][which] = size
    path.write_text(json.dumps(config))
    with opened() as ws, hostile.within(SECONDS), pytest.raises(BadInput, match="weights"):
        ws.encode(f"clip:local-dir:{tmp_path / 'model'}")


# --- what heads learnt, as a workspace that was sent may hold it ---

HEADS = ("prototype", *["logistic", "mlp"] * (os.environ.get("CURATOR_RELIABILITY") == "long"))
"""The others take long to learn."""


@pytest.fixture(scope="module")
def trained(registry, tmp_path_factory):
    """A workspace with a head of each kind."""
    base = tmp_path_factory.mktemp("heads")
    Workspace.create(base / "workspace")
    for kind in ("cats", "dogs"):
        cli_kit.texts(base / "texts" / kind, 6, about=kind)
    with Workspace(base / "workspace", registry) as ws:
        ws.add(base / "texts", encode=False)
        for kind, value in (("cats", True), ("dogs", False)):
            ws.label("cat", sorted((base / "texts" / kind).iterdir())[:4], value=value)
        for head in HEADS:
            ws.train("cat", head=head, may_encode=True)
    return base / "workspace"


def of_heads(trained, registry, tmp_path, count):
    """Put so many other states in the place of what heads learnt, under their own hashes."""
    chance, wrong = random.Random(f"{SEED} heads"), []
    for number in range(count):
        copy, kind = tmp_path / f"{number}" / "workspace", HEADS[number % len(HEADS)]
        shutil.copytree(trained, copy)
        (copy / "derived.db").unlink()
        with contextlib.closing(sqlite3.connect(copy / "catalogue.db")) as catalogue, catalogue:
            name = catalogue.execute("SELECT object FROM head WHERE kind = ?", [kind]).fetchone()[0]
            state = load((copy / "objects" / name[:2] / name[2:]).read_bytes())
            what, mutation = chance.choice(list(TENSORS.items()))
            data = save({key: tensor.contiguous().clone() for key, tensor in mutation(state, chance).items()})
            if chance.random() < 0.3:
                what, data = f"{what}, damaged", hostile.mutated(data, [data], chance)
            other = hashlib.sha256(data).hexdigest()
            (copy / "objects" / other[:2]).mkdir(exist_ok=True)
            (copy / "objects" / other[:2] / other[2:]).write_bytes(data)
            catalogue.execute("UPDATE head SET object = ? WHERE kind = ?", [other, kind])
        with Workspace(copy, registry) as ws:
            said = refused(lambda ws=ws, kind=kind: ws.run("classify", label="cat", head=kind, may_encode=True))
        wrong += [f"{kind}, {what}: {said}"] if said else []
        shutil.rmtree(copy)
    print(f"\nstates of heads: {count}", end="")
    assert not wrong, "\n".join(wrong)


def test_some_states_of_heads(trained, registry, tmp_path):
    of_heads(trained, registry, tmp_path, 9)


@pytest.mark.slow
def test_many_states_of_heads(trained, registry, tmp_path):
    of_heads(trained, registry, tmp_path, 120)


@pytest.mark.slow
def test_many_weights_of_a_language_model(opened, language_model, tmp_path):
    hold(opened, language_model, tmp_path, 150, LSTM)


@pytest.mark.slow
def test_many_weights_of_clip(opened, clip, tmp_path):
    hold(opened, clip, tmp_path, 100, CLIP)
