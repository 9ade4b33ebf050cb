"""Who may read what lies in a workspace: its owner, and whoever may read the workspace's folder itself."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

PRIVATE, SHARED = 0o700, 0o750
"""Of the folder of a new workspace; the latter where its group should read it."""


def file_mode(workspace: Path) -> int:
    """What a new file may be read by."""
    return 0o600 | (workspace.stat().st_mode & 0o044)


def make_folder(folder: Path, workspace: Path) -> None:
    """Make a folder below the workspace's, and those between, for the same readers, whatever the umask is."""
    if folder == workspace or folder.is_dir():
        return
    make_folder(folder.parent, workspace)
    folder.mkdir(mode=PRIVATE, exist_ok=True)
    let_read(folder, workspace)


def let_read(path: Path, workspace: Path) -> None:
    """Let a folder or file that was made just now be read by those who read the workspace."""
    path.chmod(_folder_mode(workspace) if path.is_dir() else file_mode(workspace))


@contextlib.contextmanager
def made_for_readers(workspace: Path) -> Iterator[None]:
    """A block in which all that is made can be read by those who read the workspace: for what plugins write there."""
    before = os.umask(0o777 & ~_folder_mode(workspace))
    try:
        yield
    finally:
        os.umask(before)


def _folder_mode(workspace: Path) -> int:
    return 0o700 | (workspace.stat().st_mode & 0o055)


def private(path: str, flags: int) -> int:
    """Open a file that is made for its owner alone: an `opener`."""
    return os.open(path, flags, 0o600)


def read_by_all(workspace: Path) -> bool:
    """Whether everybody on this machine can read a workspace, as far as it alone says."""
    return os.name == "posix" and bool(workspace.stat().st_mode & 0o005)
