"""Recording files: what lies where becomes items and places."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial

from curator.api import Found
from curator.catalog.places import Places, real
from curator.history.journal import Journal
from curator.ingest.options import AddOptions, AddReport
from curator.media.content import Content, examine
from curator.media.files import BadContent, Stamp, look
from curator.media.prefetch import ordered_map
from curator.store.catalogue import path_to_value
from curator.store.catalogue.items import ItemStore
from curator.store.catalogue.problems import ProblemStore
from curator.store.sqlite import Database


@dataclass(frozen=True, slots=True)
class Candidate:
    """A listed file, looked at but not read. `item` is set where the catalogue knows it already."""

    found: Found
    path: str
    stamp: Stamp | None = None
    item: int | None = None
    alias: bool = False  # another name of a file whose place is on record
    bad: str | None = None


class Recorder:
    """Records the files of one call of `add`. `paths` are those recorded so far, `moved` the items that were moved."""

    def __init__(self, database: Database, journal: Journal, options: AddOptions, report: AddReport) -> None:
        self.database = database
        self.journal = journal
        self.options = options
        self.report = report
        self.places = Places(database)
        self.items = ItemStore(database)
        self.problems = ProblemStore(database)
        self.paths: dict[str, int] = {}
        self.moved: set[int] = set()

    def examined(self, found: Iterable[Found]) -> Iterator[tuple[Candidate, Content | BadContent | None]]:
        """What each file holds, read by threads; None where the catalogue knows it already."""
        return ordered_map(partial(_read, encoding=self.options.encoding), self._looked_at(found))

    def _looked_at(self, found: Iterable[Found]) -> Iterator[Candidate]:
        for entry in found:
            path = real(entry.path)
            try:
                stamp = look(path)
            except BadContent as error:
                # A link that leads nowhere is known by its own name: there is nothing under the other.
                yield Candidate(entry, path if os.path.lexists(path) else os.path.abspath(entry.path), bad=str(error))
                continue
            yield self._known(entry, path, stamp)

    def _known(self, entry: Found, path: str, stamp: Stamp) -> Candidate:
        """Take the shortcut where size, time and inode are those on record."""
        if not self.options.verify and self.options.encoding is None:
            place = self.places.at(path)
            alias = place is None
            place = place or self.places.same_file(stamp)
            if place is not None and self.places.stamp(place) == stamp:
                return Candidate(entry, path, stamp, place.item_id, alias)
            known = self.problems.at(path)
            if known is not None and (known.size, known.mtime_ns) == (stamp.size, stamp.mtime_ns):
                return Candidate(entry, path, stamp, bad=known.reason)
        return Candidate(entry, path, stamp)

    def record(self, candidate: Candidate, content: Content | None) -> int:
        """Record a file that can be used; returns its item."""
        item = self._unchanged(candidate) if content is None else self._place(candidate.path, content)
        for path in {candidate.path, os.path.abspath(candidate.found.path)}:
            self.forget_problem(path)
        self.report.items[item] = None
        self.paths[candidate.path] = item
        return item

    def _unchanged(self, candidate: Candidate) -> int:
        assert candidate.item is not None
        self.report.count("same_file" if candidate.alias else "unchanged")
        place = self.places.at(candidate.path)
        if place is not None:
            self.journal.update("place", place.id, missing=0)
        return candidate.item

    def _place(self, path: str, content: Content) -> int:
        """Record where content was found; returns its item."""
        self.report.count("decoded")
        if content.read_as is not None:
            self.report.read_as[f"read as {content.read_as}"] += 1
        item, new = self._item(content)
        place = self.places.at(path)
        if place is not None:
            self.report.count("changed" if place.item_id != item else "unchanged")
            self.places.update(self.journal, place, path, item, content.stamp)
            return item
        if self.places.same_file(content.stamp) is not None:
            self.report.count("same_file")
            return item
        left = None if new else self.places.missing_place(item)
        if left is not None:
            self.report.count("moved")
            self.places.update(self.journal, left, path, item, content.stamp)
            if not self.places.elsewhere(item, path):
                self.moved.add(item)
            return item
        self.report.count("added" if new else "copies")
        self.places.insert(self.journal, path, item, content.stamp)
        return item

    def _item(self, content: Content) -> tuple[int, bool]:
        found = self.items.id_of(content.hash)
        if found is not None:
            if content.taken is not None:  # an earlier curator did not look for it
                self.journal.update("item", found, taken=content.taken)
            return found, False
        item = self.journal.insert(
            "item",
            hash=content.hash,
            modality=content.modality,
            size=content.size,
            width=content.width,
            height=content.height,
            format=content.format,
            text=content.text,
            taken=content.taken,
            run_id=self.journal.start(),
        )
        return item, True

    # --- what is wrong ---

    def problem(self, path: str, reason: str, stamp: Stamp | None) -> None:
        """Record that a file cannot be used, in the state that it had then; None: try it again each time."""
        self.report.problems.append((path, reason))
        values = {"reason": reason, "size": stamp and stamp.size, "mtime_ns": stamp and stamp.mtime_ns}
        known = self.problems.at(path)
        if known is None:
            self.journal.insert("problem", path=path_to_value(path), **values)
        else:
            self.journal.update("problem", known.id, **values)

    def forget_problem(self, path: str) -> None:
        """Take a file's problem back."""
        known = self.problems.at(path)
        if known is not None:
            self.journal.delete("problem", known.id)


def _read(candidate: Candidate, encoding: str | None) -> Content | BadContent | None:
    """In a thread: read what has to be read."""
    if candidate.item is not None:
        return None
    if candidate.bad is not None:
        return BadContent(candidate.bad)
    try:
        return examine(candidate.path, candidate.found.modality, encoding)
    except BadContent as error:
        return error
