"""For encoder plugins: weights reached, read without running code from them, and compared with what is wanted.

Public, like `curator.api`. Nothing heavy is imported with it.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import pickle
import socket
import threading
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from curator.errors import BadInput, NotReady
from curator.kit.reading import Unreadable, reading
from curator.kit.weights import torch_files
from curator.kit.weights.torch_files import INSTEAD

__all__ = [
    "differences",
    "fitting_torch",
    "gist",
    "learnt",
    "named_as",
    "read_arrays",
    "read_description",
    "read_tensors",
    "telling",
    "unreachable",
    "with_shards",
    "write_learnt",
]

if TYPE_CHECKING:
    from numpy.typing import NDArray

_MODEL, _ABOUT = "model.safetensors", "model.json"

_LONGEST = 64 << 20
"""Bytes of a file that describes a network: a file may say of itself that it has any number."""

_CONNECT = 2.0  # seconds to reach a server: who is offline should hear it at once

_INDEX = ".index.json"

_SETS = (
    *("state_dict_ema", "model_ema", "ema_state_dict", "ema", "params_ema", "teacher"),
    *("state_dict", "model", "model_state_dict", "model_state", "net", "network", "module", "params", "weights"),
    *("student", "backbone", "encoder", "visual"),
)
"""What scripts call the tensors of a network among what else they save, what to take first: means over the training,
and the teacher that is one, do best."""

_LATER = ("momentum", "encoder_k", "_k.", "student", "predictor", "projector")
_SOONER = ("ema", "teacher")
"""In prefixes of the names of tensors: parts that are another network, or its mean."""

_DEEPEST = 8
"""So deep the tensors of a network may lie in what a script saved; what holds itself has no end."""

_NO_WEIGHTS = (
    (b"version https://git-lfs", "is a pointer of Git LFS, not the weights: fetch them with `git lfs pull`"),
    (b"<!doctype html", "is a page of HTML, not weights: fetch the file itself"),
    (b"<html", "is a page of HTML, not weights: fetch the file itself"),
    (b"<?xml", "is XML, not weights: fetch the file itself"),
)
"""What is downloaded in place of weights, by how it begins."""

_tell: ContextVar[Callable[[str], None] | None] = ContextVar("tell", default=None)


def read_description(path: Path) -> Any:
    """What a file of JSON beside weights holds; raises `OSError`, `ValueError` or `RecursionError`."""
    if path.stat().st_size > _LONGEST:
        raise ValueError(f"{path.stat().st_size:,} bytes are too many for what it should be")
    return json.loads(path.read_bytes())


def read_tensors(path: Path) -> dict[str, Any]:
    """The tensors of a safetensors or torch file by name, on the CPU, as those of torch; otherwise as `read_arrays`."""
    from safetensors.torch import load_file

    return {name: _as_torch(value) for name, value in _read(path, load_file).items()}


def read_arrays(path: Path) -> dict[str, NDArray[Any]]:
    """The tensors of a safetensors or torch file by name, as arrays of numpy, without torch.

    What training scripts save around them (`{"model": ..., "args": ...}`) is taken off, and so are the prefixes of
    parallel training and of compiling; of several sets of tensors one is taken, which `telling` hears of. The index of
    weights in several files of safetensors stands for these. Those of torch files are views of the file, and may be
    written to without changing it; bfloat16 is that of `ml_dtypes`. Runs no code from the file. Raises `BadInput` for
    a TorchScript archive, a pickle of more than tensors and options, a damaged file, one that is something else, and
    one that holds no tensors by name.
    """
    return _read(path, _safe_arrays)


def _read(path: Path, load_safe: Callable[[Path], dict[str, Any]]) -> dict[str, Any]:
    """By name; `load_safe` reads a file of safetensors."""
    if path.name.endswith(_INDEX):
        return {name: value for shard in with_shards(path)[1:] for name, value in _read(shard, load_safe).items()}
    _refuse_what_is_none(path)
    try:
        with reading():
            state = _state_dict(path, load_safe)
    except Unreadable as error:
        if isinstance(error.__cause__, pickle.UnpicklingError):
            wrong = f"holds more than tensors and could run code, or is damaged: {INSTEAD}"
        elif isinstance(error.__cause__, MemoryError):
            wrong = f"cannot be read: {error}"
        else:
            wrong = "is damaged or cut off, or no checkpoint at all: download it again"
        raise BadInput(f"{str(path)!r} {wrong}") from error
    return {str(key).removeprefix("module.").replace("_orig_mod.", ""): value for key, value in state.items()}


def _state_dict(path: Path, load_safe: Callable[[Path], dict[str, Any]]) -> Mapping[Any, Any]:
    """The tensors of one network. The content tells of which format a file is: names of such files vary."""
    with path.open("rb") as file:
        safe = file.read(9)[8:] == b"{"
    state, array = (load_safe(path), None) if safe else torch_files.opened(path)
    for _ in range(_DEEPEST):
        if not isinstance(state, Mapping) or _are_tensors(state):
            break
        state = _unwrapped(state, path)
    if not _are_tensors(state):
        raise BadInput(f"{str(path)!r} holds no state dict, that is, no tensors by name")
    return state if array is None else {name: array(tensor) for name, tensor in state.items()}


def _safe_arrays(path: Path) -> dict[str, NDArray[Any]]:
    """Of a file of safetensors."""
    import ml_dtypes  # noqa: F401  # what numpy knows bfloat16 by
    from safetensors import safe_open

    with safe_open(path, "numpy") as file:
        return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  # it is no mapping


def _as_torch(value: Any) -> Any:
    """An array as torch's tensor of the same memory; what is one already stays one."""
    import torch

    if isinstance(value, torch.Tensor):
        return value
    if value.dtype.name == "bfloat16":  # which torch does not take from numpy
        return torch.from_numpy(value.view("<i2")).view(torch.bfloat16)
    return torch.from_numpy(value)


def _are_tensors(state: Any) -> bool:
    return isinstance(state, Mapping) and bool(state) and all(hasattr(value, "shape") for value in state.values())


def _unwrapped(state: Mapping[Any, Any], path: Path) -> Any:
    """What is within what a script saved; None where nothing could be the tensors."""
    found = [name for name in _SETS if isinstance(state.get(name), Mapping)]
    found = found or [name for name, value in state.items() if _are_tensors(value)]
    if not found:
        return None
    others = [name for name in found[1:] if _are_tensors(state[name])]
    if others:
        _say(f"{path.name}: took the tensors of {found[0]!r}, and not {', '.join(map(repr, others))}")
    return state[found[0]]


def _refuse_what_is_none(path: Path) -> None:
    """Raise `BadInput` for what is downloaded in place of weights, and for an empty file."""
    with path.open("rb") as file:
        start = file.read(512)
    if not start:
        raise BadInput(f"{str(path)!r} is empty (0 bytes): download it again")
    for beginning, words in _NO_WEIGHTS:
        if start.lstrip().lower().startswith(beginning):
            raise BadInput(f"{str(path)!r} {words}")


def with_shards(path: Path) -> tuple[Path, ...]:
    """A file of weights, and if it is an index (`….safetensors.index.json`) the files that it names: what
    `Resolved.files` should hold.

    Raises `BadInput` for an index that is none, or names files that are not beside it.
    """
    if not path.name.endswith(_INDEX):
        return (path,)
    try:
        names = sorted(set(read_description(path)["weight_map"].values()))
        if not names or any(Path(name).name != name for name in names):
            raise ValueError("it names no files beside it")
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise BadInput(f"{str(path)!r} is not an index of weights in several files: {gist(error)}") from error
    lacking = [name for name in names if not (path.parent / name).is_file()]
    if lacking:
        more = f" and {len(lacking) - 1} more" if len(lacking) > 1 else ""
        raise BadInput(f"{str(path)!r} names {lacking[0]}{more}, which are not beside it: fetch all {len(names)} files")
    return (path, *(path.parent / name for name in names))


def named_as(wanted: Collection[str], given: Mapping[str, Any], path: Path) -> Mapping[str, Any]:
    """Tensors by the names that a network wants, where theirs say before it of what they were a part (`backbone.`).

    That part is taken whole, also what the network does not want; where several parts could be meant, one is, and
    `telling` hears of it. Tensors whose names are wanted as they are stay as they are.
    """
    wanted = set(wanted)
    parts: Counter[str] = Counter()
    for name in given:
        pieces = name.split(".")
        for at in range(len(pieces)):
            if ".".join(pieces[at:]) in wanted:
                parts["".join(f"{piece}." for piece in pieces[:at])] += 1
    most = max(parts.values(), default=0)
    if parts[""] == most or 2 * most < len(wanted):
        return given
    several = sorted((part for part in parts if parts[part] == most), key=_rank)
    if len(several) > 1:
        others = ", ".join(map(repr, several[1:]))
        _say(f"{path.name}: took the tensors below {several[0]!r}, and not those below {others}")
    return {name.removeprefix(several[0]): value for name, value in given.items() if name.startswith(several[0])}


def _rank(part: str) -> int:
    """Where a part is among several that could be meant; those alike stay as they are in the file."""
    return any(word in part for word in _LATER) - any(word in part for word in _SOONER)


@contextlib.contextmanager
def telling(say: Callable[[str], None] | None) -> Iterator[None]:
    """A block in which `say` gets a line about each choice that is made of what a file holds."""
    token = _tell.set(functools.cache(say) if say else None)  # a file may be looked at more than once
    try:
        yield
    finally:
        _tell.reset(token)


def _say(words: str) -> None:
    say = _tell.get()
    if say is not None:
        say(words)


def write_learnt(folder: Path, encoder: str, variant: str, tensors: Mapping[str, Any]) -> None:
    """Leave torch tensors by name as a model that was learnt, for `learnt` to find; over an earlier one in one step."""
    from safetensors.torch import save

    (folder / _ABOUT).write_text(json.dumps({"encoder": encoder, "variant": variant}))
    # As bytes, since what safetensors raises where the disk is full does not say so.
    data = save({name: value.detach().cpu().contiguous() for name, value in tensors.items()})
    (folder / ".writing").write_bytes(data)
    os.replace(folder / ".writing", folder / _MODEL)


def learnt(folder: Path, encoder: str) -> tuple[Path, str]:
    """The file of weights and the variant of a model that an encoder left with `write_learnt`.

    Raises `BadInput` for a folder that holds none, or one of another encoder.
    """
    try:
        about = read_description(folder / _ABOUT)
        of, variant = str(about["encoder"]), str(about["variant"])
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        of = ""
    if of != encoder or not (folder / _MODEL).is_file():
        holds = f"a model of {of}" if of and of != encoder else "no model that was fine-tuned"
        raise BadInput(f"{encoder} takes a file of weights; the folder {str(folder)!r} holds {holds}")
    return folder / _MODEL, variant


def differences(wanted: Mapping[str, Any], given: Mapping[str, Any]) -> str:
    """In what the names, shapes and numbers of `given` are not those `wanted`: the first two, how many more; or empty.

    Counts of training steps, which old checkpoints lack and inference ignores, are not missed.
    """
    missing = [key for key in wanted if key not in given and not key.endswith("num_batches_tracked")]
    found = [f"{key} is missing" for key in missing]
    found += [f"{key} is unexpected" for key in given if key not in wanted]
    shapes = {key: (tuple(given[key].shape), tuple(wanted[key].shape)) for key in wanted if key in given}
    found += [f"{key} has the shape {has} instead of {want}" for key, (has, want) in shapes.items() if has != want]
    same = [key for key, (has, want) in shapes.items() if has == want]
    found += [f"{key} holds {strange}" for key in same if (strange := _strange(given[key], wanted[key]))]
    return ", ".join(found[:2]) + (f", and {len(found) - 2} more" if len(found) > 2 else "")


def _strange(given: Any, wanted: Any) -> str:
    """What a tensor of torch or an array holds that no network can count with; empty where it can.

    A mask may be infinite where one is wanted; of one without numbers (torch's device `meta`, a `Shape`), that is not
    asked.
    """
    import numpy as np

    if isinstance(given, np.ndarray):
        plain = given.dtype.kind != "c"
        with np.errstate(over="ignore"):
            finite = plain and bool(np.isfinite(given.astype(np.float32)).all())
    else:
        plain = not (given.is_meta or given.is_sparse or given.is_quantized or given.is_complex())
        finite = plain and bool(given.float().isfinite().all())
    if not plain:
        return "no plain numbers"
    return "" if finite or not (wanted.is_meta or wanted.isfinite().all()) else "numbers that are not finite"


def unreachable(url: str) -> str:
    """Why the server of `url` (or the proxy to it) takes no connection within two seconds; empty where it does."""
    from urllib.request import getproxies, proxy_bypass

    target = urlsplit(url)
    proxy = getproxies().get(target.scheme) or getproxies().get("all")
    if proxy and not proxy_bypass(target.hostname or ""):
        target = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
    problems = ["no answer in time"]

    def connect() -> None:
        try:
            port = target.port or (443 if target.scheme == "https" else 80)
            socket.create_connection((target.hostname or "", port), _CONNECT).close()
            problems.clear()
        except (OSError, ValueError) as error:
            problems[:] = [gist(error)]

    # A thread, since the look-up of a name heeds no timeout.
    thread = threading.Thread(target=connect, daemon=True)
    thread.start()
    thread.join(_CONNECT)
    return "".join(problems)


@contextlib.contextmanager
def fitting_torch() -> Iterator[None]:
    """A block that imports torch's companions; raises `NotReady`, in plain words, where their builds do not fit."""
    try:
        yield
    except RuntimeError as error:
        raise NotReady(
            f"torch and torchvision do not fit together ({gist(error)}): install both from the same index, "
            "`pip install --force-reinstall torch torchvision`"
        ) from error


def gist(error: BaseException) -> str:
    """An error in one line."""
    reason = getattr(error, "reason", None)
    if isinstance(reason, BaseException):  # urllib wraps the error that tells something
        error = reason
    text = (error.strerror if isinstance(error, OSError) else "") or str(error) or type(error).__name__
    return " ".join(text.split("\n\n")[0].split())[:200]
