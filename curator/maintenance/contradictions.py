"""What in the rows of a workspace may have led to an error that nobody expected: asked once it has happened.

What rows hold is held to what curator writes where something is made of it. That they agree with each other is taken
for granted, for it would have to be looked at before each command: a workspace that somebody sent, or wrote rows of,
may hold any that do not. An error that comes of it is told as what it is.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from curator.errors import CuratorError, PluginError, WorkspaceError, is_interrupt, lacking
from curator.history.invariants import flaws
from curator.store.catalogue import FILE
from curator.store.catalogue.integrity import IntegrityStore
from curator.store.derived import FILE as CACHE
from curator.store.sqlite import RESTORE, Database, connect


def blame(folder: Path, error: Exception) -> WorkspaceError | None:
    """What to say in place of an error that nobody expected, where the rows of a workspace contradict each other."""
    if not _is_unexpected(error) or (wrong := contradiction(folder)) is None:
        return None
    said = " ".join(str(error).split())
    told = said if isinstance(error, PluginError) else f"{type(error).__name__}: {said}"
    return WorkspaceError(f"{wrong}. What came of it: {told}")


def contradiction(folder: Path) -> str | None:
    """The first thing that is wrong with the rows of a workspace, and what to do; None where nothing is."""
    for file, looks, remedy in (
        (FILE, (Database.damages, _strange, _flawed), f"`curator check` names such rows; {RESTORE}"),
        (CACHE, (Database.damages,), "delete it, it is made again"),
    ):
        try:
            database = connect(folder / file)
        except CuratorError:
            continue
        with contextlib.closing(database):
            wrong = next(filter(None, (_first(look, database) for look in looks)), None)
        if wrong is not None:
            return f"{folder / file} holds what no curator wrote ({wrong}): {remedy}"
    return None


def _is_unexpected(error: Exception) -> bool:
    if isinstance(error, CuratorError):
        return isinstance(error, PluginError)
    return not (isinstance(error, OSError) or lacking(error) or is_interrupt(error))


def _first(look: Callable[[Database], Iterable[str]], database: Database) -> str | None:
    """What a look finds first; where it cannot even be taken, that."""
    try:
        return next(iter(look(database)), None)
    except Exception as error:
        return str(error) if isinstance(error, CuratorError) else f"{type(error).__name__} in its rows"


def _strange(database: Database) -> Iterator[str]:
    for row in IntegrityStore(database).unreadable():
        yield f"row {row.row_id} of {row.table}, {row.column}: {row.value}"


def _flawed(database: Database) -> Iterator[str]:
    if (flaw := min(flaws(database), default=None)) is not None:
        yield f"row {flaw.row} of {flaw.table} {flaw.wrong}"
