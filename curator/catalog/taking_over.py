"""What is known of an item beside its content, and how that is taken over by a copy which stays in its stead."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Literal

from curator.api import Known, Said, TargetRef
from curator.catalog.labels import Source, strongest
from curator.history.journal import Journal
from curator.store.catalogue.items import CaptionStore, SideStore
from curator.store.catalogue.labels import LabelStore, VerdictRow
from curator.store.catalogue.pairs import PairStore
from curator.store.sqlite import Database

_WORDS: dict[int, Literal["head", "rule", "import", "human"]] = {0: "head", 1: "rule", 2: "import", 3: "human"}
"""What plugins call each `Source`."""


class TakingOver:
    """Reads what is known of items, and writes it of another."""

    def __init__(self, database: Database) -> None:
        self.labels = LabelStore(database)
        self.captions = CaptionStore(database)
        self.pairs = PairStore(database)
        self.sides = SideStore(database)

    def known(self, items: Sequence[int]) -> list[Known]:
        """What is on record of each item."""
        said = self._said(items)
        captions: dict[int, int] = defaultdict(int)
        for caption in set(self.captions.of_items(items)):
            captions[caption.image_id] += 1
            captions[caption.text_id] += 1
        pairs: dict[int, int] = defaultdict(int)
        for _, pair in set(self.pairs.of_items(items)):
            for end in (pair.left_id, pair.right_id):
                pairs[end] += pair.value != 0
        return [Known(tuple(said.get(item, ())), captions[item], pairs[item]) for item in items]

    def _said(self, items: Sequence[int]) -> dict[int, list[Said]]:
        """What holds, by item; of siblings only the one that is said by the highest or the last word."""
        refs = {row.id: TargetRef("label", row.id, row.name, row.group) for row in self.labels.all()}
        rows: dict[tuple[int, object], list[VerdictRow]] = defaultdict(list)
        for row in self.labels.of_items(items):
            group = refs[row.label_id].group
            rows[row.item_id, row.label_id if group is None or row.value == -1 else group].append(row)
        scores = self.labels.scores([row.statement_id for several in rows.values() for row in several])
        found: dict[int, list[Said]] = defaultdict(list)
        for (item, _), several in rows.items():
            live = [row for row in several if row.value != 0]
            chosen = strongest(live) if live else None
            for row in live:
                if chosen in (None, row.label_id):
                    value = None if chosen is None else row.value == 1
                    score = scores.get(row.statement_id)
                    found[item].append(Said(refs[row.label_id], value, _WORDS[row.source], score))
        return found

    def take_over(self, journal: Journal, goes: int, stays: int) -> None:
        """Say of the item that stays what is said of the one that goes, within a transaction of the caller's."""
        if goes == stays:
            return
        self._labels(journal, goes, stays)
        for caption in list(self.captions.of_items([goes])):
            ends = {"image_id": caption.image_id, "text_id": caption.text_id}
            ends = {column: stays if item == goes else item for column, item in ends.items()}
            if not self.captions.holds(**ends):
                journal.insert("caption", **ends)
        self._pairs(journal, goes, stays)
        self._side(journal, goes, stays)

    def _labels(self, journal: Journal, goes: int, stays: int) -> None:
        """On the word of a rule, or of a head where a head said it: neither counts as much as what a person says."""
        there = list(self.labels.of_items([stays]))
        firm = {row.label_id for row in there if row.source > Source.HEAD}
        holding = {(said.label.id, said.value) for said in self.known([goes])[0].said}
        groups = {row.id: row.group_id for row in self.labels.all()}
        taken = {groups[row.label_id] for row in there if row.value == 1 and row.source > Source.HEAD} - {None}
        for row in sorted(self.labels.of_items([goes]), key=lambda row: row.label_id):
            source = min(Source(row.source), Source.RULE)
            spoken_of = row.label_id in (firm if source > Source.HEAD else {other.label_id for other in there})
            sibling = row.value == 1 and groups[row.label_id] in taken
            if spoken_of or sibling or (row.label_id, row.value == 1) not in holding:
                continue
            journal.insert(
                "statement",
                item_id=stays,
                label_id=row.label_id,
                value=row.value,
                source=int(source),
                run_id=journal.start(),
                origin=row.statement_id,
            )

    def _pairs(self, journal: Journal, goes: int, stays: int) -> None:
        known = {(metric, pair.left_id, pair.right_id) for metric, pair in self.pairs.of_items([stays])}
        for metric, left, right, value in sorted(self._ends(goes, stays)):
            if left != right and (metric, left, right) not in known:
                run = journal.start()
                journal.insert("pair", metric=metric, left_id=left, right_id=right, value=value, run_id=run)

    def _ends(self, goes: int, stays: int) -> Iterator[tuple[str, int, int, int]]:
        for metric, pair in self.pairs.of_items([goes]):
            left, right = sorted(stays if end == goes else end for end in (pair.left_id, pair.right_id))
            if pair.value:
                yield metric, left, right, pair.value

    def _side(self, journal: Journal, goes: int, stays: int) -> None:
        sides = self.sides.of_items([goes, stays])
        if goes in sides and stays not in sides:
            journal.insert("side", item_id=stays, name=sides[goes], run_id=journal.start())
