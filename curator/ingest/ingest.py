"""Adding: what sources hold becomes items and places. Commits as it goes, so that Ctrl-C loses nothing."""

from __future__ import annotations

import functools
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import groupby, islice
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING

from curator.api import Found, ReaderSpec, ReadOptions, Row, Skipped
from curator.catalog.added import WITHIN, Added
from curator.catalog.label_names import composed
from curator.catalog.labels import Labels, Source, name_of_folder
from curator.catalog.places import has_left, is_gone, real
from curator.catalog.source_tables import Tables
from curator.history.journal import Journal
from curator.ingest.candidates import Examined
from curator.ingest.listing import Left, Listed, Spool
from curator.ingest.options import AddOptions, AddReport
from curator.ingest.recorder import Recorder
from curator.ingest.sources import chosen, is_table
from curator.ingest.table_ingest import RowIngest
from curator.registry.validation import Breach, validate
from curator.reporter import Reporter
from curator.store.catalogue.items import CaptionStore
from curator.store.sqlite import Database

if TYPE_CHECKING:
    from curator.registry.loader import Registry

COMMIT_EVERY, BYTES_READ = 1_000, 64 << 20
"""Files per transaction, and bytes of those that are read: what a kill can cost, at most."""

IMAGES_AT_ONCE = 200
"""Rows per transaction, where an image has to be read for each."""

ROWS_AT_ONCE = 2000
"""Rows per transaction, where no image has to be read for them."""

BYTES_AT_ONCE = 8 << 20
"""Characters of all rows of a transaction: of rows that hold books, fewer are taken at once."""


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
        self.labels = Labels(database)
        self.report = AddReport()
        self.recorder = Recorder(database, journal, options, self.report)
        self.places = self.recorder.places
        self.tables = Tables(database)
        self.captions = CaptionStore(database)
        self._items: dict[str, int] = {}  # by path, for captions

    def add(self, sources: Sequence[str], reading: ReadOptions) -> AddReport:
        """Add all sources; raises before anything is written if one of them cannot be added."""
        self.options.check()
        found = chosen(self.registry, sources, self.options, reading, self.reporter.say)
        within = [real(path if reader.columns is None else Path(real(path)).parent) for path, reader in found]
        self.journal.arguments = {**self.journal.arguments, WITHIN: sorted(set(within))}
        for path, reader in found:
            if reader.columns is None:
                self._add_files(path, reader, reading)
            else:
                self._add_table(path, reader, reading)
        if self.journal.run is None and self.report.items and not all(map(Added(self.database).holds, within)):
            self.journal.start()  # what a link led to before is meant now, and that is all that is new
        return self.report

    def _add_table(self, table: Path, reader: ReaderSpec, reading: ReadOptions) -> None:
        ingest = RowIngest(self.database, self.journal, self.recorder, reader.name, table)
        if ingest.is_unchanged():
            ingest.take_as_known()
            return
        size = IMAGES_AT_ONCE if self.options.image_column is not None else ROWS_AT_ONCE
        named = set(map(composed, self.options.columns.values()))
        wanted = functools.cache(lambda column: composed(column) in named)
        with self.registry.guard(reader, "reading with"):
            rows = iter(reader.read(table, replace(reading, wanted=wanted, tell=self._tell)))
        with self.reporter.progress(f"adding {table.name}", None) as advance:
            while batch := self._rows(reader, rows, size):
                ingest.take(batch)
                advance(len(batch))
        ingest.finish()

    def _tell(self, words: str) -> None:
        self.report.read_as[words] += 1

    def _rows(self, reader: ReaderSpec, rows: Iterator[object], size: int) -> list[Row | Skipped]:
        with self.registry.guard(reader, "reading with"):
            batch: list[Row | Skipped] = []
            taken = 0
            for entry in islice(rows, size):
                batch.append(entry if isinstance(entry, Row | Skipped) else validate(Row, entry))
                if isinstance(entry, Skipped) and entry.line is None:
                    raise Breach("gave a Skipped without a line for a row of a table")
                if isinstance(entry, Row):
                    taken += sum(len(value) for value in entry.values.values() if isinstance(value, str | bytes))
                if taken > BYTES_AT_ONCE:
                    break
        return batch

    def _add_files(self, source: Path, reader: ReaderSpec, reading: ReadOptions) -> None:
        found: Spool[Listed]
        skipped: Spool[Left]
        with Spool(Listed) as found, Spool(Left) as skipped:
            self._list(source, reader, reading, found, skipped)
            self.report.found += len(found)
            self._skip(skipped, found)
            if source.is_dir() and found:
                with self.database.transaction():
                    self.places.cover(self.journal, real(source))
            self._record(source, found)
            if source.is_dir():
                self._mark_missing(real(source))
            self._link_captions(found)

    def _list(
        self, source: Path, reader: ReaderSpec, reading: ReadOptions, found: Spool[Listed], skipped: Spool[Left]
    ) -> None:
        with self.registry.guard(reader, "reading with"):
            for given in reader.read(source, reading):
                entry = given if isinstance(given, Found | Skipped) else validate(Found, given)
                if isinstance(entry, Skipped):
                    skipped.append(Left(os.fspath(entry.path), entry.reason, entry.problem))
                else:
                    found.append(Listed.of(entry))

    def _record(self, source: Path, found: Spool[Listed]) -> None:
        with self.reporter.progress(f"adding {source.name or source}", len(found)) as advance:
            for batch in _batches(self.recorder.examined(found)):
                with self.database.transaction():
                    items = self.recorder.record(batch)
                    self._label([(items[one.path], one.listed.folder) for one, _ in batch if one.path in items], source)
                if self.options.captions:
                    self._items.update(items)
                advance(len(batch))

    # --- what is left out or gone ---

    def _skip(self, skipped: Iterable[Left], found: Iterable[Listed]) -> None:
        tables: dict[str, str] = {}
        for path, reason, problem in skipped:
            if problem:
                with self.database.transaction():
                    self.recorder.problem(os.path.abspath(path), reason, None)
            elif not os.path.basename(path).startswith(".") and is_table(self.registry, Path(path)):
                tables[path] = reason
            else:
                self.report.left_out[reason] += 1
        stems = {os.path.splitext(path)[0] for path in tables}
        names = (name for one in (found if stems else ()) for name in (one.path, os.path.splitext(one.path)[0]))
        beside = {name for name in names if name in stems}
        for path, reason in tables.items():
            # One that is named as a file that is taken is about that one alone.
            stem, ending = os.path.splitext(path)
            a_table = f"{ending.lower()}: a table: curator add FILE --text-column COLUMN"
            self.report.left_out[reason if stem in beside else a_table] += 1

    def _mark_missing(self, folder: str) -> None:
        with self.database.transaction():
            for place in self.places.below(folder):
                if place.id not in self.recorder.seen and not place.missing and has_left(self.places.path(place)):
                    self.journal.update("place", place.id, missing=1)
                    self.report.missing += 1
            for table in self.tables.below(folder):
                if is_gone(table.path):
                    self.report.missing += self.tables.forget(self.journal, table)
            reported = {path for path, _ in self.report.problems}
            for problem, path in self.recorder.problems.paths():
                # A folder that can be read again is not found as a file is, which takes its own problem back.
                if is_gone(path) or (path not in reported and os.path.isdir(path)):
                    self.journal.delete("problem", problem)

    # --- labels and captions ---

    def _label(self, files: Iterable[tuple[int, str | None]], source: Path) -> None:
        """Say of items what the options and their folders say; at once of those that follow on each other."""
        options = self.options
        said = [(name, options.group, 1) for name in options.labels]
        said += [(name, options.group, -1) for name in options.not_labels]
        for folder, several in groupby(files, key=itemgetter(1)):
            items = [item for item, _ in several]
            if options.labels_from_folders and folder is None:
                self.report.loose += len(items)
            self._say(items, [*said, *self._said_by(folder, source)])

    def _said_by(self, folder: str | None, source: Path) -> Iterator[tuple[str, str | None, int]]:
        if self.options.labels_from_folders and folder is not None:
            self.report.folder_labels.add(folder)
            group = self.options.group or name_of_folder(real(source).rpartition(os.sep)[2] or "folders")
            yield name_of_folder(folder), group, 1

    def _say(self, items: Sequence[int], said: Iterable[tuple[str, str | None, int]]) -> None:
        values = [(self.labels.ensure(self.journal, name, group), value) for name, group, value in said]
        apart = len(values) > 1 or not self.recorder.moved.isdisjoint(items)
        for some in [[item] for item in items] if apart else [items]:
            if self.recorder.moved.intersection(some):
                self.recorder.moved.difference_update(some)
                for label, value in values:
                    if value > 0:
                        self._withdraw_siblings(some[0], label)
            for label, value in values:
                self.report.labelled += self.labels.say(self.journal, some, label, value, Source.IMPORT)

    def _withdraw_siblings(self, item: int, label: int) -> None:
        """A file moved from one class folder to another was sorted anew, not filed twice."""
        for sibling in self.labels.store.siblings(label):
            self.labels.say(self.journal, [item], sibling, 0, Source.IMPORT)

    def _link_captions(self, found: Iterable[Listed]) -> None:
        with self.database.transaction():
            for entry in found:
                if entry.caption_of and not self.options.captions:
                    self.report.sidecars += 1
                elif entry.caption_of and (text := self._items.get(real(entry.path))) is not None:
                    for image in map(self._items.get, map(real, entry.caption_of)):
                        if image is not None and not self.captions.holds(image, text):
                            self.journal.insert("caption", image_id=image, text_id=text)
                            self.report.captions += 1


def _batches(examined: Iterable[Examined]) -> Iterator[list[Examined]]:
    """Files of a transaction each."""
    batch: list[Examined] = []
    size = 0
    for candidate, content in examined:
        batch.append((candidate, content))
        size += candidate.unread or 0
        if len(batch) >= COMMIT_EVERY or size >= BYTES_READ:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch
