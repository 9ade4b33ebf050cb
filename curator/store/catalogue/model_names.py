"""What models are called. Everybody who reads their rows has to call them the same."""

from __future__ import annotations


def model_name(encoder: str, variant: str, version: int, weights: str) -> str:
    """What a model is called, by what is on record of it: a reference that always means it. `weights` are JSON.

    Of an encoder that learns here, the name without a version means whatever it learnt last.
    """
    numbered = f"@{version}" if version > 1 or weights.startswith("{") else ""
    return encoder + (f":{variant}" if variant else "") + numbered
