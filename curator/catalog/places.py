"""Where items are. One physical file is one place, however many names lead to it."""

from __future__ import annotations

import difflib
import os
import stat
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import fields
from functools import lru_cache
from pathlib import Path
from typing import Any

from curator.errors import BadInput, NotFound
from curator.history.journal import Journal
from curator.media.files import BadContent, Stamp, look
from curator.store.catalogue import path_to_value
from curator.store.catalogue.places import PlaceRow, PlaceStore
from curator.store.paths import is_below
from curator.store.sqlite import Database

STAMP = tuple(field.name for field in fields(Stamp))


class Places:
    """Looks places up by path, by inode and by item. Paths are absolute and resolved, as `real()` gives them.

    Roots are read afresh each time, as another process may have merged some, but for the transaction of who says so.
    """

    def __init__(self, database: Database) -> None:
        self.database = database
        self.store = PlaceStore(database)
        self._read: dict[str, int] | None = None

    def read_roots(self) -> None:
        """Read the roots for many questions, within a transaction, in which nobody else changes them."""
        self._read = self.store.roots()

    def forget_roots(self) -> None:
        """Before the end of that transaction."""
        self._read = None

    def _roots(self) -> dict[str, int]:
        return self.store.roots() if self._read is None else self._read

    def at_all(self, paths: Sequence[str]) -> dict[str, PlaceRow]:
        """The places of those of these files that are on record, by path."""
        below: dict[int, dict[str, str]] = defaultdict(dict)
        roots = self._roots()
        for path in paths:
            if (found := _root_and_relative(path, roots)) is not None:
                below[found[0]][found[1]] = path
        return {
            names[place.path]: place
            for root_id, names in below.items()
            for place in self.store.at_all(root_id, list(names))
        }

    def known_inodes(self, stamps: Iterable[Stamp]) -> set[tuple[str, str]]:
        """Those inodes of these files, each with its device, that a file on record had."""
        by_device: dict[str, list[str]] = defaultdict(list)
        for stamp in stamps:
            by_device[stamp.device].append(stamp.inode)
        return {
            (inode, device) for device, inodes in by_device.items() for inode in self.store.known_inodes(inodes, device)
        }

    def is_covered(self, path: str) -> bool:
        """Whether a file lies below a root."""
        return self._root_and_relative(path) is not None

    def at(self, path: str) -> PlaceRow | None:
        """The place of a whole file, by its path."""
        found = self._root_and_relative(path)
        return None if found is None else self.store.at(*found)

    def same_file(self, stamp: Stamp) -> PlaceRow | None:
        """A place whose file is there and is the very file of this stamp, under whatever name."""
        for place in self.store.of_inode(stamp.inode, stamp.device):
            if not place.row_key and self.is_at(place, stamp):
                return place
        return None

    def is_at(self, place: PlaceRow, stamp: Stamp) -> bool:
        """Whether the file at a place has this stamp now."""
        path = self.path(place)
        try:
            return look(path) == stamp and not has_left(path)
        except BadContent:
            return False

    def missing_place(self, item_id: int) -> PlaceRow | None:
        """A place of the item where no file is any more: the item was moved away from there."""
        for place in self.of(item_id):
            if has_left(self.path(place)):
                return place
        return None

    def elsewhere(self, item_id: int, path: str) -> bool:
        """Whether the item is also somewhere else than at this path."""
        others = [other for other in map(self.path, self.of(item_id)) if other != path]
        return not all(map(has_left, others))

    def of(self, item_id: int) -> list[PlaceRow]:
        """The places of whole files of an item, oldest first."""
        return self.store.files_of(item_id)

    def rows_of(self, item_id: int) -> list[PlaceRow]:
        """The places of an item in rows of tables, oldest first."""
        return self.store.rows_of(item_id)

    def in_table(self, path: str) -> tuple[int, str] | None:
        """`root_id` and `path` of the rows of a table; None where nothing is catalogued there."""
        return self._root_and_relative(path)

    def unchanged_path(self, item_id: int) -> str | BadContent:
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
    def stamp(place: PlaceRow) -> Stamp:
        """The state of the file when it was recorded."""
        return Stamp(place.size, place.mtime_ns, place.device, place.inode)

    def path(self, place: PlaceRow) -> str:
        """The absolute path of a place."""
        return _join_path(self.store.root(place.root_id), place.path)

    def readable(self, path: str) -> str:
        """A path as a person would tell it among all: from the name of its root on, '/' between parts."""
        for root in self.store.roots():
            if is_below(path, root):
                name = os.path.basename(root)
                return f"{name}/{_relative(path, root)}" if name else _relative(path, root)
        return os.path.basename(path)

    def below(self, folder: str, rows: bool = False) -> Iterator[PlaceRow]:
        """The places of whole files in a folder and below it; with `rows` also those of the rows of tables."""
        for root_id, path in self.folders(folder):
            yield from self.store.below(root_id, path, rows)

    def folders(self, folder: str) -> Iterator[tuple[int, str]]:
        """The roots that a folder holds, or the one that holds it, each with the path from there on, '' for all."""
        for root, root_id in self.store.roots().items():
            if is_below(root, folder):
                yield root_id, ""
            elif is_below(folder, root):
                yield root_id, _relative(folder, root)

    def paths(self, item_ids: Iterable[int]) -> dict[int, tuple[Path, str | None]]:
        """For each item one path where it is, the first that is not missing, with the id of its row there, if any."""
        roots = self._root_paths()
        places = self.store.paths_of(list(item_ids))
        joined = lru_cache(1)(lambda root_id, path: Path(_join_path(roots[root_id], path)))  # rows of a table share one
        return {item: (joined(root_id, path), row_id(key)) for item, root_id, path, key in places}

    def with_paths(self, places: Iterable[PlaceRow]) -> Iterator[tuple[PlaceRow, str]]:
        """Each place with its absolute path."""
        roots = self._root_paths()
        return ((place, _join_path(roots[place.root_id], place.path)) for place in places)

    def _root_paths(self) -> dict[int, str]:
        return {root_id: root for root, root_id in self.store.roots().items()}

    def insert(self, journal: Journal, path: str, item_id: int, stamp: Stamp) -> int:
        """Record that a file is an item; returns the id of its place."""
        return journal.insert("place", item_id=item_id, **self._columns(journal, path, stamp))

    def insert_many(self, journal: Journal, files: Iterable[tuple[str, int, Stamp]]) -> list[int]:
        """Record which items files are, by path; returns the ids of their places."""
        rows = [{"item_id": item_id, **self._columns(journal, path, stamp)} for path, item_id, stamp in files]
        return journal.insert_many("place", rows)

    def update(self, journal: Journal, place: PlaceRow, path: str, item_id: int, stamp: Stamp) -> None:
        """Record that a place is now this item, at this path, in this state."""
        journal.update("place", place.id, item_id=item_id, missing=0, **self._columns(journal, path, stamp))

    def _columns(self, journal: Journal, path: str, stamp: Stamp) -> dict[str, Any]:
        root_id, relative = self._root_and_relative(path) or self.cover(journal, str(Path(path).parent), path)
        return {"root_id": root_id, "path": path_to_value(relative), **{name: getattr(stamp, name) for name in STAMP}}

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
        if self._read is not None:
            self.read_roots()
        return new, _relative(path or folder, folder)

    def _merge(self, journal: Journal, root: str, root_id: int, into: str, new: int) -> None:
        prefix = _relative(root, into)
        for place_id, path in self.store.paths_below_root(root_id):
            journal.update("place", place_id, root_id=new, path=path_to_value(f"{prefix}/{path}"))
        journal.delete("root", root_id)

    def _root_and_relative(self, path: str) -> tuple[int, str] | None:
        return _root_and_relative(path, self._roots())


def row_id(row_key: str) -> str | None:
    """The id of a row by its key, None for a row that has none and for a file."""
    _, _, key = row_key.partition(" ")
    kind, _, name = key.partition(" ")
    return name if kind == "id" else None


def real(path: str | Path) -> str:
    """Absolute, with every symbolic link followed; for a loop of links, as far as they lead."""
    return os.path.realpath(path)


def expand_path(path: str | Path) -> Path:
    """A path as a person gives it: `~` is opened up where it is somebody's home. Raises `BadInput` for an empty one."""
    if path == "":  # which would else be the current folder
        raise BadInput("'' is not a path: it is empty")
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


def _root_and_relative(path: str, roots: Mapping[str, int]) -> tuple[int, str] | None:
    for root, root_id in roots.items():
        if is_below(path, root):
            return root_id, _relative(path, root)
    return None


def _join_path(root: str, path: str) -> str:
    return os.path.join(root, *path.split("/"))


def _relative(path: str, folder: str) -> str:
    return path[len(folder.rstrip(os.sep)) + 1 :].replace(os.sep, "/")
