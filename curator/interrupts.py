"""Ctrl-C, from the first moment of a command to its last.

While a command works it is a `KeyboardInterrupt`, which everything on the way sees to. Before, while Python imports
what the command needs, and after, there is nothing to see to: it ends the process at once. Imports next to nothing
itself, so that it is in force early.
"""

from __future__ import annotations

import _thread
import contextlib
import os
import signal
import sys
import time
from collections.abc import Callable
from types import FrameType
from typing import Any

LINE = "interrupted: what was done is kept, the same command continues from there"


def end_at_once() -> None:
    """From here on Ctrl-C ends the process with one line."""
    # Who started this in the background, where Ctrl-C is ignored, or sees to it otherwise, is left to it.
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        with contextlib.suppress(ValueError):  # not the main thread, which alone hears of it
            signal.signal(signal.SIGINT, _end)


class Raised:
    """A block in which it is a `KeyboardInterrupt` instead; after it, or once it is `over`, it ends the process."""

    def __init__(self) -> None:
        self.ended = signal.getsignal(signal.SIGINT) is _end
        self.unraisable: Callable[[Any], Any] = sys.unraisablehook

    def __enter__(self) -> None:
        if self.ended:
            sys.unraisablehook = self._unraisable
            signal.signal(signal.SIGINT, signal.default_int_handler)

    def __exit__(self, *error: object) -> None:
        self.over()

    def over(self) -> None:
        """As after the block: one that came just before its end was raised, and kept it from coming to that."""
        if self.ended:
            signal.signal(signal.SIGINT, _end)
            sys.unraisablehook = self.unraisable

    def _unraisable(self, unraisable: Any) -> None:
        """Python cannot raise from where it takes an object down: it tells, and goes on. So Ctrl-C comes again."""
        if issubclass(unraisable.exc_type, KeyboardInterrupt):
            _thread.start_new_thread(_come_again, (_thread.get_ident(),))
        else:
            self.unraisable(unraisable)


def _come_again(main_thread: int) -> None:
    time.sleep(0.01)  # so that the main thread is out of there
    if hasattr(signal, "pthread_kill"):
        signal.pthread_kill(main_thread, signal.SIGINT)  # which wakes one that waits as well
    else:
        _thread.interrupt_main()


def _end(number: int, frame: FrameType | None) -> None:
    """Nothing is under way but perhaps the printing of what was found."""
    with contextlib.suppress(Exception):  # as where the printing is what was interrupted, or nobody reads
        sys.stdout.flush()
    with contextlib.suppress(OSError):
        os.write(2, f"Error: {LINE}\n".encode())
    os._exit(130)
