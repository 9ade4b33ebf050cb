"""What the checks of every kind share: what an author adds, when a check does not apply, figures told on the way."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from curator.api import Look, Tried


class NotApplicable(Exception):
    """A check has nothing to look at here; the message says what it would need."""


@dataclass(frozen=True, slots=True)
class Given:
    """What an author adds so that a spec can be tried.

    `variant` and `weights` go to the `resolve` of an encoder; `weights` may be a function that makes the file.
    `arguments` go to an action, as on its command line. `source(folder)` makes something that a reader reads, in an
    empty folder. `options` go to a head.
    """

    variant: str | None = None
    weights: Path | Callable[[], Path] | None = None
    arguments: Mapping[str, Any] = field(default_factory=dict)
    source: Callable[[Path], Path] | None = None
    options: Mapping[str, Any] = field(default_factory=dict)


def hold_told(told: Sequence[Any], kind: type[Look | Tried], figure: str) -> None:
    """Hold what was told on the way to its type, finite numbers, and a share from 0 to 1 that never goes back.

    At work curator shows such a figure as well as it can, and goes on: it is here that an author hears of it.
    """
    for one in told:
        assert isinstance(one, kind), f"it told {one!r:.60}, not a `{kind.__name__}`"
        for name in ("done", figure):
            value = getattr(one, name)
            assert isinstance(value, int | float) and math.isfinite(value), f"{name} is {value!r:.60}, not a number"
        if isinstance(one, Look):
            fits = isinstance(one.unit, str) and one.unit.strip() and one.unit.isprintable()
            assert fits, f"its unit is {one.unit!r:.60}, not a few words"
        assert isinstance(one.best, bool), f"best is {one.best!r:.60}, not True or False"
        assert 0 <= one.done <= 1, f"it told that {one.done} of its work is done: a share is 0 to 1"
    done = [one.done for one in told]
    assert done == sorted(done), "it told that less is done than before"
