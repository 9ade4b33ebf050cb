"""What a command of curator itself is: one description, as an action has, with a body that runs."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NoReturn, Protocol, TypeAlias

from curator.api import ActionSpec, Table

if TYPE_CHECKING:
    from curator.registry.loader import Registry
    from curator.workspace import Workspace

Effect: TypeAlias = Literal[
    "reads", "writes", "labels", "moves files", "removes", "asks", "streams", "serves", "network"
]
EFFECTS: dict[Effect, str] = {
    "reads": "reads the workspace, and keeps in it only what can be made again",
    "writes": "writes to the workspace, or to files that are named",
    "labels": "may change the labels of items",
    "moves files": "may move your files",
    "removes": "removes something for good",
    "asks": "asks at a terminal, if there is one",
    "streams": "gives rows as they are found",
    "serves": "runs until it is stopped",
    "network": "may fetch weights from the network, if they are not here",
}

EXIT_CODES = {
    0: "done",
    1: "an error without a code of its own",
    2: "a value that cannot be used",
    3: "something named does not exist",
    4: "something has to be done first (the message gives the command)",
    5: "done, but some items could not be used (`curator status --problems`)",
    6: "a plugin failed",
    7: "the workspace cannot be used",
    130: "interrupted",
}
"""What those of every command mean."""


class Call(Protocol):
    """What a command is given: the workspace that is meant, and whoever called."""

    mode: Literal["json", "rich", "plain"]
    """How rows are shown: `rich` needs all of a table at once, the others take them as they come."""

    @property
    def workspace(self) -> Workspace:
        """The workspace, opened when it is first asked for, and made where the spec says so; raises `NotFound`."""
        ...

    @property
    def found(self) -> Workspace | None:
        """The workspace, None where there is none and none was named."""
        ...

    @property
    def registry(self) -> Registry:
        """What plugins offer; those that failed are told of."""
        ...

    @property
    def plugins(self) -> Registry:
        """The same, without a word on those that failed."""
        ...

    @property
    def commands(self) -> Mapping[str, CommandSpec | ActionSpec]:
        """Every command that there is, actions too."""
        ...

    @property
    def core(self) -> frozenset[str]:
        """The names that curator keeps for its own commands."""
        ...

    def table(self, table: Table, rows: Iterable[Mapping[str, Any]], total: int | None = None) -> int:
        """Show rows; returns how many there were. `total`: how many there are, where that is known before."""
        ...

    def record(self, table: Table, rows: Iterable[Mapping[str, Any]]) -> None:
        """Give rows to programs alone; people are told in words."""
        ...

    def line(self, text: str) -> None:
        """A sentence for people; not part of JSON."""
        ...

    def say(self, message: str) -> None:
        """A line beside what is shown."""
        ...

    def names(self, given: Iterable[str]) -> Iterator[str]:
        """Names; `-` stands for the lines of standard input."""
        ...

    def progress(self, title: str, total: int) -> contextlib.AbstractContextManager[Callable[[int], None]]:
        """Tell of work while it is done, where that does not get among the rows."""
        ...

    def interrupted(self) -> NoReturn:
        """End as an interrupt does, after the command has said what was kept."""
        ...


@dataclass(frozen=True, slots=True)
class NoParams:
    """Nothing to choose."""


@dataclass(frozen=True, slots=True)
class CommandSpec:
    """A command of curator itself: `run(call, params)` does it, and says what it did.

    `params` is a frozen dataclass, as an action's. `workspace`: whether it needs one, makes one where there is none,
    takes one if there is one, or takes none. `limited`: it has `--limit`; `decodes`: it has what bounds the decoding of
    pictures. `commands` stand below it; without `run` it is only their heading.
    """

    name: str
    summary: str
    params: type = NoParams
    run: Callable[[Call, Any], None] | None = None
    tables: tuple[Table, ...] = ()
    example: str = ""
    effects: tuple[Effect, ...] = ("reads",)
    workspace: Literal["needed", "made", "optional", "none"] = "needed"
    limited: bool = False
    decodes: bool = False
    commands: tuple[CommandSpec, ...] = ()


Spec: TypeAlias = CommandSpec | ActionSpec
