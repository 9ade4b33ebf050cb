"""What names a space: a fingerprint over everything that shapes its vectors."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from curator.api import EncoderSpec, Preprocess, Resolved
from curator.media.decode import DECODING


def describe(spec: EncoderSpec, resolved: Resolved, digest: Callable[[Path], str]) -> dict[str, Any]:
    """All that shapes a space's vectors, as JSON values. Weights count by content, not by where they lie.

    `digest`: SHA-256 of a file.
    """
    return {
        "encoder": spec.name,
        "revision": spec.revision,
        "variant": resolved.variant,
        "dim": resolved.dim,
        "weights": sorted(digest(path) for path in resolved.files),
        "preprocess": dataclasses.asdict(resolved.preprocess) if resolved.preprocess else None,
        "decoding": DECODING if resolved.preprocess else None,
        "config": dict(resolved.config),
    }


def fingerprint_of(description: dict[str, Any]) -> str:
    """SHA-256 (hex) of a description's canonical JSON."""
    text = json.dumps(description, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def recorded(description: dict[str, Any]) -> Resolved:
    """What a description was made of, but for the files of weights."""
    told = description["preprocess"]
    return Resolved(description["dim"], description["variant"], told and preprocessing(told), (), description["config"])


def preprocessing(told: dict[str, Any]) -> Preprocess:
    """Preprocessing as it stands in a description."""
    values: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in told.items()}
    return Preprocess(**values)
