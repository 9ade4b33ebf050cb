"""Runs on record: what was called, when, and how it ended. Their rows have states of their own and are no changes."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from curator.store.sqlite import Database


@dataclass(frozen=True, slots=True)
class LoggedRun:
    """A run: `arguments` are JSON, `started` is ISO 8601 in UTC, `changes` how many it made."""

    id: int
    command: str
    arguments: str
    started: str
    state: str
    changes: int


class RunStore:
    """Reads runs, and writes them for the journal."""

    def __init__(self, database: Database) -> None:
        self.database = database

    # --- reading ---

    def latest_first(self, after: int = 0) -> list[LoggedRun]:
        """Every run later than one, the latest first."""
        return [LoggedRun(*row) for row in self.database.rows(f"{_RUNS} WHERE id > ? ORDER BY id DESC", after)]

    def of_commands(self, *commands: str) -> list[LoggedRun]:
        """The runs of these commands, the earliest first."""
        sql = f"{_RUNS} WHERE command IN (SELECT value FROM json_each(?)) ORDER BY id"
        return [LoggedRun(*row) for row in self.database.rows(sql, json.dumps(commands))]

    def calls(self, *commands: str) -> list[tuple[int, str, str]]:
        """The same, id, command and arguments alone: to count what a run changed takes long for an `add` of many."""
        sql = "SELECT id, command, arguments FROM run WHERE command IN (SELECT value FROM json_each(?)) ORDER BY id"
        return [(row[0], row[1], row[2]) for row in self.database.rows(sql, json.dumps(commands))]

    def running(self) -> LoggedRun | None:
        """The run that is under way, also in another process; None for none."""
        row = self.database.row(f"{_RUNS} WHERE state = 'running' ORDER BY id DESC")
        return None if row is None else LoggedRun(*row)

    def killed(self, but: int | None) -> list[LoggedRun]:
        """The runs that say they are under way, but for one of ours, as one may who has the turn."""
        rows = self.database.rows(f"{_RUNS} WHERE state = 'running' AND id IS NOT ?", but)
        return [LoggedRun(*row) for row in rows]

    def count(self) -> int:
        """How many runs there are."""
        return int(self.database.value("SELECT count(*) FROM run"))

    def last_id(self) -> int | None:
        """The id of the latest run; None where there is none."""
        found = self.database.value("SELECT max(id) FROM run")
        return None if found is None else int(found)

    def command(self, run: int) -> str | None:
        """What was called; None where there is no such run."""
        command: str | None = self.database.value("SELECT command FROM run WHERE id = ?", run)
        return command

    def undoing(self) -> list[tuple[int, int]]:
        """Every run that took another back, the latest first, with that other."""
        rows = self.database.rows("SELECT id, undoes FROM run WHERE undoes IS NOT NULL ORDER BY id DESC")
        return [(row[0], row[1]) for row in rows]

    def that_changed(self) -> list[int]:
        """The runs that changed rows and took no other back, the latest first."""
        sql = (
            "SELECT id FROM run WHERE undoes IS NULL AND EXISTS (SELECT 1 FROM change WHERE run_id = run.id) "
            "ORDER BY id DESC"
        )
        return [row[0] for row in self.database.rows(sql)]

    def that_wrote_only(self, tables: Collection[str], but: Collection[str]) -> frozenset[int]:
        """The runs that changed rows of these tables and of no other, but for those of some commands."""
        sql = (
            "SELECT id FROM run WHERE undoes IS NULL AND command NOT IN (SELECT value FROM json_each(?)) "
            "AND EXISTS (SELECT 1 FROM change WHERE run_id = run.id) AND NOT EXISTS (SELECT 1 FROM change "
            "WHERE run_id = run.id AND table_name NOT IN (SELECT value FROM json_each(?)))"
        )
        rows = self.database.rows(sql, json.dumps(sorted(but)), json.dumps(sorted(tables)))
        return frozenset(row[0] for row in rows)

    # --- writing ---

    def begin(self, command: str, arguments: str, started: str, version: str) -> int:
        """Add a run that is under way; returns its id."""
        return self.database.execute(
            "INSERT INTO run (command, arguments, started, state, version) VALUES (?, ?, ?, 'running', ?)",
            command,
            arguments,
            started,
            version,
        )

    def interrupt(self, run: int) -> None:
        """Say of a run that it was interrupted."""
        self.database.execute("UPDATE run SET state = 'interrupted' WHERE id = ?", run)

    def interrupt_all_but(self, ours: Sequence[int]) -> None:
        """Call interrupted what says that it is under way, but for these."""
        sql = "UPDATE run SET state = 'interrupted' WHERE state = 'running' AND id NOT IN "
        self.database.execute(sql + "(SELECT value FROM json_each(?))", json.dumps(ours))

    def go_on(self, run: int) -> None:
        """Say of a run that was finished that it is under way."""
        self.database.execute("UPDATE run SET state = 'running', finished = NULL WHERE id = ?", run)

    def finish(self, run: int, state: str, finished: str) -> None:
        """Say how a run ended, and when."""
        self.database.execute("UPDATE run SET state = ?, finished = ? WHERE id = ?", state, finished, run)

    def set_undoes(self, run: int, other: int) -> None:
        """Say that a run takes another back."""
        self.database.execute("UPDATE run SET undoes = ? WHERE id = ?", other, run)


_RUNS = (
    "SELECT id, command, arguments, started, state, (SELECT count(*) FROM change WHERE run_id = run.id) + coalesce("
    "(SELECT sum(last_row_id - row_id) FROM change WHERE run_id = run.id AND last_row_id IS NOT NULL), 0) AS changes "
    "FROM run"
)
