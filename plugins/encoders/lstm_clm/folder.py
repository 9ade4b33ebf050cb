"""The folder of a model: `model.safetensors`, `tokenizer.json`, `config.json`, `curve.jsonl`, and `state.pt` meanwhile.

Every file is written beside its place and then moved there. `state.pt`, which resuming needs and which is gone when
learning has ended, is read without running code from it.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save

from curator.errors import BadInput, NotFound
from curator.kit.reading import Unreadable, reading
from curator.kit.weights import differences, read_tensors

from . import pooling, vocabulary
from .config import CONFIG, CURVE_FILE, FILES, FORMAT, MODEL, STATE, TOKENIZER, Shape, read_config
from .network import Weights, fresh
from .vocabulary import Vocabulary

CURVE = ("step", "epoch", "seconds", "train_loss", "held_out_loss", "bits_per_character")


def read(folder: Path) -> tuple[Shape, Weights, Vocabulary, dict[str, Any]]:
    """Sizes, weights, vocabulary and config of a model; raises `NotFound` or `BadInput`."""
    for name in FILES:
        if not (folder / name).is_file():
            raise NotFound(f"{str(folder)!r} holds no model of lstm-clm: {name} is not there")
    config = read_config(folder)
    shape = Shape(**config["shape"])
    weights = read_tensors(folder / MODEL)
    wide = pooling.dim(shape, "concat")
    with torch.device("meta"):  # as large as the config says, which nobody has proven yet, and so without numbers
        wanted = {**fresh(shape, torch.Generator()), pooling.MEAN: torch.zeros(wide), pooling.SCALE: torch.zeros(wide)}
    different = differences(wanted, weights)
    if different:
        raise BadInput(f"{str(folder / MODEL)!r} does not fit {CONFIG} beside it: {different}")
    found = vocabulary.read(folder / TOKENIZER)
    if found.size != shape.vocabulary:
        raise BadInput(f"{str(folder / TOKENIZER)!r} has {found.size} pieces, and {CONFIG} says {shape.vocabulary}")
    return shape, {name: value.float() for name, value in weights.items()}, found, config


def write(folder: Path, weights: Mapping[str, torch.Tensor], found: Vocabulary) -> None:
    """The weights and the vocabulary."""
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {name: value.detach().contiguous() for name, value in weights.items()}
    _write_atomically(folder / MODEL, lambda path: path.write_bytes(save(tensors)))
    _write_atomically(folder / TOKENIZER, found.save)


def describe(
    folder: Path,
    shape: Shape,
    key: Mapping[str, Any],
    facts: Mapping[str, Any],
    curve: Sequence[Mapping[str, float]],
    complete: bool,
) -> None:
    """The config, last and so only beside what it describes, and the curve; a finished model needs no state."""
    lines = "".join(json.dumps(point) + "\n" for point in curve)
    _write_atomically(folder / CURVE_FILE, lambda path: path.write_text(lines, encoding="utf-8"))
    config = {"format": FORMAT, "shape": asdict(shape), "key": dict(key), "facts": dict(facts), "complete": complete}
    text = json.dumps(config, indent=1, ensure_ascii=False) + "\n"
    _write_atomically(folder / CONFIG, lambda path: path.write_text(text, encoding="utf-8"))
    if complete:
        (folder / STATE).unlink(missing_ok=True)


def finished_facts(folder: Path, key: Mapping[str, Any]) -> dict[str, Any] | None:
    """The facts of a finished model of the same texts, options and start; None where there is none."""
    try:
        config = read_config(folder)
    except (BadInput, NotFound):
        return None
    same = config.get("complete") and config.get("key") == json.loads(json.dumps(key))
    whole = all((folder / name).is_file() for name in FILES)
    return dict(config["facts"]) if same and whole else None


def keep(folder: Path, key: Mapping[str, Any], state: Mapping[str, Any]) -> None:
    """Write what resuming needs."""
    data = io.BytesIO()
    torch.save({"key": json.dumps(key, sort_keys=True), **state}, data)
    _write_atomically(folder / STATE, lambda path: path.write_bytes(data.getbuffer()))


def unfinished_state(folder: Path, key: Mapping[str, Any]) -> dict[str, Any] | None:
    """What was kept of a run with the same key; None where there is nothing, or nothing that can be used."""
    try:
        with reading():
            found = torch.load(folder / STATE, map_location="cpu", weights_only=True)
    except Unreadable:  # learning then begins anew
        return None
    return found if isinstance(found, dict) and found.pop("key", "") == json.dumps(key, sort_keys=True) else None


def fingerprint(folder: Path | None) -> str:
    """SHA-256 of the weights and the vocabulary of a model to start from; empty for none."""
    if folder is None:
        return ""
    found = hashlib.sha256()
    for name in (MODEL, TOKENIZER):
        try:
            found.update((folder / name).read_bytes())
        except FileNotFoundError:
            raise NotFound(f"{str(folder)!r} holds no model of lstm-clm: {name} is not there") from None
    return found.hexdigest()


def _write_atomically(path: Path, write: Any) -> None:
    """Tensors are written as bytes: what torch and safetensors raise where a disk is full does not say so."""
    beside = path.with_name(f".{path.name}.part")
    try:
        write(beside)
        os.replace(beside, path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
