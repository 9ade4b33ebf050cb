"""Relocating: folders that are reached by another path now, as where a drive has another letter or mount point.

Only what the catalogue says is changed, and that by the journal: it is undone as any run.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TypeVar

from curator.api import Item
from curator.catalog.added import moved
from curator.catalog.places import expand_path, real
from curator.catalog.source_tables import Tables
from curator.errors import BadInput, NotFound
from curator.history.journal import Journal
from curator.media.content import examine
from curator.media.files import BadContent, Stamp, look
from curator.parts import Parts
from curator.quarantine.quarantine import Quarantined
from curator.store.catalogue import path_to_value
from curator.store.catalogue.places import PlaceRow
from curator.store.catalogue.problems import ProblemStore
from curator.store.paths import is_below

SAMPLE = 20
"""Files that are read to see whether NEW holds what OLD held."""

PAGE = 1_000
"""Files that are looked up together."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Relocated:
    """How many folders that were added begin with the new path now, and of how many files there: found as they were,
    other than they were, or not found. `read`: of how many the content was compared."""

    folders: int
    found: int
    changed: int
    absent: int
    read: int


class Relocate:
    """Gives folders another path."""

    def __init__(self, parts: Parts, old: str | Path, new: str | Path) -> None:
        self.parts = parts
        self.places = parts.items.places
        self.old = os.path.abspath(expand_path(old))
        self.new = real(expand_path(new))
        self._roots = self.places.store.roots()
        self._refuse()

    @property
    def roots(self) -> dict[str, int]:
        """Those that begin with the old path: id by path."""
        return {root: row_id for root, row_id in self._roots.items() if is_below(root, self.old)}

    def _refuse(self) -> None:
        """Raise for what cannot be meant."""
        old, new = self.old, self.new
        if is_below(new, old) or is_below(old, new):
            raise BadInput(f"{old!r} and {new!r}: one is, or is inside, the other")
        if next(self.places.below(old, rows=True), None) is None:
            known = sorted(self._roots)
            raise NotFound.named("folder of the catalogue", old, known, many="`curator ls` shows paths")
        if os.path.exists(new) and not os.path.isdir(new):
            raise BadInput(f"{new!r} is not a folder")
        others = self._roots.keys() - self.roots.keys()
        for target in (moved(root, old, new) for root in self.roots):
            for other in others:
                if is_below(target, other) or is_below(other, target):
                    raise BadInput(f"{target!r} would clash with {other!r}, which is also in the catalogue")
        paths = (path for _, path in self._files())
        while page := list(islice(paths, PAGE)):
            if taken := self.places.at_all(page):
                first = next(path for path in page if path in taken)
                raise BadInput(
                    f"{first!r} is also in the catalogue: `curator add` finds by itself what was moved there"
                )

    def look_before(self) -> int:
        """Compare a sample of files, evenly from all; returns how many. Raises where NEW does not hold what OLD did."""
        sample = _evenly((place, path) for place, path in self._files() if os.path.isfile(path))
        if not sample:
            hint = "mount or name the right one, or give --anyway if it is not there now"
            raise NotFound(f"{self.new!r} holds none of the files that were in {self.old!r}: {hint}")
        items = {item.id: item for item in self.parts.items.by_ids([place.item_id for place, _ in sample])}
        for place, path in sample:
            if not _holds(path, items[place.item_id]):
                raise BadInput(f"{path!r} does not hold what the catalogue knows of it: --anyway relocates nonetheless")
        return len(sample)

    def carry_out(self, journal: Journal, read: int) -> Relocated:
        """Give all that is on record below OLD its path below NEW, with the state that files have there."""
        counts = {"found": 0, "changed": 0, "absent": 0}
        with self.parts.database.transaction():
            for place, path in self._files():
                counts[self._restamp(journal, place, path)] += 1
            folders = self._move_roots(journal)
            for table in Tables(self.parts.database).below(self.old):
                journal.update("source_table", table.id, path=self._value(table.path), **_device(self._new(table.path)))
            for problem, path in ProblemStore(self.parts.database).paths():
                if is_below(path, self.old):
                    journal.update("problem", problem, path=self._value(path))
            for file in self.parts.quarantine.all():
                self._of_quarantine(journal, file)
        return Relocated(folders, **counts, read=read)

    def _move_roots(self, journal: Journal) -> int:
        """Roots get their new path, and what lies within a larger one a root of its own; returns how many that are."""
        roots = self.roots
        for root, row_id in roots.items():
            journal.update("root", row_id, path=self._value(root))
        target: tuple[int, str] | None = None
        for place, path in self.places.with_paths(self._inner()):
            target = target or self.places.cover(journal, self.new)
            root_id, above = target
            rest = path[len(self.old) + 1 :].replace(os.sep, "/")
            relative = f"{above}/{rest}" if above else rest
            journal.update("place", place.id, root_id=root_id, path=path_to_value(relative))
        return len(roots) + (target is not None)

    def _inner(self) -> Iterator[PlaceRow]:
        """The places below OLD whose root reaches further."""
        own = set(self.roots.values())
        return (place for place in self.places.below(self.old, rows=True) if place.root_id not in own)

    def _of_quarantine(self, journal: Journal, file: Quarantined) -> None:
        ends = {"outside": file.outside, "keeper": file.keeper}
        below = {name: str(path) for name, path in ends.items() if path is not None and is_below(str(path), self.old)}
        if below:
            journal.update("quarantined", file.id, **{name: self._value(path) for name, path in below.items()})

    def _files(self) -> Iterator[tuple[PlaceRow, str]]:
        """The places of whole files below OLD, each with its path below NEW."""
        found = self.places.with_paths(self.places.below(self.old))
        return ((place, self._new(path)) for place, path in found)

    def _restamp(self, journal: Journal, place: PlaceRow, path: str) -> str:
        """A file that has its size and time is taken for the same: on another device its inode is another."""
        try:
            stamp = look(path)
        except BadContent:
            return "absent"
        if (stamp.size, stamp.mtime_ns) != (place.size, place.mtime_ns):
            return "changed"
        journal.update("place", place.id, device=stamp.device, inode=stamp.inode)
        return "found"

    def _new(self, path: str) -> str:
        return moved(path, self.old, self.new)

    def _value(self, path: str) -> str | bytes:
        return path_to_value(self._new(path))


def _evenly(things: Iterable[T]) -> list[T]:
    """A sample of all, evenly, of which there may be millions."""
    kept: list[T] = []
    every = 1
    for number, thing in enumerate(things):
        if number % every == 0:
            kept.append(thing)
        if len(kept) >= 2 * SAMPLE:
            kept, every = kept[::2], 2 * every
    return kept[:: max(1, len(kept) // SAMPLE)][:SAMPLE]


def _holds(path: str, item: Item) -> bool:
    try:
        return examine(path, item.modality).hash == item.hash
    except BadContent:
        return False


def _device(path: str) -> dict[str, str]:
    """Where a table is now; nothing where it cannot be told."""
    try:
        stamp: Stamp = look(path)
    except BadContent:
        return {}
    return {"device": stamp.device, "inode": stamp.inode}
