"""How long work tells what it is doing. The core speaks to a `Reporter`; only the command line prints."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Protocol


class Reporter(Protocol):
    """Whoever listens."""

    def say(self, message: str) -> None:
        """One line that a person should see."""
        ...

    def progress(self, title: str, total: int | None) -> contextlib.AbstractContextManager[Callable[[int], None]]:
        """A block of work on `total` things (None: unknown how many); the callable takes how many more are done."""
        ...

    def confirm(self, question: str) -> bool | None:
        """Ask; None where there is nobody to answer."""
        ...


class Silent:
    """Listens to nothing; keeps what was said, for whoever wants it afterwards."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def say(self, message: str) -> None:
        """Keep a line."""
        self.said.append(message)

    @contextlib.contextmanager
    def progress(self, title: str, total: int | None) -> Iterator[Callable[[int], None]]:
        """Count for nobody."""
        yield lambda done: None

    def confirm(self, question: str) -> bool | None:
        """Nobody is there."""
        return None


def count(number: int, noun: str, plural: str = "") -> str:
    """'1 image', '1,203 images'."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def duration(seconds: float) -> str:
    """'12 s', '3 min', '2 h'."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
