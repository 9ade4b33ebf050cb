"""Where a workspace is: the one chosen, else the nearest."""

from __future__ import annotations

import os
from pathlib import Path

from curator.catalog.places import expand_path
from curator.errors import NotFound, WorkspaceError
from curator.store.catalogue import FILE
from curator.store.paths import held

FOLDER = "workspace"
VARIABLE = "CURATOR_WORKSPACE"


def is_workspace(folder: str | Path) -> bool:
    """Whether a folder holds a catalogue."""
    # `Path.is_file` raises where a folder may not be looked into.
    return os.path.isfile(os.path.join(folder, FILE))


def hold_workspace(folder: Path) -> None:
    """Raise `NotFound` with the command that makes one where a folder is no workspace."""
    if is_workspace(folder):
        return
    refuse_closed(folder)
    held(folder, FILE)  # a link that leads nowhere, as to a disk that is not mounted just now
    raise NotFound(f"no workspace at {folder}: `curator add FOLDER` makes one")


def refuse_closed(folder: Path) -> None:
    """Raise `WorkspaceError` where a folder of somebody else's does not even say whether it is a workspace."""
    try:
        os.lstat(os.path.join(folder, FILE))
    except PermissionError:
        raise WorkspaceError(f"{folder} cannot be looked into: ask its owner, or choose another workspace") from None
    except OSError:
        pass


def locate(chosen: str | Path | None) -> Path:
    """The folder of the workspace that is meant, whether or not it exists.

    The one chosen, else `$CURATOR_WORKSPACE`, else the nearest `workspace/` with a catalogue in this folder
    or above, else `./workspace`.
    """
    if chosen is not None:
        return expand_path(chosen).absolute()
    if os.environ.get(VARIABLE):
        return expand_path(os.environ[VARIABLE]).absolute()
    here = Path.cwd()
    for folder in (here, *here.parents):
        if is_workspace(folder / FOLDER):
            return folder / FOLDER
    return here / FOLDER
