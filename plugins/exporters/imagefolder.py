"""`imagefolder` and `yolo`: a folder for each class, as torchvision, timm and ultralytics read it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace

from curator.api import Dataset, ExporterSpec, Folder, hookimpl
from curator.errors import NotReady

READABLE = frozenset({".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".pgm", ".tif", ".tiff", ".webp"})
"""The endings that torchvision, on which ultralytics rests here, takes for pictures; it passes over others silently."""


def write(dataset: Dataset, folder: Folder) -> None:
    """`SIDE/CLASS/FILE`, without a split `CLASS/FILE`; beside them `items.jsonl`, with what is known of each file."""
    with folder.open("items.jsonl") as file:
        for record in dataset:
            assert record.file is not None and record.label is not None
            if record.file.suffix.lower() not in READABLE:
                dataset.leave_out(record, "of a kind that torchvision cannot open")
                continue
            side = (record.side,) if record.side else ()
            path = dataset.put(folder, record, *side, record.label, record.file.name)
            if path is not None:
                row = {"file_name": path, **dataset.row(record)}
                file.write(json.dumps(row, ensure_ascii=False).encode() + b"\n")


def check_yolo(dataset: Dataset) -> None:
    """ultralytics trains on `train` and measures on `val`."""
    lacking = [side for side in ("train", "val") if side not in dataset.sides]
    if lacking:
        raise NotReady(f"yolo needs items on the side {' and on '.join(lacking)}: curator split")


@hookimpl
def register_exporters() -> Iterable[ExporterSpec]:
    """The formats `imagefolder` and `yolo`."""
    folders = ExporterSpec("imagefolder", "a folder for each class", write, ("image",), needs_class=True)
    return [
        folders,
        replace(folders, name="yolo", summary="the same with train and val, for ultralytics", check=check_yolo),
    ]
