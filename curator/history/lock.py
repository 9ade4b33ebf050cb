"""One writer at a time: runs of a workspace take turns."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from curator.store.paths import held

if TYPE_CHECKING:
    from filelock import BaseFileLock


@contextlib.contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Nobody else makes the databases of a workspace in this block. Takes no time, so nobody is told."""
    from filelock import FileLock

    with FileLock(held(folder, ".making")):
        yield


class Turn:
    """The workspace's lock file. The system frees it when the process that holds it dies, however it dies.

    It is ours as long as one of the runs under way needs it; `begin` makes each of them one.
    """

    def __init__(
        self, path: Path, read_only: bool, on_wait: Callable[[], None], on_taken: Callable[[], None] = lambda: None
    ) -> None:
        """`on_wait` is called where somebody else has the turn, `on_taken` each time it becomes ours."""
        self.path = path
        self.read_only = read_only
        self.on_wait = on_wait
        self.on_taken = on_taken
        self._lock: BaseFileLock | None = None  # made when first needed; it knows itself whether it is held
        self._holds: list[Hold] = []

    def begin(self) -> Hold:
        """What a run needs the turn by, from now until its `end`. It has none of it yet."""
        hold = Hold(self)
        self._holds.append(hold)
        return hold

    def take(self) -> None:
        """Take it for the run that began last; outside of any, until the next one ends."""
        if self._holds:
            self._holds[-1].take()
        else:
            self._wait()

    def take_if_free(self) -> bool:
        """Take it unless somebody else has it; returns whether it is ours (or there is nothing to take)."""
        return self._is_ours() or self.read_only or self._take(0)

    def give_back(self) -> None:
        """Let the next one write, unless a run here still needs it."""
        if self._lock is not None and not any(hold.needed for hold in self._holds):
            self._lock.release(force=True)

    def close(self) -> None:
        """Give it back whatever has not ended, as what is never iterated to its end."""
        for hold in [*self._holds]:
            hold.end()
        self.give_back()

    def _is_ours(self) -> bool:
        return self._lock is not None and self._lock.is_locked

    def _wait(self) -> None:
        """Wait until nobody else writes, saying so if that is not at once."""
        if not self.take_if_free():
            self.on_wait()
            self._take(None)

    def _take(self, seconds: float | None) -> bool:
        from filelock import FileLock, Timeout

        self._lock = self._lock or FileLock(held(self.path.parent, self.path.name))
        try:
            self._lock.acquire(timeout=-1 if seconds is None else seconds)
            self.on_taken()
        except Timeout:
            return False
        except BaseException:
            self.give_back()
            raise
        return True


class Hold:
    """One run's need of the turn. Another may begin and end between two steps of it, and takes nothing from it."""

    def __init__(self, turn: Turn) -> None:
        self.turn = turn
        self.needed = False

    def take(self) -> None:
        """Wait until nobody else writes, saying so if that is not at once. Taking it twice is taking it once."""
        if not self.needed and self in self.turn._holds:
            self.turn._wait()
            self.needed = True

    def give_back(self) -> None:
        """Let the next one write, until it is taken again; also where it was never taken."""
        self.needed = False
        self.turn.give_back()

    def end(self) -> None:
        """Give it back for good. Ending twice is ending once."""
        if self in self.turn._holds:
            self.turn._holds.remove(self)
            self.give_back()
