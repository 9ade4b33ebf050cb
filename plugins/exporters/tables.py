"""`csv` and `jsonl`: one table with a row for each item, and a column for each thing that is known of it; `vectors`."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable

from curator.api import Dataset, ExporterSpec, Folder, hookimpl
from curator.kit.listing import cell

AT_ONCE = 1_000
"""Vectors that are held at once."""


def write_csv(dataset: Dataset, folder: Folder) -> None:
    """`items.csv`, in UTF-8 with commas; what is a list is written as JSON, what is not known is empty."""
    with folder.open("items.csv") as file:
        lines = io.TextIOWrapper(file, encoding="utf-8", newline="", write_through=True)
        rows = csv.writer(lines, lineterminator="\n")
        rows.writerow(dataset.columns)
        rows.writerows([cell(value) for value in dataset.row(record).values()] for record in dataset)
        lines.detach()


def write_jsonl(dataset: Dataset, folder: Folder) -> None:
    """`items.jsonl`, an object a line."""
    with folder.open("items.jsonl") as file:
        for record in dataset:
            file.write(json.dumps(dataset.row(record), ensure_ascii=False).encode() + b"\n")


def write_vectors(dataset: Dataset, folder: Folder) -> None:
    """`vectors.npy`, (n, dim) float32, unit rows; and `items.csv`, whose i-th row is the item of row i."""
    import numpy as np

    write_csv(dataset, folder)
    stored = dataset.vectors()
    with folder.open("vectors.npy") as file:
        for start in range(0, len(stored), AT_ONCE):
            rows = stored.rows(np.arange(start, min(start + AT_ONCE, len(stored))))
            if not start:
                head = {"descr": "<f4", "fortran_order": False, "shape": (len(stored), rows.shape[1])}
                np.lib.format.write_array_header_1_0(file, head)
            file.write(rows.astype("<f4").tobytes())


@hookimpl
def register_exporters() -> Iterable[ExporterSpec]:
    """The formats `csv`, `jsonl` and `vectors`."""
    return [
        ExporterSpec("csv", "a table as text", write_csv, needs_side=False, files=False),
        ExporterSpec("jsonl", "a table of JSON lines", write_jsonl, needs_side=False, files=False),
        ExporterSpec(
            "vectors",
            "vectors.npy and a table of their items",
            write_vectors,
            needs_side=False,
            files=False,
            vectors=True,
        ),
    ]
