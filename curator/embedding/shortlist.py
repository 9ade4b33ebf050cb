"""Which of very many items are worth comparing exactly: those whose codes are nearest to that of the query.

The file of codes of a space (`curator.store.vector_codes`) is made and brought up to date by the search that needs it,
not by `encode`: so only a space that is searched has one, writers of vectors know nothing of it, and whatever a kill
prevented is caught up with. What can be wrong with it costs time or is noticed; scores are never taken from codes.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from curator.api import Item, Model
from curator.catalog.selection import membership, taken
from curator.embedding.codes import Coder, Floats, Measure, distances, unit, with_one
from curator.embedding.vector_reader import Integers, unit_rows
from curator.reporter import Reporter
from curator.store.derived import Derived
from curator.store.vector_codes import Coded, DamagedCodes

EXACT_UP_TO = 20_000
"""So few items are compared one by one."""
LEAST = 1_000
"""The fewest that a shortlist holds."""
MARGIN = 2
"""By which it is longer than what was measured."""
PAYS = 10
"""One row of so many may be on it: it costs more to read one of them than to pass one by."""
SAMPLE = 5_000
"""Vectors by which the mean is found, and what queries are like."""
CHUNK = 2_000
"""Vectors that are held at once."""
CHANGED = 1_000
"""So many vectors may have changed since the file was made before it is made anew; more where it is large."""


@dataclass(slots=True)
class Look:
    """All codes as seen from a query: for who asks again for more neighbours of it among the same items."""

    coded: Coded
    vector: Floats
    items: Sequence[Item]
    numbers: Integers
    """Of vectors."""
    about: Floats
    """How far each of them is, squared."""
    asked: Integers = field(default_factory=lambda: np.zeros(0, np.int64))
    """The vectors of which it is known whether they are of an item."""
    ids: dict[int, int] = field(default_factory=dict)
    """Those of them that are, with its id."""
    scores: dict[int, float] = field(default_factory=dict)
    """By vector: the cosines that were computed."""

    def forget(self, numbers: Sequence[int]) -> None:
        """These have to be asked about again."""
        self.asked = np.setdiff1d(self.asked, np.asarray(numbers, np.int64))
        for of in (self.ids, self.scores):
            for number in numbers:
                of.pop(number, None)


class Shortlist:
    """Finds what may be nearest in large spaces."""

    def __init__(self, derived: Derived, reporter: Reporter) -> None:
        self.derived = derived
        self.codes = derived.codes
        self.reporter = reporter
        self.read_only = derived.database.read_only
        self._looked: Look | None = None

    def scores(self, model: Model, vector: Floats, items: Sequence[Item], k: int) -> dict[int, float] | None:
        """Cosines, by id, of items among which are the `k` nearest to a unit vector; None where all are to be compared.

        Raises `NotReady` for a vector that is damaged.
        """
        space = self.derived.space(model.fingerprint)
        for _ in range(2):
            coded = self._current(model, space)
            others = None if coded is None else self._others(coded)
            if coded is None or others is None:
                return None
            try:
                look = self._look(coded, vector, items)
                look.forget(others)  # they are not what they were
                chosen = self._chosen(look, others, k)
                return None if chosen is None else self._compared(model, look, chosen)
            except DamagedCodes:
                if self.read_only:
                    return None
                self.reporter.say(f"the codes of {model.name} are damaged: they are made anew")
                self.codes.forget(space)
        return None

    def _look(self, coded: Coded, vector: Floats, items: Sequence[Item]) -> Look:
        known = self._looked
        if known is None or known.coded != coded or not np.array_equal(known.vector, vector):
            known = Look(coded, vector, items, *distances(self.codes, coded, vector))
        elif known.items is not items:
            known = Look(coded, vector, items, known.numbers, known.about)
        self._looked = known
        return known

    def _chosen(self, look: Look, others: Sequence[int], k: int) -> dict[int, int] | None:
        """The vectors of the nearest codes that are of an item, with its id.

        Deeper where few of them are, and none where that would be no gain.
        """
        coded = look.coded
        depth = _times(max(LEAST, coded.depth * coded.held / coded.measured), k)
        take = depth + len(others)
        while take * 2 <= coded.held:
            edge = np.partition(look.about, take)[take]
            found = self._of_items(look, np.union1d(look.numbers[look.about <= edge], others))
            if len(found) >= depth:
                return found
            # As many of the next are among them, and a tenth to spare; how many there are is not counted, which takes
            # as long as to look at all codes.
            take = max(2 * take, take * depth * 11 // (10 * max(1, len(found))))
        return None

    def _of_items(self, look: Look, numbers: Integers) -> dict[int, int]:
        new = np.setdiff1d(numbers, look.asked, assume_unique=True).tolist()
        there = dict(self.codes.contents(look.coded.space_id, new))
        ids = {hash_: id_ for id_, hash_ in membership(look.items)(there.values()).items()}
        look.ids |= {number: ids[hash_] for number, hash_ in there.items() if hash_ in ids}
        look.asked = np.union1d(look.asked, numbers)
        return {number: look.ids[number] for number in numbers.tolist() if number in look.ids}

    def _compared(self, model: Model, look: Look, chosen: dict[int, int]) -> dict[int, float] | None:
        """The cosines of these vectors, by id; None where they are numbered otherwise by now."""
        new = [number for number in chosen if number not in look.scores]
        for start in range(0, len(new), CHUNK):
            found = dict(self.derived.numbered(model.fingerprint, new[start : start + CHUNK]))
            named = functools.partial(_named, look.items, [chosen[number] for number in found])
            scores = with_one(unit_rows(model, [*found.values()], named), look.vector)
            look.scores |= zip(found, scores.tolist(), strict=True)
        if self.codes.state() != look.coded.state:
            return None
        return {id_: look.scores[number] for number, id_ in chosen.items() if number in look.scores}

    def _others(self, coded: Coded) -> list[int] | None:
        """Vectors that are not in the file as they are now, always to be compared; None where they are too many."""
        most = max(CHANGED, coded.held // (20 * PAYS))
        changed = self.codes.recoded(coded.space_id)
        if self.read_only:
            changed += self.codes.beyond(coded.space_id, coded.last, most + 1)
        return changed if coded.depth and len(changed) <= most else None

    # --- the file ---

    def _current(self, model: Model, space: int) -> Coded | None:
        """What holds of the file, made or brought up to date; None where there is none and none can be made."""
        coded = self.codes.of(space)
        if self.read_only:
            return coded
        try:
            if coded is None or self._outgrown(model, coded):
                coded = self._made(model, space)
            while coded is not None and coded.depth and coded.last < self.codes.newest():
                coded = self._extended(model, space)
        except OSError as error:
            self.reporter.say(f"all vectors are compared, as their codes cannot be written: {error.strerror or error}")
            return None
        return coded

    def _outgrown(self, model: Model, coded: Coded) -> bool:
        if coded.depth == 0:
            return self.derived.count(model.fingerprint) > 2 * coded.measured
        return coded.held > 2 * coded.measured or self._others(coded) is None

    def _made(self, model: Model, space: int) -> Coded | None:
        """A new file, with how deep it has to be looked into."""
        begun = self.codes.begin(space)
        sample = self._units(model, [(0, "", vector) for vector in self.codes.sample(space, SAMPLE)])[1]
        if not len(sample):
            return None
        coder = Coder.of(sample)
        total = self.derived.count(model.fingerprint)
        measure = Measure(coder, sample, total)
        title = f"preparing the search in {model.name}"
        with self.codes.file(begun) as made, self.reporter.progress(title, total) as advance:
            made.write(coder.content)
            held = after = 0
            while rows := self.codes.between(space, after, begun.last, CHUNK):
                numbers, units = self._units(model, rows)
                lengths, codes = coder.codes(units)
                measure.take(units, lengths, codes)
                made.write(coder.rows(numbers, lengths, codes))
                held, after = held + len(numbers), rows[-1][0]
                advance(len(rows))
            depth = max(LEAST, int(MARGIN * measure.depth()))
            whole = dataclasses.replace(
                begun,
                head=len(coder.content),
                width=coder.width,
                held=held,
                checksum=made.checksum,
                depth=depth if depth * PAYS <= held else 0,
                measured=held,
            )
            return whole if self.codes.keep(whole, made if whole.depth else None) else None

    def _extended(self, model: Model, space: int) -> Coded | None:
        """A file with more of the vectors that came since; None where somebody began it anew."""
        with self.derived.database.transaction():
            coded = self.codes.of(space)
            if coded is None or not coded.depth:
                return None
            last = self.codes.newest()
            rows = self.codes.between(space, coded.last, last, CHUNK)
            if len(rows) == CHUNK:
                last = rows[-1][0]
            numbers, units = self._units(model, rows)
            coder = Coder.read(next(self.codes.blocks(coded)), model.dim)
            return self.codes.extend(coded, coder.rows(numbers, *coder.codes(units)), last)

    def _units(self, model: Model, rows: list[tuple[int, str, bytes]]) -> tuple[NDArray[np.int64], Floats]:
        """Numbers and unit rows; what is no vector is marked, so that whoever comes to compare it says so."""
        whole = [row for row in rows if len(row[2]) == 4 * model.dim]
        values = np.frombuffer(b"".join(row[2] for row in whole), "<f4").reshape(-1, model.dim)
        finite = np.isfinite(values).all(axis=1)
        numbers = np.array([row[0] for row in whole], np.int64)[finite]
        bad = {row[0] for row in rows} - {*numbers.tolist(), 0}
        if bad:
            self.codes.mark(self.derived.space(model.fingerprint), sorted(bad))
        return numbers, unit(values[finite])


def _named(items: Sequence[Item], ids: Sequence[int], at: int) -> str:
    """What the item of one of these ids is called."""
    return str(taken(items, [ids[at]])[0])


def _times(depth: float, k: int) -> int:
    """For more neighbours than were measured."""
    return int(np.ceil(depth * max(1.0, k / Measure.NEIGHBOURS)))
