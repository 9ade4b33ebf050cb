"""Undo: a run's changes put back, last first, as a run of its own; undoing that is redo."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass
from typing import Any

from curator.errors import BadInput, NotFound, NotReady, WorkspaceError
from curator.history.file_moves import Move, MoveFailed, Moves
from curator.history.invariants import Flaw, flaws
from curator.history.journal import Journal, decode_row
from curator.reporter import count
from curator.store.sqlite import Database


@dataclass(frozen=True, slots=True)
class Undone:
    """Which run was undone, what it was, how many rows and files were put back, and the run that did it.

    Undoing that one is redo.
    """

    run: int
    command: str
    rows: int
    files: int
    by: int


class Undo:
    """Chooses a run and takes it back, whole or not at all."""

    def __init__(self, database: Database, moves: Moves) -> None:
        self.database = database
        self.moves = moves

    def undone(self) -> dict[int, int]:
        """The runs whose effect is gone, each with the run that took it back."""
        found: dict[int, int] = {}
        for row in self.database.rows("SELECT id, undoes FROM run WHERE undoes IS NOT NULL ORDER BY id DESC"):
            if row["id"] not in found:
                found[row["undoes"]] = row["id"]
        return found

    def choose(self, run: int | None) -> int:
        """The run named, else the latest that is neither undone nor an undo. Raises what to do instead."""
        undone = self.undone()
        if run is None:
            sql = (
                "SELECT id FROM run WHERE undoes IS NULL AND EXISTS (SELECT 1 FROM change WHERE run_id = run.id) "
                "ORDER BY id DESC"
            )
            latest = next((row["id"] for row in self.database.rows(sql) if row["id"] not in undone), None)
            if latest is None:
                raise NotReady("there is nothing to undo: `curator log` lists what was done")
            return int(latest)
        last = self.database.value("SELECT max(id) FROM run")
        # Compared first: SQLite takes no number of more than 64 bits.
        if not 0 < run <= (last or 0) or self.database.row("SELECT 1 FROM run WHERE id = ?", run) is None:
            raise NotFound(f"no run {run}: " + (f"they go from 1 to {last} (`curator log`)" if last else "none yet"))
        if run in undone:
            raise BadInput(f"run {run} is undone already: `curator undo {undone[run]}` does it again")
        if self.database.row("SELECT 1 FROM change WHERE run_id = ?", run) is None:
            raise BadInput(f"run {run} changed nothing that could be undone")
        return run

    def take_back(self, run: int, journal: Journal) -> Undone:
        """Put every row and every file back as it was before the run.

        Raises `NotReady` where later runs build on it, naming them, or where a file cannot go back, and `BadInput`
        for a run that removed files for good; then nothing is changed.
        """
        moves = [move.reversed() for move in reversed(self._moves(run))]
        self._refuse(run, self._later_on_same_rows(run))
        self._refuse_changed(run, moves)
        changes = self.database.rows("SELECT * FROM change WHERE run_id = ? ORDER BY id DESC", run)
        put_back: list[sqlite3.Row] = []

        def rows() -> None:
            # Rows that refer to each other come back in the order of the journal; what counts is the end.
            self.database.execute("PRAGMA defer_foreign_keys = ON")
            journal.undoes(run)
            before = flaws(self.database)
            put_back.extend(change for change in changes if self._reverse(change, journal))
            self._refuse_new(run, flaws(self.database) - before, journal)

        try:
            self.moves.carry_out(journal, moves, rows)
        except sqlite3.IntegrityError as error:
            raise NotReady(f"run {run} cannot be undone: what it removed is there again ({error})") from error
        except MoveFailed as error:
            raise NotReady(f"run {run} cannot be undone, nothing was changed: {error}") from error
        assert journal.run is not None
        return Undone(run, self._command(run), len(put_back), len(moves), journal.run)

    def _moves(self, run: int) -> list[Move]:
        moves = self.moves.of_run(run)
        gone = sum(move.direction == "off" for move in moves)
        if gone:
            raise BadInput(f"run {run} removed {count(gone, 'file')} for good: that cannot be undone")
        return moves

    def _refuse_changed(self, run: int, moves: Iterable[Move]) -> None:
        """Refuse where another file is now at a path: moved on the word of the journal, nobody would know it again."""
        changed = next(filter(self.moves.is_changed, moves), None)
        if changed is not None:
            path = self.moves.ends(changed)[0]
            raise NotReady(f"run {run} cannot be undone, nothing was changed: {path}: changed since that run moved it")

    def _reverse(self, change: sqlite3.Row, journal: Journal) -> bool:
        """Put a row back; returns False where nothing had to be done for it."""
        table, row_id = change["table_name"], change["row_id"]
        if change["kind"] == "delete":
            return self._insert(change, journal)
        row = self.database.row(f"SELECT * FROM {table} WHERE id = ?", row_id)
        after = decode_row(change["after"]) if change["after"] else {}
        if row is None or any(row[name] != value for name, value in after.items()):
            raise WorkspaceError(
                f"{self.database.path}: row {row_id} of {table} is not as run {change['run_id']} left it; "
                "something else than curator wrote here, so nothing was undone"
            )
        if change["kind"] == "insert":
            journal.delete(table, row_id)
        else:
            journal.update(table, row_id, **decode_row(change["before"]))
        return bool(change["kind"] == "insert" or after)

    def _insert(self, change: sqlite3.Row, journal: Journal) -> bool:
        table, row = change["table_name"], decode_row(change["before"])
        if self._stands(change):
            # Another run made the same thing again. Both need it now, so that one cannot take it from the other.
            journal.touch(table, change["row_id"])
            return False
        try:
            journal.insert(table, **row)
        except sqlite3.IntegrityError:
            other = self._in_place_of(table, row)
            if other is None:
                raise
            raise NotReady(
                f"run {change['run_id']} cannot be undone: run {other} ({self._command(other)}) recorded again what it "
                f"removed: undo that first (curator undo {other})"
            ) from None
        return True

    def _stands(self, change: sqlite3.Row) -> bool:
        """Whether what a run removed is there as it was, since another made the same again."""
        row = self.database.row(f"SELECT * FROM {change['table_name']} WHERE id = ?", change["row_id"])
        return change["kind"] == "delete" and row is not None and dict(row) == decode_row(change["before"])

    def _in_place_of(self, table: str, row: Mapping[str, Any]) -> int | None:
        """The run that last wrote what a row cannot be beside."""
        for index in self.database.rows('SELECT name FROM pragma_index_list(?) WHERE "unique"', table):
            names = [part["name"] for part in self.database.rows("SELECT name FROM pragma_index_info(?)", index[0])]
            if None in names:  # an index over an expression
                continue
            where = " AND ".join(f"{name} IS ?" for name in names)
            found = self.database.value(f"SELECT id FROM {table} WHERE {where}", *(row[name] for name in names))
            if found is not None:
                sql = "SELECT run_id FROM change WHERE table_name = ? AND row_id = ? ORDER BY id DESC"
                other: int | None = self.database.value(sql, table, found)
                return other
        return None

    def _later_on_same_rows(self, run: int) -> list[int]:
        """Later runs, still in effect, that wrote rows which this one wrote too.

        Not those that only made again, as it was, what this one removed.
        """
        sql = (
            "SELECT DISTINCT later.run_id, change.table_name, change.row_id FROM change JOIN change AS later "
            "ON later.table_name = change.table_name AND later.row_id = change.row_id "
            "WHERE change.run_id = ? AND later.run_id > ?"
        )
        undone = self.undone()
        # A later run and its undo together are nothing.
        cancelled = {x for x in undone if x > run} | {by for x, by in undone.items() if x > run}
        found: dict[tuple[str, int], set[int]] = {}
        for later, *row in self.database.rows(sql, run, run):
            found.setdefault((row[0], row[1]), set()).add(later)
        left = {row: runs - cancelled for row, runs in found.items()}
        return sorted(
            {later for row, runs in left.items() if runs and not self._made_again(run, *row) for later in runs}
        )

    def _made_again(self, run: int, table: str, row_id: int) -> bool:
        sql = "SELECT * FROM change WHERE run_id = ? AND table_name = ? AND row_id = ?"
        changes = self.database.rows(sql, run, table, row_id)
        return len(changes) == 1 and self._stands(changes[0])

    def _refuse_new(self, run: int, made: Set[Flaw], journal: Journal) -> None:
        """Refuse where rows would name what is gone, or clash; each is laid to a run, to be undone first."""
        laid = {flaw: self._laid_to(flaw, journal) for flaw in sorted(made)}
        for flaw, other in laid.items():
            if other is None:
                raise WorkspaceError(
                    f"{self.database.path}: row {flaw.row} of {flaw.table} stands in the way ({flaw.wrong}), and no "
                    "run wrote it; something else than curator wrote here, so nothing was undone"
                )
            if self.database.row(f"SELECT 1 FROM {flaw.other[0]} WHERE id = ?", flaw.other[1]):
                raise NotReady(
                    f"run {run} cannot be undone: after that, {flaw.wrong}; run {other} ({self._command(other)}) "
                    f"recorded one of them: undo that first (curator undo {other})"
                )
        self._refuse(run, sorted({other for other in laid.values() if other is not None}))

    def _laid_to(self, flaw: Flaw, journal: Journal) -> int | None:
        """The run that last wrote the value; if that is this one, the other that last touched what it names."""
        sql = (
            "SELECT run_id FROM change WHERE table_name = ? AND row_id = ? "
            "AND (kind = 'insert' OR json_type(after, '$.' || ?) IS NOT NULL) ORDER BY id DESC"
        )
        writer: int | None = self.database.value(sql, flaw.table, flaw.row, flaw.column)
        if writer == journal.run:
            sql = "SELECT run_id FROM change WHERE table_name = ? AND row_id = ? AND run_id <> ? ORDER BY id DESC"
            writer = self.database.value(sql, *flaw.other, journal.run)
        return writer

    def _command(self, run: int) -> str:
        return str(self.database.value("SELECT command FROM run WHERE id = ?", run))

    def _refuse(self, run: int, later: Iterable[int]) -> None:
        later = list(later)
        if later:
            named = ", ".join(f"run {other} ({self._command(other)})" for other in later)
            raise NotReady(
                f"run {run} cannot be undone while {named} build{'s' if len(later) == 1 else ''} on it: "
                f"undo {'that' if len(later) == 1 else 'those'} first (curator undo {later[-1]})"
            )
