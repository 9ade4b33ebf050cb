"""Comparisons: something small is computed from two contents once, in threads, and kept."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import TypeAlias

from curator.api import Comparison, Item
from curator.embedding.embedder import Embedder
from curator.embedding.vector_writer import COMMIT_SECONDS
from curator.kit.reading import Unreadable, reading
from curator.media.files import BadContent
from curator.media.prefetch import ordered_map

CHUNK = 1_000
TOGETHER = 16
"""Pairs that a thread is handed at once: most take less than handing them over one by one. Of files one alone."""

Pair: TypeAlias = tuple[Item, Item]


class Comparisons:
    """Computes and keeps them. Whose they are and what they mean is the plugin's business."""

    def __init__(self, encoding: Embedder) -> None:
        self.encoding = encoding
        self.derived = encoding.derived

    def of(self, comparison: Comparison, pairs: Sequence[Pair]) -> Iterator[bytes | None]:
        """That of each pair, in order; None where there cannot be one."""
        for start in range(0, len(pairs), CHUNK):
            chunk = pairs[start : start + CHUNK]
            found = self._kept(comparison, chunk)
            found |= self._made(comparison, [pair for pair in chunk if _hashes(pair) not in found])
            yield from (found.get(_hashes(pair)) for pair in chunk)

    def _kept(self, comparison: Comparison, pairs: Sequence[Pair]) -> dict[tuple[str, str], bytes]:
        whole = comparison.whole or (lambda value: True)
        kept = self.derived.comparisons(comparison.name, [_hashes(pair) for pair in pairs])
        return {(one, other): value for one, other, value in kept if whole(value)}

    def _made(self, comparison: Comparison, pairs: Sequence[Pair]) -> dict[tuple[str, str], bytes]:
        def compute(some: Sequence[Pair]) -> list[tuple[Pair, bytes | None]]:
            return [(pair, _computed(comparison, pair)) for pair in some]

        if pairs and comparison.prepare:
            comparison.prepare(pairs)
        made: dict[tuple[str, str], bytes] = {}
        pending: list[tuple[str, str, bytes]] = []
        kept_at = time.monotonic()
        if pairs and not self.encoding.read_only:
            self.encoding.take_turn()
        try:
            for _, values in ordered_map(compute, self._handed_over(comparison, pairs)):
                found = [(*_hashes(pair), value) for pair, value in values if value is not None]
                made |= {(one, other): value for one, other, value in found}
                pending += found
                if time.monotonic() - kept_at > COMMIT_SECONDS:
                    self._keep(comparison, pending)
                    pending, kept_at = [], time.monotonic()
        finally:
            self._keep(comparison, pending)
        return made

    def _handed_over(self, comparison: Comparison, pairs: Sequence[Pair]) -> Iterator[Sequence[Pair]]:
        if comparison.files:
            yield from ([pair] for pair in self._unchanged(pairs))
        else:
            yield from (pairs[start : start + TOGETHER] for start in range(0, len(pairs), TOGETHER))

    def _unchanged(self, pairs: Sequence[Pair]) -> Iterator[Pair]:
        """Those whose files are as they were: what is computed is kept under their hashes."""
        unchanged = self.encoding.places.unchanged_path
        for pair in pairs:
            if not any(item.modality == "image" and isinstance(unchanged(item.id), BadContent) for item in pair):
                yield pair

    def _keep(self, comparison: Comparison, rows: Sequence[tuple[str, str, bytes]]) -> None:
        if rows and not self.encoding.read_only:
            self.derived.put_comparisons(comparison.name, rows)


def _computed(comparison: Comparison, pair: Pair) -> bytes | None:
    """None where there is none."""
    try:
        with reading():
            return comparison.compute(*pair)
    except Unreadable:
        return None


def _hashes(pair: Pair) -> tuple[str, str]:
    return pair[0].hash, pair[1].hash
