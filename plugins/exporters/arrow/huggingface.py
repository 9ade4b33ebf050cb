"""A folder for `datasets.load_dataset`: rows in Parquet, pictures beside them, and a card that says where they are."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Sequence

from curator.api import Dataset, Folder, Holds, Modality, Side

from .rows import Rows

SPLITS: dict[Side | None, str] = {"train": "train", "val": "validation", "test": "test", None: "train"}
"""What the sides are called there; a set that is not split is all `train`."""
OF_OTHERS: dict[Modality, frozenset[str]] = {
    "image": frozenset({"text", "row", "media"}),
    "text": frozenset({"width", "height", "captions", "media"}),
}
"""Columns that say nothing of one kind of items."""


def write(dataset: Dataset, folder: Folder) -> None:
    """Pictures with `SPLIT/metadata.parquet` beside them, or `SPLIT.parquet` of texts, and `README.md`.

    Where there are both, each in a folder `image` or `text` of its own: `datasets` reads a folder in one way.
    """
    inside: dict[Modality, tuple[str, ...]] = {
        media: (media,) if len(dataset.media) > 1 else () for media in dataset.media
    }
    rows: dict[tuple[Modality, str], Rows] = {}
    with contextlib.ExitStack() as opened:

        def begun(media: Modality, split: str) -> Rows:
            parts = (split, "metadata.parquet") if media == "image" else (f"{split}.parquet",)
            file = opened.enter_context(folder.open(*inside[media], *parts))
            return opened.enter_context(Rows(file, _columns(dataset, media), dataset.classes))

        for record in dataset:
            media, split = record.item.modality, SPLITS[record.side]
            row = dataset.row(record)
            if media == "image":
                assert record.file is not None
                path = dataset.put(folder, record, *inside[media], split, record.file.name)
                if path is None:
                    continue
                row["file_name"] = path.rpartition("/")[2]
            if (media, split) not in rows:
                rows[media, split] = begun(media, split)
            rows[media, split].add(row)
    for media in dataset.media:
        splits = [split for of, split in rows if of == media]
        with folder.open(*inside[media], "README.md") as card:
            card.write(_card(dataset, media, splits).encode())


def _columns(dataset: Dataset, media: Modality) -> dict[str, Holds]:
    own = {name: holds for name, holds in dataset.columns.items() if name not in OF_OTHERS[media]}
    return {"file_name": "string", **own} if media == "image" else own


def _card(dataset: Dataset, media: Modality, splits: Sequence[str]) -> str:
    """What the folder holds, for people, and between two marks in YAML, of which JSON is a part, for `datasets`."""
    path = "{}/**" if media == "image" else "{}.parquet"
    files = [{"split": split, "path": path.format(split)} for split in splits]
    head = {"configs": [{"config_name": "default", "data_files": files}]}
    lines = [
        *("---", json.dumps(head, indent=1), "---", "", f"# {dataset.name}", ""),
        *("```python", "from datasets import load_dataset", "", 'load_dataset(".")', "```", ""),
    ]
    if dataset.of:
        lines += [f"`label` is what holds of {dataset.of}.", ""]
    lines += ["`hash` is the SHA-256 of a picture's file, or of a text in UTF-8; `said` tells who said each label.", ""]
    return "\n".join(lines)
