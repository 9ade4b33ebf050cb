"""The only writer of the catalogue. What is done is journalled under its run, row by row, with what was there before.

Journalling rows, not intentions, gives every change an exact inverse of one kind: put the row back. Of rows that are
added many at once it is enough to know the first and the last.

The journal also knows every id that was ever given, and so gives none twice: whoever kept one, as a cache, a page or a
person may, never meets another thing by it, and what was taken back finds its id free.

What a command only worked out so as to read (`WORKED_OUT`) is written too, but is nothing that was done: no run.
"""

from __future__ import annotations

import abc
import datetime
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from curator.store.catalogue.changes import ChangeStore, Kind
from curator.store.catalogue.rows import RowStore
from curator.store.catalogue.runs import RunStore
from curator.store.sqlite import Database, read_only_error
from curator.version import __version__

SAME = {
    "root": ("path",),
    "label_group": ("name",),
    "label": ("name", "group_id"),
    "space": ("fingerprint",),
    "model": ("encoder", "space_id"),
    "head": ("target", "target_id", "digest", "object"),
    "setting": ("key",),
}
"""Tables of what many runs share, made by the first that needs it, each with the columns that say what is the same.

Where such a thing was taken back and is made again, it gets its old id: so a run that shared it can be done again."""


WORKED_OUT = frozenset(["space", "model", "head", "setting"])
"""Tables of what can be worked out again from what people decided: which weights a name means, what a head learnt.

Their rows that no run wrote give way to undo: they go with what they stand on.
"""


class UnderWay:
    """The runs of an open workspace that have not ended. One may begin between two steps of another."""

    def __init__(self) -> None:
        self.journals: list[Journal] = []
        self.latest: int | None = None
        """The run that was the last to write."""


class Writer(abc.ABC):
    """Writes rows: those of a run (`Journal`), or those that no run needs (`OffRecord`)."""

    def __init__(self, database: Database, take_turn: Callable[[], None]) -> None:
        self.database = database
        self.rows = RowStore(database)
        self.changes = ChangeStore(database)
        self.take_turn = take_turn
        self._former: dict[str, dict[tuple[Any, ...], dict[str, Any]]] = {}

    @abc.abstractmethod
    def ready(self) -> None:
        """Be about to write; raises where nobody can. To be called before long work, and outside of a transaction."""

    @abc.abstractmethod
    def _record(
        self,
        kind: Kind,
        table: str,
        row_id: int,
        before: Mapping[str, Any] | None = None,
        after: Mapping[str, Any] | None = None,
    ) -> None:
        """Write down that a row was written, where that is to be known."""

    def insert(self, table: str, **values: Any) -> int:
        """Add a row, by the `id` among its values or a new one; returns it."""
        with self.database.transaction():
            self.ready()
            if "id" not in values:
                former = self.former(table, **values)
                values["id"] = self.rows.next_id(table) if former is None else former["id"]
            row_id = self.rows.insert(table, values)
            self._record("insert", table, row_id)
        return row_id

    def former(self, table: str, **values: Any) -> dict[str, Any] | None:
        """The row of the same thing that was taken back, if its id was nobody else's since."""
        same = SAME.get(table)
        if same is None:
            return None
        if table not in self._former:
            rows = self.changes.removed_last(table)
            self._former[table] = {tuple(row[name] for name in same): row for row in rows}
        found = self._former[table].get(tuple(values.get(name) for name in same))
        if found is None or self.rows.find(table, id=found["id"]) is not None:
            return None
        return found

    def version(self, table: str, of: str, **values: Any) -> int:
        """The version for a new row, counted up among those that agree in the column `of`.

        None is given to two things: those that were taken back count, and the same thing gets its old one again.
        """
        former = self.former(table, **values)
        if former is not None:
            same = {of: values[of], "version": former["version"]}
            if self.rows.find(table, **same) is None:
                return int(former["version"])
        return self.rows.highest_version(table, of, values[of]) + 1

    def update(self, table: str, row_id: int, **values: Any) -> None:
        """Set columns of a row; nothing is written or journalled where they are so already."""
        self.database.hold_names(table, values)
        before = self._row(table, row_id)
        values = {name: value for name, value in values.items() if before[name] != value}
        if not values:
            return
        with self.database.transaction():
            self.ready()
            self.rows.update(table, row_id, values)
            self._record("update", table, row_id, {name: before[name] for name in values}, values)

    def set(self, key: str, value: Any) -> None:
        """Record a choice of the workspace."""
        text = json.dumps(value)
        row_id = self.rows.find("setting", key=key)
        if row_id is not None:
            self.update("setting", row_id, value=text)
        else:
            self.insert("setting", key=key, value=text)

    def _row(self, table: str, row_id: int) -> dict[str, Any]:
        row = self.changes.row(table, row_id)
        if row is None:
            raise KeyError(f"{table} {row_id}")
        return row


class Journal(Writer):
    """Writes rows as part of one run. The run's own row is made with the first write.

    `under_way` are the runs that this one shares its connection and its turn with, from its beginning to its end.
    """

    def __init__(
        self,
        database: Database,
        command: str,
        arguments: Mapping[str, Any],
        take_turn: Callable[[], None] = lambda: None,
        give_turn: Callable[[], None] = lambda: None,
        under_way: UnderWay | None = None,
    ) -> None:
        super().__init__(database, take_turn)
        self.runs = RunStore(database)
        self.command = command
        self.arguments = arguments
        self.give_turn = give_turn
        self.under_way = under_way or UnderWay()
        self._run: int | None = None
        self._paused = False

    @property
    def run(self) -> int | None:
        """The id of the run, None while nothing was written."""
        return self._run

    def start(self) -> int:
        """Make the run's row, unless it is there.

        Where another run wrote since, between two steps of this one, what comes now is a further run: each stays one
        stretch of the history, so that never two build on each other and neither could be undone.
        """
        if self._paused:
            self._resume()
        elif self._run is not None and self.under_way.latest != self._run:
            self.finish("done")
            self._run = None
        if self._run is None:
            if self.database.read_only:
                raise read_only_error(self.database.path)
            self.take_turn()
            # Processes exclude each other by the lock, so one that says 'running' and is none of ours was killed.
            self.runs.interrupt_all_but([journal.run for journal in self.under_way.journals if journal.run is not None])
            self._run = self.runs.begin(self.command, json.dumps(self.arguments, default=str), _now(), __version__)
            self.under_way.latest = self._run
            self._former = {}
        return self._run

    def ready(self) -> None:
        """Make the run's row, unless it is there."""
        self.start()

    def off_record(self) -> OffRecord:
        """What writes beside this run, within its turn."""
        return OffRecord(self.database, self.take_turn)

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
        if self._run is not None and self.runs.last_id() == self._run:
            self.runs.go_on(self._run)
            self.under_way.latest = self._run
        else:
            self._run = None

    def undoes(self, run: int) -> None:
        """Say that this run takes another one back; together with the rows that do so."""
        self.runs.set_undoes(self.start(), run)

    def finish(self, state: str) -> None:
        """Close the run; nothing happens if it never wrote."""
        if self._run is not None:
            self.runs.finish(self._run, state, _now())

    def end(self, state: str) -> None:
        """Close the run for good, as where the workspace is closed before it: nothing more is written of it."""
        self.finish(state)
        self._run, self._paused = None, False

    def insert_many(self, table: str, rows: Sequence[Mapping[str, Any]]) -> list[int]:
        """Add rows that all set the same columns; returns their ids, in order, which are consecutive."""
        if not rows:
            return []
        with self.database.transaction():
            self.ready()
            # Nobody else inserts while this transaction lasts, so the ids can be given out beforehand.
            first = self.rows.next_id(table)
            self.put_back(table, [{"id": row_id, **row} for row_id, row in enumerate(rows, first)])
        return list(range(first, first + len(rows)))

    def put_back(self, table: str, rows: Sequence[Mapping[str, Any]]) -> None:
        """Add rows that all set the same columns, by the ids among them; those that follow on each other as one change.

        Raises `sqlite3.IntegrityError` where one cannot be; those before it are there then.
        """
        with self.database.transaction():
            run = self.start()
            self.rows.insert_many(table, rows)
            for first, count in _stretches([row["id"] for row in rows]):
                self.rows.record_inserts(run, table, first, count)

    def delete_many(self, table: str, rows: Sequence[Mapping[str, Any]]) -> None:
        """Remove rows, which are as they are given, in this order."""
        with self.database.transaction():
            run = self.start()
            self.rows.delete_many(table, [row["id"] for row in rows])
            self.rows.record_deletes(run, table, rows)
            self._former.pop(table, None)

    def touch(self, table: str, row_id: int) -> None:
        """Record that this run needs a row as it stands, as if it had made it."""
        with self.database.transaction():
            self._record("update", table, row_id, {}, {})

    def delete(self, table: str, row_id: int) -> None:
        """Remove a row."""
        before = self._row(table, row_id)
        with self.database.transaction():
            self.ready()
            self.rows.delete(table, row_id)
            self._record("delete", table, row_id, before)
            self._former.pop(table, None)

    def _record(
        self,
        kind: Kind,
        table: str,
        row_id: int,
        before: Mapping[str, Any] | None = None,
        after: Mapping[str, Any] | None = None,
    ) -> None:
        self.rows.record(self.start(), kind, table, row_id, before, after)


class OffRecord(Writer):
    """Writes what a command works out on its way, as a head that it needs: no run, and nothing for undo to take back.

    Ids are given as the journal gives them. Nothing is ever removed here, so that every one stays known.
    """

    def ready(self) -> None:
        """Wait for the turn."""
        if self.database.read_only:
            raise read_only_error(self.database.path)
        self.take_turn()

    def _record(self, kind: Kind, table: str, *_: Any) -> None:
        """What a run wrote stays as it was: only a head is ever put in its own place, where its state was lost."""
        assert (table in WORKED_OUT and kind == "insert") or table == "head", (kind, table)


def _stretches(ids: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Where ids count up by one, the first of them and how many."""
    start = 0
    for index in range(1, len(ids) + 1):
        if index == len(ids) or ids[index] != ids[index - 1] + 1:
            yield ids[start], index - start
            start = index


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds")
