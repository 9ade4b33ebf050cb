"""Files of vectors that were made elsewhere: rows of numbers with what names the item of each, read some at a time.

Nothing in them is run: arrays of objects are refused, never unpickled.
"""

from __future__ import annotations

import contextlib
import csv
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import IO, Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from curator.errors import BadInput, NotFound, NotReady
from curator.kit.encodings import encoding_of
from curator.kit.reading import Unreadable, reading
from curator.store.stored import is_dim

AT_ONCE = 1_000
"""Rows that are read at once, fewer where they are long: no more than `MOST_BYTES` of them."""
MOST_BYTES = 16 << 20
LONGEST_NAME = 1 << 16
"""Bytes of what names an item in an array."""
LONGEST_FIELD = 16 << 20
"""Characters of a field of a table, which may hold the texts themselves."""

Floats = NDArray[np.float32]
Naming: TypeAlias = Literal["hash", "path", "id"]

COLUMNS: dict[str, Naming] = {
    **{"hash": "hash", "path": "path", "source": "path", "filepath": "path", "id": "id"},
    **{"hashes": "hash", "paths": "path", "filepaths": "path", "ids": "id"},
}
"""What names items, as columns and arrays are called; the first of these that is there counts."""


@dataclass(frozen=True, slots=True)
class Block:
    """Some rows: the number of the first (from 1), what names the item of each, and (n, dim) float32."""

    first: int
    names: Sequence[str]
    rows: Floats


@dataclass(frozen=True, slots=True)
class VectorFile:
    """An open file; `by`: what its rows are named by."""

    by: Naming
    blocks: Iterator[Block]


@contextlib.contextmanager
def opened(path: Path, table: Path | None) -> Iterator[VectorFile]:
    """The vectors in a `.npy` file with a table beside it, or in a `.npz` or `.parquet` file; `table`: where it is.

    Raises `BadInput` and `NotFound` for what cannot be used, here or while it is read.
    """
    kind = path.suffix.lower()
    if kind not in (".npy", ".npz", ".parquet"):
        raise BadInput(f"{str(path)!r}: vectors are read from .npy, .npz or .parquet")
    if table is not None and kind != ".npy":
        raise BadInput(f"{str(path)!r} holds what names its items: leave out --ids")
    with contextlib.ExitStack() as stack:
        with _readable(path):
            if kind == ".parquet":
                found = _parquet(path)
            elif kind == ".npz":
                found = _archive(path, stack)
            else:
                found = _array_and_table(path, table or _table_beside(path), stack)
        yield VectorFile(found.by, _read(path, found.blocks))


@contextlib.contextmanager
def _readable(path: Path) -> Iterator[None]:
    try:
        with reading():
            yield
    except Unreadable as error:
        raise BadInput(f"{str(path)!r} cannot be read: {error}") from error


def _read(path: Path, blocks: Iterator[Block]) -> Iterator[Block]:
    while True:
        with _readable(path):
            block = next(blocks, None)
        if block is None:
            return
        yield block


def _found(names: Sequence[str], where: str, what: str) -> str:
    for name in COLUMNS:
        if name in names:
            return name
    have = ", ".join(map(repr, names[:8])) or "none"
    raise BadInput(f"{where} has no {what} hash, path or id that names the items (it has {have})")


def _checked(rows: NDArray[Any], first: int, where: str) -> Floats:
    """As float32. Raises `BadInput` for a number that is not finite, or beyond what that holds."""
    with np.errstate(over="ignore"):
        floats = np.ascontiguousarray(rows, np.float32)
    whole = np.isfinite(floats).all(axis=1)
    if not whole.all():
        raise BadInput(f"{where}: row {first + int(np.argmin(whole)):,} holds a number that is not finite")
    return floats


# --- .npy and .npz ---


class _Array:
    """An array of numpy, read from front to back."""

    def __init__(self, file: IO[bytes], where: str) -> None:
        self._file, self._where = file, where
        formats = np.lib.format
        headers = {(1, 0): formats.read_array_header_1_0, (2, 0): formats.read_array_header_2_0}
        try:
            version = formats.read_magic(file)
            if version not in headers:
                raise BadInput(f"{where} is of version {version[0]}.{version[1]} of the format: save it as float32")
            self.shape, self.by_columns, self.dtype = headers[version](file)
        except ValueError as error:
            raise BadInput(f"{where} is no array of numpy: {str(error).splitlines()[0]}") from error
        if self.dtype.hasobject:
            raise BadInput(f"{where} holds objects of Python, which are not read: save it with dtype='float32'")

    def blocks(self) -> Iterator[NDArray[Any]]:
        """Some of its rows at a time."""
        size = self.dtype.itemsize * int(np.prod(self.shape[1:], dtype=np.int64))
        left, many = self.shape[0], max(1, min(AT_ONCE, MOST_BYTES // max(size, 1)))
        while left:
            some = min(left, many)
            data = self._file.read(some * size)
            if len(data) < some * size:
                row = self.shape[0] - left + len(data) // size + 1
                raise BadInput(f"{self._where} is cut off: row {row:,} of {self.shape[0]:,} is not whole")
            yield np.frombuffer(data, self.dtype).reshape(some, *self.shape[1:])
            left -= some

    def hold_vectors(self) -> None:
        """Raise `BadInput` unless its rows can be vectors."""
        if len(self.shape) != 2 or self.shape[0] < 1 or not is_dim(self.shape[1]):
            raise BadInput(f"{self._where} has the shape {self.shape}, not (items, numbers of each)")
        if self.dtype.kind != "f":
            raise BadInput(f"{self._where} holds {self.dtype}, not floating-point numbers")
        if self.by_columns:
            raise BadInput(f"{self._where} is stored column by column: save numpy.ascontiguousarray of it")

    def hold_names(self) -> None:
        """Raise `BadInput` unless its rows can be names."""
        if len(self.shape) != 1 or self.dtype.kind not in "USiu" or self.dtype.itemsize > LONGEST_NAME:
            raise BadInput(f"{self._where} is {self.dtype} {self.shape}, not a row of texts or whole numbers")


def _vectors_of(array: _Array, where: str) -> Iterator[Floats]:
    first = 1
    for rows in array.blocks():
        yield _checked(rows, first, where)
        first += len(rows)


def _array_and_table(path: Path, table: Path, stack: contextlib.ExitStack) -> VectorFile:
    array = _Array(stack.enter_context(path.open("rb")), repr(str(path)))
    array.hold_vectors()
    by, names = _column(table, stack)
    return VectorFile(by, _together(names, array, repr(str(path)), repr(str(table))))


def _archive(path: Path, stack: contextlib.ExitStack) -> VectorFile:
    archive = stack.enter_context(zipfile.ZipFile(path))
    arrays = [name.removesuffix(".npy") for name in archive.namelist()]
    if "vectors" not in arrays:
        raise BadInput(f"{str(path)!r} has no array 'vectors' (it has {', '.join(map(repr, arrays[:8])) or 'none'})")
    name = _found(arrays, repr(str(path)), "array")
    vectors, named = (
        _Array(stack.enter_context(archive.open(f"{of}.npy")), f"{of!r} in {str(path)!r}") for of in ("vectors", name)
    )
    vectors.hold_vectors()
    named.hold_names()
    names = (_as_text(value) for some in named.blocks() for value in some.tolist())
    where = [f"{of!r} in {str(path)!r}" for of in ("vectors", name)]
    return VectorFile(COLUMNS[name], _together(names, vectors, *where))


def _as_text(value: str | bytes | int) -> str:
    return value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else str(value)


def _together(names: Iterator[str], array: _Array, where: str, named_by: str) -> Iterator[Block]:
    """The rows of an array, each with its name."""
    first = 1
    for rows in _vectors_of(array, where):
        some = list(islice(names, len(rows)))
        if len(some) < len(rows):
            raise BadInput(f"{where} has {array.shape[0]:,} rows, and {named_by} names {first - 1 + len(some):,}")
        yield Block(first, some, rows)
        first += len(rows)
    if more := sum(1 for _ in names):
        raise BadInput(f"{where} has {array.shape[0]:,} rows, and {named_by} names {first - 1 + more:,}")


# --- the table beside an array ---


def _table_beside(path: Path) -> Path:
    for table in (path.with_suffix(".csv"), path.with_name("items.csv")):
        if table.is_file():
            return table
    raise NotFound(f"no {path.stem}.csv or items.csv beside {str(path)!r}: --ids TABLE says which items its rows are")


def _column(table: Path, stack: contextlib.ExitStack) -> tuple[Naming, Iterator[str]]:
    """What the rows of a table are named by, and these names."""
    where = repr(str(table))
    csv.field_size_limit(LONGEST_FIELD)
    try:
        found = encoding_of(lambda: table.open("rb"))
    except OSError as error:
        raise BadInput(f"{where} cannot be read: {(error.strerror or str(error)).lower()}") from error
    if found is None:
        raise BadInput(f"{where} is not a table of text: save it as CSV in UTF-8")
    lines = stack.enter_context(table.open(encoding=found.codec, errors="replace", newline=""))
    records = _records(csv.reader(lines), where)
    header = next(records, [])
    name = _found(header, where, "column")
    at = header.index(name)
    return COLUMNS[name], (record[at] if at < len(record) else "" for record in records)


def _records(reader: Iterator[list[str]], where: str) -> Iterator[list[str]]:
    try:
        yield from filter(None, reader)
    except csv.Error as error:
        raise BadInput(f"{where} is not a table in CSV: {error}") from error


# --- Parquet ---


def _parquet(path: Path) -> VectorFile:
    try:
        import pyarrow
        from pyarrow.parquet import ParquetFile
    except ImportError:
        raise NotReady(f"{str(path)!r}: Parquet needs the package pyarrow: pip install pyarrow") from None
    pyarrow.set_memory_pool(pyarrow.system_memory_pool())
    table, where = ParquetFile(path), repr(str(path))
    columns = list(table.schema_arrow.names)
    if "vector" not in columns:
        raise BadInput(f"{where} has no column 'vector' (it has {', '.join(map(repr, columns[:8])) or 'none'})")
    kind, lists = table.schema_arrow.field("vector").type, pyarrow.types
    if not (lists.is_list(kind) or lists.is_large_list(kind) or lists.is_fixed_size_list(kind)) or not (
        lists.is_floating(kind.value_type)
    ):
        raise BadInput(f"{where}: the column 'vector' holds {kind}, not lists of floating-point numbers")
    name = _found(columns, where, "column")
    return VectorFile(COLUMNS[name], _parquet_blocks(table, name, where))


def _parquet_blocks(table: Any, name: str, where: str) -> Iterator[Block]:
    first = 1
    for batch in table.iter_batches(batch_size=AT_ONCE // 4, columns=[name, "vector"], use_threads=False):
        vectors = batch.column("vector")
        lengths = [None if length is None else int(length) for length in _lengths(vectors)]
        if None in lengths:
            raise BadInput(f"{where}: row {first + lengths.index(None):,} has no vector")
        for at, length in enumerate(lengths):
            if length != lengths[0] or not is_dim(length):
                raise BadInput(f"{where}: row {first + at:,} has {length:,} numbers, and row {first:,} {lengths[0]:,}")
        rows = vectors.flatten().to_numpy(zero_copy_only=False).reshape(len(lengths), lengths[0])
        names = ["" if value is None else _as_text(value) for value in batch.column(name).to_pylist()]
        yield Block(first, names, _checked(rows, first, where))
        first += len(lengths)


def _lengths(vectors: Any) -> list[int | None]:
    import pyarrow.compute

    lengths: list[int | None] = pyarrow.compute.list_value_length(vectors).to_pylist()
    return lengths
