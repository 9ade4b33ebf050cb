"""`catalogue.db`: opened, checked against what this version knows, and brought up to date."""

from __future__ import annotations

import os
from pathlib import Path

from curator.errors import WorkspaceError
from curator.store.migrations import DIGESTS, LATEST, STEPS, migrate
from curator.store.schema import hold
from curator.store.sqlite import Alone, Database, connect, make, unshared

FILE = "catalogue.db"


def open_catalogue(folder: Path, alone: Alone = unshared) -> Database:
    """Open the catalogue of a workspace; creates it where there is none yet, while nobody else does (`alone`).

    Raises `WorkspaceError` for one that a newer curator made, that is damaged or none of curator's, or that
    would need an update but cannot be written.
    """
    path = folder / FILE
    if not path.exists():
        with alone(lambda: not path.exists()) as ours:
            if ours:
                make(path, migrate)
    database = connect(path)
    try:
        _settle(database, folder)
    except BaseException:
        database.close()
        raise
    return database.write_ahead()


def _settle(database: Database, folder: Path) -> None:
    version = database.value("PRAGMA user_version")
    if version <= 0:
        raise WorkspaceError(f"{database.path} is no catalogue of curator's, or was emptied: {database.if_damaged}")
    if version > LATEST:
        raise WorkspaceError(
            f"the workspace {folder} was made by a newer curator (schema {version}, this one knows {LATEST}): "
            "pip install --upgrade curator-agent"
        )
    hold(database, STEPS, DIGESTS)
    if version < LATEST:
        if database.read_only:
            raise WorkspaceError(
                f"the workspace {folder} needs an update (schema {version} to {LATEST}) but is read-only"
            )
        with database.explained():
            migrate(database.connection)


def path_to_value(path: str) -> str | bytes:
    """A path as it is stored: TEXT, or its bytes where it is not valid UTF-8 (then Python holds surrogates)."""
    try:
        path.encode("utf-8")
    except UnicodeEncodeError:
        return os.fsencode(path)
    return path


def path_from_value(value: str | bytes) -> str:
    """The inverse of `path_to_value`."""
    return os.fsdecode(value) if isinstance(value, bytes) else value
