"""`table`: tables as they came in, without the rows that were set aside, and with what is known of the others."""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import IO, Any

from curator.api import Dataset, ExporterSpec, Folder, SourceTable, hookimpl
from curator.errors import BadInput, NotReady
from curator.kit.encodings import encoding_of
from curator.kit.encodings.delimiters import delimiter_of
from curator.kit.encodings.written import as_written
from curator.kit.listing import cell
from curator.kit.reading import Unreadable, reading

ADDED = "curator_"
"""Begins the names of the columns that a table did not have."""
KNOWN = ("side", "label", "said")
"""Of the columns that every dataset has, those that say what a person, or curator, decided."""
SAMPLE = 100
"""Lines that tell how a table is written."""
DELIMITED, JSON = (".csv", ".tsv"), (".jsonl", ".ndjson", ".json")


def check(dataset: Dataset) -> None:
    """There has to be a table, of a kind that can be written."""
    tables = dataset.tables()
    if not tables:
        raise NotReady("none of these items is the row of a table: curator add TABLE --text-column COLUMN")
    for table in tables:
        if table.path.suffix.lower() not in (*DELIMITED, *JSON):
            raise BadInput(f"{str(table.path)!r} cannot go back out as it came in: --format parquet writes its items")
        _codec(dataset, table)


def write(dataset: Dataset, folder: Folder) -> None:
    """A file for each table, by its name."""
    for table in dataset.tables():
        with folder.open(table.path.name) as file:
            if table.path.suffix.lower() in DELIMITED:
                _delimited(dataset, table, file)
            else:
                _json(dataset, table, file)


def _added(dataset: Dataset) -> dict[str, str]:
    """The columns that are added, by what they are called in the dataset: the side, the class, groups and labels.

    One that the table has already, as it was exported before, is written anew.
    """
    fixed = [*dataset.columns].index("side")
    names = [name for number, name in enumerate(dataset.columns) if number > fixed or name in KNOWN]
    return {name: f"{ADDED}{name}" for name in names}


def _rows(dataset: Dataset, table: SourceTable) -> Iterator[dict[str, Any]]:
    """Each row by its columns: those of the table, then those that are added."""
    added = _added(dataset)
    for values, record in dataset.rows_of(table):
        known = {} if record is None else dataset.row(record)
        yield {**values, **{column: known.get(name) for name, column in added.items()}}


def _codec(dataset: Dataset, table: SourceTable) -> str:
    """The encoding to write, by its name in Python."""
    name = dataset.encoding or table.encoding
    if name is None:
        found = encoding_of(lambda: table.path.open("rb"))
        name = "utf-8" if found is None else found.codec
        if name == "utf-8-sig" and not _begins_with(table, codecs.BOM_UTF8):
            name = "utf-8"
    try:
        "".encode(name)
    except LookupError:
        raise BadInput(f"there is no encoding {name!r}, such as utf-8 or gb18030") from None
    return name


def _begins_with(table: SourceTable, mark: bytes) -> bool:
    with table.path.open("rb") as file:
        return file.read(len(mark)) == mark


def _delimited(dataset: Dataset, table: SourceTable, file: IO[bytes]) -> None:
    """With the delimiter, quotation marks and line ends of the table, and a header where it has one."""
    codec = _codec(dataset, table)
    text = io.TextIOWrapper(file, encoding=codec, newline="", write_through=True)
    columns = dict.fromkeys([*table.columns, *_added(dataset).values()])
    rows = csv.writer(text, **_form(table, codec))
    try:
        if table.header:
            rows.writerow(columns)
        rows.writerows([cell(values.get(name)) for name in columns] for values in _rows(dataset, table))
    except UnicodeEncodeError as error:
        raise BadInput(
            f"{codec} cannot hold {error.object[error.start : error.end]!r}: --encoding utf-8 writes it"
        ) from error
    text.detach()


def _form(table: SourceTable, codec: str) -> dict[str, Any]:
    """How a table is written: as its first lines are, if that can be told, else with few quotation marks."""
    with table.path.open(encoding=codec, errors="replace", newline="") as lines:
        sample = list(islice(lines, SAMPLE))
    delimiter = "\t" if table.path.suffix.lower() == ".tsv" else delimiter_of(sample)
    ending = "\r\n" if sample and sample[0].endswith("\r\n") else "\n"
    form: dict[str, Any] = {"delimiter": delimiter, "lineterminator": ending}
    return form | {"quoting": csv.QUOTE_ALL if _all_quoted("".join(sample), form) else csv.QUOTE_MINIMAL}


def _all_quoted(sample: str, form: Mapping[str, Any]) -> bool:
    """Whether these lines come out as they are when every field is put in quotation marks."""
    again = io.StringIO()
    try:
        with reading():
            fields = list(csv.reader(io.StringIO(sample, newline=""), **form))
    except Unreadable:  # as a longer field than csv takes at once
        return False
    csv.writer(again, quoting=csv.QUOTE_ALL, **form).writerows(fields)
    return bool(sample) and again.getvalue().startswith(sample.rstrip("\r\n"))


def _json(dataset: Dataset, table: SourceTable, file: IO[bytes]) -> None:
    """An object a line, or an array where the table is one."""
    array = table.path.suffix.lower() == ".json"
    between = b"[\n" if array else b""
    for values in _rows(dataset, table):
        file.write(between + as_written(values).encode())
        between = b",\n" if array else b"\n"
    file.write(b"\n]\n" if array and between != b"[\n" else b"[]\n" if array else b"\n")


@hookimpl
def register_exporters() -> Iterable[ExporterSpec]:
    """The format `table`."""
    return [
        ExporterSpec(
            "table",
            "tables as they came in, without rows that were set aside",
            write,
            needs_side=False,
            files=False,
            encodes=True,
            check=check,
        )
    ]
