"""Where items are. One physical file is one place, however many names lead to it."""

from __future__ import annotations

import difflib
import os
import sqlite3
import stat
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from curator.core.changes import Journal
from curator.core.files import BadContent, Stamp, look
from curator.errors import BadInput, NotFound
from curator.store.catalogue import path_from_value, path_to_value
from curator.store.sqlite import Database


class Places:
    """Looks places up by path, by inode and by item. Paths are absolute and resolved, as `real()` gives them."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def at(self, path: str) -> sqlite3.Row | None:
        """The place of a whole file, by its path."""
        found = self._split(path)
        if found is None:
            return None
        root_id, relative = found
        sql = "SELECT * FROM place WHERE root_id = ? AND path = ? AND row_key = ''"
        return self.database.row(sql, root_id, path_to_value(relative))

    def same_file(self, stamp: Stamp) -> sqlite3.Row | None:
        """A place whose file is there and is the very file of this stamp, under whatever name."""
        for row in self.database.rows("SELECT * FROM place WHERE inode = ? AND device = ?", stamp.inode, stamp.device):
            if row["row_key"] == "" and self.is_at(row, stamp):
                return row
        return None

    def is_at(self, place: sqlite3.Row, stamp: Stamp) -> bool:
        """Whether the file at a place has this stamp now."""
        path = self.path(place)
        try:
            return look(path) == stamp and not has_left(path)
        except BadContent:
            return False

    def gone(self, item_id: int) -> sqlite3.Row | None:
        """A place of the item where no file is any more: the item was moved away from there."""
        for row in self.of(item_id):
            if has_left(self.path(row)):
                return row
        return None

    def elsewhere(self, item_id: int, path: str) -> bool:
        """Whether the item is also somewhere else than at this path."""
        others = [other for other in map(self.path, self.of(item_id)) if other != path]
        return not all(map(has_left, others))

    def of(self, item_id: int) -> list[sqlite3.Row]:
        """The places of whole files of an item, oldest first."""
        return self.database.rows("SELECT * FROM place WHERE item_id = ? AND row_key = '' ORDER BY id", item_id)

    def rows_of(self, item_id: int) -> list[sqlite3.Row]:
        """The places of an item in rows of tables, oldest first."""
        return self.database.rows("SELECT * FROM place WHERE item_id = ? AND row_key <> '' ORDER BY id", item_id)

    def in_table(self, path: str) -> tuple[int, str | bytes] | None:
        """The columns `root_id` and `path` that the rows of a table have; None where nothing is catalogued there."""
        found = self._split(path)
        return None if found is None else (found[0], path_to_value(found[1]))

    def unchanged(self, item_id: int) -> str | BadContent:
        """A path where the item's file is as it was when it was added; else why there is none.

        What is computed of the file is kept under the item's hash, so that it must be this content.
        """
        why = "its file is gone"
        for place in self.of(item_id):
            path = self.path(place)
            try:
                if self.stamp(place) == look(path):
                    return path
                why = "its file changed since it was added: add it again"
            except BadContent as error:
                why = str(error)
        return BadContent(why)

    @staticmethod
    def stamp(place: sqlite3.Row) -> Stamp:
        """The state of the file when it was recorded."""
        return Stamp(place["size"], place["mtime_ns"], place["device"], place["inode"])

    def path(self, place: sqlite3.Row) -> str:
        """The absolute path of a place."""
        root = self.database.value("SELECT path FROM root WHERE id = ?", place["root_id"])
        return _joined(path_from_value(root), place)

    def readable(self, path: str) -> str:
        """A path as a person would tell it among all: from the name of its root on, '/' between parts."""
        for root in self._roots():
            if is_below(path, root):
                name = os.path.basename(root)
                return f"{name}/{_relative(path, root)}" if name else _relative(path, root)
        return os.path.basename(path)

    def below(self, folder: str, rows: bool = False) -> Iterator[sqlite3.Row]:
        """The places of whole files in a folder and below it; with `rows` also those of the rows of tables."""
        sql = "SELECT * FROM place WHERE root_id = ?" + ("" if rows else " AND row_key = ''")
        for root, root_id in self._roots().items():
            if is_below(root, folder) or is_below(folder, root):
                for row in self.database.rows(sql, root_id):
                    if is_below(_joined(root, row), folder):
                        yield row

    def paths(self, item_ids: Iterable[int]) -> dict[int, Path]:
        """For each item one path where it is: the first that is not missing."""
        sql = "SELECT * FROM place WHERE item_id IN (SELECT value FROM json_each(?)) ORDER BY missing DESC, id DESC"
        rows = self.database.rows_among(sql, list(item_ids))
        return {row["item_id"]: Path(path) for row, path in self.located(rows) if not row["missing"]}

    def located(self, places: Iterable[sqlite3.Row]) -> Iterator[tuple[sqlite3.Row, str]]:
        """Each place with its absolute path."""
        roots = {root_id: root for root, root_id in self._roots().items()}
        return ((place, _joined(roots[place["root_id"]], place)) for place in places)

    def insert(self, journal: Journal, path: str, item_id: int, stamp: Stamp) -> None:
        """Record that a file is an item."""
        journal.insert("place", item_id=item_id, **self._columns(journal, path, stamp))

    def update(self, journal: Journal, place: sqlite3.Row, path: str, item_id: int, stamp: Stamp) -> None:
        """Record that a place is now this item, at this path, in this state."""
        journal.update("place", place["id"], item_id=item_id, missing=0, **self._columns(journal, path, stamp))

    def _columns(self, journal: Journal, path: str, stamp: Stamp) -> dict[str, Any]:
        root_id, relative = self._split(path) or self.cover(journal, str(Path(path).parent), path)
        return {"root_id": root_id, "path": path_to_value(relative), **asdict(stamp)}

    def cover(self, journal: Journal, folder: str, path: str = "") -> tuple[int, str]:
        """Make sure that a folder lies below a root; roots that lie below it become part of it."""
        roots = self._roots()
        for root, root_id in roots.items():
            if is_below(folder, root):
                return root_id, _relative(path or folder, root)
        new = journal.insert("root", path=path_to_value(folder))
        for root, root_id in roots.items():
            if is_below(root, folder):
                self._merge(journal, root, root_id, folder, new)
        return new, _relative(path or folder, folder)

    def _merge(self, journal: Journal, root: str, root_id: int, into: str, new: int) -> None:
        prefix = _relative(root, into)
        for row in self.database.rows("SELECT id, path FROM place WHERE root_id = ?", root_id):
            path = f"{prefix}/{path_from_value(row['path'])}"
            journal.update("place", row["id"], root_id=new, path=path_to_value(path))
        journal.delete("root", root_id)

    def _split(self, path: str) -> tuple[int, str] | None:
        for root, root_id in self._roots().items():
            if is_below(path, root):
                return root_id, _relative(path, root)
        return None

    def _roots(self) -> dict[str, int]:
        """Id by path. Read afresh each time: there are few, and another process may have merged some."""
        rows = self.database.rows("SELECT id, path FROM root")
        return {path_from_value(row["path"]): row["id"] for row in rows}


def real(path: str | Path) -> str:
    """Absolute, with every symbolic link followed; for a loop of links, as far as they lead."""
    return os.path.realpath(path)


def typed(path: str | Path) -> Path:
    """A path as a person gives it: `~` is opened up where it is somebody's home. Raises `BadInput` for an empty one."""
    if path == "":  # which would else be the current folder
        raise BadInput("'' is no path: it is empty")
    return Path(os.path.expanduser(path))


def is_gone(path: str) -> bool:
    """Whether nothing is there; False where that cannot be told, as in a folder that may not be looked into."""
    try:
        os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        return False
    return False


def has_left(path: str) -> bool:
    """Whether a file that was at this resolved path is there no more: nothing is, or a folder, or a link.

    What a link leads to is another place. False where it cannot be told, as in `is_gone`.
    """
    try:
        return not stat.S_ISREG(os.lstat(path).st_mode) or real(path) != path
    except OSError:
        return is_gone(path)


def is_below(path: str, folder: str) -> bool:
    """Whether `path` is `folder` or lies in it; both absolute and resolved."""
    return path == folder or path.startswith(folder.rstrip(os.sep) + os.sep)


def missing_path(path: Path, hint: str = "") -> NotFound:
    """The error for a path that does not exist, with the nearest name in its folder, else a hint."""
    try:
        names = os.listdir(path.parent)
    except PermissionError:
        return NotFound(f"cannot look for {str(path)!r}: permission denied")
    except OSError:
        names = []
    near = difflib.get_close_matches(path.name, names, n=1, cutoff=0.6)
    tail = f"did you mean {str(path.parent / near[0])!r}?" if near else hint
    return NotFound(f"no file or folder {str(path)!r}" + (f": {tail}" if tail else ""))


def _joined(root: str, place: sqlite3.Row) -> str:
    return os.path.join(root, *path_from_value(place["path"]).split("/"))


def _relative(path: str, folder: str) -> str:
    return path[len(folder.rstrip(os.sep)) + 1 :].replace(os.sep, "/")
