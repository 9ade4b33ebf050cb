"""Models on record, each with its space: what vectors were made with."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import dataclass

from curator.api import Modality
from curator.store.sqlite import Database


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

    def weights(self, model_id: int) -> str:
        """Where the weights of a model are, as `ModelRow` has it."""
        weights: str = self.database.value("SELECT weights FROM model WHERE id = ?", model_id)
        return weights

    def description(self, fingerprint: str) -> str:
        """What a space that is on record is the fingerprint of, as canonical JSON."""
        sql = "SELECT description FROM space WHERE fingerprint = ?"
        description: str = self.database.value(sql, fingerprint)
        return description


def _model(row: sqlite3.Row) -> ModelRow:
    id_, encoder, variant, version, weights, dim, modalities, fingerprint = row
    return ModelRow(id_, encoder, variant, version, weights, dim, tuple(json.loads(modalities)), fingerprint)
