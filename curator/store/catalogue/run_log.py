"""Runs as they are listed: each with how many changes it made."""

from __future__ import annotations

from dataclasses import dataclass

from curator.store.sqlite import Database


@dataclass(frozen=True, slots=True)
class LoggedRun:
    """A run: `arguments` are JSON, `started` is ISO 8601 in UTC."""

    id: int
    command: str
    arguments: str
    started: str
    state: str
    changes: int


class RunLog:
    """Lists runs."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def latest_first(self) -> list[LoggedRun]:
        """Every run, the latest first."""
        return [LoggedRun(*row) for row in self.database.rows(f"{_RUNS} ORDER BY id DESC")]

    def running(self) -> LoggedRun | None:
        """The run that is under way, also in another process; None for none."""
        row = self.database.row(f"{_RUNS} WHERE state = 'running' ORDER BY id DESC")
        return None if row is None else LoggedRun(*row)

    def count(self) -> int:
        """How many runs there are."""
        return int(self.database.value("SELECT count(*) FROM run"))


_RUNS = (
    "SELECT id, command, arguments, started, state, (SELECT count(*) FROM change WHERE run_id = run.id) AS changes "
    "FROM run"
)
