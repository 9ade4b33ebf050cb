"""Labels and groups on record, what was said of items, and what holds by it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from curator.store.sqlite import Database


@dataclass(frozen=True, slots=True)
class GroupRow:
    """A group: of its labels an item is one at most."""

    id: int
    name: str


@dataclass(frozen=True, slots=True)
class LabelRow:
    """A label; `group_id` and the group's name are None for one that stands alone."""

    id: int
    name: str
    group_id: int | None
    group: str | None


@dataclass(frozen=True, slots=True)
class LastSaid:
    """The last word of a source on an item and a label: 1, -1, or 0 where it was withdrawn."""

    item_id: int
    label_id: int
    value: int
    statement_id: int


@dataclass(frozen=True, slots=True)
class ItemLabel:
    """A label that holds of an item (1) or does not (-1), or both (None), and the source that says so."""

    name: str
    group: str | None
    value: int | None
    source: int


@dataclass(frozen=True, slots=True)
class VerdictRow:
    """What holds of an item and a label, by which source and by its last statement; None for a conflict."""

    item_id: int
    label_id: int
    source: int
    statement_id: int
    value: int | None


_LABELS = (
    "SELECT label.id, label.name, label.group_id, label_group.name AS group_name "
    "FROM label LEFT JOIN label_group ON label_group.id = label.group_id"
)

VERDICTS = """
WITH top AS (
    SELECT item_id, label_id, source, value AS last, id AS statement_id, max(source << 60 | id),
        sum(value = 1) > 0 AND sum(value = -1) > 0 AS both
    FROM statement WHERE {where} GROUP BY item_id, label_id
), verdict AS (
    SELECT item_id, label_id, source, statement_id,
        CASE WHEN source <> 2 OR last = 0 OR NOT both THEN last ELSE (
            SELECT iif(min(said.value) < max(said.value), NULL, top.last) FROM statement AS said
            WHERE said.item_id = top.item_id AND said.label_id = top.label_id AND said.source = 2 AND said.id > (
                SELECT coalesce(max(id), 0) FROM statement AS withdrawn
                WHERE withdrawn.item_id = top.item_id AND withdrawn.label_id = top.label_id AND withdrawn.source = 2
                AND withdrawn.value = 0
            )
        ) END AS value
    FROM top
)
{verdicts}
"""
"""`verdicts`, of what the view `verdict` says, from those statements alone for which `where` holds.

Of the view itself SQLite goes through all statements for any row, three times. Of an aggregate by max() the other
columns are those of the row that has it: the last statement of the source that counts for most.
"""

_ROWS = "SELECT item_id, label_id, source, statement_id, value FROM verdict"
_SOME_ITEMS, _SOME_LABELS = (f"{name} IN (SELECT value FROM json_each(?))" for name in ("item_id", "label_id"))


def _of_items(verdicts: str) -> str:
    return VERDICTS.format(where=_SOME_ITEMS, verdicts=verdicts)


class LabelStore:
    """Reads labels, groups, statements and verdicts."""

    def __init__(self, database: Database) -> None:
        self.database = database

    # --- groups ---

    def group(self, group_id: int | None) -> GroupRow | None:
        """The group of an id; none has None."""
        row = self.database.row("SELECT id, name FROM label_group WHERE id = ?", group_id)
        return None if row is None else GroupRow(*row)

    def group_named(self, name: str) -> GroupRow | None:
        """The group of just that name."""
        row = self.database.row("SELECT id, name FROM label_group WHERE name = ?", name)
        return None if row is None else GroupRow(*row)

    def group_names(self) -> list[str]:
        """The names of all groups."""
        return [row[0] for row in self.database.rows("SELECT name FROM label_group")]

    # --- labels ---

    def all(self) -> list[LabelRow]:
        """Every label."""
        return [LabelRow(*row) for row in self.database.rows(_LABELS)]

    def by_id(self, label_id: int | None) -> LabelRow | None:
        """The label of an id; none has None."""
        row = self.database.row(f"{_LABELS} WHERE label.id = ?", label_id)
        return None if row is None else LabelRow(*row)

    def in_group(self, name: str, group: str) -> LabelRow | None:
        """The label of just that name in the group of just that name."""
        row = self.database.row(f"{_LABELS} WHERE label.name = ? AND label_group.name = ?", name, group)
        return None if row is None else LabelRow(*row)

    def twin(self, name: str, group_id: int | None) -> LabelRow | None:
        """The label of just that name in the group of that id, or in none."""
        row = self.database.row(f"{_LABELS} WHERE label.name = ? AND label.group_id IS ?", name, group_id)
        return None if row is None else LabelRow(*row)

    def going_by(self, name: str, number: int | None) -> list[LabelRow]:
        """The labels that have a name, alone or as `GROUP/NAME`, or that number."""
        where = "label.name = ? OR label_group.name || '/' || label.name = ? OR label.id = ?"
        return [LabelRow(*row) for row in self.database.rows(f"{_LABELS} WHERE {where}", name, name, number)]

    def names_in(self, group_id: int) -> dict[int, str]:
        """The labels of a group, by name: name by id."""
        rows = self.database.rows("SELECT id, name FROM label WHERE group_id = ? ORDER BY name", group_id)
        return {row[0]: row[1] for row in rows}

    def names(self) -> dict[int, tuple[str, int | None]]:
        """Name and group's id of every label, by id."""
        rows = self.database.rows("SELECT id, name, group_id FROM label")
        return {id_: (name, group_id) for id_, name, group_id in rows}

    def siblings(self, label_id: int) -> list[int]:
        """The ids of the other labels of a label's group."""
        sql = (
            "SELECT sibling.id FROM label JOIN label AS sibling ON sibling.group_id = label.group_id "
            "WHERE label.id = ? AND sibling.id <> label.id"
        )
        return [row[0] for row in self.database.rows(sql, label_id)]

    # --- what was said ---

    def statements(self, label_id: int) -> list[tuple[int, int]]:
        """Every statement about a label, the earliest first, each with its item."""
        sql = "SELECT id, item_id FROM statement WHERE label_id = ? ORDER BY id"
        return [(row[0], row[1]) for row in self.database.rows(sql, label_id)]

    def last_said(self, item_ids: Sequence[int], label_id: int, source: int) -> Iterator[LastSaid]:
        """The last word of a source on each of these items and a label."""
        sql = (
            "SELECT item_id, label_id, value, max(id) AS id FROM statement WHERE label_id = ? AND source = ? "
            "AND item_id IN (SELECT value FROM json_each(?)) GROUP BY item_id"
        )
        return (LastSaid(*row) for row in self.database.rows_among(sql, item_ids, label_id, source))

    def last_said_in_group(self, item_ids: Sequence[int], group: str, source: int) -> list[LastSaid]:
        """The last word of a source on each of these items and each label of a group."""
        sql = (
            "SELECT item_id, label_id, value, max(statement.id) FROM statement JOIN label ON label.id = label_id "
            "JOIN label_group ON label_group.id = group_id WHERE source = ? AND label_group.name = ? "
            "AND item_id IN (SELECT value FROM json_each(?)) GROUP BY item_id, label_id"
        )
        return [LastSaid(*row) for row in self.database.rows_among(sql, item_ids, source, group)]

    def siblings_last_named(self, item_ids: Sequence[int], label_id: int, source: int) -> dict[int, int]:
        """The last statement by which a source said that an item is a sibling of a label, by item."""
        sql = (
            "SELECT item_id, max(statement.id) AS id FROM statement JOIN label ON label.id = label_id "
            "WHERE group_id = (SELECT group_id FROM label WHERE id = ?) AND label_id <> ? AND value = 1 "
            "AND source = ? AND item_id IN (SELECT value FROM json_each(?)) GROUP BY item_id"
        )
        rows = self.database.rows_among(sql, item_ids, label_id, label_id, source)
        return {row[0]: row[1] for row in rows}

    # --- what holds ---

    def holds(self, item_id: int, label_id: int) -> bool:
        """Whether anything holds of an item and a label, be it a conflict."""
        return self.values([item_id], label_id).get(item_id, 0) != 0

    def values(self, item_ids: Sequence[int], label_id: int) -> dict[int, int | None]:
        """What holds of these items and a label, by item; None for a conflict."""
        sql = VERDICTS.format(where=f"label_id = ? AND {_SOME_ITEMS}", verdicts=_ROWS)
        rows = self.database.rows_among(sql, item_ids, label_id)
        return {row["item_id"]: row["value"] for row in rows}

    def of_item(self, item_id: int) -> list[ItemLabel]:
        """All that holds of an item, by the name of the label."""
        sql = (
            "SELECT label.name, label_group.name, verdict.value, verdict.source FROM verdict "
            "JOIN label ON label.id = verdict.label_id LEFT JOIN label_group ON label_group.id = label.group_id "
            "WHERE value IS NOT 0 ORDER BY label.name"
        )
        sql = VERDICTS.format(where="item_id = ?", verdicts=sql)
        return [ItemLabel(*row) for row in self.database.rows(sql, item_id)]

    def positives(self, item_ids: Sequence[int]) -> Iterator[VerdictRow]:
        """The labels that these items are."""
        rows = self.database.rows_among(_of_items(f"{_ROWS} WHERE value = 1"), item_ids)
        return (VerdictRow(*row) for row in rows)

    def of_items(self, item_ids: Sequence[int]) -> Iterator[VerdictRow]:
        """What was said last of these items as to each label, what was withdrawn too (0)."""
        return (VerdictRow(*row) for row in self.database.rows_among(_of_items(_ROWS), item_ids))

    def scores(self, statement_ids: Sequence[int]) -> dict[int, float]:
        """How sure each of these statements was, of those that say it."""
        sql = "SELECT id, score FROM statement WHERE id IN (SELECT value FROM json_each(?)) AND score IS NOT NULL"
        return {row[0]: row[1] for row in self.database.rows_among(sql, statement_ids)}

    def verdicts(self, label_ids: Sequence[int], least: int) -> Iterator[VerdictRow]:
        """What holds of every item as to these labels, on the word of `least` or of a source that counts for more."""
        spoken = f"{_ROWS} WHERE value IS NOT 0 AND source >= {int(least)}"
        sql = VERDICTS.format(where=_SOME_LABELS, verdicts=spoken)
        return (VerdictRow(*row) for row in self.database.rows_among(sql, label_ids))
