"""The only writer of the catalogue. Every row that is written is journalled under its run, with what was there before.

Journalling rows, not intentions, gives every change an exact inverse of one kind: put the row back.
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from curator.store.sqlite import Database, read_only_error
from curator.version import __version__


class Journal:
    """Writes rows as part of one run. The run's own row is made with the first write."""

    def __init__(
        self,
        database: Database,
        command: str,
        arguments: Mapping[str, Any],
        take_turn: Callable[[], None] = lambda: None,
    ) -> None:
        self.database = database
        self.command = command
        self.arguments = arguments
        self.take_turn = take_turn
        self._run: int | None = None
        self._paused = False

    @property
    def run(self) -> int | None:
        """The id of the run, None while nothing was written."""
        return self._run

    def start(self) -> int:
        """Make the run's row, unless it is there."""
        if self._paused:
            self._resume()
        if self._run is None:
            if self.database.read_only:
                raise read_only_error(self.database.path)
            self.take_turn()
            # Runs of a workspace exclude each other by its lock, so one that still says 'running' was killed.
            self.database.execute("UPDATE run SET state = 'interrupted' WHERE state = 'running'")
            self._run = self.database.execute(
                "INSERT INTO run (command, arguments, started, state, version) VALUES (?, ?, ?, 'running', ?)",
                self.command,
                json.dumps(self.arguments, default=str),
                _now(),
                __version__,
            )
        return self._run

    def pause(self) -> None:
        """Be done so far, so that others may write, as while a person thinks.

        The next write goes on in this run, or in a further one where somebody else wrote meanwhile: each run stays one
        stretch of the history, which undo can take back. Call `start` before that write, outside a transaction.
        """
        if self._run is not None:
            self.finish("done")
            self._paused = True

    def _resume(self) -> None:
        self.take_turn()
        self._paused = False
        if self.database.value("SELECT max(id) FROM run") == self._run:
            self.database.execute("UPDATE run SET state = 'running', finished = NULL WHERE id = ?", self._run)
        else:
            self._run = None

    def undoes(self, run: int) -> None:
        """Say that this run takes another one back; together with the rows that do so."""
        self.database.execute("UPDATE run SET undoes = ? WHERE id = ?", run, self.start())

    def finish(self, state: str) -> None:
        """Close the run; nothing happens if it never wrote."""
        if self._run is not None:
            sql = "UPDATE run SET state = ?, finished = ? WHERE id = ?"
            self.database.execute(sql, state, _now(), self._run)

    def insert(self, table: str, **values: Any) -> int:
        """Add a row; returns its id."""
        names = ", ".join(values)
        marks = ", ".join("?" * len(values))
        with self.database.transaction():
            run = self.start()
            row_id = self.database.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", *values.values())
            self._record(run, "insert", table, row_id, None, None)
        return row_id

    def insert_many(self, table: str, rows: Sequence[Mapping[str, Any]]) -> list[int]:
        """Add rows that all set the same columns; returns their ids, in order."""
        if not rows:
            return []
        names = list(rows[0])
        marks = ", ".join("?" * (len(names) + 1))
        with self.database.transaction():
            run = self.start()
            # Nobody else inserts while this transaction lasts, so the ids can be given out beforehand.
            first = self.database.value(f"SELECT coalesce(max(id), 0) FROM {table}") + 1
            ids = list(range(first, first + len(rows)))
            self.database.execute_many(
                f"INSERT INTO {table} (id, {', '.join(names)}) VALUES ({marks})",
                ((row_id, *(row[name] for name in names)) for row_id, row in zip(ids, rows, strict=True)),
            )
            self.database.execute_many(
                "INSERT INTO change (run_id, kind, table_name, row_id, state) VALUES (?, 'insert', ?, ?, 'done')",
                ((run, table, row_id) for row_id in ids),
            )
        return ids

    def update(self, table: str, row_id: int, **values: Any) -> None:
        """Set columns of a row; nothing is written or journalled where they are so already."""
        before = self._row(table, row_id)
        values = {name: value for name, value in values.items() if before[name] != value}
        if not values:
            return
        assignments = ", ".join(f"{name} = ?" for name in values)
        with self.database.transaction():
            run = self.start()
            self.database.execute(f"UPDATE {table} SET {assignments} WHERE id = ?", *values.values(), row_id)
            self._record(run, "update", table, row_id, {name: before[name] for name in values}, values)

    def delete(self, table: str, row_id: int) -> None:
        """Remove a row."""
        before = self._row(table, row_id)
        with self.database.transaction():
            run = self.start()
            self.database.execute(f"DELETE FROM {table} WHERE id = ?", row_id)
            self._record(run, "delete", table, row_id, before, None)

    def set(self, key: str, value: Any) -> None:
        """Record a choice of the workspace."""
        text = json.dumps(value)
        row = self.database.row("SELECT id FROM setting WHERE key = ?", key)
        if row:
            self.update("setting", row["id"], value=text)
        else:
            self.insert("setting", key=key, value=text)

    def _row(self, table: str, row_id: int) -> dict[str, Any]:
        row = self.database.row(f"SELECT * FROM {table} WHERE id = ?", row_id)
        if row is None:
            raise KeyError(f"{table} {row_id}")
        return dict(row)

    def _record(self, run: int, kind: str, table: str, row_id: int, before: Any, after: Any) -> None:
        self.database.execute(
            "INSERT INTO change (run_id, kind, table_name, row_id, before, after, state) "
            "VALUES (?, ?, ?, ?, ?, ?, 'done')",
            run,
            kind,
            table,
            row_id,
            None if before is None else encode_row(before),
            None if after is None else encode_row(after),
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
        for name, value in json.loads(text).items()
    }


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds")
