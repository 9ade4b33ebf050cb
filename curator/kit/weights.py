"""For encoder plugins: weights reached, read without running code from them, and compared with what is wanted.

Public, like `curator.api`. Nothing heavy is imported with it.
"""

from __future__ import annotations

import contextlib
import json
import os
import pickle
import socket
import threading
import warnings
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from curator.errors import BadInput, NotReady
from curator.kit.reading import Unreadable, reading

__all__ = [
    "differences",
    "fitting_torch",
    "gist",
    "learnt",
    "read_description",
    "read_tensors",
    "unreachable",
    "write_learnt",
]

_MODEL, _ABOUT = "model.safetensors", "model.json"

_LONGEST = 64 << 20
"""Bytes of a file that describes a network: a file may say of itself that it has any number."""

_CONNECT = 2.0  # seconds to reach a server: who is offline should hear it at once

_INSTEAD = "use a .safetensors file or a state dict (torch.save(model.state_dict(), FILE)) instead"


def read_description(path: Path) -> Any:
    """What a file of JSON beside weights holds; raises `OSError`, `ValueError` or `RecursionError`."""
    if path.stat().st_size > _LONGEST:
        raise ValueError(f"{path.stat().st_size:,} bytes are too many for what it should be")
    return json.loads(path.read_bytes())


def read_tensors(path: Path) -> dict[str, Any]:
    """The tensors of a safetensors or torch file by name, on the CPU.

    Wrappers (`{"state_dict": ...}`, `{"model": ...}`) and the prefix `module.` of parallel training are taken off.
    Runs no code from the file. Raises `BadInput` for a TorchScript archive, a pickle of more than tensors, a
    damaged file, and one that holds no tensors by name.
    """
    try:
        with reading():
            state = _read(path)
    except Unreadable as error:
        if isinstance(error.__cause__, pickle.UnpicklingError):
            wrong = f"holds more than tensors and could run code, or is damaged: {_INSTEAD}"
        elif isinstance(error.__cause__, MemoryError):
            wrong = f"cannot be read: {error}"
        else:
            wrong = "is damaged or cut off, or no checkpoint at all: fetch it again"
        raise BadInput(f"{str(path)!r} {wrong}") from error
    for wrapper in ("state_dict", "model"):
        if isinstance(state, Mapping) and isinstance(state.get(wrapper), Mapping):
            state = state[wrapper]
    if not isinstance(state, Mapping) or not state or not all(hasattr(value, "shape") for value in state.values()):
        raise BadInput(f"{str(path)!r} holds no state dict, that is no tensors by name")
    return {str(key).removeprefix("module."): value for key, value in state.items()}


def _read(path: Path) -> Any:
    """What the file holds. The content tells of which format it is: names of such files vary."""
    import torch

    with path.open("rb") as file:
        start = file.read(9)
    if start[8:] == b"{":
        from safetensors.torch import load_file

        return load_file(path)
    zipped = start.startswith(b"PK")
    if zipped:
        with zipfile.ZipFile(path) as archive:
            if any(name.lower().endswith("constants.pkl") for name in archive.namelist()):
                raise BadInput(f"{str(path)!r} is a TorchScript archive, whose loading runs the code in it: {_INSTEAD}")
    with warnings.catch_warnings():
        # About old formats and pickle protocols; what matters is whether it can be read.
        warnings.simplefilter("ignore")
        return torch.load(path, map_location="cpu", weights_only=True, mmap=zipped)


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
    """What a tensor holds that no network can count with; empty where it can. A mask may be infinite where one is
    wanted; of one without numbers, on torch's device `meta`, that is not asked."""
    if given.is_meta or given.is_sparse or given.is_quantized or given.is_complex():
        return "no plain numbers"
    if given.is_floating_point() and not given.float().isfinite().all() and (wanted.is_meta or wanted.isfinite().all()):
        return "numbers that are not finite"
    return ""


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
