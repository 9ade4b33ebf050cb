"""Pairs on record: which two items were said to be alike or not, by a metric; the last word on a pair holds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from curator.store.sqlite import Database


@dataclass(frozen=True, slots=True)
class PairRow:
    """What holds of two items, the lower id left: 1 alike, -1 not alike, 0 where it was withdrawn."""

    left_id: int
    right_id: int
    value: int


@dataclass(frozen=True, slots=True)
class MetricRow:
    """A metric, and how many pairs are alike and not alike by it."""

    name: str
    alike: int
    unlike: int


_LAST = "SELECT metric, left_id, right_id, value, max(id) FROM pair GROUP BY metric, left_id, right_id"


class PairStore:
    """Reads pairs."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def of(self, metric: str) -> list[PairRow]:
        """The pairs of a metric that anything was ever said of, by their items."""
        sql = f"SELECT left_id, right_id, value FROM ({_LAST}) WHERE metric = ? ORDER BY left_id, right_id"
        return [PairRow(*row) for row in self.database.rows(sql, metric)]

    def metrics(self) -> list[MetricRow]:
        """Every metric by which pairs are alike or not, by name."""
        sql = (
            f"SELECT metric, sum(value = 1) AS alike, sum(value = -1) AS unlike FROM ({_LAST}) "
            "WHERE value <> 0 GROUP BY metric ORDER BY metric"
        )
        return [MetricRow(*row) for row in self.database.rows(sql)]

    def of_items(self, item_ids: Sequence[int]) -> Iterator[tuple[str, PairRow]]:
        """The pairs that anything was ever said of and that one of these items is in, each with its metric."""
        for column in ("left_id", "right_id"):
            sql = (
                "SELECT metric, left_id, right_id, value, max(id) FROM pair "
                f"WHERE {column} IN (SELECT value FROM json_each(?)) GROUP BY metric, left_id, right_id"
            )
            yield from ((row[0], PairRow(*row[1:4])) for row in self.database.rows_among(sql, item_ids))
