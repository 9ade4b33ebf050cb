"""`csv` and `jsonl`: one table with a row for each item, and a column for each thing that is known of it."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable
from typing import Any

from curator.api import Dataset, ExporterSpec, Folder, hookimpl


def write_csv(dataset: Dataset, folder: Folder) -> None:
    """`items.csv`, in UTF-8 with commas; what is a list is written as JSON, what is not known is empty."""
    with folder.open("items.csv") as file:
        lines = io.TextIOWrapper(file, encoding="utf-8", newline="", write_through=True)
        rows = csv.writer(lines, lineterminator="\n")
        rows.writerow(dataset.columns)
        rows.writerows([_cell(value) for value in dataset.row(record).values()] for record in dataset)
        lines.detach()


def _cell(value: Any) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    return json.dumps(value, ensure_ascii=False) if isinstance(value, list) else value


def write_jsonl(dataset: Dataset, folder: Folder) -> None:
    """`items.jsonl`, an object a line."""
    with folder.open("items.jsonl") as file:
        for record in dataset:
            file.write(json.dumps(dataset.row(record), ensure_ascii=False).encode() + b"\n")


@hookimpl
def register_exporters() -> Iterable[ExporterSpec]:
    """The formats `csv` and `jsonl`."""
    return [
        ExporterSpec("csv", "a table as text", write_csv, needs_side=False, files=False),
        ExporterSpec("jsonl", "a table of JSON lines", write_jsonl, needs_side=False, files=False),
    ]
