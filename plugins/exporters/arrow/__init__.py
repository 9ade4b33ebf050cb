"""`parquet`, `vectors-parquet` and `huggingface`: rows in typed columns, for which pyarrow has to be installed."""

from __future__ import annotations

from collections.abc import Iterable

from curator.api import Dataset, ExporterSpec, Folder, hookimpl
from curator.errors import NotReady


def check(dataset: Dataset) -> None:
    """Whether it can be written here."""
    try:
        import pyarrow.parquet  # noqa: F401
    except ImportError:
        raise NotReady("this format needs the package pyarrow: pip install pyarrow") from None


def write_parquet(dataset: Dataset, folder: Folder) -> None:
    """`items.parquet`, a row for each item."""
    from .rows import Rows

    with folder.open("items.parquet") as file, Rows(file, dataset.columns) as rows:
        for record in dataset:
            rows.add(dataset.row(record))


def write_vectors(dataset: Dataset, folder: Folder) -> None:
    """`vectors.parquet`, a row for each item, with its vector of unit length in the column `vector`."""
    from .rows import Rows

    with folder.open("vectors.parquet") as file, Rows(file, dataset.columns, vectors=dataset.vectors()) as rows:
        for record in dataset:
            rows.add(dataset.row(record))


def write_huggingface(dataset: Dataset, folder: Folder) -> None:
    """What `datasets.load_dataset` opens."""
    from .huggingface import write

    write(dataset, folder)


@hookimpl
def register_exporters() -> Iterable[ExporterSpec]:
    """The formats `parquet`, `vectors-parquet` and `huggingface`."""
    return [
        ExporterSpec("parquet", "a table of typed columns", write_parquet, needs_side=False, files=False, check=check),
        ExporterSpec(
            "vectors-parquet",
            "a table of typed columns, with vectors",
            write_vectors,
            needs_side=False,
            files=False,
            vectors=True,
            check=check,
        ),
        ExporterSpec("huggingface", "files and rows for datasets.load_dataset", write_huggingface, check=check),
    ]
