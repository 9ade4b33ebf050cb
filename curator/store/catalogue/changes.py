"""Changes on record: which run wrote which row, with what was there before; and the rows as they stand now."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from curator.errors import WorkspaceError
from curator.store.sqlite import RESTORE, Database
from curator.store.stored import read

Kind: TypeAlias = Literal["insert", "update", "delete"]


LONGEST = 10_000
"""Rows of one change, at most."""

PAGE = 1_000

AMONG = "IN (SELECT value FROM json_each(?))"


@dataclass(frozen=True, slots=True)
class ChangeRow:
    """One writing of one row, for `decode_row`: `before` is None for an insert, `after` for all but an update.

    Rows with consecutive ids that were added at once are one insert, up to `last_row_id`; None: it is of one row.
    """

    run_id: int
    kind: Kind
    table: str
    row_id: int
    before: str | None
    after: str | None
    last_row_id: int | None = None

    @property
    def rows(self) -> range:
        """The ids of its rows."""
        return range(self.row_id, (self.last_row_id or self.row_id) + 1)


_KNOWN = "before <> '{}'"  # what was forgotten left its number there, and nothing else

_COLUMNS = "run_id, kind, table_name, row_id, before, after, last_row_id"

_OF_ROW = (
    "id IN (SELECT id FROM change WHERE table_name = ?1 AND row_id = ?2 UNION ALL SELECT id FROM change "
    f"WHERE table_name = ?1 AND row_id < ?2 AND last_row_id BETWEEN ?2 AND ?2 + {LONGEST - 1})"
)
"""Changes of a row of a table: of it alone, and of many that it is one of."""

_LATER = (
    "SELECT later.run_id, mine.kind, mine.table_name, mine.row_id FROM change AS mine CROSS JOIN change AS later "
    "WHERE mine.run_id = ?1 AND mine.id > ?2 AND mine.id <= ?3 AND later.run_id > ?1 "
    "AND later.table_name = mine.table_name AND"
)
_LATER_ON_ROWS = (
    f"{_LATER} later.row_id BETWEEN mine.row_id AND coalesce(mine.last_row_id, mine.row_id) UNION "
    f"{_LATER} later.row_id < mine.row_id AND later.last_row_id BETWEEN mine.row_id AND mine.row_id + {LONGEST - 2}"
)


class ChangeStore:
    """Reads changes, and any row that they are of."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self._removed_gathered = False

    # --- of a run ---

    def any_of_run(self, run: int) -> bool:
        """Whether a run changed rows."""
        return self.database.row("SELECT 1 FROM change WHERE run_id = ?", run) is not None

    def of_run(self, run: int) -> Iterator[ChangeRow]:
        """What a run changed, last first, read a page at a time."""
        sql = f"SELECT {_COLUMNS}, id FROM change WHERE run_id = ? AND id < ? ORDER BY id DESC LIMIT {PAGE}"
        last = sys.maxsize
        while page := self.database.rows(sql, run, last):
            yield from (ChangeRow(*row[:-1]) for row in page)
            last = page[-1]["id"]

    def of_run_and_row(self, run: int, table: str, row_id: int) -> list[ChangeRow]:
        """What a run did to a row, first first."""
        sql = f"SELECT {_COLUMNS} FROM change WHERE {_OF_ROW} AND run_id = ?3 ORDER BY id"
        return [ChangeRow(*row) for row in self.database.rows(sql, table, row_id, run)]

    def later_on_rows_of(self, run: int) -> Iterator[tuple[int, Kind, tuple[str, int]]]:
        """Later runs that wrote rows which this one wrote too, for each: what this one did, of which table and row.

        Of rows that this one added at once the first is told. Read a page at a time.
        """
        page = f"SELECT id FROM change WHERE run_id = ? AND id > ? ORDER BY id LIMIT 1 OFFSET {PAGE - 1}"
        last: int | None = 0
        while last is not None:
            first, last = last, self.database.value(page, run, last)
            for later, kind, table, row_id in self.database.rows(_LATER_ON_ROWS, run, first, last or sys.maxsize):
                yield later, kind, (table, row_id)

    def as_removed(self, change: ChangeRow) -> dict[str, Any]:
        """The row that a change of kind 'delete' removed."""
        assert change.before is not None
        row = decode_row(change.before)
        self.database.hold_names(change.table, row)
        self._hold_whole(change.table, row if row.get("id") == change.row_id else {}, ["id"])
        return row

    # --- of a row ---

    def writer(self, table: str, row_id: int, column: str) -> int | None:
        """The run that last wrote a value of a row."""
        sql = (
            f"SELECT run_id FROM change WHERE {_OF_ROW} "
            "AND (kind = 'insert' OR json_type(after, '$.' || ?3) IS NOT NULL) ORDER BY id DESC"
        )
        run: int | None = self.database.value(sql, table, row_id, column)
        return run

    def last_run(self, table: str, row_id: int, but: int | None = None) -> int | None:
        """The run, other than one, that last wrote a row."""
        sql = f"SELECT run_id FROM change WHERE {_OF_ROW} AND run_id IS NOT ?3 ORDER BY id DESC"
        run: int | None = self.database.value(sql, table, row_id, but)
        return run

    def comings_and_goings(self, table: str, row_id: int) -> list[tuple[int, Kind]]:
        """The runs that made or removed a row of this id, the earliest first, each with which of the two it did."""
        sql = f"SELECT run_id, kind FROM change WHERE {_OF_ROW} AND kind <> 'update' ORDER BY id"
        return [(row[0], row[1]) for row in self.database.rows(sql, table, row_id)]

    # --- of a table ---

    def removed(self, table: str) -> Iterator[dict[str, Any]]:
        """The rows that were removed from a table, each as often as it was, as they were then, last first."""
        sql = f"SELECT before FROM change WHERE table_name = ? AND kind = 'delete' AND {_KNOWN} ORDER BY id DESC"
        return (decode_row(row[0]) for row in self.database.each(sql, table))

    def removed_last(self, table: str) -> list[dict[str, Any]]:
        """The rows of a table of which nothing is known since they were removed, in the order in which they were."""
        later = "SELECT 1 FROM change AS later WHERE later.table_name = change.table_name AND later.id > change.id"
        within = f"later.last_row_id BETWEEN change.row_id AND change.row_id + {LONGEST - 1}"
        sql = (
            f"SELECT before FROM change WHERE table_name = ? AND kind = 'delete' AND {_KNOWN} "
            f"AND NOT EXISTS ({later} AND later.row_id = change.row_id) "
            f"AND NOT EXISTS ({later} AND later.row_id < change.row_id AND {within}) ORDER BY id"
        )
        return [decode_row(row[0]) for row in self.database.rows(sql, table)]

    def holds_removed_object(self, name: str) -> bool:
        """Whether a head or model that was taken away names this object: it may come back."""
        sql = "SELECT 1 FROM change WHERE table_name IN ('head', 'model') AND instr(before, ?)"
        return self.database.row(sql, name) is not None

    def ever(self, table: str) -> list[dict[str, Any]]:
        """The rows of a table, and those that were removed from it."""
        return [*map(dict, self.database.rows(f"SELECT * FROM {table}")), *self.removed(table)]

    def never_items(self, hashes: Sequence[str]) -> list[str]:
        """Those of these contents that no item is, or was before it was removed."""
        known = {row[0] for row in self.database.rows_among(f"SELECT hash FROM item WHERE hash {AMONG}", hashes)}
        unknown = [hash_ for hash_ in hashes if hash_ not in known]
        if not unknown:
            return []
        if not self._removed_gathered:  # there may be as many as items, so that they are kept in a file of SQLite's
            self.database.execute("DROP TABLE IF EXISTS temp.removed_item")
            self.database.execute("CREATE TEMP TABLE removed_item (hash TEXT PRIMARY KEY) WITHOUT ROWID")
            said = f"table_name = 'item' AND kind = 'delete' AND {_KNOWN}"
            sql = f"SELECT json_extract(before, '$.hash') FROM change WHERE {said}"
            self.database.execute(f"INSERT OR IGNORE INTO removed_item {sql}")
            self._removed_gathered = True
        removed = self.database.rows_among(f"SELECT hash FROM temp.removed_item WHERE hash {AMONG}", unknown)
        gone = {row[0] for row in removed}
        return [hash_ for hash_ in unknown if hash_ not in gone]

    # --- the rows as they stand ---

    def row(self, table: str, row_id: int) -> dict[str, Any] | None:
        """A row as it is now."""
        self.database.hold_names(table)
        row = self.database.row(f"SELECT * FROM {table} WHERE id = ?", row_id)
        return None if row is None else dict(row)

    def rows(self, table: str, row_ids: Sequence[int]) -> dict[int, dict[str, Any]]:
        """Those of some rows that there are, as they are now, by id."""
        self.database.hold_names(table)
        sql = f"SELECT * FROM {table} WHERE id {AMONG}"
        return {row["id"]: dict(row) for row in self.database.rows_among(sql, row_ids)}

    def in_place_of(self, table: str, row: Mapping[str, Any]) -> int | None:
        """The id of a row that this one cannot be beside."""
        self.database.hold_names(table, row)
        for index in self.database.rows('SELECT name FROM pragma_index_list(?) WHERE "unique"', table):
            names = [part["name"] for part in self.database.rows("SELECT name FROM pragma_index_info(?)", index[0])]
            if None in names:  # an index over an expression
                continue
            self._hold_whole(table, row, names)
            where = " AND ".join(f"{name} IS ?" for name in names)
            found = self.database.value(f"SELECT id FROM {table} WHERE {where}", *(row[name] for name in names))
            if found is not None:
                return int(found)
        return None

    def _hold_whole(self, table: str, row: Mapping[str, Any], names: Iterable[str]) -> None:
        """Raise `WorkspaceError` for a row of the history that lacks one of these columns."""
        if lacking := [name for name in names if name not in row]:
            raise WorkspaceError(
                f"the history in {self.database.path} tells of a row of {table!r} without {lacking[0]!r}, which no "
                f"curator wrote: {RESTORE}"
            )


def encode_row(row: Mapping[str, Any]) -> str:
    """A row as JSON; bytes as `{"bytes": hex}`."""
    return json.dumps(
        {name: {"bytes": value.hex()} if isinstance(value, bytes) else value for name, value in row.items()},
        ensure_ascii=False,
    )


def decode_row(text: str) -> dict[str, Any]:
    """The inverse of `encode_row`."""
    return {
        name: bytes.fromhex(value["bytes"]) if isinstance(value, dict) else value
        for name, value in read("change", "before", text).items()
    }
