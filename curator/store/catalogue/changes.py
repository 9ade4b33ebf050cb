"""Changes on record: which run wrote which row, with what was there before; and the rows as they stand now."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from curator.errors import WorkspaceError
from curator.store.sqlite import RESTORE, Database
from curator.store.stored import read

Kind: TypeAlias = Literal["insert", "update", "delete"]


@dataclass(frozen=True, slots=True)
class ChangeRow:
    """One writing of one row, for `decode_row`: `before` is None for an insert, `after` for all but an update."""

    run_id: int
    kind: Kind
    table: str
    row_id: int
    before: str | None
    after: str | None


_KNOWN = "before <> '{}'"  # what was forgotten left its number there, and nothing else

_CHANGES = "SELECT run_id, kind, table_name, row_id, before, after FROM change"


class ChangeStore:
    """Reads changes, and any row that they are of."""

    def __init__(self, database: Database) -> None:
        self.database = database

    # --- of a run ---

    def any_of_run(self, run: int) -> bool:
        """Whether a run changed rows."""
        return self.database.row("SELECT 1 FROM change WHERE run_id = ?", run) is not None

    def of_run(self, run: int) -> list[ChangeRow]:
        """What a run changed, last first."""
        return [ChangeRow(*row) for row in self.database.rows(f"{_CHANGES} WHERE run_id = ? ORDER BY id DESC", run)]

    def of_run_and_row(self, run: int, table: str, row_id: int) -> list[ChangeRow]:
        """What a run did to a row, first first."""
        sql = f"{_CHANGES} WHERE run_id = ? AND table_name = ? AND row_id = ? ORDER BY id"
        return [ChangeRow(*row) for row in self.database.rows(sql, run, table, row_id)]

    def later_on_rows_of(self, run: int) -> Iterator[tuple[int, tuple[str, int]]]:
        """Later runs that wrote rows which this one wrote too, each with the table and id of such a row."""
        sql = (
            "SELECT DISTINCT later.run_id, change.table_name, change.row_id FROM change JOIN change AS later "
            "ON later.table_name = change.table_name AND later.row_id = change.row_id "
            "WHERE change.run_id = ? AND later.run_id > ?"
        )
        return ((row[0], (row[1], row[2])) for row in self.database.rows(sql, run, run))

    def as_removed(self, change: ChangeRow) -> dict[str, Any]:
        """The row that a change of kind 'delete' removed."""
        assert change.before is not None
        row = decode_row(change.before)
        self._hold_whole(change.table, row, ["id"])
        return row

    # --- of a row ---

    def writer(self, table: str, row_id: int, column: str) -> int | None:
        """The run that last wrote a value of a row."""
        sql = (
            "SELECT run_id FROM change WHERE table_name = ? AND row_id = ? "
            "AND (kind = 'insert' OR json_type(after, '$.' || ?) IS NOT NULL) ORDER BY id DESC"
        )
        run: int | None = self.database.value(sql, table, row_id, column)
        return run

    def last_run(self, table: str, row_id: int, but: int | None = None) -> int | None:
        """The run, other than one, that last wrote a row."""
        sql = "SELECT run_id FROM change WHERE table_name = ? AND row_id = ? AND run_id IS NOT ? ORDER BY id DESC"
        run: int | None = self.database.value(sql, table, row_id, but)
        return run

    def comings_and_goings(self, table: str, row_id: int) -> list[tuple[int, Kind]]:
        """The runs that made or removed a row of this id, the earliest first, each with which of the two it did."""
        sql = "SELECT run_id, kind FROM change WHERE table_name = ? AND row_id = ? AND kind <> 'update' ORDER BY id"
        return [(row[0], row[1]) for row in self.database.rows(sql, table, row_id)]

    # --- of a table ---

    def removed(self, table: str) -> Iterator[dict[str, Any]]:
        """The rows that were removed from a table, each as often as it was, as they were then, last first."""
        sql = f"SELECT before FROM change WHERE table_name = ? AND kind = 'delete' AND {_KNOWN} ORDER BY id DESC"
        return (decode_row(row[0]) for row in self.database.rows(sql, table))

    def removed_last(self, table: str) -> list[dict[str, Any]]:
        """The rows of a table of which nothing is known since they were removed, in the order in which they were."""
        sql = (
            f"SELECT before FROM change WHERE table_name = ? AND kind = 'delete' AND {_KNOWN} AND NOT EXISTS (SELECT 1 "
            "FROM change AS later WHERE (later.table_name, later.row_id) = (change.table_name, change.row_id) "
            "AND later.id > change.id) ORDER BY id"
        )
        return [decode_row(row[0]) for row in self.database.rows(sql, table)]

    def holds_removed_object(self, name: str) -> bool:
        """Whether a head or model that was taken away names this object: it may come back."""
        sql = "SELECT 1 FROM change WHERE table_name IN ('head', 'model') AND instr(before, ?)"
        return self.database.row(sql, name) is not None

    def ever(self, table: str) -> list[dict[str, Any]]:
        """The rows of a table, and those that were removed from it."""
        return [*map(dict, self.database.rows(f"SELECT * FROM {table}")), *self.removed(table)]

    # --- the rows as they stand ---

    def row(self, table: str, row_id: int) -> dict[str, Any] | None:
        """A row as it is now."""
        self.database.hold_names(table)
        row = self.database.row(f"SELECT * FROM {table} WHERE id = ?", row_id)
        return None if row is None else dict(row)

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
