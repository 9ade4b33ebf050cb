"""Modules that plugins import by the name that they had before."""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Callable
from typing import Any


def moved(old: str, new: str, version: str) -> Callable[[str], Any]:
    """A `__getattr__` for the module `old`: what is asked of it is that of `new`, with a warning for each place.

    `version` is the one that no longer has it.
    """

    def attribute(name: str) -> Any:
        # What Python itself asks of any module (`__path__`) is not asked of the other one.
        found = None if name.startswith("_") else getattr(importlib.import_module(new), name, None)
        if found is None:
            raise AttributeError(f"module {old!r} has no attribute {name!r}")
        message = f"{old} is now {new}, and goes with curator {version}: import {name} from there"
        warnings.warn(message, FutureWarning, stacklevel=2)
        return found

    return attribute
