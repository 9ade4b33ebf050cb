"""Rows of a dataset as a Parquet file."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import IO, Any

import numpy as np
import pyarrow
from pyarrow.parquet import ParquetWriter

from curator.api import Holds, StoredVectors

AT_ONCE = 1_000
"""Rows of one group of a file."""

SAID = [("label", "string"), ("group", "string"), ("value", "bool"), ("source", "string"), ("score", "double")]
TYPES: dict[Holds, Any] = {
    "string": pyarrow.string(),
    "integer": pyarrow.int64(),
    "boolean": pyarrow.bool_(),
    "strings": pyarrow.list_(pyarrow.string()),
    "said": pyarrow.list_(pyarrow.struct([(name, pyarrow.type_for_alias(of)) for name, of in SAID])),
}


class Rows:
    """Writes rows, as many at a time as a group has.

    With `classes` the column `label` holds their numbers, and the file says their names as `datasets` reads them.
    With `vectors`, of each row one, they are the column `vector`.
    """

    def __init__(
        self,
        file: IO[bytes],
        columns: Mapping[str, Holds],
        classes: Sequence[str] = (),
        vectors: StoredVectors | None = None,
    ) -> None:
        self._numbers = {name: number for number, name in enumerate(classes)}
        types = {name: TYPES[holds] for name, holds in columns.items()}
        about = {}
        if classes:
            types["label"] = pyarrow.int64()
            features = {"label": {"names": list(classes), "_type": "ClassLabel"}}
            about = {"huggingface": json.dumps({"info": {"features": features}})}
        self._schema = pyarrow.schema(list(types.items()), about)
        self._vectors, self._written = vectors, 0
        whole = self._schema
        if vectors is not None:
            whole = whole.append(pyarrow.field("vector", self._of_vectors(vectors.rows(np.arange(1))).type))
        self._table = ParquetWriter(file, whole)
        self._waiting: list[dict[str, Any]] = []

    def add(self, row: dict[str, Any]) -> None:
        """One more."""
        if self._numbers:
            row = {**row, "label": self._numbers.get(row["label"])}
        self._waiting.append(row)
        if len(self._waiting) == AT_ONCE:
            self._write()

    def _write(self) -> None:
        batch = pyarrow.RecordBatch.from_pylist(self._waiting, self._schema)
        if self._vectors is not None:
            index = np.arange(self._written, self._written + len(batch))
            batch = batch.append_column("vector", self._of_vectors(self._vectors.rows(index)))
        self._table.write_batch(batch)
        self._written += len(batch)
        self._waiting.clear()

    def _of_vectors(self, rows: Any) -> Any:
        return pyarrow.FixedSizeListArray.from_arrays(pyarrow.array(rows.ravel()), rows.shape[1])

    def __enter__(self) -> Rows:
        return self

    def __exit__(self, *error: object) -> None:
        if not any(error):
            self._write()
        self._table.close()
