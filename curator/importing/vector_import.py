"""Vectors that were made elsewhere: each row of a file is matched to an item, and kept in a space of a name of its own.

All of a file or nothing of it: its vectors are written in one transaction, some at a time.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from curator.api import EncoderSpec, Modality
from curator.catalog.items import MODALITIES, Items, to_utf8
from curator.catalog.places import expand_path, missing_path, real
from curator.embedding.coverage import Coverage
from curator.embedding.ways.way import FULL
from curator.errors import BadInput, NotFound, NotReady
from curator.history.journal import Journal
from curator.importing.vector_files import Block, Naming, VectorFile, opened
from curator.store.catalogue.items import ItemRow
from curator.store.catalogue.models import VERSION
from curator.store.derived import Derived
from curator.store.sqlite import read_only_error

NAMED = 5
"""Rows without an item that are told one by one."""
SAME = 1e-3
"""So far apart, as unit vectors, two of one item may be and are the same: as shorter numbers make them."""
NUMBER = re.compile(r"(id:)?(?P<id>[0-9]{1,18})")

Begin = Callable[[str, Mapping[str, Any]], AbstractContextManager[Journal]]


@dataclass(slots=True)
class Taken:
    """What came of a file: the model, how many vectors are new, how many were there, and which rows are of no item."""

    model: str
    new: int = 0
    known: int = 0
    unmatched: int = 0
    examples: list[str] = field(default_factory=list)

    @property
    def rows(self) -> int:
        """How many there were."""
        return self.new + self.known + self.unmatched


class VectorImport:
    """Reads such files."""

    def __init__(self, items: Items, derived: Derived, coverage: Coverage, begin: Begin) -> None:
        self.items = items
        self.derived = derived
        self.coverage = coverage
        self.models = coverage.models
        self.begin = begin

    def take(self, file: str | Path, space: str, ids: str | Path | None = None) -> Taken:
        """Keep the vectors of a file as those of `space`; `ids`: the table that says which items its rows are.

        Raises `BadInput` where one cannot be used, `NotFound` where none is of an item, and keeps none then. Rows of no
        item are counted.
        """
        spec = next((spec for spec in self.models.registry.all(EncoderSpec) if not spec.embeds), None)
        if spec is None:
            raise NotReady("no encoder takes imported vectors: `curator plugins` shows what failed")
        if not space.strip() or VERSION.search(space):
            raise BadInput(f"{space!r} cannot be the name of a space: one with letters, and without @NUMBER at its end")
        to_utf8(space)
        path, table = _there(file), None if ids is None else _there(ids)
        if self.models.database.read_only:
            raise read_only_error(self.models.database.path)
        with self.begin("import", {"vectors": str(path), "space": space}) as journal, opened(path, table) as vectors:
            # Else what an earlier curator computed of a picture, and may be outdated, would take these with it.
            self.coverage.settle_profiles(self.items.select())
            return _Taking(self, spec, space, journal, vectors).all()

    def matched(self, by: Naming, names: Sequence[str]) -> list[ItemRow | None]:
        """The item that each name means, None where there is none."""
        ids = self._ids(by, names)
        found = {row.id: row for row in self.items.store.by_ids(sorted({*ids.values()}), texts=False)}
        return [found.get(ids.get(name, 0)) for name in names]

    def _ids(self, by: Naming, names: Sequence[str]) -> dict[str, int]:
        if by == "hash":
            lower = {name: name.strip().lower() for name in names}
            known = self.items.store.ids_of([*{*lower.values()}])
            return {name: known[hash_] for name, hash_ in lower.items() if hash_ in known}
        if by == "id":
            numbers = ((name, NUMBER.fullmatch(name.strip())) for name in names)
            return {name: int(number["id"]) for name, number in numbers if number is not None}
        paths = {name: real(str(expand_path(name))) for name in names if name and "\0" not in name}
        places = self.items.places.at_all([*{*paths.values()}])
        return {name: places[path].item_id for name, path in paths.items() if path in places}


class _Taking:
    """One file as it is read."""

    def __init__(
        self, into: VectorImport, spec: EncoderSpec, space: str, journal: Journal, vectors: VectorFile
    ) -> None:
        self.into = into
        self.spec = spec
        self.known = into.models.find(f"{spec.name}:{space}")
        self.space = space if self.known is None else self.known.variant.rpartition("/")[0]
        self.journal = journal
        self.vectors = vectors
        self.media: set[Modality] = set()
        self.taken = Taken("")

    def all(self) -> Taken:
        """Every block, then the model: where one of them fails, neither is kept."""
        first = next(self.vectors.blocks, None)
        if first is None:
            raise BadInput("there is no row in it")
        self.dim = first.rows.shape[1]
        if self.known is not None and self.known.dim != self.dim:
            raise BadInput(
                f"{self.known.name} is of {self.known.dim:,} numbers, and these vectors are of {self.dim:,}: "
                "give another --space"
            )
        models = self.into.models
        self.fingerprint = models.space_of_given(self.spec, self.space, self.dim)
        self.into.derived.space(self.fingerprint)  # its number is remembered: not within what may be taken back
        with self.into.derived.database.transaction():
            self._take(first)
            for block in self.vectors.blocks:
                self._take(block)
            if not self.media:
                raise NotFound(
                    f"none of its {self.taken.rows:,} rows is of an item here by {self.vectors.by} "
                    f"({', '.join(self.taken.examples)}): curator add FOLDER first"
                )
            media = [medium for medium in MODALITIES if medium in self.media]
            model = models.given(self.spec, self.space, self.dim, media, self.journal)
        self.taken.model = model.name
        return self.taken

    def _take(self, block: Block) -> None:
        if block.rows.shape[1] != self.dim:
            raise BadInput(f"row {block.first:,} has {block.rows.shape[1]:,} numbers, and those before {self.dim:,}")
        items = self.into.matched(self.vectors.by, block.names)
        new: dict[str, tuple[ItemRow, int]] = {}
        again: list[tuple[ItemRow, int, NDArray[np.float32]]] = []
        kept = dict(self.into.derived.vectors(self.fingerprint, [item.hash for item in items if item is not None]))
        for at, item in enumerate(items):
            if item is None:
                self._leave_out(block, at)
            elif item.hash in kept:
                again.append((item, at, np.frombuffer(kept[item.hash], "<f4")))
            elif item.hash in new:
                again.append((item, at, block.rows[new[item.hash][1]]))
            else:
                new[item.hash] = (item, at)
                self.media.add(item.modality)
        for item, at, vector in again:
            self._hold_same(item, block.first + at, block.rows[at], vector)
        rows = [(hash_, block.rows[at].astype("<f4").tobytes()) for hash_, (_, at) in new.items()]
        self.into.derived.put_vectors(self.fingerprint, rows, FULL)
        self.taken.new += len(new)

    def _leave_out(self, block: Block, at: int) -> None:
        self.taken.unmatched += 1
        if len(self.taken.examples) < NAMED:
            self.taken.examples.append(f"row {block.first + at:,}: {block.names[at][:100]!r}")

    def _hold_same(self, item: ItemRow, row: int, one: NDArray[np.float32], other: NDArray[np.float32]) -> None:
        """A copy of a file has the vector of the other, nearly. What rests on a vector must not change under it."""
        if len(one) != len(other) or np.linalg.norm(_unit(one) - _unit(other)) > SAME:
            raise BadInput(
                f"row {row:,} is of id:{item.id}, of which there is another vector in {self.space!r}: an item has one "
                "in each space, so give another --space"
            )
        self.media.add(item.modality)
        self.taken.known += 1


def _unit(vector: NDArray[np.float32]) -> NDArray[np.float64]:
    wide = vector.astype(np.float64)
    return wide / (np.linalg.norm(wide) or 1.0)


def _there(file: str | Path) -> Path:
    path = expand_path(file)
    if not path.exists():
        raise missing_path(path)
    if path.is_dir():
        raise BadInput(f"{str(file)!r} is a folder: name the file in it")
    return path.absolute()
