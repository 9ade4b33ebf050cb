"""What is exported, read as it is written: `curator.api.Dataset`."""

from __future__ import annotations

import hashlib
import os
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from curator.api import (
    SIDES,
    Context,
    ExporterSpec,
    Folder,
    Holds,
    Item,
    Modality,
    Record,
    Said,
    Side,
    SourceTable,
    StoredVectors,
    TargetRef,
)
from curator.errors import BadInput, NotReady
from curator.kit.reading import Unreadable

from .columns import Columns

if TYPE_CHECKING:
    from . import ExportParams

AT_ONCE = 1_000
"""Items that are looked up together."""
NAMED = 3
"""Items that are named of those that were left out for one reason."""
USUAL = frozenset({"human", "import"})
TABLES = frozenset({".csv", ".tsv", ".json", ".jsonl", ".ndjson", ".parquet"})
GONE = "whose file is gone or not as it was (curator add)"
DAMAGED = "whose picture cannot be decoded (curator status --problems)"


class Records:
    """The items that are chosen, of the media that the format takes. `failed`: how many could not be exported."""

    def __init__(self, context: Context, params: ExportParams, spec: ExporterSpec) -> None:
        self.context = context
        self.params = params
        self.spec = spec
        self.name = params.folder.name
        self._stored = self._vectors_chosen() if spec.vectors else None
        self.items = context.items(params.items, spec.modalities) if self._stored is None else self._stored.items
        self.encoding: str | None = params.encoding
        self.sources = USUAL | set(params.accept_from)
        self.target: TargetRef | None = None
        if params.by is not None and params.label is not None:
            raise BadInput("give --by GROUP or --label NAME, not both")
        if params.by is not None or params.label is not None:
            self.target = context.target(params.label, params.by)
        elif spec.needs_class:
            raise BadInput(f"{spec.name} takes items of classes: name them with --by GROUP or --label NAME")
        self.of = "" if self.target is None else self.target.full_name
        if not self.items:
            if not context.items(params.items):
                raise NotReady("no item was chosen: --where, --under and the like leave none")
            raise NotReady(f"none of these items is of a kind that {spec.name} takes: {' or '.join(spec.modalities)}")
        self.changed_tables: list[Path] = []
        # Who trains on a folder would be stopped by one: rows without files may tell of it.
        self._damaged = {item.id for item, _ in context.unreadable(self.items)} if spec.files else set()
        self._look_through()
        self._begin()

    def _vectors_chosen(self) -> StoredVectors:
        """Those of the items, in one space; what has none is told of in the end."""
        context, among = self.context, self.params.items
        media = [medium for medium in self.spec.modalities if context.items(among, [medium])]
        defaults = [context.model(None, medium).id for medium in media] if self.params.encoder is None else []
        if len({*defaults}) > 1:
            raise BadInput("these are images and texts, whose vectors are of two spaces: --media image, or -e ENCODER")
        if not media:
            raise NotReady("there is no such item")
        self._model = context.model(self.params.encoder, media[0])
        items = context.items(among, [medium for medium in media if medium in self._model.modalities])
        stored = context.stored(self._model, items)
        self._without = len(items) - len(stored)
        if not len(stored):
            raise NotReady(f"none of these items has a vector in {self._model.name}")
        return stored

    def _look_through(self) -> None:
        """What has to be known before the first record: which classes, columns and sides there are."""
        classes: set[str] = set()
        groups: set[str] = set()
        labels: set[str] = set()
        media: set[Modality] = set()
        sides: set[Side] = set()
        self._other_words: Counter[str] = Counter()
        for some in self._pages():
            for item, known, side in zip(some, self.context.known(some), self.context.sides(some), strict=True):
                said = self._counting(known.said)
                self._other_words.update(one.source for one in known.said if one not in said and one.value)
                groups.update(one.label.group for one in said if one.label.group is not None)
                labels.update(one.label.name for one in said if one.label.group is None)
                label = self._label(said)
                if label is not None:
                    classes.add(label)
                if label is not None or not self.spec.needs_class:
                    media.add(item.modality)
                    if side is not None and not self.params.no_split:
                        sides.add(side)
        self.classes: Sequence[str] = sorted(classes)
        self.media: Sequence[Modality] = sorted(media)
        self.sides: Sequence[Side] = [side for side in SIDES if side in sides]
        self._columns = Columns(self.target is not None, sorted(groups), sorted(labels))
        self.columns: Mapping[str, Holds] = self._columns.holds
        if self.spec.needs_class and not classes:
            raise NotReady(f"none of these items has a label of {self.of}")

    # --- records ---

    def _pages(self) -> Iterator[Sequence[Item]]:
        for start in range(0, len(self.items), AT_ONCE):
            yield list(self.items[start : start + AT_ONCE])

    def _begin(self) -> None:
        self.failed = 0
        self._out: set[int] = set()
        self._left_out: dict[str, list[str]] = defaultdict(list)
        self._many_left_out: Counter[str] = Counter()
        self._written: Counter[tuple[Side | None, str | None]] = Counter()
        if self._stored is not None and self._without:
            self.failed = self._without
            self._many_left_out[f"without a vector in {self._model.name}"] = self._without

    def __iter__(self) -> Iterator[Record]:
        """Those that have a place in the format."""
        self._begin()
        for some in self._pages():
            for record in self._records(some):
                if (why := self._no_place(record)) is not None:
                    self._many_left_out[why] += 1
                elif record.item.modality == "image" and record.file is None and self._stored is None:
                    self.leave_out(record, GONE)
                elif record.item.id in self._damaged:
                    self.leave_out(record, DAMAGED)
                else:
                    yield record
                    if record.item.id not in self._out:
                        self._written[record.side, record.label] += 1

    def _records(self, items: Sequence[Item]) -> Iterator[Record]:
        context = self.context
        every = (context.known(items), context.places(items), context.sides(items), context.linked(items))
        for item, known, places, side, others in zip(items, *every, strict=True):
            whole = next((place.path for place in places if place.whole), None)
            source = whole or next((place.path for place in places), item.path)
            said = self._counting(known.said)
            captions = tuple(other.text or "" for other in others) if item.modality == "image" else ()
            named = None if source is None else os.fsencode(source).decode("utf-8", "backslashreplace")
            file = whole if item.modality == "image" else None
            yield Record(item, file, named, self._label(said), side if self.sides else None, said, captions)

    def _counting(self, said: Sequence[Said]) -> tuple[Said, ...]:
        return tuple(one for one in said if one.source in self.sources)

    def _label(self, said: Sequence[Said]) -> str | None:
        """The class of an item: the label of the group, or whether it is the label; none where both are said."""
        target, of = self.target, self._of_target(said)
        if target is None or any(one.value is None for one in of):
            return None
        if target.kind == "group":
            return next((one.label.name for one in of if one.value), None)
        for one in of:
            is_it = one.label.id == target.id
            if is_it or one.value:  # another one of the same group excludes it
                return target.name if is_it and one.value else f"not {target.name}"
        return None

    def _of_target(self, said: Sequence[Said]) -> list[Said]:
        """What is said as to the group, or as to the label and those that exclude it."""
        target = self.target
        if target is None:
            return []
        if target.kind == "group":
            return [one for one in said if one.label.group == target.name]
        group = target.group
        return [one for one in said if one.label.id == target.id or (group is not None and one.label.group == group)]

    def _no_place(self, record: Record) -> str | None:
        """Why a record has no place in the format for what is said of it, after 'left out: 3 items'."""
        if self.spec.needs_class and record.label is None:
            of = self._of_target(record.said)
            if any(one.value is None for one in of):
                return f"said to be several of {self.of}"
            return f"said to be none of {self.of}" if of else f"without a label of {self.of}"
        if self.spec.needs_side and self.sides and record.side is None:
            return "on no side of the split (curator split)"
        return None

    def vectors(self) -> StoredVectors:
        """Those of the records."""
        assert self._stored is not None, f"{self.spec.name} is no format with vectors"
        return self._stored

    # --- tables ---

    def tables(self) -> list[SourceTable]:
        """Those that any of the items is a row of; what is not as it was when it was added is told, once."""
        places = (place for some in self._pages() for found in self.context.places(some) for place in found)
        paths = sorted({place.path for place in places if not place.whole})
        unseen = [one.path for one in self.context.unseen(self.items) if one.path.suffix.lower() in TABLES]
        if unseen and not paths:
            raise NotReady(f"{unseen[0]} is gone or not as it was when it was added: curator add it again")
        for path in unseen:
            if path not in self.changed_tables:
                self.changed_tables.append(path)
                self.context.note(f"left out: {path}, which is gone or not as it was (curator add)")
        return [self.context.table(path) for path in paths]

    def rows_of(self, table: SourceTable) -> Iterator[tuple[Mapping[str, Any], Record | None]]:
        """Those of a table that are to go back out."""
        chosen = {item.id for item in self.items}
        rows = self.context.table_rows(table.path)
        while page := list(islice(rows, AT_ONCE)):
            items = {row.item.id: row.item for row in page if row.item is not None and row.item.id in chosen}
            records = {record.item.id: record for record in self._records([*items.values()])}
            for row in page:
                record = None if row.item is None else records.get(row.item.id)
                if row.aside:
                    self._many_left_out["set aside"] += 1
                elif row.item is not None and record is None:
                    self._many_left_out["not chosen"] += 1
                else:
                    yield row.values, record
                    if record is not None:
                        self._written[record.side, record.label] += 1

    # --- what exporters ask for ---

    def row(self, record: Record) -> dict[str, Any]:
        """What is known of a record."""
        return self._columns.row(record)

    def put(self, folder: Folder, record: Record, *parts: str) -> str | None:
        """The file of a picture, brought into a folder."""
        assert record.file is not None, f"{record.item} is a text"
        try:
            return folder.put(record.file, *parts, hash=record.item.hash)
        except Unreadable:
            self.leave_out(record, GONE)
            return None

    def content(self, record: Record) -> bytes | None:
        """What the file of a picture holds, or a text."""
        if record.file is None:
            return (record.item.text or "").encode()
        try:
            content = record.file.read_bytes()
        except OSError:
            content = b""
        if hashlib.sha256(content).hexdigest() != record.item.hash:
            self.leave_out(record, GONE)
            return None
        return content

    def leave_out(self, record: Record, why: str) -> None:
        """Count it as one that failed."""
        self.failed += 1
        self._many_left_out[why] += 1
        if len(self._left_out[why]) < NAMED:
            self._left_out[why].append(str(record.item))
        self._out.add(record.item.id)

    # --- what came of it ---

    def counts(self) -> Iterator[tuple[tuple[Side | None, str | None], int]]:
        """How many items were written, by side and class."""
        order: dict[Side | None, int] = {side: number for number, side in enumerate((*SIDES, None))}
        return iter(sorted(self._written.items(), key=lambda pair: (order[pair[0][0]], pair[0][1] or "")))

    @property
    def of_all(self) -> int:
        """How many items were chosen."""
        return len(self.items) + (0 if self._stored is None else self._without)

    def tell(self) -> None:
        """What was left out, and which labels were."""
        for why, number in self._many_left_out.most_common():
            named = self._left_out.get(why, [])
            such = f": {', '.join(named)}{' …' if number > len(named) else ''}" if named else ""
            self.context.note(f"left out: {_count(number, 'item')} {why}{such}")
        for source, number in sorted(self._other_words.items()):
            word = "a head" if source == "head" else f"a {source}" if source == "rule" else source
            more = f"--accept-from {source} takes them"
            self.context.note(f"left out: {_count(number, 'label')} on the word of {word} ({more})")
        for side in self.sides if self.spec.needs_class else ():
            lacking = [label for label in self.classes if (side, label) not in self._written]
            if lacking:
                some = f"{', '.join(lacking[:NAMED])}{' …' if len(lacking) > NAMED else ''}"
                self.context.note(
                    f"{side} has no item of {some}: what numbers the classes of each side by itself numbers them "
                    "otherwise there"
                )


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
