"""Moves of files on record. Their rows have states of their own and are no changes: each is written before its file is
touched, so that what a killed run left half done is known.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, TypeAlias

from curator.store.catalogue import path_from_value, path_to_value
from curator.store.sqlite import Database

Direction: TypeAlias = Literal["out", "back", "off"]


@dataclass(frozen=True, slots=True)
class MoveRow:
    """A move of one file between `outside`, an absolute path, and `inside`, a path below quarantine/."""

    id: int
    run_id: int
    direction: Direction
    outside: str
    inside: str
    hash: str


_MOVES = "SELECT id, run_id, direction, outside, inside, hash FROM move"


class MoveStore:
    """Reads and writes moves."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def of_run(self, run: int) -> list[MoveRow]:
        """What a run moved, in order."""
        return [
            _move(row) for row in self.database.rows(f"{_MOVES} WHERE run_id = ? AND state = 'done' ORDER BY id", run)
        ]

    def planned(self) -> list[MoveRow]:
        """What is under way, or was cut short, in order."""
        return [_move(row) for row in self.database.rows(f"{_MOVES} WHERE state = 'planned' ORDER BY id")]

    def last(self, inside: str) -> MoveRow | None:
        """The last move of a file below quarantine/."""
        row = self.database.row(f"{_MOVES} WHERE inside = ? ORDER BY id DESC", path_to_value(inside))
        return None if row is None else _move(row)

    def plan(self, run: int, direction: Direction, outside: str, inside: str, hash_: str) -> int:
        """Add a move that is to be made; returns its id."""
        sql = "INSERT INTO move (run_id, direction, outside, inside, hash, state) VALUES (?, ?, ?, ?, ?, 'planned')"
        return self.database.execute(sql, run, direction, path_to_value(outside), path_to_value(inside), hash_)

    def close(self, moves: Iterable[int], state: str) -> None:
        """Say what became of moves."""
        self.database.execute_many("UPDATE move SET state = ? WHERE id = ?", [(state, move) for move in moves])


def _move(row: sqlite3.Row) -> MoveRow:
    id_, run_id, direction, outside, inside, hash_ = row
    return MoveRow(id_, run_id, direction, path_from_value(outside), path_from_value(inside), hash_)
