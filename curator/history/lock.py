"""One writer at a time: runs of a workspace take turns."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from curator.errors import WorkspaceError
from curator.store.paths import held
from curator.store.private import file_mode

fcntl: Any
try:
    import fcntl
except ImportError:
    fcntl = None

if TYPE_CHECKING:
    from filelock import BaseFileLock

NO_LINK = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)

LONGEST, SOON, POLL = 30.0, 1.0, 0.01
"""Seconds to wait until nobody has a database open; until that is said; and between two looks."""


class Presence:
    """That somebody has the databases of a workspace open; and that nobody has while one is made or replaced.

    A person may delete the cache at any time, also while somebody has it open. SQLite knows a log by its name alone:
    it would take the log of the deleted one for that of another made in its stead, and remove it when the last of
    the old one's users ends. So another is made only when nobody has a database open any more.
    """

    def __init__(self, folder: Path, on_wait: Callable[[], None] = lambda: None) -> None:
        """`on_wait` is called where somebody else's end has to be waited for."""
        self.path = folder / ".making"
        self.on_wait = on_wait
        self._file: int | None = None

    def enter(self) -> None:
        """From now on databases are open here. Waits for whoever makes one, which takes no time."""
        if fcntl is not None:  # without, as on Windows, a file that is open cannot be deleted
            self._file = _opened(self.path)
        if self._file is not None:
            _flock(self._file, fcntl.LOCK_SH)

    def leave(self) -> None:
        """They are closed."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    @contextlib.contextmanager
    def alone(self, needed: Callable[[], bool]) -> Iterator[bool]:
        """Nobody has a database open in this block, but for those of it, or makes one; then it is given True.

        False where that was no longer needed before it came to that: somebody else did it. Raises `WorkspaceError`
        where somebody has a database open for long.
        """
        if fcntl is None:
            with _filelock(self.path):
                yield needed()
            return
        file = self._file if self._file is not None else _opened(self.path)
        if file is None:
            yield True
            return
        try:
            ours = _flock(file, fcntl.LOCK_EX, self.on_wait, needed)
            if not ours and needed():
                raise WorkspaceError(
                    f"another curator still works in {self.path.parent} with a database that was deleted or is "
                    "to be replaced: let it end, then try again"
                )
            yield ours and needed()
        finally:
            if file == self._file:
                _flock(file, fcntl.LOCK_SH)
            else:
                os.close(file)


def _opened(path: Path) -> int | None:
    """The file that is locked, made if need be; None where there is none and none can be made, nor then a database."""
    held(path.parent, path.name)
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | NO_LINK, file_mode(path.parent))
    except OSError:
        pass
    try:
        return os.open(path, os.O_RDONLY | NO_LINK)  # which is enough to lock it
    except OSError:
        return None


def _flock(
    file: int, how: int, on_wait: Callable[[], None] = lambda: None, needed: Callable[[], bool] = lambda: True
) -> bool:
    """Lock a file, for as long as it is open; returns whether that could be done in time, and before it was needless.

    A file system on which files cannot be locked is none that SQLite works on, either.
    """
    fcntl.flock(file, fcntl.LOCK_UN)
    start, said = time.monotonic(), False
    while (waited := time.monotonic() - start) < LONGEST and needed():
        try:
            fcntl.flock(file, how | fcntl.LOCK_NB)
        except BlockingIOError:
            if waited > SOON and not said:
                on_wait()
                said = True
            time.sleep(POLL)
        except OSError:
            return True
        else:
            return True
    return False


def _filelock(path: Path) -> BaseFileLock:
    from filelock import FileLock

    path = held(path.parent, path.name)
    if path.is_dir():
        raise WorkspaceError(f"{str(path)!r} is a folder, where a lock file was: remove it")
    return FileLock(path, mode=file_mode(path.parent))


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

    def take_if_free(self, seconds: float = 0) -> bool:
        """Take it, unless somebody else has it for so long; returns whether it is ours (or nothing is to be taken)."""
        return self._is_ours() or self.read_only or self._take(seconds)

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
        from filelock import Timeout

        self._lock = self._lock or _filelock(self.path)
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
