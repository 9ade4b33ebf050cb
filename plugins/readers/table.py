"""Reads tables: CSV and TSV as people have them, JSON lines and arrays, and Parquet where pyarrow is installed."""

from __future__ import annotations

import contextlib
import csv
import functools
import json
import re
from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Any

from curator.api import ReaderSpec, ReadOptions, Row, Skipped, hookimpl
from curator.errors import BadInput, NotReady
from curator.kit.encodings import UNDECODED, Encoding, encoding_named, encoding_of
from curator.kit.encodings.delimiters import delimiter_of
from curator.kit.encodings.written import WrittenFloat
from curator.kit.memory import BUDGET, bounded
from curator.kit.reading import Unreadable, reading

DELIMITED = frozenset({".csv", ".tsv"})
JSON = frozenset({".json", ".jsonl", ".ndjson"})
PARQUET = frozenset({".parquet"})

SPREAD = re.compile(r"\s*(?:\[|\{(?:.*[{\[,])?\s*\Z)")
"""The first line of JSON that is not an object a line: of an array, or of an object on several lines."""
TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"?|[\[\]{}]')
"""What tells where values of JSON begin and end: strings, whatever is in them, and brackets."""
LONGEST_FIELD = 16 << 20
"""Characters. The csv module's own limit of 128 KB is less than a long text; none at all would let one open quote
take the rest of a large file into memory."""

AT_ONCE = 32
"""Rows of Parquet that are in memory together."""

FIRST_OBJECTS = 1000
"""How many JSON objects are looked at to tell which columns there are."""


def matches(source: Path) -> bool:
    """Files with the ending of a table."""
    return source.suffix.lower() in DELIMITED | JSON | PARQUET and not source.is_dir()


def columns(source: Path, options: ReadOptions) -> Sequence[str]:
    """The names of the columns; raises `BadInput` for what is no such table, `NotReady` for want of pyarrow."""
    kind = source.suffix.lower()
    if not options.header and kind in JSON | PARQUET:
        raise BadInput(f"{str(source)!r} names its columns itself: --no-header is for CSV and TSV")
    if kind in PARQUET:
        return _parquet_names(source)
    if kind in JSON:
        objects = (row.values for row in _json_rows(source, options) if isinstance(row, Row))
        found = list(dict.fromkeys(name for values in islice(objects, FIRST_OBJECTS) for name in values))
    else:
        found = _names(_first_record(source, options), options)
    if not found:
        why = "no object stands on a line of its own, or in an array" if kind in JSON else "nothing could name columns"
        raise BadInput(f"{str(source)!r} holds no table: {why}")
    return found


def read(source: Path, options: ReadOptions) -> Iterator[Row | Skipped]:
    """The rows, one by one."""
    kind = source.suffix.lower()
    if kind in PARQUET:
        return _to_its_damage(source, _parquet_rows(source, options))
    return _to_its_damage(source, _json_rows(source, options) if kind in JSON else _delimited_rows(source, options))


def _to_its_damage(source: Path, rows: Iterator[Row | Skipped]) -> Iterator[Row | Skipped]:
    """The rows as far as they can be read at all; where that ends before they do, one more says why."""
    line = 0
    while True:
        try:
            with reading("the table cannot be read from here on"):
                row = next(rows, None)
        except Unreadable as error:
            yield Skipped(source, str(error), problem=True, line=line + 1)
            return
        if row is None:
            return
        line = row.line or line
        yield row


# --- text ---


@dataclass(frozen=True, slots=True)
class _Text:
    """A file of lines, in an encoding that was found or said."""

    source: Path
    encoding: Encoding

    def lines(self) -> Generator[str]:
        """Its lines; where single ones are not in the encoding of the others, they hold `UNDECODED`."""
        return self.encoding.lines(lambda: self.source.open("rb"))

    def undecoded(self, line: int) -> Skipped:
        reason, name = f"bytes that are not {self.encoding.name}, as most of the file is", "NAME says what is"
        if self.encoding.is_guessed:  # some that are look so little like it that they may be in another one
            reason, name = f"{reason}, or do not look like it", f"{self.encoding.name} takes those that are"
        return Skipped(self.source, f"{reason} (--encoding {name})", problem=True, line=line)


def _text(source: Path, options: ReadOptions) -> _Text:
    if options.encoding is not None:
        return _Text(source, encoding_named(options.encoding))
    status = source.stat()
    found = _encoding(source, status.st_size, status.st_mtime_ns)
    if found.is_guessed:
        options.tell(f"read as {found.name}")
    return _Text(source, found)


@functools.lru_cache(maxsize=8)
def _encoding(source: Path, size: int, mtime_ns: int) -> Encoding:
    """The encoding that all of the file, or most of its lines, are in."""
    found = encoding_of(lambda: source.open("rb"))
    if found is None:
        raise BadInput(
            f"{str(source)!r} is not a table in UTF-8, UTF-16, or an encoding that shows: "
            "--encoding NAME says which it is in"
        )
    return found


# --- CSV and TSV ---


class _Lines:
    """The lines of a file; `ended` once more was asked for than there are."""

    def __init__(self, lines: Iterator[str]) -> None:
        self.lines = lines
        self.ended = False

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        try:
            return next(self.lines)
        except StopIteration:
            self.ended = True
            raise


def _records(source: Path, options: ReadOptions) -> Iterator[tuple[int, list[str]] | Skipped]:
    """Each record that is not blank, with the line that it begins on."""
    csv.field_size_limit(LONGEST_FIELD)
    text = _text(source, options)
    with contextlib.closing(text.lines()) as every:
        lines = _Lines(every)
        reader = csv.reader(lines, delimiter=_delimiter_of(text))
        while True:
            line = reader.line_num + 1
            try:
                record = next(reader)
            except StopIteration:
                return
            except csv.Error:
                reason = f"a field of over {LONGEST_FIELD >> 20} million characters: is a quote open?"
                yield Skipped(source, reason, problem=True, line=line)
                continue
            if lines.ended:
                read_as_one = reader.line_num - line
                reason = "a quote opens here and is never closed"
                if read_as_one:
                    reason += f": {read_as_one:,} more line{'s' * (read_as_one > 1)} could not be read"
                yield Skipped(source, reason, problem=True, line=line)
            elif any(UNDECODED in field for field in record):
                yield text.undecoded(line)
            elif any(map(str.strip, record)) and not (line == 1 and _says_delimiter(record)):
                yield line, record


def _says_delimiter(record: Sequence[str]) -> bool:
    """Whether it is the line `sep=;` with which Excel says what delimits fields, cut by just that."""
    return record[0] == "sep=" and not any(record[1:])


def _delimiter_of(text: _Text) -> str:
    if text.source.suffix.lower() == ".tsv":
        return "\t"
    with contextlib.closing(text.lines()) as lines:
        return delimiter_of(lines)


def _first_record(source: Path, options: ReadOptions) -> list[str]:
    for record in _records(source, options):
        if isinstance(record, Skipped):
            raise BadInput(f"{str(source)!r}: line {record.line}: {record.reason}")
        if any("\0" in field for field in record[1]):
            raise BadInput(f"{str(source)!r} is not a table of text (its first line holds NUL bytes)")
        return record[1]
    return []


def _names(first: Sequence[str], options: ReadOptions) -> list[str]:
    """A column's name, or its number where it has none."""
    names = [field.strip() for field in first] if options.header else [""] * len(first)
    return [name or str(number) for number, name in enumerate(names, 1)]


def _delimited_rows(source: Path, options: ReadOptions) -> Iterator[Row | Skipped]:
    first: list[str] = []
    names: list[str] | None = None
    wanted: list[int] = []
    for found in _records(source, options):
        if isinstance(found, Skipped):
            yield found
            continue
        line, record = found
        if names is None:
            first, names = record, _names(record, options)
            wanted = [place for place, name in enumerate(names) if options.wanted(name)]
            if options.header:
                continue
        if options.header and record == first:
            yield Skipped(source, "the names of the columns once more, not a row", problem=True, line=line)
        elif len(record) < len(names) or any(record[len(names) :]):
            reason = f"{len(record)} field{'s' * (len(record) != 1)} where the first row has {len(names)}"
            yield Skipped(source, reason, problem=True, line=line)
        else:
            yield Row(line, {names[place]: record[place] for place in wanted})


# --- JSON lines ---


def _json_rows(source: Path, options: ReadOptions) -> Iterator[Row | Skipped]:
    text = _text(source, options)
    with contextlib.closing(text.lines()) as every:
        lines = enumerate(every, 1)
        first = next((entry for entry in lines if entry[1].strip()), (0, ""))
        values: Iterable[tuple[int, str]] = chain([first], lines)
        for number, value in _values(values) if SPREAD.match(first[1]) else values:
            if UNDECODED in value:
                yield text.undecoded(number)
            elif value.strip():
                yield _json_row(source, number, value)


def _values(lines: Iterable[tuple[int, str]]) -> Iterator[tuple[int, str]]:
    """What stands in an array, or one after the other on several lines each: with the line that it begins on, or with
    its number where more begin on that line.
    """
    within: int | None = None  # how many brackets are open around a value: 1 in an array, else 0
    level = last = begun = size = 0
    parts: list[str] = []
    for number, line in lines:
        done = 0
        for token in TOKEN.finditer(line):
            if within is None:
                within = int(token[0] == "[")
                if within:
                    level, done = 1, token.end()
                    continue
            opens, closes = token[0] in "[{", token[0] in "]}"
            if opens and level == within:
                yield from _between(number, line[done : token.start()])
                begun, done = number, token.start()
            level += opens - closes
            if closes and level == within:
                last = max(begun, last + 1)
                yield last, "".join([*parts, line[done : token.end()]])
                parts, size, done = [], 0, token.end()
            elif closes and level < within:
                yield from _between(number, line[done : token.start()])
                within, level, done = None, 0, token.end()
        if within is None or level == within:
            yield from _between(number, line[done:])
            continue
        parts.append(line[done:])
        size += len(parts[-1])
        if size > LONGEST_FIELD:
            break
    if parts:
        yield max(begun, last + 1), "".join(parts)


def _between(number: int, text: str) -> Iterator[tuple[int, str]]:
    """What stands between values and is none."""
    if text := text.strip(", \t\r\n"):
        yield number, text


def _json_row(source: Path, number: int, line: str) -> Row | Skipped:
    try:
        with reading("not JSON that can be read"):
            value: Any = json.loads(line, parse_float=WrittenFloat)
    except Unreadable as error:
        cause, reason = error.__cause__, str(error)
        if isinstance(cause, json.JSONDecodeError):
            reason = f"not JSON: {cause.msg.lower().removesuffix(' at')} at character {cause.colno}"
    else:
        if isinstance(value, dict):
            return Row(number, value)
        reason = f"not a JSON object but {line.strip()[:40]}"
    return Skipped(source, reason, problem=True, line=number)


# --- Parquet ---


def _parquet(source: Path) -> Any:
    try:
        import pyarrow
        from pyarrow.parquet import ParquetFile
    except ImportError:
        raise NotReady(f"{str(source)!r}: Parquet needs the package pyarrow: pip install pyarrow") from None
    # What pools and threads of its own reserve ahead would count as what a file takes.
    pyarrow.set_memory_pool(pyarrow.system_memory_pool())
    pyarrow.set_io_thread_count(1)
    pyarrow.set_cpu_count(1)
    try:
        with reading():
            return ParquetFile(source)
    except Unreadable as error:
        raise BadInput(f"{str(source)!r} is not a Parquet file: {error}") from error


def _parquet_names(source: Path) -> list[str]:
    try:
        with _parquet(source) as table, reading():
            return list(table.schema_arrow.names)
    except Unreadable as error:
        raise BadInput(f"{str(source)!r} is a damaged Parquet file: {error}") from error


def _parquet_rows(source: Path, options: ReadOptions) -> Iterator[Row]:
    """A few at a time: a kilobyte of such a file can say of a thousand rows that each is the same ten megabytes."""
    number = 0
    with _parquet(source) as table:
        names = [name for name in table.schema_arrow.names if options.wanted(name)]
        batches = table.iter_batches(batch_size=AT_ONCE, columns=names, use_threads=False)
        while (rows := _next_rows(batches)) is not None:
            for values in rows:
                number += 1
                yield Row(number, values)


def _next_rows(batches: Iterator[Any]) -> list[dict[str, Any]] | None:
    try:
        with bounded(BUDGET.limit // 2):  # texts are there twice, and more is made of them
            batch = next(batches, None)
            return None if batch is None else batch.to_pylist()
    except MemoryError as error:
        wrong = f"{AT_ONCE} rows take more memory than is allowed: --memory 4G allows more"
        raise Unreadable(wrong) from error


@hookimpl
def register_readers() -> Iterable[ReaderSpec]:
    """The reader for tables."""
    summary = "tables (.csv, .tsv, .json, .jsonl, .ndjson, .parquet)"
    return [ReaderSpec("table", summary, matches, read, columns)]
