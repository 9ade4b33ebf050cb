"""`imagefolder`: a folder for each class, as torchvision's `ImageFolder`, Keras and timm read it."""

from __future__ import annotations

from collections.abc import Iterable

from curator.api import Dataset, ExporterSpec, Folder, hookimpl

READABLE = frozenset({".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".pgm", ".tif", ".tiff", ".webp"})
"""The endings that torchvision takes for pictures; it passes over others without a word."""


def write(dataset: Dataset, folder: Folder) -> None:
    """`SIDE/CLASS/FILE`, and `CLASS/FILE` without a split."""
    for record in dataset:
        assert record.file is not None and record.label is not None
        if record.file.suffix.lower() not in READABLE:
            dataset.leave_out(record, f"of a kind that torchvision cannot open ({record.file.suffix.lower()})")
            continue
        side = (record.side,) if record.side else ()
        folder.put(record.file, *side, record.label, record.file.name, hash=record.item.hash)


@hookimpl
def register_exporters() -> Iterable[ExporterSpec]:
    """The format `imagefolder`."""
    return [ExporterSpec("imagefolder", "a folder for each class", write, ("image",), classes=True)]
