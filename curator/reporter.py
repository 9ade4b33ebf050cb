"""How long work tells what it is doing. The core speaks to a `Reporter`; only the command line prints."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Protocol

from curator.errors import SomeItemsFailed


class Reporter(Protocol):
    """Whoever listens."""

    def say(self, message: str) -> None:
        """One line that a person should see."""
        ...

    def progress(self, title: str, total: int | None) -> contextlib.AbstractContextManager[Callable[[int], None]]:
        """A block of work on `total` things (None: unknown how many); the callable takes how many more are done."""
        ...

    def confirm(self, question: str, default: bool = True) -> bool | None:
        """Ask; None where there is nobody to answer. `default` is what a mere return means."""
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

    def confirm(self, question: str, default: bool = True) -> bool | None:
        """Nobody is there."""
        return None


FAILED_LINES = 10
"""How many files that could not be moved are named."""


def say_failed(reporter: Reporter, failed: Sequence[tuple[str, str]], of: int, done: str) -> None:
    """Name the first few files with their reasons; raises `SomeItemsFailed` if there are any."""
    for path, reason in failed[:FAILED_LINES]:
        reporter.say(f"  {path}: {reason}")
    if len(failed) > FAILED_LINES:
        reporter.say(f"  … and {len(failed) - FAILED_LINES:,} more")
    if failed:
        raise SomeItemsFailed(f"{len(failed):,} of {count(of, 'file')} could not be {done}")


SHARES = 1000
"""The total of work of which only a share is told."""


def shares(advance: Callable[[int], None]) -> Callable[[object], float]:
    """Tell of work by the share of it that is done; gives the share to show, 0 to 1, which never goes back.

    A plugin tells it of hours of work, and it is only shown: one that can't be is mended here and never an error, which
    would take the work along.
    """
    told, shown = 0, 0.0

    def tell(done: object) -> float:
        nonlocal told, shown
        share = figure(done)
        if share > shown:  # never so for what is no number
            shown = min(share, 1.0)
            now = int(SHARES * shown)
            advance(now - told)
            told = now
        return shown

    return tell


def figure(told: object) -> float:
    """A number that a plugin tells so that it is shown; NaN for what is none, since nothing may fail for it."""
    try:
        return float(told)  # type: ignore[arg-type]
    except Exception:  # also that of a type of the plugin's own
        return math.nan


def count(number: int, noun: str, plural: str = "") -> str:
    """'1 image', '1,203 images'."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def them(number: int) -> str:
    """What so many things are called once they were named: 'it', 'them'."""
    return "it" if number == 1 else "them"


def size(number: int) -> str:
    """Bytes as '340 B', '1.2 kB', '3.4 MB'."""
    if number < 1000:
        return f"{number} B"
    power = next((power for power in (1, 2, 3) if number < 999.95 * 1000**power), 4)
    return f"{number / 1000**power:,.1f} {'kMGT'[power - 1]}B"


def duration(seconds: float) -> str:
    """'12 s', '3 min', '2 h'."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def short_path(path: Path) -> str:
    """A path as a person would type it here: relative where it lies below this folder."""
    try:
        return str(path.relative_to(Path.cwd()))
    except (ValueError, OSError):
        return str(path)
