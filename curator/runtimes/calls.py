"""Calling a runtime: in as many batches as a form takes, and with one line for whatever it raises."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from curator.errors import Shortage, is_interrupt, lacking
from curator.runtimes.runtime import Unrunnable


def told(name: str, doing: str, error: BaseException) -> Exception:
    """What to raise for whatever a runtime raised: one line in place of its many."""
    if is_interrupt(error):
        raise KeyboardInterrupt from error
    short = lacking(error)
    if short is not None:
        return Shortage(f"{name} {doing}: {short}")
    lines = [line.strip() for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
    return Unrunnable(f"{name} cannot {doing}: {max(lines, key=len):.200}")


def in_rows(given: NDArray[Any], rows: int | None, run: Callable[[NDArray[Any]], Any]) -> NDArray[np.float32]:
    """What `run` makes of a batch, in as many calls as a form of a fixed batch (`rows`) takes; None: of any."""
    if rows is None or len(given) == rows:
        return np.asarray(run(given), np.float32)
    if rows != 1:
        raise Unrunnable(f"the form takes {rows} items at once, neither one nor any number")
    return np.concatenate([np.asarray(run(given[at : at + 1]), np.float32) for at in range(len(given))])
