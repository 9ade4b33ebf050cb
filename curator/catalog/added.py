"""What people said to add: only there may files be moved.

Links and the rows of tables lead elsewhere, too. What they lead to is catalogued, and stays where it is.
"""

from __future__ import annotations

import os

from curator.history.undo import undone
from curator.store.catalogue.runs import RunStore
from curator.store.paths import is_below
from curator.store.sqlite import Database
from curator.store.stored import arguments

WITHIN = "within"
"""Among the arguments of a run of `add`: the folders (of a table its own) and single files, absolute and resolved."""


class Added:
    """The folders and files of all runs of `add` that stand, as the history tells them."""

    def __init__(self, database: Database) -> None:
        runs = RunStore(database)
        left = undone(runs)
        self._all = False
        self._paths: set[str] = set()
        for run, command, given in runs.calls("add", "relocate"):
            if run in left:
                continue
            said = arguments(command, given)
            if command == "relocate":
                self._paths = {moved(path, said["old"], said["new"]) for path in self._paths}
            elif WITHIN in said:
                self._paths.update(said[WITHIN])
            else:
                self._all = True  # by an earlier curator, which did not keep it

    def holds(self, path: str) -> bool:
        """Whether an absolute, resolved path is, or lies below, something that was added."""
        return self._all or any(above in self._paths for above in _and_above(path))


def _and_above(path: str) -> list[str]:
    found = [path]
    while (above := os.path.dirname(found[-1])) != found[-1]:
        found.append(above)
    return found


def moved(path: str, old: str, new: str) -> str:
    """A path that lay in one folder, or was it, in another."""
    if not is_below(path, old):
        return path
    rest = path[len(old.rstrip(os.sep)) :]
    return (new.rstrip(os.sep) + rest) or os.sep
