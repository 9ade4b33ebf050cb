"""Reading a database where its reader may not write: how it is opened, and whether somebody else wrote meanwhile.

SQLite keeps readers and writers apart by a file beside the database, which whoever reads must be able to write, too.
Where it is there already, SQLite can do with reading it; where it is not, nobody has the database open, and it is read
as one that never changes. Somebody who may write can still come in the midst of that, and what was read would then be
of two moments: so the state of the file is compared after each query, before anything is made of its rows.
"""

from __future__ import annotations

import os
from pathlib import Path

from curator.errors import WorkspaceError


class Unwritten:
    """A database file that is to be read so, from before it is opened; `option`: how SQLite opens it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.state = _state(path)
        self.option = "mode=ro" if _is_open_elsewhere(path) else "immutable=1"

    def hold(self) -> None:
        """Raise `WorkspaceError` where the file was written since, and nothing kept reader and writer apart."""
        if self.option != "mode=ro" and _state(self.path) != self.state:
            raise WorkspaceError(
                f"{self.path} was written by somebody else while it was read here, where nothing may be written: what "
                "was read may be of two moments; run it again"
            )


def _is_open_elsewhere(path: Path) -> bool:
    """Whether somebody has it open, or had when he was killed. Raises `WorkspaceError` where it cannot be read then."""
    log, shared = (path.with_name(path.name + ending) for ending in ("-wal", "-shm"))
    if not shared.exists() and log.exists() and log.stat().st_size > 0:
        raise WorkspaceError(
            f"{path} has its last changes in {log.name}, which cannot be read where nothing may be written: copy the "
            "whole workspace to where it can be written, and use that"
        )
    return shared.exists() and log.exists()


def _state(path: Path) -> tuple[int, int, int, int] | None:
    try:
        now = os.stat(path)
    except OSError:  # put aside, and another in its place soon
        return None
    return now.st_dev, now.st_ino, now.st_size, now.st_mtime_ns
