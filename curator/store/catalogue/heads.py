"""Heads on record: what each is for, how it was fitted, how well it does, and the objects that hold the rest."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from typing import Any, Literal

from curator.store.sqlite import Database
from curator.store.stored import read


@dataclass(frozen=True, slots=True)
class HeadRow:
    """A head for the label or group `target_id`, None where that was gone already; `target` is its text for people.

    `object` and `held_out` are hashes of objects: its state, and what it said of items while they were held out.
    `calibration`: by which its probabilities are set, None where they are its own. `digest`: of all it follows from.
    """

    id: int
    target: str
    target_kind: Literal["label", "group"]
    target_id: int | None
    version: int
    kind: str
    options: dict[str, Any]
    model_id: int
    classes: tuple[str, ...]
    counts: tuple[int, ...]
    metrics: dict[str, Any]
    notes: tuple[str, ...]
    object: str
    held_out: str | None
    calibration: tuple[float, ...] | None
    digest: str


_HEADS = (
    "SELECT id, target, target_kind, target_id, version, kind, options, model_id, classes, counts, metrics, notes, "
    "object, held_out, calibration, digest FROM head"
)


class HeadStore:
    """Reads heads."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def by_id(self, head_id: int) -> HeadRow | None:
        """The head of an id."""
        row = self.database.row(f"{_HEADS} WHERE id = ?", head_id)
        return None if row is None else _head(row)

    def latest(self, kind: str, target_id: int | None, digest: str) -> HeadRow | None:
        """The latest head for a label or group that was fitted from what the digest stands for."""
        sql = f"{_HEADS} WHERE target_kind = ? AND target_id = ? AND digest = ? ORDER BY id DESC"
        row = self.database.row(sql, kind, target_id, digest)
        return None if row is None else _head(row)

    def of_target(self, kind: str, target_id: int | None) -> list[HeadRow]:
        """Every head for a label or group, the latest first."""
        rows = self.database.rows(f"{_HEADS} WHERE target_kind = ? AND target_id = ? ORDER BY id DESC", kind, target_id)
        return list(map(_head, rows))

    def all(self) -> list[HeadRow]:
        """Every head, oldest first."""
        return list(map(_head, self.database.rows(f"{_HEADS} ORDER BY id")))


def _head(row: sqlite3.Row) -> HeadRow:
    return HeadRow(
        row["id"],
        row["target"],
        row["target_kind"],
        row["target_id"],
        row["version"],
        row["kind"],
        read("head", "options", row["options"]),
        row["model_id"],
        tuple(read("head", "classes", row["classes"])),
        tuple(read("head", "counts", row["counts"])),
        read("head", "metrics", row["metrics"]),
        tuple(read("head", "notes", row["notes"])),
        row["object"],
        row["held_out"],
        None if row["calibration"] is None else tuple(read("head", "calibration", row["calibration"])),
        row["digest"],
    )
