"""What is installed, loaded once for all that a process does, and the commands that there are with it."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from curator.cli.text import say
from curator.commands import Commands, core

if TYPE_CHECKING:
    from curator.commands.spec import Spec
    from curator.registry.loader import Registry


@functools.cache
def loaded() -> Registry:
    """All plugins."""
    from curator.registry.loader import load_plugins

    return load_plugins(reserved=core().reserved)


@functools.cache
def registry() -> Registry:
    """All plugins; those that failed are named on stderr, once."""
    for failure in loaded().failures:
        say(
            f"{failure.origin} was skipped: {failure.reason} (curator plugins --traceback {failure.origin.entry_point})"
        )
    return loaded()


class Known(Mapping[str, "Spec"]):
    """What every command is, by name: those of curator itself, and actions, for which alone plugins are loaded."""

    def __init__(self, commands: Commands) -> None:
        self.core = commands

    def __getitem__(self, name: str) -> Spec:
        from curator.api import ActionSpec

        if name in self.core:
            return self.core[name]
        if name not in registry().names(ActionSpec):
            raise KeyError(name)
        return registry().get(ActionSpec, name)

    def __iter__(self) -> Iterator[str]:
        from curator.api import ActionSpec

        yield from self.core
        yield from registry().names(ActionSpec)

    def __len__(self) -> int:
        return sum(1 for _ in self)
