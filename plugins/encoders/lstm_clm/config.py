"""The names of a model's files, and its `config.json`: what can be said of a model without torch."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from curator.errors import BadInput, NotFound
from curator.kit.weights import read_description

MODEL, TOKENIZER, CONFIG = "model.safetensors", "tokenizer.json", "config.json"
FILES = (MODEL, TOKENIZER, CONFIG)
"""What an encoder is loaded from."""

CURVE_FILE, STATE = "curve.jsonl", ".state.pt"
FORMAT = 1
LAYERS = 3  # at most
LARGEST = 10_000_000
"""No size is larger; a network of such a one would fit no machine."""


@dataclass(frozen=True, slots=True)
class Shape:
    """The sizes of a network."""

    vocabulary: int
    layers: int
    width: int
    embedding: int


def read_config(folder: Path) -> dict[str, Any]:
    """`config.json`, with sizes that can be used."""
    path = folder / CONFIG
    try:
        config = read_description(path)
        shape = Shape(**config["shape"])
        sizes = asdict(shape).values()
        usable = all(type(size) is int and 0 < size <= LARGEST for size in sizes) and shape.layers <= LAYERS
        if config["format"] == FORMAT and usable:
            return dict(config)
    except FileNotFoundError:
        raise NotFound(f"{str(folder)!r} holds no model of lstm-clm: {CONFIG} is not there") from None
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        pass
    raise BadInput(f"{str(path)!r} does not describe a model of lstm-clm, or one of a later version")
