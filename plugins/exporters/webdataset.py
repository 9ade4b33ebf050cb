"""`webdataset`: tar archives of some thousand items each, which are read from one end to the other."""

from __future__ import annotations

import contextlib
import io
import json
import tarfile
from collections.abc import Iterable, Iterator

from curator.api import Dataset, ExporterSpec, Folder, Record, Side, hookimpl

MOST_ITEMS, MOST_BYTES = 10_000, 1 << 30
"""Of one archive."""


class Shards:
    """The archives of one side, one after the other."""

    def __init__(self, folder: Folder, side: Side | None) -> None:
        self.folder = folder
        self.name = side or "items"
        self.number = -1
        self.items = self.bytes = 0
        self._open = contextlib.ExitStack()
        self._tar: tarfile.TarFile | None = None

    def add(self, members: dict[str, bytes]) -> None:
        """An item, as files of one name."""
        size = sum(map(len, members.values()))
        if self._tar is None or self.items >= MOST_ITEMS or (self.items and self.bytes + size > MOST_BYTES):
            self.close()
            self.number += 1
            self.items = self.bytes = 0
            file = self._open.enter_context(self.folder.open(f"{self.name}-{self.number:06}.tar"))
            self._tar = self._open.enter_context(tarfile.TarFile(fileobj=file, mode="w", format=tarfile.USTAR_FORMAT))
        for name, content in members.items():
            member = tarfile.TarInfo(name)  # without time or owner: the same items give the same archive
            member.size = len(content)
            self._tar.addfile(member, io.BytesIO(content))
        self.items += 1
        self.bytes += size

    def close(self) -> None:
        """End the last of them."""
        self._open.close()


def write(dataset: Dataset, folder: Folder) -> None:
    """`SIDE-000000.tar`, without a split `items-000000.tar`; of each item its file, `.json`, and `.cls` of classes."""
    numbers = {label: number for number, label in enumerate(dataset.classes)}
    with contextlib.ExitStack() as opened:
        shards = {
            side: opened.enter_context(contextlib.closing(Shards(folder, side))) for side in dataset.sides or (None,)
        }
        for record in dataset:
            content = dataset.content(record)
            if content is not None:
                shards[record.side].add(dict(_members(dataset, record, content, numbers)))


def _members(dataset: Dataset, record: Record, content: bytes, numbers: dict[str, int]) -> Iterator[tuple[str, bytes]]:
    key = f"{record.item.id:09}"
    ending = record.file.suffix.lower() if record.file else ".txt"
    yield f"{key}{ending if ending.isascii() and len(ending) > 1 else '.bin'}", content
    yield f"{key}.json", json.dumps(dataset.row(record), ensure_ascii=False).encode()
    if record.label is not None:
        yield f"{key}.cls", str(numbers[record.label]).encode()


@hookimpl
def register_exporters() -> Iterable[ExporterSpec]:
    """The format `webdataset`."""
    return [ExporterSpec("webdataset", "tar archives, for sets that are streamed", write)]
