"""Pairs: which two items a person said are alike, or are not, by the metric that is to be learnt from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from curator.api import Item
from curator.catalog.labels import clean
from curator.errors import BadInput, NotFound
from curator.history.journal import Journal
from curator.store.catalogue.pairs import MetricRow, PairStore
from curator.store.sqlite import Database

WORDS = {1: "alike", -1: "not alike", 0: "", None: ""}
"""What is said of a pair, by its value."""


@dataclass(frozen=True, slots=True)
class Pair:
    """What holds of two items by their ids, the lower one left."""

    left: int
    right: int
    alike: bool


class Pairs:
    """Reads and writes what is said of pairs; the last word on a pair is what holds."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.store = PairStore(database)

    def say(
        self, journal: Journal, metric: str, items: Sequence[Item], alike: bool | None, kinds: Sequence[str] = ()
    ) -> list[tuple[Item, Item, str]]:
        """Say that the first item and each other are alike, are not (`False`), or that nothing is said (`None`).

        What holds already is not said again. Returns each pair with what was said of it before: 'alike', 'not alike'
        or ''. Raises `BadInput` for two that can be no pair, before anything is said, and for the name of a new metric
        that ends in one of `kinds`.
        """
        name = metric_name(metric)
        if len(items) < 2:
            raise BadInput("a pair takes two items")
        one, *others = [items[0], *{item.id: item for item in items[1:]}.values()]
        if alike is None:
            self.refuse_unknown(name)
        kind = next((kind for kind in kinds if name.endswith(f":{kind}")), None)
        if kind is not None and name not in [found.name for found in self.counts()]:
            raise BadInput(f"metric name {name!r} holds a ':' with the kind of metric {kind!r} behind it, as NAME:KIND")
        for other in others:
            _refuse(one, other)
        ends = {other.id: (min(one.id, other.id), max(one.id, other.id)) for other in others}
        known = {(row.left_id, row.right_id): row.value for row in self.store.of(name)}
        value = {True: 1, False: -1, None: 0}[alike]
        new = [pair for pair in ends.values() if known.get(pair, 0) != value]
        if new:
            with self.database.transaction():
                same = {"metric": name, "value": value, "run_id": journal.start()}
                journal.insert_many("pair", [{"left_id": left, "right_id": right, **same} for left, right in new])
        return [(one, other, WORDS[known.get(ends[other.id])]) for other in others]

    def of(self, metric: str) -> list[Pair]:
        """The pairs that are marked; raises `NotFound` with the nearest name for a metric without any."""
        name = metric_name(metric)
        self.refuse_unknown(name)
        return [Pair(row.left_id, row.right_id, row.value == 1) for row in self.store.of(name) if row.value]

    def counts(self) -> list[MetricRow]:
        """Every metric that has pairs, by name."""
        return self.store.metrics()

    def refuse_unknown(self, metric: str) -> None:
        """Raise `NotFound` for a metric that has no pairs."""
        known = [found.name for found in self.counts()]
        if metric not in known:
            raise NotFound.named(
                "metric",
                metric,
                known,
                hint="there is none yet: curator pair FILE FILE --metric NAME",
                many="`curator metrics` lists the existing ones",
            )


def metric_name(name: str) -> str:
    """The name of a metric as it is kept; raises `BadInput` for what can be none."""
    return clean(name, "metric")


def possible_meanings(reference: str, names: Sequence[str], kinds: Sequence[str]) -> list[tuple[str, str]]:
    """What `NAME[:KIND]` may mean of the metrics and kinds that there are: the name and the kind, '' for none."""
    whole = metric_name(reference)
    with_kind = [(whole.removesuffix(f":{kind}").strip(), kind) for kind in kinds if whole.endswith(f":{kind}")]
    return [way for way in [(whole, ""), *with_kind] if way[0] in names]


def _refuse(one: Item, other: Item) -> None:
    if one.id == other.id:
        raise BadInput(f"{one} is the same item twice (id:{one.id}): a pair takes two")
    if one.modality != other.modality:
        raise BadInput(
            f"{one} is {_a(one.modality)} and {other} {_a(other.modality)}: a pair takes two images or two texts"
        )


def _a(modality: str) -> str:
    return f"{'an' if modality == 'image' else 'a'} {modality}"
