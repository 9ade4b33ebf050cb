"""The commands of curator itself: each is described, with its body, in a module that has its name.

A new one is a new file in one of the packages here, with a `CommandSpec` called `COMMAND`; nothing else lists them.
"""

from __future__ import annotations

import functools
import importlib
import pkgutil
from collections.abc import Iterator, Mapping

from curator.commands.spec import CommandSpec

PLANNED = frozenset(
    [
        "browse",
        "config",
        "curve",
        "describe",
        "export",
        "forget",
        "import",
        "map",
        "mcp",
        "next",
        "relocate",
        "report",
        "restore",
        "run",
        "sample",
        "shards",
        "skill",
        "split",
        "tour",
        "trust",
    ]
)
"""Commands that there are or will be; no action gets such a name."""


class Commands(Mapping[str, CommandSpec]):
    """The commands in the modules of some packages, by name; a module is imported when its command is asked for."""

    def __init__(self, *packages: str) -> None:
        self._modules = {
            module.name.rstrip("_").replace("_", "-"): f"{package}.{module.name}"
            for package in packages
            for module in pkgutil.iter_modules(importlib.import_module(package).__path__)
        }

    def __getitem__(self, name: str) -> CommandSpec:
        spec: CommandSpec = importlib.import_module(self._modules[name]).COMMAND
        return spec

    def __contains__(self, name: object) -> bool:  # as `Mapping` does it, every command would be imported
        return name in self._modules

    def __iter__(self) -> Iterator[str]:
        return iter(self._modules)

    def __len__(self) -> int:
        return len(self._modules)

    @property
    def reserved(self) -> frozenset[str]:
        """The names that no action gets."""
        return PLANNED | {*self}


@functools.cache
def core() -> Commands:
    """Those of curator: in every package that lies here."""
    return Commands(*(f"{__name__}.{module.name}" for module in pkgutil.iter_modules(__path__) if module.ispkg))
