"""Adding a table: its rows become texts, images, captions and labels, a batch at a time."""

from __future__ import annotations

import hashlib
import json
import os
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

from curator.api import Row, Skipped
from curator.catalog.labels import Labels, Source, name_of_folder
from curator.catalog.places import real
from curator.catalog.source_tables import Tables
from curator.history.journal import Journal
from curator.ingest.candidates import Examined
from curator.ingest.listing import Listed
from curator.ingest.recorder import Recorder
from curator.ingest.table_rows import BadRow, Draft, Drafts, located
from curator.media.files import BadContent, hash_file, look
from curator.store.catalogue import path_to_value
from curator.store.catalogue.items import CaptionStore
from curator.store.sqlite import Database

NOT_THE_TABLES = ("verify", "reader")
"""Options that say nothing about what a table holds."""


class RowIngest:
    """One table of one call of `add`: `take` each batch of its rows, then `finish`."""

    def __init__(self, database: Database, journal: Journal, recorder: Recorder, reader: str, table: Path) -> None:
        self.database = database
        self.journal = journal
        self.recorder = recorder
        self.report = recorder.report
        self.given = recorder.options
        self.path = real(table)
        self.tables = Tables(database)
        self.labels = Labels(database)
        self.captions = CaptionStore(database)
        self.group = self.given.group or name_of_folder(self.given.label_column or "")
        self.drafts = Drafts(self.given, self.report.no_labels)
        kept = {name: value for name, value in self.given.said.items() if name not in NOT_THE_TABLES}
        self.options = json.dumps({"reader": reader, **kept}, sort_keys=True, ensure_ascii=False)
        self.state = look(self.path)
        self.hash = ""
        self.record = self.tables.at(self.path)
        self.known = self.record is not None or next(self.tables.rows(self.path), None) is not None
        self.table_id: int | None = None
        self._images: dict[str, int | str] = {}  # item or what is wrong, by path as it is written
        self._label_ids: dict[tuple[str, str | None], int] = {}
        self._wrong: dict[int, str] = {}  # by line, of the batch
        self._wrong_lines: set[int] = set()
        self._before = {} if self.record is None else self.tables.problems(self.record.id)
        # What a table that was added before says now, so that what it says no more can be taken back.
        self._kept: set[int] = set()
        self._displaced: set[int] = set()
        self._labelled: set[int] = set()
        self._said: set[tuple[int, int]] = set()
        self._linked: set[tuple[int, int]] = set()

    # --- a table that did not change ---

    def is_unchanged(self) -> bool:
        """Whether nothing can come of reading it again: neither it nor what was asked of it changed.

        Where rows name images, or could not be used, what they need may have changed.
        """
        return self.given.image_column is None and not self._before and self._is_as_recorded()

    def take_as_known(self) -> None:
        """Report its rows as they are on record."""
        for place in self.tables.rows(self.path):
            if not place.missing:
                self.report.rows += 1
                self.report.unchanged += 1
                self.report.items.add(place.item_id)
        self._record_state()

    def _is_as_recorded(self) -> bool:
        if self.record is None or self.record.hash is None or self.record.options != self.options:
            return False
        if self.tables.stamp(self.record) == self.state and not self.given.verify:
            self.hash = self.record.hash
        return self._hash() == self.record.hash

    def _hash(self) -> str:
        self.hash = self.hash or hash_file(self.path)
        return self.hash

    def _begin(self) -> None:
        """Until it is read to its end, a table that changed is not taken for read."""
        if self.table_id is None:
            if self.record is not None and self._is_as_recorded():
                self.table_id = self.record.id
            else:
                self.table_id = self.tables.begin(self.journal, self.path, self.options)

    def _record_state(self) -> None:
        with self.database.transaction():
            self._begin()
            assert self.table_id is not None
            self.tables.finish(self.journal, self.table_id, self._hash(), self.state)
            self.recorder.forget_problem(self.path)

    # --- a batch of rows ---

    def take(self, batch: Sequence[Row | Skipped]) -> None:
        """Record a batch: whole, or not at all where that is interrupted."""
        self.report.count("rows", len(batch))
        drafts = list(filter(None, map(self._draft, batch)))
        examined = self._examined(drafts)
        with self.database.transaction():
            self._begin()
            self._record_images(examined)
            self._record_rows(drafts)
            self._record_problems()

    def _draft(self, entry: Row | Skipped) -> Draft | None:
        if isinstance(entry, Skipped):
            assert entry.line is not None
            self._is_wrong(entry.line, entry.reason)
            return None
        try:
            return self.drafts.of(entry)
        except BadRow as error:
            self._is_wrong(entry.line, str(error))
            return None

    def _is_wrong(self, line: int, reason: str) -> None:
        self._wrong[line] = f"{self._wrong[line]}; {reason}" if line in self._wrong else reason

    def _examined(self, drafts: Iterable[Draft]) -> list[tuple[str, Examined]]:
        """The images that were not met in an earlier batch, read."""
        wanted: dict[str, Listed] = {}
        for image in (draft.image for draft in drafts):
            if image is not None and image not in self._images and image not in wanted:
                try:
                    wanted[image] = Listed(os.fspath(located(self.path, image)), "image", None, ())
                except BadRow as error:
                    self._images[image] = str(error)
        self.report.count("found", len(wanted))
        return list(zip(wanted, self.recorder.examined(wanted.values()), strict=True)) if wanted else []

    def _record_images(self, examined: Sequence[tuple[str, Examined]]) -> None:
        items = self.recorder.record([one for _, one in examined if not isinstance(one[1], BadContent)])
        for image, (candidate, content) in examined:
            wrong = isinstance(content, BadContent)
            self._images[image] = f"{image!r}: {content}" if wrong else items[candidate.path]

    def _record_rows(self, drafts: Iterable[Draft]) -> None:
        texts: list[tuple[str, str]] = []
        shown: list[tuple[Draft, int | None]] = []
        for draft in drafts:
            image = self._images[draft.image] if draft.image is not None else None
            if isinstance(image, str):
                self._is_wrong(draft.line, image)
                image = None
            if draft.text is not None:
                texts.append((f"text {draft.key}", draft.text))
            if draft.caption is not None and image is not None:
                texts.append((f"caption {draft.key}", draft.caption))
            shown.append((draft, image))
        items = self._record_texts(texts)
        links = [(image, items[key]) for draft, image in shown if (key := f"caption {draft.key}") in items and image]
        self._link(links)
        # A label says what the image shows; where there should be one and is none, it says nothing.
        about = [(items.get(f"text {draft.key}") if draft.image is None else image, draft) for draft, image in shown]
        self._label([(item, draft) for item, draft in about if item is not None])

    # --- texts and their places ---

    def _record_texts(self, texts: Sequence[tuple[str, str]]) -> dict[str, int]:
        """Make texts items, and rows their places; returns the item by row key."""
        bodies = [(key, text, text.encode()) for key, text in texts]
        hashes = {key: hashlib.sha256(data).hexdigest() for key, _, data in bodies}
        known = self.recorder.items.ids_of(list(set(hashes.values())))
        new = {
            hashes[key]: {"hash": hashes[key], "modality": "text", "size": len(data), "text": text}
            for key, text, data in bodies
            if hashes[key] not in known
        }
        rows = [{**row, "run_id": self.journal.start()} for row in new.values()]
        known |= zip(new, self.journal.insert_many("item", rows), strict=True)
        items = {key: known[hash_] for key, hash_ in hashes.items()}
        self.report.items.update(items.values())
        self._place(items, {key: len(data) for key, _, data in bodies}, {known[hash_] for hash_ in new})
        return items

    def _place(self, items: dict[str, int], sizes: dict[str, int], fresh: set[int]) -> None:
        root_id, path = self._where()
        there = self.recorder.places.store.rows_at(root_id, path, list(items))
        new = []
        for key, item in items.items():
            place = there.get(key)
            if place is None:
                self.report.count("added" if item in fresh else "copies")
                fresh.discard(item)
                same = {"root_id": root_id, "path": path_to_value(path), "mtime_ns": 0, "device": "", "inode": ""}
                new.append({"item_id": item, "row_key": key, "size": sizes[key], **same})
                continue
            self.report.count("unchanged" if place.item_id == item else "changed")
            if place.item_id != item:
                self._displaced.add(place.item_id)
            self.journal.update("place", place.id, item_id=item, size=sizes[key], missing=0)
        ids = self.journal.insert_many("place", new)
        if self.known:
            self._kept.update(ids, (place.id for place in there.values()))

    def _where(self) -> tuple[int, str]:
        """`root_id` and `path` of the table's places, asked each time: an image elsewhere may have merged roots."""
        found = self.recorder.places.in_table(self.path)
        if found is None:
            self.recorder.places.cover(self.journal, os.path.dirname(self.path))
            return self._where()
        return found

    # --- captions and labels ---

    def _link(self, links: Sequence[tuple[int, int]]) -> None:
        there = {(caption.image_id, caption.text_id) for caption in self.captions.of_texts([text for _, text in links])}
        new = [
            {"image_id": image, "text_id": text} for image, text in dict.fromkeys(links) if (image, text) not in there
        ]
        self.report.count("captions", len(self.journal.insert_many("caption", new)))
        if self.known:
            self._linked.update(links)

    def _label(self, about: Iterable[tuple[int, Draft]]) -> None:
        """Say of each item what the options and its row say."""
        said: dict[tuple[int, int], list[int]] = defaultdict(list)
        common = [(self._label_id(name, self.given.group), 1) for name in self.given.labels]
        common += [(self._label_id(name, self.given.group), -1) for name in self.given.not_labels]
        for item, draft in about:
            for statement in common:
                said[statement].append(item)
            for name in draft.labels:
                said[self._label_id(name, None if draft.several else self.group), 1].append(item)
            if self.known:
                self._labelled.add(item)
        for (label, value), items in said.items():
            self.report.labelled += self.labels.say(self.journal, items, label, value, Source.IMPORT)
            if self.known:
                self._said.update((item, label) for item in items)

    def _label_id(self, name: str, group: str | None) -> int:
        if (name, group) not in self._label_ids:
            self._label_ids[name, group] = self.labels.ensure(self.journal, name, group)
        return self._label_ids[name, group]

    def _record_problems(self) -> None:
        assert self.table_id is not None
        new = []
        for line, reason in sorted(self._wrong.items()):
            self.report.problems.append((self.path, f"line {line}: {reason}"))
            if line in self._before:
                self.journal.update("row_problem", self._before[line].id, reason=reason)
            else:
                new.append({"table_id": self.table_id, "line": line, "reason": reason})
        self.journal.insert_many("row_problem", new)
        self._wrong_lines.update(self._wrong)
        self._wrong = {}

    # --- the end ---

    def finish(self) -> None:
        """Take back what the table says no more, and record that it was read to its end."""
        if look(self.path) != self.state:
            with self.database.transaction():
                self.recorder.problem(self.path, "changed while it was being read: add it again", None)
            return
        with self.database.transaction():
            self._begin()
            for line, problem in self._before.items():
                if line not in self._wrong_lines:
                    self.journal.delete("row_problem", problem.id)
            if self.known:
                self._mark_missing()
                self._unlink()
                self._withdraw()
            self._record_state()

    def _mark_missing(self) -> None:
        for place in self.tables.rows(self.path):
            if not place.missing and place.id not in self._kept:
                self.journal.update("place", place.id, missing=1)
                self._displaced.add(place.item_id)
                self.report.count("missing")

    def _unlink(self) -> None:
        """A text that is in this table only is the caption of what the table says, and of nothing else."""
        texts = {text for _, text in self._linked} | self._displaced
        for caption in self.captions.of_texts(list(texts - self._elsewhere(texts))):
            if (caption.image_id, caption.text_id) not in self._linked:
                self.journal.delete("caption", caption.id)

    def _withdraw(self) -> None:
        """Of items that the table labels, its group's other labels are corrected: it says something else now."""
        if self.given.label_column is None:
            return
        here = list(self._labelled - self._elsewhere(self._labelled))
        last_said = self.labels.store.last_said_in_group(here, self.group, Source.IMPORT)
        for name, group in self._label_ids:  # those of cells for several are in no group
            if group is None and name not in self.given.labels:
                last_said += self.labels.store.last_said(here, self._label_ids[name, group], Source.IMPORT)
        for last in last_said:
            if last.value == 1 and (last.item_id, last.label_id) not in self._said:
                said = self.labels.say(self.journal, [last.item_id], last.label_id, 0, Source.IMPORT)
                self.report.labelled += said

    def _elsewhere(self, items: Collection[int]) -> set[int]:
        """The texts among items that are in another file or table too, which may have said it."""
        return self.recorder.places.store.texts_elsewhere(list(items), *self._where())
