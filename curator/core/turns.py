"""One writer at a time: runs of a workspace take turns."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from filelock import BaseFileLock


@contextlib.contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Nobody else makes the databases of a workspace in this block. Takes no time, so nobody is told."""
    from filelock import FileLock

    with FileLock(folder / ".making"):
        yield


class Turn:
    """The workspace's lock file. The system frees it when the process that holds it dies, however it dies."""

    def __init__(self, path: Path, read_only: bool, on_wait: Callable[[], None]) -> None:
        self.path = path
        self.read_only = read_only
        self.on_wait = on_wait
        self._lock: BaseFileLock | None = None

    def take(self) -> None:
        """Wait until nobody else writes, saying so if that is not at once. Taking it twice is taking it once."""
        if self._lock is not None or self.read_only:
            return
        from filelock import FileLock, Timeout

        lock = FileLock(self.path)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            self.on_wait()
            lock.acquire()
        self._lock = lock

    def give_back(self) -> None:
        """Let the next one write."""
        if self._lock is not None:
            self._lock.release()
            self._lock = None
