"""`catalogue.db`: opened, checked against what this version knows, and brought up to date."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
from pathlib import Path

from curator.errors import WorkspaceError
from curator.store.migrations import DIGESTS, LATEST, STEPS, migrate
from curator.store.paths import held
from curator.store.schema import hold
from curator.store.sqlite import Alone, Database, connect, make, unshared

FILE = "catalogue.db"

BEFORE = "catalogue.db.before"
"""A copy of how a catalogue was before its last update."""


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
        raise WorkspaceError(
            f"{database.path} is not a catalogue made by curator, or was emptied: {database.if_damaged}"
        )
    if version > LATEST:
        raise WorkspaceError(
            f"the workspace {folder} was made by a newer curator (schema {version}, this one knows {LATEST}): "
            "pip install --upgrade curator-agent"
        )
    hold(database, STEPS, DIGESTS)
    if version < LATEST:
        if database.read_only:
            raise WorkspaceError(
                f"the workspace {folder} needs an update (schema {version} to {LATEST}) but is read-only: copy it to "
                "where it can be written"
            )
        _bring_up(database, folder, version)
    elif not database.read_only:
        held(folder, BEFORE).unlink(missing_ok=True)


def _bring_up(database: Database, folder: Path, version: int) -> None:
    """Bring it up to date, with a copy of how it was until it was opened once more by a curator that knows it so."""
    needed, free = 2 * database.path.stat().st_size, shutil.disk_usage(folder).free
    if free < needed:
        raise WorkspaceError(
            f"the workspace {folder} needs an update (schema {version} to {LATEST}), with {needed / 1e6:,.1f} MB free "
            f"beside it, and there are {free / 1e6:,.1f}: make room, nothing was done"
        )
    kept: list[Path] = []

    def keep() -> None:
        """By a connection of its own, as one that writes cannot be copied."""
        kept.append(held(folder, BEFORE))
        with contextlib.closing(connect(database.path)) as reading:
            reading.kept(kept[0])

    try:
        with database.explained():
            migrate(database.connection, keep)
    except (sqlite3.Error, WorkspaceError) as error:
        for copy in kept:
            copy.unlink(missing_ok=True)
        if isinstance(error, WorkspaceError):
            raise
        raise WorkspaceError(
            f"{database.path} could not be brought up to date (schema {version} to {LATEST}: {error}) and is as it "
            "was: restore a backup, or use the curator that made it"
        ) from error


def path_to_value(path: str) -> str | bytes:
    """A path as it is stored: TEXT, or its bytes where it is not valid UTF-8 (then Python holds surrogates)."""
    try:
        path.encode("utf-8")
    except UnicodeEncodeError:
        return os.fsencode(path)
    return path


def path_from_value(value: str | bytes) -> str:
    """The inverse of `path_to_value`."""
    return os.fsdecode(value) if isinstance(value, bytes) else str(value)  # a number, where others wrote one
