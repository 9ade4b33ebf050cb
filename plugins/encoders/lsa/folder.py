"""The folder of a model: `model.safetensors` with the arrays of `Learnt`, and `config.json`, which tells of them."""

from __future__ import annotations

import json
import math
import os
from pathlib import Path
from typing import TYPE_CHECKING

from curator.errors import BadInput, NotFound
from curator.kit.weights import read_arrays, read_description

if TYPE_CHECKING:
    from .learning import Learnt

MODEL, CONFIG = "model.safetensors", "config.json"
FORMAT = 1
LARGEST = 100_000
"""No number of dimensions is larger."""


def read_dim(folder: Path) -> int:
    """How many numbers a vector has, without numpy; raises `NotFound` or `BadInput`."""
    for name in (CONFIG, MODEL):
        if not (folder / name).is_file():
            raise NotFound(f"{str(folder)!r} holds no model of lsa: {name} is not there")
    try:
        told = read_description(folder / CONFIG)
        dim = told["dim"]
        if told["format"] == FORMAT and type(dim) is int and 0 < dim <= LARGEST:
            return dim
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        pass
    raise BadInput(f"{str(folder / CONFIG)!r} does not describe a model of lsa, or one of a later version")


def read(folder: Path) -> Learnt:
    """What was learnt; raises `NotFound`, or `BadInput` where the files do not fit each other."""
    import numpy as np

    from .learning import Learnt
    from .pieces import FEATURES

    dim, given = read_dim(folder), read_arrays(folder / MODEL)
    if given.keys() == {"columns", "rarity", "directions"}:
        columns, rarity, directions = given["columns"], given["rarity"], given["directions"]
        known = columns.shape[:1]
        fits = columns.ndim == 1 and rarity.shape == known and directions.shape == (*known, dim)
        kinds = [array.dtype.name for array in (columns, rarity, directions)]
        usable = fits and kinds == ["int32", "float32", "float16"]
        if usable and (np.diff(columns, prepend=-1, append=2 * FEATURES) > 0).all():
            return Learnt(columns, rarity, directions.astype(np.float32))
    raise BadInput(f"{str(folder / MODEL)!r} does not hold what lsa learns, or does not fit {CONFIG} beside it")


def write(folder: Path, model: Learnt, lost: float) -> None:
    """The arrays, and last what tells of them; each is written beside its place and then moved there."""
    import numpy as np
    from safetensors.numpy import save

    arrays = {"columns": model.columns, "rarity": model.rarity, "directions": model.directions.astype(np.float16)}
    known, dim = model.directions.shape
    told = {"format": FORMAT, "dim": dim, "pieces": known, "lost": lost if math.isfinite(lost) else None}
    for name, data in ((MODEL, save(arrays)), (CONFIG, json.dumps(told, indent=1).encode() + b"\n")):
        (folder / f".{name}.part").write_bytes(data)
        os.replace(folder / f".{name}.part", folder / name)
