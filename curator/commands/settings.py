"""`-o NAME=VALUE`: options that a plugin's own `params` declare."""

from __future__ import annotations

from collections.abc import Iterable

from curator.api import Setting
from curator.errors import BadInput


def settings(given: Iterable[Setting]) -> dict[str, str]:
    """Values by name."""
    found = {}
    for option in given:
        name, equals, value = option.partition("=")
        if not equals:
            raise BadInput(f"-o takes NAME=VALUE, not {option!r}")
        found[name] = value
    return found
