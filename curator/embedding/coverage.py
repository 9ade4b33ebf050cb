"""Which items a space covers: what is embedded, what failed, and what is to be embedded yet.

Light: a command that has nothing to embed imports no more than this.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from curator.api import Item, Model
from curator.catalog.places import Places
from curator.embedding.models import Models
from curator.errors import NotFound, NotReady
from curator.history.journal import Journal
from curator.reporter import Reporter
from curator.store.derived import Derived

FULL = "float32"

LOAD_SECONDS = 8.0
GUESSED_RATE = {"image": 15.0, "text": 2000.0}
"""Items per second on two cores, where nothing was measured on this machine yet."""


@dataclass(slots=True)
class EncodeReport:
    """What embedding did: how many vectors were made and in which precision, what failed and why, and how long it took.

    `truncated` are the texts whose end the encoder did not read.
    """

    encoded: int = 0
    failed: list[tuple[Item, str]] = field(default_factory=list)
    truncated: int = 0
    seconds: float = 0.0
    precisions: Counter[str] = field(default_factory=Counter)

    @property
    def precision(self) -> str:
        """The one that most vectors were computed in."""
        return self.precisions.most_common(1)[0][0] if self.precisions else FULL


Encode: TypeAlias = Callable[[Model, Sequence[Item]], EncodeReport]
"""Embeds items and keeps their vectors."""


class Coverage:
    """What each space holds of the items."""

    def __init__(self, derived: Derived, models: Models, reporter: Reporter) -> None:
        self.derived = derived
        self.models = models
        self.reporter = reporter

    def missing(self, model: Model, items: Sequence[Item]) -> list[Item]:
        """Those that could have a vector and have none: neither embedded nor known to fail."""
        items = [item for item in items if item.modality in model.modalities]
        self.settle_profiles(items)
        hashes = [item.hash for item in items]
        done = self.derived.known(model.fingerprint, hashes) | self.derived.failures(model.fingerprint, hashes).keys()
        return [item for item in items if item.hash not in done]

    def settle_profiles(self, items: Sequence[Item]) -> None:
        """Forget what was computed of these when colour profiles did not count, where theirs do; each is asked once."""
        marked = self.derived.before_profiles([item.hash for item in items])
        if marked and not self.derived.database.read_only:
            from curator.embedding.profiles import settle

            waiting = [item for item in items if item.hash in marked]
            settle(waiting, Places(self.models.database), self.derived, self.reporter)

    def failures(self, model: Model, items: Sequence[Item]) -> dict[str, str]:
        """Why, by hash, for those that are known to fail."""
        hashes = [item.hash for item in items if item.modality in model.modalities]
        return self.derived.failures(model.fingerprint, hashes)

    def estimate(self, model: Model, items: Sequence[Item]) -> float:
        """Seconds that embedding will take, from what was measured here before."""
        rate = self.derived.rate(model.fingerprint)
        return LOAD_SECONDS + sum(1 / (rate or GUESSED_RATE[item.modality]) for item in items)

    def default_references(self, items: Sequence[Item]) -> list[str]:
        """The encoders with which the workspace embeds what there is among items."""
        present = {item.modality for item in items}
        return list(dict.fromkeys(self.models.default_reference(m) for m in ("image", "text") if m in present))

    def encode_defaults(self, journal: Journal, items: Sequence[Item], encode: Encode) -> EncodeReport:
        """Embed items with these; one that is not ready is said and left out."""
        total = EncodeReport()
        for reference in self.default_references(items):
            try:
                model = self.models.obtain(reference, journal, say=self.reporter.say)
            except (NotFound, NotReady) as error:
                self.reporter.say(f"not embedded: {error}")
                continue
            missing = self.missing(model, items)
            report = encode(model, missing) if missing else EncodeReport()
            total.encoded += report.encoded
            # Also what failed before: adding a folder again says again what is wrong in it.
            why = {item.hash: reason for item, reason in report.failed} | self.failures(model, items)
            total.failed += [(item, why[item.hash]) for item in items if item.hash in why]
        return total
