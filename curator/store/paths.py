"""The one door to names that stand in a workspace: what they lead to lies below the folder that they belong to.

A workspace may come from anybody. A name in it, of a row or of a file, is data: before something is written, moved,
linked or removed by it, `held` says where that is, or refuses. Nobody builds such a path by hand.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

from curator.errors import WorkspaceError

JOURNAL = bytes.fromhex("d9d505f920a163d7")
"""What a journal of SQLite begins with, and ends with where it names another."""


def held(folder: str | Path, name: str) -> Path:
    """What a name, with '/' between its parts, leads to below a folder, whether or not something is there.

    Raises `WorkspaceError` for a name that leads elsewhere, or that leads through or to a symbolic link. The folder
    itself is the caller's, and may be one.
    """
    path = os.fspath(folder)
    for part in str(name).split("/"):
        if not is_name(part):
            raise WorkspaceError(
                f"{name!r} is not a path below {os.fspath(folder)!r}, where the workspace says that it lies: it was "
                "written by something else than curator, and nothing is done with it"
            )
        path = os.path.join(path, part)
        _refuse_link(path)
    _refuse_long(path)
    return Path(path)


def held_tree(folder: Path) -> Path:
    """A folder below which nothing is a symbolic link, so that what writes into it by itself stays there; else raises.

    `folder` is one that `held` gave.
    """
    for path in folder.rglob("*"):
        _refuse_link(os.fspath(path))
    return folder


def links(folder: Path) -> Iterator[Path]:
    """The symbolic links below a folder, or itself where it is one; none is followed."""
    if is_link(folder):
        yield folder
        return
    for inside, folders, files in os.walk(folder):
        yield from (path for name in sorted(folders + files) if is_link(path := Path(inside, name)))


def refuse_strange(database: Path) -> None:
    """Raise for a folder, and where opening a database would touch other files: by links, or a journal that names one.

    SQLite removes the file that a journal names as the one of a transaction over several databases. Curator has no
    such transactions.
    """
    for ending in ("", "-wal", "-shm", "-journal"):
        held(database.parent, database.name + ending)
    if database.is_dir():
        raise WorkspaceError(f"{database} is a folder where a database should be")
    journal = database.with_name(database.name + "-journal")
    if journal.is_file() and (size := journal.stat().st_size) >= len(JOURNAL):
        with journal.open("rb") as file:
            file.seek(size - len(JOURNAL))
            if file.read(len(JOURNAL)) == JOURNAL:
                raise WorkspaceError(f"{journal} names a file to be removed, and is none of curator's: remove it")


def is_name(part: str, system: ModuleType = os.path) -> bool:
    """Whether this is the name of one thing in a folder, as the system reads it: no root, drive or way up."""
    odd = ("", os.curdir, os.pardir)
    streams = system.sep == "\\" and ":" in part  # 'C:', or a second content of a file
    return part not in odd and "\0" not in part and system.basename(part) == part and not streams


def is_link(path: str | Path) -> bool:
    """Whether what is there leads elsewhere: a symbolic link, or a junction of Windows."""
    try:
        status = os.lstat(path)
    except OSError:
        return False
    junction = getattr(stat, "IO_REPARSE_TAG_MOUNT_POINT", None)
    return stat.S_ISLNK(status.st_mode) or (junction is not None and getattr(status, "st_reparse_tag", 0) == junction)


def is_below(path: str, folder: str) -> bool:
    """Whether `path` is `folder` or lies in it; both absolute and resolved."""
    return path == folder or path.startswith(folder.rstrip(os.sep) + os.sep)


def _refuse_long(path: str) -> None:
    """What the system takes for no name at all, whoever asks."""
    try:
        os.lstat(path)
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            raise WorkspaceError(
                f"a name of {len(path):,} characters, {path[:60]!r}…, is longer than any path"
            ) from None


def _refuse_link(path: str) -> None:
    if is_link(path):
        raise WorkspaceError(
            f"{path!r} is a symbolic link, and none is followed here: remove it, or if it is yours, put "
            f"what it leads to ({os.path.realpath(path)!r}) in its place"
        )
