"""Recording files: what lies where becomes items and places."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from curator.catalog.places import Places
from curator.history.journal import Journal
from curator.ingest.candidates import Candidate, Candidates, Examined
from curator.ingest.listing import Numbers
from curator.ingest.options import AddOptions, AddReport
from curator.media.content import Content
from curator.media.files import BadContent, Stamp
from curator.store.catalogue import path_to_value
from curator.store.catalogue.items import ItemStore
from curator.store.catalogue.places import PlaceRow
from curator.store.catalogue.problems import ProblemRow, ProblemStore
from curator.store.sqlite import Database

NEW = 0
"""In place of the id of what has none yet: all such is written before anybody asks for it."""


class Recorder:
    """Records the files of one call of `add`. `moved` are the items that were moved, `seen` the places of files."""

    def __init__(self, database: Database, journal: Journal, options: AddOptions, report: AddReport) -> None:
        self.database = database
        self.journal = journal
        self.options = options
        self.report = report
        self.places = Places(database)
        self.items = ItemStore(database)
        self.problems = ProblemStore(database)
        shortcut = not options.verify and options.encoding is None
        self.examined = Candidates(self.places, self.problems, shortcut, options.encoding).examined
        self.moved: set[int] = set()
        self.seen = Numbers()
        # Of a batch: what is on record of its files, what is recorded of them, and what is still to be written.
        self._wrong: dict[str, ProblemRow] = {}
        self._placed: dict[str, PlaceRow] = {}
        self._inodes: set[tuple[str, str]] = set()
        self._known: dict[str, int] = {}
        self._recorded: dict[str, int] = {}
        self._new: dict[str, Content] = {}

    def record(self, batch: Sequence[Examined]) -> dict[str, int]:
        """Record files, in a transaction of the caller's; what cannot be used as a problem. Returns items by path.

        What the catalogue knows of them is asked for all at once. Most files are as they were, or as new as can be:
        these are written together, and any other by itself, after all before it.
        """
        self.places.read_roots()
        try:
            self._look_up(batch)
            for candidate, content in batch:
                if isinstance(content, BadContent):
                    self.problem(candidate.path, str(content), None if content.may_pass else candidate.stamp)
                    self._wrong |= self.problems.at_all([candidate.path])
                elif candidate.path in self._recorded or candidate.path in self._new:
                    # A symbolic link, or a source that was named twice.
                    self.report.count("same_file")
                else:
                    self._record(candidate, content)
            self._write_new()
        finally:
            self.places.forget_roots()
        return self._recorded

    def _look_up(self, batch: Sequence[Examined]) -> None:
        self._recorded, self._new = {}, {}
        read = [(candidate.path, content) for candidate, content in batch if isinstance(content, Content)]
        self._known = self.items.ids_of(list({content.hash for _, content in read}))
        self._placed = self.places.at_all([path for path, _ in read])
        self._inodes = self.places.known_inodes(content.stamp for _, content in read)
        self._wrong = {}
        if self.problems.any():
            self._wrong = self.problems.at_all([name for candidate, _ in batch for name in _names(candidate)])

    def _record(self, candidate: Candidate, content: Content | None) -> None:
        path = candidate.path
        if self._wrong:
            for name in _names(candidate) & self._wrong.keys():
                self.journal.delete("problem", self._wrong.pop(name).id)
        there = self._placed.get(path)
        if content is None:
            self._keep(candidate)
        elif there is not None and there.id in self.seen:  # named twice, as above
            self.report.count("same_file")
            self._is(path, there.item_id)
        else:
            self._read(path, content)

    def _keep(self, candidate: Candidate) -> None:
        """A file that is as it was."""
        place = candidate.place
        assert place is not None
        if candidate.alias or not self.seen.add(place.id):
            self.report.count("same_file")
        else:
            self.report.count("unchanged")
            if place.missing:
                self.journal.update("place", place.id, missing=0)
        self._is(candidate.path, place.item_id)

    def _is(self, path: str, item: int) -> None:
        self.report.items.add(item)
        self._recorded[path] = item

    # --- what was read ---

    def _read(self, path: str, content: Content) -> None:
        self.report.count("decoded")
        if content.read_as is not None:
            self.report.read_as[f"read as {content.read_as}"] += 1
        inode = content.stamp.inode, content.stamp.device
        met = content.hash in self._known or path in self._placed or inode in self._inodes
        self._inodes.add(inode)
        if met or not self.places.is_covered(path):
            self._write_new()
            self._is(path, self._place(path, content))
        else:
            self._known[content.hash] = NEW
            self._new[path] = content

    def _write_new(self) -> None:
        """Contents that are not known at all, in files that are not either."""
        if not self._new:
            return
        run = self.journal.start()
        items = self.journal.insert_many("item", [_columns(content, run) for content in self._new.values()])
        files = [(path, item, content.stamp) for (path, content), item in zip(self._new.items(), items, strict=True)]
        self.seen.update(self.places.insert_many(self.journal, files))
        self.report.count("added", len(files))
        for (path, item, _), content in zip(files, self._new.values(), strict=True):
            self._known[content.hash] = item
            self._is(path, item)
        self._new = {}

    def _place(self, path: str, content: Content) -> int:
        """Record where content was found, of which something is known; returns its item."""
        item, new = self._item(content)
        place = self.places.at(path)
        if place is not None:
            self.report.count("changed" if place.item_id != item else "unchanged")
            self.places.update(self.journal, place, path, item, content.stamp)
            self.seen.add(place.id)
            return item
        if self.places.same_file(content.stamp) is not None:
            self.report.count("same_file")
            return item
        left = None if new else self.places.missing_place(item)
        if left is not None:
            self.report.count("moved")
            self.places.update(self.journal, left, path, item, content.stamp)
            self.seen.add(left.id)
            if not self.places.elsewhere(item, path):
                self.moved.add(item)
            return item
        self.report.count("added" if new else "copies")
        self.seen.add(self.places.insert(self.journal, path, item, content.stamp))
        return item

    def _item(self, content: Content) -> tuple[int, bool]:
        found = self._known.get(content.hash)
        if found is not None:
            if content.taken is not None:  # an earlier curator did not look for it
                self.journal.update("item", found, taken=content.taken)
            return found, False
        item = self._known[content.hash] = self.journal.insert("item", **_columns(content, self.journal.start()))
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


def _names(candidate: Candidate) -> set[str]:
    """By which a file may be on record as one that cannot be used."""
    return {candidate.path, os.path.abspath(candidate.listed.path)}


def _columns(content: Content, run: int) -> dict[str, Any]:
    names = ("hash", "modality", "size", "width", "height", "format", "text", "taken")
    return {"run_id": run, **{name: getattr(content, name) for name in names}}
