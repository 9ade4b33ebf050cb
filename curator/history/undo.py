"""Undo: a run's changes put back, last first, as a run of its own; undoing that is redo."""

from __future__ import annotations

import itertools
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

from curator.errors import BadInput, NotFound, NotReady, WorkspaceError
from curator.history.file_moves import Move, MoveFailed, Moves
from curator.history.invariants import Flaw, flaws
from curator.history.journal import WORKED_OUT, Journal
from curator.reporter import count
from curator.store.catalogue.changes import PAGE, ChangeRow, ChangeStore, decode_row
from curator.store.catalogue.runs import RunStore
from curator.store.sqlite import Database
from curator.store.stored import arguments

OF_CORE = frozenset(
    [
        "add",
        "check",
        "encode",
        "forget",
        "import",
        "label",
        "ls",
        "pair",
        "pretrain",
        "relocate",
        "saved",
        "train",
        "undo",
        "use",
    ]
)
"""Runs of curator's own commands: an encoder, head or default that one of these recorded was asked for."""


T = TypeVar("T")


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
        self.runs = RunStore(database)
        self.changes = ChangeStore(database)

    def undone(self) -> dict[int, int]:
        """The runs whose effect is gone, each with the run that took it back."""
        return undone(self.runs)

    def choose(self, run: int | None, say: Callable[[str], None] = lambda line: None) -> int:
        """The run named, else the latest that is neither undone nor an undo. Raises what to do instead.

        A run that decided nothing is passed over, which `say` is told.
        """
        undone = self.undone()
        if run is None:
            passed = self._only_read | undone.keys()
            latest = next((each for each in self.runs.that_changed() if each not in passed), None)
            if latest is None:
                raise NotReady("there is nothing to undo: `curator log` lists what was done")
            if line := self._passed_over(latest):
                say(line)
            return latest
        last = self.runs.last_id()
        # Compared first: SQLite takes no number of more than 64 bits.
        if not 0 < run <= (last or 0) or self.runs.command(run) is None:
            raise NotFound(f"no run {run}: " + (f"they go from 1 to {last} (`curator log`)" if last else "none yet"))
        if run in undone:
            raise BadInput(f"run {run} is undone already: `curator undo {undone[run]}` redoes it")
        if not self.changes.any_of_run(run):
            raise BadInput(f"run {run} changed nothing that could be undone")
        return run

    def _passed_over(self, chosen: int) -> str | None:
        """A line about the later runs that decided nothing, the latest first; None where there are none."""
        gone = self.undone()
        later = [run for run in self.runs.latest_first(after=chosen) if run.id not in gone]
        runs = [f"run {run.id} ({run.command})" for run in later if not run.changes or run.id in self._only_read]
        if not runs:
            return None
        more = f" and {len(runs) - 3:,} more" if runs[3:] else ""
        return f"passed over {', '.join(runs[:3])}{more}: no item, label or file was changed there"

    @cached_property
    def _only_read(self) -> frozenset[int]:
        """Runs of actions in an earlier release that only read: it journalled what they worked out on the way, too."""
        return self.runs.that_wrote_only(WORKED_OUT, but=OF_CORE)

    def _refuse_forgotten(self, run: int) -> None:
        """Refuse for a run that forgot, and for one that stands on what was forgotten."""
        for forgot in self.runs.of_commands("forget"):
            if run == forgot.id or run in arguments(forgot.command, forgot.arguments)["broken"]:
                what = "forgot items for good" if run == forgot.id else f"changed what run {forgot.id} (forget) forgot"
                earlier = "`curator undo N` takes an earlier run back, `curator log` lists them"
                raise BadInput(f"run {run} {what}: that cannot be undone ({earlier})")

    def take_back(self, run: int, journal: Journal) -> Undone:
        """Put every row and every file back as it was before the run.

        Raises `NotReady` where later runs build on it, naming them, or where a file cannot go back, and `BadInput`
        for a run that removed files for good; then nothing is changed.
        """
        self._refuse_forgotten(run)
        moves = [move.reversed() for move in reversed(self._moves(run))]
        self._refuse(run, self._later_on_same_rows(run))
        if moves:
            self.moves.trust.require(map(self.moves.stated, moves))
        self._refuse_missed(run, moves)
        put_back = 0

        def rows() -> None:
            nonlocal put_back
            # Rows that refer to each other come back in the order of the journal; what counts is the end.
            self.database.defer_foreign_keys()
            journal.undoes(run)
            before = set(flaws(self.database))
            put_back = sum(self._reverse(changes, journal) for changes in _alike(self.changes.of_run(run)))
            self._let_go(before, journal)
            self._refuse_new(run, before, journal)

        try:
            self.moves.carry_out(journal, moves, rows)
        except sqlite3.IntegrityError as error:
            raise NotReady(f"run {run} cannot be undone: what it removed is there again ({error})") from error
        except MoveFailed as error:
            raise NotReady(f"run {run} cannot be undone, nothing was changed: {error}") from error
        assert journal.run is not None
        return Undone(run, self._command(run), put_back, len(moves), journal.run)

    def _moves(self, run: int) -> list[Move]:
        moves = self.moves.of_run(run)
        gone = sum(move.direction == "off" for move in moves)
        if gone:
            earlier = "`curator undo N` takes an earlier run back, `curator log` lists them"
            raise BadInput(f"run {run} removed {count(gone, 'file')} for good: that cannot be undone ({earlier})")
        return moves

    def _refuse_final(self, run: int, later: int) -> None:
        """Refuse where what builds on a run cannot be undone either: nobody is to be sent there."""
        gone = sum(move.direction == "off" for move in self.moves.of_run(later))
        if gone:
            raise BadInput(
                f"run {run} cannot be undone: run {later} ({self._command(later)}) removed {count(gone, 'file')} of it "
                "for good; `curator quarantine restore` brings back what is still there"
            )

    def _refuse_missed(self, run: int, moves: Iterable[Move]) -> None:
        """Refuse where a file is gone, or is another: moved on the word of the journal, nobody would know it again."""
        for move in moves:
            if missed := self.moves.missed(move):
                path = self.moves.ends(move)[0]
                raise NotReady(f"run {run} cannot be undone, nothing was changed: {path}: {missed}")

    def _reverse(self, changes: Sequence[ChangeRow], journal: Journal) -> int:
        """Put back the rows of changes of one kind and table; returns of how many something had to be done."""
        if changes[0].kind == "insert":
            return sum(self._remove(change, journal) for change in changes)
        if changes[0].kind == "update":
            return sum(self._reset(change, journal) for change in changes)
        return self._insert(changes, journal)

    def _remove(self, change: ChangeRow, journal: Journal) -> int:
        """Remove what was added, last first."""
        for ids in _chunks(change.rows[::-1]):
            there = self.changes.rows(change.table, ids)
            gone = next((row_id for row_id in ids if row_id not in there), None)
            if gone is not None:
                raise self._strange(change, gone)
            journal.delete_many(change.table, [there[row_id] for row_id in ids])
        return len(change.rows)

    def _reset(self, change: ChangeRow, journal: Journal) -> bool:
        """Put values back; returns False where the run only needed the row as it stands."""
        row = self.changes.row(change.table, change.row_id)
        after = decode_row(change.after) if change.after else {}
        # A head whose state was lost is fitted again by whoever needs it, which is no run.
        fitted = change.table == "head"
        if row is None or (not fitted and any(row.get(name) != value for name, value in after.items())):
            raise self._strange(change, change.row_id)
        journal.update(change.table, change.row_id, **decode_row(change.before or ""))
        return bool(after)

    def _strange(self, change: ChangeRow, row_id: int) -> WorkspaceError:
        return WorkspaceError(
            f"{self.database.path}: row {row_id} of {change.table} is not as run {change.run_id} left it; "
            "something other than curator wrote here, so nothing was undone"
        )

    def _insert(self, changes: Sequence[ChangeRow], journal: Journal) -> int:
        """Add again what was removed; returns how many rows were not there."""
        table = changes[0].table
        there = self.changes.rows(table, [change.row_id for change in changes])
        lacking = []
        for row in map(self.changes.as_removed, changes):
            if there.get(row["id"]) == row:
                # Another run made the same thing again. Both need it now, so that one cannot take it from the other.
                journal.touch(table, row["id"])
            else:
                self._make_way(table, row, journal)
                lacking.append(row)
        for rows in _of_same_columns(lacking):
            try:
                journal.put_back(table, rows)
            except sqlite3.IntegrityError:
                self._refuse_recorded_again(changes[0].run_id, table, rows)
                raise
        return len(lacking)

    def _refuse_recorded_again(self, run: int, table: str, rows: Sequence[Mapping[str, Any]]) -> None:
        """Refuse for the first of these rows that could not be put back, if it is known in whose stead."""
        there = self.changes.rows(table, [row["id"] for row in rows])
        found = next((self.changes.in_place_of(table, row) for row in rows if row["id"] not in there), None)
        other = None if found is None else self.changes.last_run(table, found)
        if other is not None:
            raise NotReady(
                f"run {run} cannot be undone: run {other} ({self._command(other)}) recorded again what it "
                f"removed: undo that first (curator undo {other})"
            ) from None

    def _stands(self, change: ChangeRow) -> bool:
        """Whether what a run removed is there as it was, since another made the same again."""
        return change.kind == "delete" and self.changes.row(change.table, change.row_id) == self.changes.as_removed(
            change
        )

    # --- what was only worked out gives way ---

    def _gives_way(self, table: str, row_id: int) -> bool:
        """Whether a row was only worked out on the way of reading: made by no run, or by one that only read."""
        if table not in WORKED_OUT:
            return False
        undone = self.undone()
        cancelled = undone.keys() | undone.values()  # a run and its undo together are nothing
        made = [
            kind
            for run, kind in self.changes.comings_and_goings(table, row_id)
            if run not in cancelled and run not in self._only_read
        ]
        return not made or made[-1] == "delete"

    def _make_way(self, table: str, row: Mapping[str, Any], journal: Journal) -> None:
        """Remove what was worked out in place of a row that comes back."""
        while table in WORKED_OUT:
            found = self.changes.in_place_of(table, row)
            if found is None or not self._gives_way(table, found):
                return
            journal.delete(table, found)

    def _let_go(self, before: Set[Flaw], journal: Journal) -> None:
        """Remove what was worked out from what is gone."""
        while True:
            made = (flaw for flaw in flaws(self.database, WORKED_OUT) if flaw not in before)
            loose = {(flaw.table, flaw.row) for flaw in made if self._gives_way(flaw.table, flaw.row)}
            if not loose:
                return
            for table, row_id in sorted(loose):
                journal.delete(table, row_id)

    def _later_on_same_rows(self, run: int) -> list[int]:
        """Later runs, still in effect, that wrote rows which this one wrote too.

        Not those that only made again, as it was, what this one removed.
        """
        undone = self.undone()
        # A later run and its undo together are nothing.
        cancelled = {x for x in undone if x > run} | {by for x, by in undone.items() if x > run}
        found: set[int] = set()
        for later, kind, row in self.changes.later_on_rows_of(run):
            if later not in cancelled | found and not (kind == "delete" and self._made_again(run, *row)):
                found.add(later)
        return sorted(found)

    def _made_again(self, run: int, table: str, row_id: int) -> bool:
        changes = self.changes.of_run_and_row(run, table, row_id)
        return len(changes) == 1 and self._stands(changes[0])

    def _refuse_new(self, run: int, before: Set[Flaw], journal: Journal) -> None:
        """Refuse where rows would name what is gone, or clash; each is laid to a run, to be undone first."""
        later: set[int] = set()
        first: Flaw | None = None
        for flaw in flaws(self.database):
            if flaw in before or (first is not None and first < flaw):
                continue
            other = self._laid_to(flaw, journal)
            if other is None or self.changes.row(*flaw.other):
                first = flaw
            else:
                later.add(other)
        if first is not None:
            raise self._refusal(run, first, self._laid_to(first, journal))
        self._refuse(run, sorted(later))

    def _refusal(self, run: int, flaw: Flaw, other: int | None) -> WorkspaceError | NotReady:
        """For what no run wrote, or what clashes with a row that stands."""
        if other is None:
            return WorkspaceError(
                f"{self.database.path}: row {flaw.row} of {flaw.table} stands in the way ({flaw.wrong}), and no "
                "run wrote it; something other than curator wrote here, so nothing was undone"
            )
        return NotReady(
            f"run {run} cannot be undone: after that, {flaw.wrong}; run {other} ({self._command(other)}) "
            f"recorded one of them: undo that first (curator undo {other})"
        )

    def _laid_to(self, flaw: Flaw, journal: Journal) -> int | None:
        """The run that last wrote the value; if that is this one, the other that last touched what it names."""
        writer = self.changes.writer(flaw.table, flaw.row, flaw.column)
        return self.changes.last_run(*flaw.other, but=journal.run) if writer == journal.run else writer

    def _command(self, run: int) -> str:
        return str(self.runs.command(run))

    def _refuse(self, run: int, later: Iterable[int]) -> None:
        later = list(later)
        if later:
            for other in later:
                self._refuse_final(run, other)
            named = ", ".join(f"run {other} ({self._command(other)})" for other in later)
            raise NotReady(
                f"run {run} cannot be undone while {named} build{'s' if len(later) == 1 else ''} on it: "
                f"undo {'that' if len(later) == 1 else 'those'} first (curator undo {later[-1]})"
            )


def _alike(changes: Iterable[ChangeRow]) -> Iterator[Sequence[ChangeRow]]:
    """Changes of one kind and table that follow on each other, together, but not more than a page of them."""
    for _, group in itertools.groupby(changes, key=lambda change: (change.kind, change.table)):
        yield from _chunks(group)


def _of_same_columns(rows: Iterable[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """Rows that follow on each other and say as much: those of an earlier release lack what came later."""
    return (list(group) for _, group in itertools.groupby(rows, key=tuple))


def _chunks(things: Iterable[T]) -> Iterator[list[T]]:
    things = iter(things)
    while chunk := list(itertools.islice(things, PAGE)):
        yield chunk


def undone(runs: RunStore) -> dict[int, int]:
    """The runs whose effect is gone, each with the run that took it back."""
    found: dict[int, int] = {}
    for by, run in runs.undoing():
        if by not in found:
            found[run] = by
    return found
