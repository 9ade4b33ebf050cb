"""Adding: what a source holds becomes items and places. Commits as it goes, so that Ctrl-C loses nothing."""

from __future__ import annotations

import functools
import glob
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from curator.api import Found, ReaderSpec, ReadOptions, Skipped
from curator.contract import held
from curator.core.changes import Journal
from curator.core.contents import Content, examine
from curator.core.files import BadContent, Stamp, look
from curator.core.labels import Labels, Source, clean, name_of_folder
from curator.core.pipeline import ordered_map
from curator.core.places import Places, has_left, is_gone, missing_path, real, typed
from curator.core.reporting import Reporter
from curator.errors import BadInput, NotFound
from curator.store.catalogue import path_from_value, path_to_value
from curator.store.sqlite import Database

if TYPE_CHECKING:
    from curator.plugins import Registry

COMMIT_EVERY = 200
"""Files per transaction: what a kill can cost, at most."""


@dataclass(frozen=True, slots=True)
class AddOptions:
    """How to add. `group` names the group of labels taken from folders; by default the source folder's name."""

    labels: tuple[str, ...] = ()
    not_labels: tuple[str, ...] = ()
    labels_from_folders: bool = False
    group: str | None = None
    captions: bool = False
    verify: bool = False

    def check(self) -> None:
        """Raise `BadInput` for names that cannot be, and for what contradicts itself."""
        for name in (*self.labels, *self.not_labels, self.group):
            if name is not None:
                clean(name)
        for name in set(self.labels) & set(self.not_labels):
            raise BadInput(f"{name!r} is given both as --label and as --not-label")
        if self.group is not None and not (self.labels or self.not_labels or self.labels_from_folders):
            raise BadInput("--group is for labels: add --label NAME or --labels-from-folders")


@dataclass(slots=True)
class AddReport:
    """What adding did. Counts are files, except `labelled` (statements made).

    `added`: new content; `copies`: a further place of known content; `changed`: other content at a known
    place; `moved`: known content whose old place is gone; `same_file`: another name of a file that is
    catalogued (a hard or symbolic link); `decoded`: files that were read; `sidecars`: texts beside an image of
    the same stem that were not linked as captions; `loose`: files in no folder that could label them.
    """

    found: int = 0
    added: int = 0
    copies: int = 0
    changed: int = 0
    moved: int = 0
    unchanged: int = 0
    same_file: int = 0
    missing: int = 0
    decoded: int = 0
    labelled: int = 0
    captions: int = 0
    sidecars: int = 0
    loose: int = 0
    problems: list[tuple[str, str]] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)
    items: dict[int, None] = field(default_factory=dict)
    encoded: int = 0


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A listed file, looked at but not read. `item` is set where the catalogue knows it already."""

    found: Found
    path: str
    stamp: Stamp | None = None
    item: int | None = None
    alias: bool = False  # another name of a file whose place is on record
    bad: str | None = None


class Ingest:
    """One call of `add`."""

    def __init__(
        self, database: Database, journal: Journal, registry: Registry, reporter: Reporter, options: AddOptions
    ) -> None:
        self.database = database
        self.journal = journal
        self.registry = registry
        self.reporter = reporter
        self.options = options
        self.places = Places(database)
        self.labels = Labels(database)
        self.report = AddReport()
        self._paths: dict[str, int] = {}
        self._moved: set[int] = set()

    def add(self, sources: Sequence[str], is_workspace: ReadOptions) -> AddReport:
        """Add all sources; raises before anything is written if one of them does not exist."""
        self.options.check()
        paths = [path for source in sources for path in expand(source, is_workspace.leave_out)]
        readers = [choose_reader(self.registry, path) for path in paths]
        for path, reader in zip(paths, readers, strict=True):
            self._add_source(path, reader, is_workspace)
        return self.report

    def _add_source(self, source: Path, reader: ReaderSpec, options: ReadOptions) -> None:
        with self.registry.guard(reader, "reading with"):
            listed = reader.read(source, options)
            listing = [entry if isinstance(entry, Found | Skipped) else held(Found, entry) for entry in listed]
        found = [entry for entry in listing if isinstance(entry, Found)]
        self.report.found += len(found)
        for entry in listing:
            if isinstance(entry, Skipped):
                self._skip(entry)
        if source.is_dir() and found:
            with self.database.transaction():
                self.places.cover(self.journal, real(source))
        with self.reporter.progress(f"adding {source.name or source}", len(found)) as advance:
            for batch in _batches(ordered_map(self._read, self._looked_at(found)), COMMIT_EVERY):
                with self.database.transaction():
                    for candidate, content in batch:
                        self._record(candidate, content, source)
                advance(len(batch))
        if source.is_dir():
            self._mark_missing(real(source), {real(entry.path) for entry in found})
        self._link_captions(found)

    # --- one file ---

    def _looked_at(self, found: Iterable[Found]) -> Iterator[_Candidate]:
        for entry in found:
            path = real(entry.path)
            try:
                stamp = look(path)
            except BadContent as error:
                # A link that leads nowhere is known by its own name: there is nothing under the other.
                yield _Candidate(entry, path if os.path.lexists(path) else os.path.abspath(entry.path), bad=str(error))
                continue
            yield self._known(entry, path, stamp)

    def _known(self, entry: Found, path: str, stamp: Stamp) -> _Candidate:
        """Take the shortcut where size, time and inode are those on record."""
        if not self.options.verify:
            place = self.places.at(path)
            alias = place is None
            place = place or self.places.same_file(stamp)
            if place is not None and self.places.stamp(place) == stamp:
                return _Candidate(entry, path, stamp, place["item_id"], alias)
            known = self.database.row("SELECT * FROM problem WHERE path = ?", path_to_value(path))
            if known is not None and (known["size"], known["mtime_ns"]) == (stamp.size, stamp.mtime_ns):
                return _Candidate(entry, path, stamp, bad=known["reason"])
        return _Candidate(entry, path, stamp)

    @staticmethod
    def _read(candidate: _Candidate) -> Content | BadContent | None:
        """In a thread: read what has to be read."""
        if candidate.item is not None:
            return None
        if candidate.bad is not None:
            return BadContent(candidate.bad)
        try:
            return examine(candidate.path, candidate.found.modality)
        except BadContent as error:
            return error

    def _record(self, candidate: _Candidate, content: Content | BadContent | None, source: Path) -> None:
        if isinstance(content, BadContent):
            self._problem(candidate.path, str(content), None if content.may_pass else candidate.stamp)
            return
        if candidate.path in self._paths:
            # A symbolic link, or a source that was named twice.
            item = self._paths[candidate.path]
            self._count("same_file")
        else:
            item = self._unchanged(candidate) if content is None else self._place(candidate.path, content)
            for path in {candidate.path, os.path.abspath(candidate.found.path)}:
                self._forget_problem(path)
        self.report.items[item] = None
        self._paths[candidate.path] = item
        self._label(item, candidate.found, source)

    def _unchanged(self, candidate: _Candidate) -> int:
        assert candidate.item is not None
        self._count("same_file" if candidate.alias else "unchanged")
        place = self.places.at(candidate.path)
        if place is not None:
            self.journal.update("place", place["id"], missing=0)
        return candidate.item

    def _place(self, path: str, content: Content) -> int:
        """Record where content was found; returns its item."""
        self.report.decoded += 1
        item, new = self._item(content)
        place = self.places.at(path)
        if place is not None:
            self._count("changed" if place["item_id"] != item else "unchanged")
            self.places.update(self.journal, place, path, item, content.stamp)
            return item
        if self.places.same_file(content.stamp) is not None:
            self._count("same_file")
            return item
        left = None if new else self.places.gone(item)
        if left is not None:
            self._count("moved")
            self.places.update(self.journal, left, path, item, content.stamp)
            if not self.places.elsewhere(item, path):
                self._moved.add(item)
            return item
        self._count("added" if new else "copies")
        self.places.insert(self.journal, path, item, content.stamp)
        return item

    def _item(self, content: Content) -> tuple[int, bool]:
        found = self.database.value("SELECT id FROM item WHERE hash = ?", content.hash)
        if found is not None:
            return int(found), False
        item = self.journal.insert(
            "item",
            hash=content.hash,
            modality=content.modality,
            size=content.size,
            width=content.width,
            height=content.height,
            format=content.format,
            text=content.text,
        )
        return item, True

    def _count(self, what: str) -> None:
        setattr(self.report, what, getattr(self.report, what) + 1)

    # --- what is wrong or left out ---

    def _skip(self, entry: Skipped) -> None:
        if entry.problem:
            with self.database.transaction():
                self._problem(os.path.abspath(entry.path), entry.reason, None)
        else:
            self.report.left_out[entry.reason] += 1

    def _problem(self, path: str, reason: str, stamp: Stamp | None) -> None:
        self.report.problems.append((path, reason))
        key = path_to_value(path)
        values = {"reason": reason, "size": stamp and stamp.size, "mtime_ns": stamp and stamp.mtime_ns}
        known = self.database.value("SELECT id FROM problem WHERE path = ?", key)
        if known is None:
            self.journal.insert("problem", path=key, **values)
        else:
            self.journal.update("problem", known, **values)

    def _forget_problem(self, path: str) -> None:
        known = self.database.value("SELECT id FROM problem WHERE path = ?", path_to_value(path))
        if known is not None:
            self.journal.delete("problem", known)

    def _mark_missing(self, folder: str, seen: set[str]) -> None:
        with self.database.transaction():
            for place in list(self.places.below(folder)):
                path = self.places.path(place)
                if path not in seen and not place["missing"] and has_left(path):
                    self.journal.update("place", place["id"], missing=1)
                    self.report.missing += 1
            reported = {path for path, _ in self.report.problems}
            for row in self.database.rows("SELECT id, path FROM problem"):
                path = path_from_value(row["path"])
                # A folder that can be read again is not found as a file is, which takes its own problem back.
                if is_gone(path) or (path not in reported and os.path.isdir(path)):
                    self.journal.delete("problem", row["id"])

    # --- labels and captions ---

    def _label(self, item: int, found: Found, source: Path) -> None:
        options = self.options
        said = [(name, options.group, 1) for name in options.labels]
        said += [(name, options.group, -1) for name in options.not_labels]
        if options.labels_from_folders:
            if found.folder is None:
                self.report.loose += 1
            else:
                group = options.group or name_of_folder(real(source).rpartition(os.sep)[2] or "folders")
                said.append((name_of_folder(found.folder), group, 1))
        values = [(self.labels.ensure(self.journal, name, group), value) for name, group, value in said]
        if item in self._moved:
            self._moved.remove(item)
            for label, value in values:
                if value > 0:
                    self._withdraw_siblings(item, label)
        for label, value in values:
            self.report.labelled += self.labels.say(self.journal, [item], label, value, Source.IMPORT)

    def _withdraw_siblings(self, item: int, label: int) -> None:
        """A file moved from one class folder to another was sorted anew, not filed twice."""
        sql = (
            "SELECT sibling.id FROM label JOIN label AS sibling ON sibling.group_id = label.group_id "
            "WHERE label.id = ? AND sibling.id <> label.id"
        )
        for row in self.database.rows(sql, label):
            self.labels.say(self.journal, [item], row["id"], 0, Source.IMPORT)

    def _link_captions(self, found: Iterable[Found]) -> None:
        with self.database.transaction():
            for entry in found:
                if entry.caption_of is None:
                    continue
                if not self.options.captions:
                    self.report.sidecars += 1
                    continue
                text, image = self._paths.get(real(entry.path)), self._paths.get(real(entry.caption_of))
                if text is None or image is None:
                    continue
                sql = "SELECT 1 FROM caption WHERE image_id = ? AND text_id = ?"
                if self.database.row(sql, image, text) is None:
                    self.journal.insert("caption", image_id=image, text_id=text)
                    self.report.captions += 1


def expand(source: str, leave_out: Callable[[Path], bool]) -> list[Path]:
    """The paths that a source names: itself, or what a pattern (`photos/*.jpg`) matches.

    What lies in a folder that is to be left out is no match. Raises `NotFound`, with the nearest name beside it.
    """
    path = typed(source)
    if os.path.lexists(path):
        return [path]
    if glob.has_magic(source):
        left_out = functools.cache(lambda folder: leave_out(Path(folder)))
        matches = [Path(match) for match in sorted(glob.glob(str(path), recursive=True))]
        matches = [match for match in matches if not any(left_out(folder) for folder in (match, *match.parents))]
        if matches:
            return matches
        raise NotFound(f"nothing matches {source!r}")
    raise missing_path(path)


def choose_reader(registry: Registry, source: Path) -> ReaderSpec:
    """The one reader that takes a source."""
    matching = []
    for spec in registry.all(ReaderSpec):
        with registry.guard(spec, "matching with"):
            if spec.matches(source):
                matching.append(spec)
    if not matching:
        raise BadInput(f"no reader takes {str(source)!r}: it is neither a folder nor an image nor a text (.txt)")
    if len(matching) > 1:
        names = ", ".join(spec.name for spec in matching)
        raise BadInput(f"several readers take {str(source)!r}: {names}")
    return matching[0]


def _batches(
    results: Iterator[tuple[_Candidate, Content | BadContent | None]], size: int
) -> Iterator[list[tuple[_Candidate, Content | BadContent | None]]]:
    batch = []
    for result in results:
        batch.append(result)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch
