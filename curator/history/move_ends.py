"""Where a move begins and ends: what its row says, and that it lies where such a thing belongs."""

from __future__ import annotations

import os
from pathlib import Path

from curator.errors import WorkspaceError
from curator.store.catalogue.moves import Direction
from curator.store.catalogue.places import PlaceStore
from curator.store.paths import held, is_below
from curator.store.sqlite import Database

QUARANTINE = "quarantine"
"""The folder of a workspace where files lie that were set aside."""


class Ends:
    """Reads moves of one workspace, whose folder is absolute."""

    def __init__(self, folder: Path, database: Database) -> None:
        self.folder = folder
        self.places = PlaceStore(database)

    def held(self, direction: Direction, outside: str, inside: str) -> tuple[str, str]:
        """Absolute source and target; for a move off the disk there is no target ('').

        Raises `WorkspaceError` where either does not lie where it belongs, as a row of somebody else's may say.
        """
        if direction == "off":
            return self.stored(inside), ""
        return _ordered(direction, self._outside(outside), self.stored(inside))

    def stated(self, direction: Direction, outside: str, inside: str) -> tuple[str, str]:
        """The same in the words of the row alone: for people to read, never to act by."""
        stored = os.path.join(self.folder, QUARANTINE, *inside.split("/"))
        return (stored, "") if direction == "off" else _ordered(direction, outside, stored)

    def stored(self, inside: str) -> str:
        """Where a file lies in quarantine. Raises `WorkspaceError` for a name that leads elsewhere."""
        return str(held(self.folder, f"{QUARANTINE}/{inside}"))

    def _outside(self, path: str) -> str:
        """A path where people keep a file: below a folder that was added, as everything that is ever moved."""
        if not is_below(path, os.path.realpath(self.folder)):
            for root in self.places.roots():
                if path != root and is_below(path, root):
                    if os.path.realpath(root) != root:
                        raise WorkspaceError(f"{path!r} lies behind a symbolic link, and none is followed here")
                    return str(held(root, path[len(root.rstrip(os.sep)) + 1 :].replace(os.sep, "/")))
        raise WorkspaceError(f"{path!r} lies below no folder that was added here, so nothing is moved from or to there")


def _ordered(direction: Direction, outside: str, inside: str) -> tuple[str, str]:
    return (outside, inside) if direction == "out" else (inside, outside)
