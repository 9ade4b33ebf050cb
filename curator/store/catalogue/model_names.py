"""What models are called. Everybody who reads their rows has to call them the same."""

from __future__ import annotations

import re

VERSION = re.compile(r"@[0-9]+\Z")
"""How a version stands at the end of a reference."""


def model_name(encoder: str, variant: str, version: int, weights: str) -> str:
    """What a model is called, by what is on record of it: a reference that always means it. `weights` are JSON.

    Of an encoder that learns here, the name without a version means whatever it learnt last.
    """
    name = encoder + (f":{variant}" if variant else "")
    # A variant may end as a version does, and must not be taken for one.
    numbered = version > 1 or weights.startswith("{") or VERSION.search(name)
    return f"{name}@{version}" if numbered else name
