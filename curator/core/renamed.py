"""Modules that plugins import by the name that they had before."""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Callable, Mapping
from typing import Any


def moved(old: str, new: str, version: str, others: Mapping[str, str] | None = None) -> Callable[[str], Any]:
    """A `__getattr__` for the module `old`: what is asked of it is that of `new`, with a warning for each place.

    `version` is the one that no longer has it. `others`: names that lie in another module, and in which.
    """

    def attribute(name: str) -> Any:
        # What Python itself asks of any module (`__path__`) is not asked of the other one.
        home = (others or {}).get(name, new)
        found = None if name.startswith("_") else getattr(importlib.import_module(home), name, None)
        if found is None:
            raise AttributeError(f"module {old!r} has no attribute {name!r}")
        message = f"{old} is now {home}, and goes with curator {version}: import {name} from there"
        warnings.warn(message, FutureWarning, stacklevel=2)
        return found

    return attribute
