"""Several ways to embed, measured on the same batches in turns, and held against one of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from curator.api import Encoder, ImageBatch, TextBatch
from curator.embedding.ways.agreement import CLOSE, SAMPLE, Floats, disagreement, furthest
from curator.embedding.ways.way import Way
from curator.errors import PluginError, Shortage

RACE = 3
"""Batches in which all run; then the quickest in float32 is what those in shorter numbers are held against."""

SLOWER = "is not quicker"


@dataclass(eq=False, slots=True)
class Runner:
    """A way in a trial: what embeds, what it made so far, its best time for an item, and why it is out."""

    way: Way
    encoder: Encoder
    vectors: list[Floats] = field(default_factory=list)
    seconds: float = float("inf")
    out: str = ""


class Trial:
    """Embeds a sample, and says which ways agree and how quick they are."""

    def __init__(self, runners: Sequence[Runner], run: Callable[[Encoder, ImageBatch | TextBatch], Floats]) -> None:
        """The first is the reference: what it makes is what is kept, and what it fails at is raised."""
        self.runners = runners
        self.reference = runners[0]
        self.run = run
        self.wanted: list[Floats] = []
        self._items = 0

    @property
    def is_over(self) -> bool:
        """Whether all is known that can be."""
        return len(self.wanted) >= RACE and (self._items >= SAMPLE or not self._short())

    def take(self, batch: ImageBatch | TextBatch) -> tuple[Floats, Runner]:
        """Vectors, (n, dim), and what made them."""
        reference = self.reference
        vectors = self._timed(reference, batch)
        racing = len(self.wanted) < RACE
        for runner in self.runners if racing else self._short():
            if runner is not reference and not runner.out:
                self._compare(runner, batch, vectors)
        self.wanted.append(vectors)
        self._items += len(vectors)
        if len(self.wanted) == RACE:
            self._end_race()
        return vectors, reference

    def verdict(self) -> list[Runner]:
        """Every way, the quickest first; why one does not serve stands in its `out`."""
        wanted = np.concatenate(self.wanted)
        for runner in self._short():
            runner.out = disagreement(np.concatenate(runner.vectors), wanted)
        return sorted(self.runners, key=lambda runner: runner.seconds)

    def _short(self) -> list[Runner]:
        """Those in shorter numbers that may serve yet."""
        return [runner for runner in self.runners if not runner.way.is_full and not runner.out]

    def _compare(self, runner: Runner, batch: ImageBatch | TextBatch, vectors: Floats) -> None:
        try:
            found = self._timed(runner, batch)
        except (PluginError, Shortage) as error:
            runner.out = f"failed: {error}"
            return
        if runner.way.is_full:
            apart = furthest(found, vectors)
            runner.out = "" if apart <= CLOSE else f"differs by {apart:.1e} of the vectors' length"
        else:
            runner.vectors.append(found)

    def _end_race(self) -> None:
        full = [runner for runner in self.runners if runner.way.is_full and not runner.out]
        self.reference = min(full, key=lambda runner: runner.seconds)
        for runner in self._short():
            if runner.seconds >= self.reference.seconds:
                runner.out = SLOWER

    def _timed(self, runner: Runner, batch: ImageBatch | TextBatch) -> Floats:
        begin = time.perf_counter()
        vectors = self.run(runner.encoder, batch)
        runner.seconds = min(runner.seconds, (time.perf_counter() - begin) / len(vectors))
        return vectors
