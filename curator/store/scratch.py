"""Something that is made under a name of its own first, and leaves no trace of that name; sets that leave none at all.

A kill may leave the first. Whoever next makes the like in that folder removes it, while nobody else makes anything
there.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import sqlite3
import stat
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from curator.errors import CuratorError

fcntl: Any
try:
    import fcntl
except ImportError:
    fcntl = None

T = TypeVar("T")

DIGITS = 16
"""So many follow the prefix: people give no names by which theirs could be taken for one of these."""

HELD = 8 << 10
"""KiB of a set of texts that are in memory, some hundred thousand names; the rest is on the disk."""

PATIENCE, POLL = 1.0, 0.005
"""Seconds for which somebody else may hold the folder, and between two looks: removing what is left takes no time."""


def free(folder: Path, prefix: str) -> Path:
    """A name in a folder that nothing has; what is left under it is removed by the next `beside` of this prefix."""
    return folder / f"{prefix}{secrets.token_hex(DIGITS // 2)}"


def beside(folder: Path, prefix: str, use: Callable[[Path], T]) -> T:
    """What `use` returns for a name in `folder` that is free; whatever it leaves there is removed.

    The name is known before anything is made, and removing belongs to what is guarded: so Ctrl-C leaves nothing
    behind, whenever it comes, as it could between the end of a block and the code that tidies up after it.
    """
    made = free(folder, prefix)
    handle = None
    try:
        handle = _entered(folder, prefix)
        result = use(made)
        remove(made)
        return result
    except BaseException:
        remove(made)
        raise
    finally:
        if handle is not None:
            os.close(handle)


def _entered(folder: Path, prefix: str) -> int | None:
    """The folder, locked as one in which something is made; None where it cannot be.

    The system ends the lock with the process, however that ends. So whoever has the folder for himself knows that what
    lies there under such a name is nobody's any more.
    """
    if fcntl is None:
        return None
    try:
        handle = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    if _locked(handle, fcntl.LOCK_EX):
        for path in folder.glob(prefix + "[0-9a-f]" * DIGITS):
            if _is_ours(path):
                remove(path)
    until = time.monotonic() + PATIENCE
    while not _locked(handle, fcntl.LOCK_SH) and time.monotonic() < until:
        time.sleep(POLL)
    return handle


def _is_ours(path: Path) -> bool:
    """Whether this user made it, and it is no link to something else."""
    try:
        status = path.lstat()
    except OSError:
        return False
    return status.st_uid == os.geteuid() and not stat.S_ISLNK(status.st_mode)


def _locked(handle: int, how: int) -> bool:
    """Whether it could be locked at once, in place of how it was before."""
    try:
        fcntl.flock(handle, how | fcntl.LOCK_NB)
    except OSError:  # somebody else has it, or what lies on this file system cannot be locked so
        return False
    return True


def remove(path: Path) -> None:
    """Remove a file or a folder, if it is there and may be."""
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with contextlib.suppress(OSError):
            path.unlink()


class TextSet:
    """A set of texts in a database without a name, which SQLite removes with the process, however that ends.

    Raises `CuratorError` where there is no room for it.
    """

    def __init__(self) -> None:
        self._database = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        for setting in ("journal_mode = OFF", "synchronous = OFF", "temp_store = FILE", f"cache_size = -{HELD}"):
            self._database.execute(f"PRAGMA {setting}")
        self._database.execute("CREATE TABLE met (text BLOB PRIMARY KEY) STRICT, WITHOUT ROWID")
        self._database.execute("BEGIN")  # never ended: nothing of it is to be kept

    def add(self, text: str) -> bool:
        """Whether it is new."""
        return self._asked("INSERT OR IGNORE INTO met VALUES (?)", text).rowcount == 1

    def __contains__(self, text: str) -> bool:
        return self._asked("SELECT 1 FROM met WHERE text = ?", text).fetchone() is not None

    def _asked(self, sql: str, text: str) -> sqlite3.Cursor:
        try:
            return self._database.execute(sql, (text.encode("utf-8", "surrogatepass"),))
        except sqlite3.OperationalError as error:
            raise CuratorError(f"cannot keep names in a temporary file: {error}: make room and run it again") from error
