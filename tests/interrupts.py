"""A stop at a chosen line: Ctrl-C, or a kill, before the Nth line that curator, or what it leans on, runs.

A real one comes between two byte codes; what happens at the first of a line stands for all of it.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import tempfile
from types import FrameType
from typing import Any, NoReturn

import curator

ROOT = os.path.dirname(curator.__file__)
ROOMS = ("catalog", "embedding", "history", "ingest", "maintenance", "quarantine", "running", "store")
WATCHED = (
    *(os.path.join(ROOT, room, "") for room in ROOMS),
    *(os.path.join(ROOT, f"{module}.py") for module in ("parts", "workspace")),
)
LEANT_ON = (contextlib.__file__, tempfile.__file__)
"""Where blocks of ours begin and end, watched as far as ours calls it."""

DEPTH = 6
"""So many callers tell two passes of one line from each other; what is further out is the same for most."""


class Watched:
    """`with Watched(at):` stops before the line of that number; `lines` were met."""

    def __init__(self, at: int | None = None) -> None:
        self.at = at
        self.lines = 0
        self.where = ""
        self.firsts: dict[int, int] = {}
        """The lines that were the first to be met by their callers, as one knows a place in a program."""

    def stop(self) -> None:
        """What comes there."""

    def __enter__(self) -> Watched:
        self._ours: dict[str, bool] = {}
        sys.settrace(self._called)
        return self

    def __exit__(self, *error: object) -> None:
        sys.settrace(None)
        sys.setprofile(None)

    def _is_watched(self, frame: FrameType) -> bool:
        caller: FrameType | None = frame
        while caller is not None and caller.f_code.co_filename in LEANT_ON:
            caller = caller.f_back
        if caller is None:
            return False
        name = caller.f_code.co_filename
        if name not in self._ours:
            self._ours[name] = name.startswith(WATCHED)
        return self._ours[name]

    def _called(self, frame: FrameType, event: str, argument: object) -> Any:
        return self._line if self._is_watched(frame) else None

    def _line(self, frame: FrameType, event: str, argument: object) -> Any:
        if event == "line" and not _is_collected(frame):
            if self.at is None:
                self.firsts.setdefault(_stack(frame), self.lines)
            if self.lines == self.at:
                self.where = _where(frame)
                self.stop()
            self.lines += 1
        return self._line


class Interrupted(Watched):
    """A KeyboardInterrupt; with `again`, a second one so many calls and returns later, as of somebody impatient."""

    def __init__(self, at: int | None, again: int | None = None) -> None:
        super().__init__(at)
        self.again = again

    def stop(self) -> NoReturn:
        if self.again is not None:
            sys.setprofile(self._later)
        raise KeyboardInterrupt

    def _later(self, frame: FrameType, event: str, argument: object) -> None:
        if event in ("call", "return") and self._is_watched(frame) and not _is_collected(frame):
            assert self.again is not None
            self.again -= 1
            if self.again < 0:
                self.where += f" and {_where(frame)}"
                raise KeyboardInterrupt


class Killed(Watched):
    """The process is killed there, and says into a pipe where that was."""

    def __init__(self, at: int, pipe: int) -> None:
        super().__init__(at)
        self.pipe = pipe

    def stop(self) -> None:
        os.write(self.pipe, self.where.encode())
        os.kill(os.getpid(), signal.SIGKILL)


def _where(frame: FrameType) -> str:
    return f"{os.path.relpath(frame.f_code.co_filename, ROOT)}:{frame.f_lineno}"


def _is_collected(frame: FrameType | None) -> bool:
    """Whether something is being collected: what is raised there, also by Ctrl-C, Python tells of and passes over."""
    while frame is not None:
        if frame.f_code.co_name == "__del__":
            return True
        frame = frame.f_back
    return False


def _stack(frame: FrameType | None) -> int:
    stack = []
    while frame is not None and len(stack) < DEPTH:
        stack.append((frame.f_code, frame.f_lineno))
        frame = frame.f_back
    return hash(tuple(stack))
