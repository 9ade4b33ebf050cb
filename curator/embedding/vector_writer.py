"""Filling a space: batches become vectors, in the quickest way that serves, and are kept every few seconds."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from curator.api import Encoder, Item, Model, TextBatch
from curator.embedding.coverage import EncodeReport
from curator.embedding.loader import as_batch
from curator.embedding.ways.quickest import Quickest
from curator.embedding.ways.way import LOADED, Way
from curator.errors import PluginError, Shortage
from curator.store.derived import Derived

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

COMMIT_SECONDS = 2.0


class VectorWriter:
    """Encodes batches and keeps the vectors."""

    def __init__(
        self,
        model: Model,
        derived: Derived,
        quickest: Quickest,
        truncated: Callable[[Model, Encoder, TextBatch], int],
    ) -> None:
        """`truncated`: how many texts of a batch an encoder cuts."""
        self.model = model
        self.derived = derived
        self.quickest = quickest
        self.truncated = truncated
        self.report = EncodeReport()
        self.first: tuple[Floats, Floats] | None = None
        self._pending: dict[Way, list[tuple[str, bytes]]] = {}
        self._kept_at = time.monotonic()

    def take(self, batch: list[tuple[Item, object]]) -> None:
        """Encode a batch; where the encoder fails, one by one, so that one item does not cost the others."""
        if not batch:
            return
        try:
            self._encode(batch)
        except (PluginError, Shortage):  # one by one, it takes less memory, too
            if len(batch) == 1 and not self.report.encoded:
                raise
            failed = [(single[0], error) for single in batch if (error := self._error(single))]
            if len(failed) == len(batch) > 1:
                raise failed[0][1] from None  # the encoder fails, not the items: nothing is recorded of them
            for item, error in failed:
                self.derived.put_failure(self.model.fingerprint, item.hash, str(error))
                self.report.failed.append((item, str(error)))
        if time.monotonic() - self._kept_at > COMMIT_SECONDS:
            self.keep()

    def keep(self) -> None:
        """Commit what was encoded."""
        for way, rows in self._pending.items():
            self.derived.put_vectors(self.model.fingerprint, rows, str(way))
        self._pending = {}
        self._kept_at = time.monotonic()

    def _encode(self, pairs: list[tuple[Item, object]]) -> None:
        batch = as_batch([value for _, value in pairs], pairs[0][0].modality)
        vectors, runner = self.quickest.encode(batch)
        way = self.quickest.opened.ran(runner.way)
        rows = self._pending.setdefault(way, [])
        rows += [(item.hash, row.astype("<f4").tobytes()) for (item, _), row in zip(pairs, vectors, strict=True)]
        if isinstance(batch, TextBatch):
            self.report.truncated += self.truncated(self.model, runner.encoder, batch)
        elif self.first is None and runner.way == LOADED:
            self.first = (batch.pixels, vectors)
        self.report.encoded += len(pairs)
        self.report.ways[way] += len(pairs)

    def _error(self, single: tuple[Item, object]) -> PluginError | None:
        try:
            self._encode([single])
        except PluginError as error:
            return error
        return None
