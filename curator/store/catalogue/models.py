"""Models on record, each with its space: what vectors were made with."""

from __future__ import annotations

import re
import sqlite3
from dataclasses import dataclass
from typing import Any

from curator.api import Modality
from curator.store.sqlite import RESTORE, Database
from curator.store.stored import Unreadable, is_dim, read


@dataclass(frozen=True, slots=True)
class ModelRow:
    """A model and its space. `variant` is empty where the encoder has none.

    `weights` is JSON: the path that was given, the objects that hold what was learnt, or null.
    """

    id: int
    encoder: str
    variant: str
    version: int
    weights: str
    dim: int
    modalities: tuple[Modality, ...]
    fingerprint: str


_MODELS = (
    "SELECT model.id, encoder, variant, version, weights, dim, modalities, fingerprint "
    "FROM model JOIN space ON space.id = model.space_id"
)


class ModelStore:
    """Reads models and spaces."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def by_id(self, model_id: int) -> ModelRow | None:
        """The model of an id."""
        row = self.database.row(f"{_MODELS} WHERE model.id = ?", model_id)
        return None if row is None else _model(row)

    def of_version(self, encoder: str, version: int) -> ModelRow | None:
        """The model of an encoder that has this number."""
        row = self.database.row(f"{_MODELS} WHERE encoder = ? AND version = ?", encoder, version)
        return None if row is None else _model(row)

    def in_space(self, encoder: str, fingerprint: str) -> ModelRow | None:
        """The model of an encoder whose vectors are of this space."""
        row = self.database.row(f"{_MODELS} WHERE encoder = ? AND fingerprint = ?", encoder, fingerprint)
        return None if row is None else _model(row)

    def all(self) -> list[ModelRow]:
        """Every model, oldest first."""
        return list(map(_model, self.database.rows(f"{_MODELS} ORDER BY model.id")))

    def weights(self, model_id: int) -> Any:
        """The path that was given for the weights of a model, or the objects that hold what was learnt, or None."""
        weights = self.database.value("SELECT weights FROM model WHERE id = ?", model_id)
        return read("model", "weights", weights or "null")

    def space(self, fingerprint: str) -> int | None:
        """The id of a space."""
        found: int | None = self.database.value("SELECT id FROM space WHERE fingerprint = ?", fingerprint)
        return found

    def description(self, fingerprint: str) -> dict[str, Any]:
        """What a space that is on record is the fingerprint of."""
        sql = "SELECT description FROM space WHERE fingerprint = ?"
        description: dict[str, Any] = read("space", "description", self.database.value(sql, fingerprint) or "{}")
        return description


def _model(row: sqlite3.Row) -> ModelRow:
    id_, encoder, variant, version, weights, dim, modalities, fingerprint = row
    if not is_dim(dim):
        raise Unreadable(f"the space of {encoder}@{version} in catalogue.db says that it has {dim} numbers: {RESTORE}")
    return ModelRow(
        id_, encoder, variant, version, weights, dim, tuple(read("space", "modalities", modalities)), fingerprint
    )


VERSION = re.compile(r"@[0-9]+\Z")
"""How a version stands at the end of a reference."""


def model_name(encoder: str, variant: str, version: int, weights: str) -> str:
    """What a model is called, by what is on record of it: a reference that always means it. `weights` are JSON.

    Of an encoder that learns here, the name without a version means whatever it learnt last.
    """
    name = encoder + (f":{variant}" if variant else "")
    # A variant may end as a version does, and must not be taken for one.
    numbered = version > 1 or weights.startswith("{") or VERSION.search(name)
    return f"{name}@{version}" if numbered else name
