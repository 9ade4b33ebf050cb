"""A small dataset that checks of exporters write: the files of the specimen, with labels, sides and captions."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from curator.api import SIDES, Folder, Holds, Item, Modality, Record, Said, Side, SourceTable, StoredVectors, TargetRef
from curator.kit.reading import Unreadable
from curator.testing import specimen

GROUP, ALONE = "colour", "round"
"""The group whose labels are the classes, and a label in none."""


class Vectors:
    """`curator.api.StoredVectors` in memory: vectors of four numbers, drawn by the ids of items."""

    def __init__(self, items: Sequence[Item]) -> None:
        self.items = items

    def __len__(self) -> int:
        return len(self.items)

    def blocks(self) -> Iterator[tuple[NDArray[np.int64], NDArray[np.float32]]]:
        """All at once."""
        index = np.arange(len(self))
        yield index, self.rows(index)

    def rows(self, index: NDArray[np.int64]) -> NDArray[np.float32]:
        """Those of some items."""
        drawn = np.asarray([np.random.default_rng(self.items[at].id).normal(size=4) for at in index.tolist()])
        return np.asarray(drawn / np.linalg.norm(drawn, axis=1, keepdims=True), np.float32)


class Specimen:
    """`curator.api.Dataset` of records in memory. `out` holds why records were left out, by the id of the item."""

    name = "specimen"

    def __init__(self, records: Sequence[Record], real: Mapping[Path, Path] | None = None) -> None:
        self.records = records
        self.real = real or {}
        self.classes: Sequence[str] = sorted({record.label for record in records if record.label is not None})
        self.of = GROUP if self.classes else ""
        self.media: Sequence[Modality] = sorted({record.item.modality for record in records})
        self.sides: Sequence[Side] = [side for side in SIDES if any(record.side == side for record in records)]
        self.columns: Mapping[str, Holds] = {
            **{"id": "integer", "hash": "string", "media": "string", "source": "string", "text": "string"},
            **{"captions": "strings", "side": "string", **({"label": "string"} if self.classes else {})},
            **{GROUP: "string", ALONE: "boolean", "said": "said"},
        }
        self.out: dict[int, str] = {}

    encoding: str | None = None

    def vectors(self) -> StoredVectors:
        """One of each record."""
        return Vectors([record.item for record in self.records])

    def tables(self) -> list[SourceTable]:
        """None: its records are files, and texts of none."""
        return []

    def rows_of(self, table: SourceTable) -> Iterator[tuple[Mapping[str, Any], Record | None]]:
        """There is no such table."""
        raise KeyError(table)

    def __iter__(self) -> Iterator[Record]:
        """All of them."""
        return iter(self.records)

    def row(self, record: Record) -> dict[str, Any]:
        """What is known of one."""
        item, said = record.item, [_of(one) for one in record.said]
        values: dict[str, Any] = {
            **{"id": item.id, "hash": item.hash, "media": item.modality, "source": record.source, "text": item.text},
            **{"captions": list(record.captions), "side": record.side, "label": record.label},
            GROUP: next((one["label"] for one in said if one["group"] == GROUP and one["value"]), None),
            ALONE: next((one["value"] for one in said if one["group"] is None), None),
            "said": said,
        }
        return {name: values[name] for name in self.columns}

    def put(self, folder: Folder, record: Record, *parts: str) -> str | None:
        """Its file."""
        assert record.file is not None, f"{record.item} is a text"
        try:
            return folder.put(self.real.get(record.file, record.file), *parts, hash=record.item.hash)
        except Unreadable:
            self.leave_out(record, "whose file is gone")
            return None

    def content(self, record: Record) -> bytes | None:
        """What its file holds, or its text."""
        if record.file is None:
            return (record.item.text or "").encode()
        try:
            content = self.real.get(record.file, record.file).read_bytes()
        except OSError:
            self.leave_out(record, "whose file is gone")
            return None
        return content

    def leave_out(self, record: Record, why: str) -> None:
        """Keep why."""
        self.out[record.item.id] = why


def _of(said: Said) -> dict[str, Any]:
    label = said.label
    values: dict[str, Any] = {"label": label.name, "group": label.group, "value": said.value}
    return {**values, "source": said.source, "score": said.score}


def records(folder: Path, modalities: Sequence[Modality]) -> list[Record]:
    """Records of the files that are made below a folder: each of a class, and on one of three sides."""
    found: list[Record] = []
    for number, path in enumerate(sorted(path for path in specimen.fill(folder).rglob("*") if path.is_file())):
        media = specimen.MEDIA[path.suffix]
        content = path.read_bytes()
        text = content.decode() if media == "text" else None
        pixels = (64, 48) if media == "image" else None
        item = Item(number + 1, hashlib.sha256(content).hexdigest(), media, path, text, pixels)
        alone = Said(TargetRef("label", 1, ALONE), (True, False, None)[number % 3], "head", 0.75)
        captions = ("a patch of colour", "色块") if media == "image" else ()
        record = Record(
            item, path if media == "image" else None, str(path), None, SIDES[number // 2 % 3], (alone,), captions
        )
        found.append(labelled(record, path.parent.name))
    return [record for record in found if record.item.modality in modalities]


def labelled(record: Record, label: str | None) -> Record:
    """The record with this class, on the word of a person; with None without any label or caption."""
    if label is None:
        return replace(record, label=None, said=(), captions=())
    mine = Said(TargetRef("label", sum(map(ord, label)), label, GROUP), True, "human")
    others = tuple(one for one in record.said if one.label.group is None)
    return replace(record, label=label, said=(mine, *others))
