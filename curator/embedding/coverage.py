"""Which items a space covers: what is embedded, what failed, and what is to be embedded yet.

Light: a command that has nothing to embed imports no more than this.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from curator.api import Item, Model
from curator.catalog.places import Places
from curator.catalog.selection import Selection, having, media_of, pages_of
from curator.embedding.models import Models
from curator.embedding.ways.way import LOADED, Way
from curator.errors import BadInput, NotFound, NotReady
from curator.history.journal import Journal
from curator.reporter import Reporter
from curator.store.covered import Covered
from curator.store.derived import Derived
from curator.store.selecting import Selecting

FEW = 20_000
"""So many items are looked for one by one."""
LATER = 20_000
"""So many are, where nothing else was missing before they came; and so many changes later that is remembered anew."""

LOAD_SECONDS = 8.0
GUESSED_RATE = {"image": 15.0, "text": 2000.0}
"""Items per second on two cores, where nothing was measured on this machine yet."""


@dataclass(slots=True)
class EncodeReport:
    """What embedding did: how many vectors were made and in which way, what failed and why, and how long it took.

    `truncated` are the texts whose end the encoder did not read.
    """

    encoded: int = 0
    failed: list[tuple[Item, str]] = field(default_factory=list)
    truncated: int = 0
    seconds: float = 0.0
    ways: Counter[Way] = field(default_factory=Counter)

    @property
    def way(self) -> Way:
        """The one in which most vectors were made."""
        return self.ways.most_common(1)[0][0] if self.ways else LOADED

    @property
    def precision(self) -> str | None:
        """The number format of that; None where there was nothing to compute."""
        return self.way.precision if self.ways else None

    @property
    def runtime(self) -> str | None:
        """What ran the encoder for that, "torch" where it was loaded as it is; None where there was nothing to run."""
        return self.way.runtime if self.ways else None


Encode: TypeAlias = Callable[[Model, Sequence[Item]], EncodeReport]
"""Embeds items and keeps their vectors."""


class Coverage:
    """What each space holds of the items."""

    def __init__(self, derived: Derived, models: Models, reporter: Reporter) -> None:
        self.derived = derived
        self.models = models
        self.reporter = reporter
        self.selecting = Selecting(models.database)
        self.covered = Covered(models.database, derived.database)

    def missing(self, model: Model, items: Sequence[Item]) -> Sequence[Item]:
        """Those that could have a vector and have none: neither embedded nor known to fail.

        None where vectors are imported: what has none cannot be embedded.
        """
        self.settle_profiles(items)
        if not self.models.embeds(model):
            return items.only([]) if isinstance(items, Selection) else []
        if isinstance(items, Selection):
            return self._missing(model, items)
        items = [item for item in items if item.modality in model.modalities]
        hashes = [item.hash for item in items]
        done = self.derived.known(model.fingerprint, hashes) | self.derived.failures(model.fingerprint, hashes).keys()
        return [item for item in items if item.hash not in done]

    def _missing(self, model: Model, items: Selection) -> Selection:
        media = items.media() & {*model.modalities} if items.more_than(FEW) else set()
        before = self.covered.now()
        space = self.derived.space(model.fingerprint)
        known = {each: self.covered.since(space, each) for each in media}
        later = [number for of in known.values() if of is not None for number in of[1]]
        if known and None not in known.values() and len(later) <= LATER:
            without = iter([self._unknown(model, self.selecting.hashes(later))])
        else:
            without = self._without_vector(model, items)
        missing, _ = self._sorted_out(model, without)
        for each, of in known.items():
            # What is remembered is written anew where there is something to gain: somebody else may be writing.
            if not missing and (of is None or of[1] or before.change > of[0] + LATER):
                self.covered.put(space, each, before)
        return items.only(missing)

    def missing_and_failed(self, model: Model, items: Selection) -> tuple[Selection, Selection]:
        """Those that have no vector and could have one, and those that have none as they are known to fail."""
        missing, failed = self._sorted_out(model, self._without_vector(model, items))
        return items.only(missing), items.only(failed)

    def _sorted_out(self, model: Model, without: Iterator[dict[int, str]]) -> tuple[list[int], list[int]]:
        """The ids of what could have a vector, and of what is known to fail, of that which has none."""
        missing, failed = array("q"), array("q")
        for some in without:
            reasons = self.derived.failures(model.fingerprint, list(some.values()))
            for number, hash_ in some.items():
                (failed if hash_ in reasons else missing).append(number)
        return sorted(missing), sorted(failed)

    def _without_vector(self, model: Model, items: Selection) -> Iterator[dict[int, str]]:
        """Hash by id of what has no vector; others may be among these, too.

        Of many items all are gone through in the order of their hashes, as vectors are kept: one by one, each would be
        looked for in another corner of the file.
        """
        if len(items) <= FEW:
            for page in items.contents(model.modalities):
                yield self._unknown(model, page)
            return
        for media in items.media() & {*model.modalities}:
            for after, last, hashes in self.selecting.in_order_of_hash(media):
                there, _ = self.derived.numbers_between(model.fingerprint, after, last)
                if there != hashes:
                    left = {*hashes.split(",")} - {*there.split(",")}
                    yield {number: hash_ for hash_, number in self.selecting.ids_of(list(left)).items()}

    def _unknown(self, model: Model, contents: dict[int, str]) -> dict[int, str]:
        """Those of these that have no vector."""
        known = self.derived.known(model.fingerprint, list(contents.values()))
        return {number: hash_ for number, hash_ in contents.items() if hash_ not in known}

    def settle_profiles(self, items: Sequence[Item]) -> None:
        """Forget what was computed of these when colour profiles did not count, where theirs do; each is asked once."""
        if self.derived.database.read_only or not self.derived.has_before_profiles():
            return
        marked: set[str] = set()
        for page in pages_of(items):
            marked |= self.derived.before_profiles(list(page.values()))
        if marked:
            from curator.embedding.profiles import settle

            settle(having(items, marked), Places(self.models.database), self.derived, self.reporter)

    def forget_failures(self, items: Sequence[Item]) -> None:
        """So that they are tried again."""
        for page in pages_of(items):
            self.derived.forget_failures(list(page.values()))

    def estimate(self, model: Model, items: Sequence[Item]) -> float:
        """Seconds that embedding will take, from what was measured here before."""
        rate = self.derived.rate(model.fingerprint)
        if rate:
            return LOAD_SECONDS + len(items) / rate
        return LOAD_SECONDS + sum(1 / GUESSED_RATE[item.modality] for item in items)

    def has_forms(self, model: Model) -> bool:
        """Whether each of its media has a compiled form, with which it embeds without its own libraries."""
        return self.derived.forms.has_all(model.fingerprint, model.modalities)

    def quickest(self, model: Model) -> dict[str, dict[str, object]]:
        """By medium the way that was measured to embed it quickest on this processor; as JSON values."""
        from curator.runtimes.machine import machine

        found: dict[str, dict[str, object]] = {}
        for medium in model.modalities:
            for way in self.derived.forms.measured(model.fingerprint, medium, machine()):
                if way.agrees and way.rate is not None and medium not in found:
                    found[medium] = {"runtime": way.runtime, "precision": way.precision, "rate": round(way.rate, 1)}
        return found

    def default_references(self, items: Sequence[Item]) -> list[str]:
        """The encoders with which the workspace embeds what there is among items."""
        present = media_of(items)
        return list(dict.fromkeys(self.models.default_reference(m) for m in ("image", "text") if m in present))

    def encode_defaults(self, journal: Journal, items: Selection, encode: Encode) -> EncodeReport:
        """Embed items with these; one that is not ready is said and left out."""
        total = EncodeReport()
        for reference in self.default_references(items):
            try:
                model = self.models.obtain(reference, journal, say=self.reporter.say)
                missing = self.missing(model, items)
                report = encode(model, missing) if missing else EncodeReport()
            except (BadInput, NotFound, NotReady) as error:  # what was added stays, and is told
                self.reporter.say(f"not embedded: {error}")
                continue
            total.encoded += report.encoded
            # Also what failed before: adding a folder again says again what is wrong in it.
            why = {item.hash: reason for item, reason in report.failed}
            for page in items.contents(model.modalities):
                why |= self.derived.failures(model.fingerprint, list(page.values()))
            total.failed += [(item, why[item.hash]) for item in having(items, why)]
        return total
