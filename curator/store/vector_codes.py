"""Files of codes beside `derived.db`, one a space: what little of each vector tells which are worth reading.

A file is a head and then rows of one width, and only grows; the cache says how many of its bytes hold. That is
committed after they are on the disk, so a kill leaves at most bytes that nobody counts. A vector is known by its rowid,
which stays until VACUUM, and that changes the version of the schema: then the file is made anew. Triggers of the cache
mark what is inserted, changed or deleted below the last vector that was looked at, whoever does it. All of it is the
cache of a cache.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import re
import secrets
import stat
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from curator.store.paths import held
from curator.store.private import let_read, private
from curator.store.sqlite import Database

COLUMNS = ("space_id", "token", "state", "head", "width", "held", "last", "checksum", "depth", "measured")

PREFIX = "derived.db.codes-"
TOKEN = re.compile("[0-9a-f]{16}")
AT_ONCE = 1 << 20
"""Bytes that are read at once."""


class DamagedCodes(Exception):
    """A file of codes is not what was written."""


@dataclass(frozen=True, slots=True)
class Coded:
    """What holds of the file of a space: columns as `derived_layouts` explains them."""

    space_id: int
    token: str
    state: int
    head: int
    width: int
    held: int
    last: int
    checksum: int
    depth: int
    measured: int


class VectorCodes:
    """The files of codes of a cache, and what the cache says of them."""

    def __init__(self, database: Database, folder: Path) -> None:
        self.database = database
        self.folder = folder

    # --- what is there ---

    def of(self, space: int) -> Coded | None:
        """What holds of a space; None where it has to be made anew, or is just being made."""
        row = self.database.row(f"SELECT {', '.join(COLUMNS)} FROM coded WHERE space_id = ?", space)
        if row is None or row["measured"] < 1 or row["depth"] < 0 or row["state"] != self.state():
            return None
        coded = Coded(*row)
        if coded.depth == 0:
            return coded
        with contextlib.suppress(OSError):
            found = self._path(coded).stat()
            enough = found.st_size >= coded.head + max(coded.held, 1) * coded.width
            if stat.S_ISREG(found.st_mode) and enough and coded.width > 0 and min(coded.head, coded.held) >= 0:
                return coded
        return None

    def blocks(self, coded: Coded) -> Iterator[memoryview]:
        """The head, then the rows, some at a time, each valid until the next. Raises `DamagedCodes` at the end."""
        checksum = 0
        rows = max(1, AT_ONCE // coded.width)
        buffer = memoryview(bytearray(max(coded.head, rows * coded.width)))
        sizes = [coded.head]
        sizes += [min(rows, coded.held - start) * coded.width for start in range(0, coded.held, rows)]
        try:
            with self._path(coded).open("rb", buffering=0) as file:
                for size in sizes:
                    block = buffer[:size]
                    if file.readinto(block) != size:
                        raise DamagedCodes
                    checksum = zlib.crc32(block, checksum)
                    yield block
        except OSError as error:
            raise DamagedCodes from error
        if checksum != coded.checksum:
            raise DamagedCodes

    def recoded(self, space: int) -> list[int]:
        """The vectors of which the file does not hold what is there now."""
        return [row[0] for row in self.database.rows("SELECT vector FROM recoded WHERE space_id = ?", space)]

    def newest(self) -> int:
        """The highest vector of all spaces."""
        return int(self.database.value("SELECT max(rowid) FROM vector") or 0)

    def between(self, space: int, after: int, last: int, limit: int) -> list[tuple[int, str, bytes]]:
        """The first vectors of a space beyond one, in their order: number, content, bytes."""
        sql = (
            "SELECT rowid, hash, vector FROM vector NOT INDEXED WHERE rowid > ? AND rowid <= ? AND space_id = ?"
            " ORDER BY rowid LIMIT ?"
        )
        return [(row[0], row[1], row[2]) for row in self.database.rows(sql, after, last, space, limit)]

    def sample(self, space: int, number: int) -> list[bytes]:
        """Vectors of a space by chance: the order of contents is that of their hashes."""
        sql = "SELECT vector FROM vector WHERE space_id = ? ORDER BY hash LIMIT ?"
        return [row[0] for row in self.database.rows(sql, space, number)]

    def contents(self, space: int, vectors: Sequence[int]) -> Iterator[tuple[int, str]]:
        """Number and content of those vectors that are still there."""
        sql = "SELECT rowid, hash FROM vector WHERE +space_id = ? AND rowid IN (SELECT value FROM json_each(?))"
        for row in self.database.rows_among(sql, vectors, space):
            yield row[0], row[1]

    def beyond(self, space: int, after: int, limit: int) -> list[int]:
        """The first vectors of a space beyond one."""
        sql = "SELECT rowid FROM vector NOT INDEXED WHERE rowid > ? AND space_id = ? ORDER BY rowid LIMIT ?"
        return [row[0] for row in self.database.rows(sql, after, space, limit)]

    def state(self) -> int:
        """Another one where vectors may have got other numbers, as by a VACUUM."""
        return int(self.database.value("PRAGMA main.schema_version"))

    # --- making and adding ---

    def begin(self, space: int) -> Coded:
        """From now on changes are marked, for a file that is being made; whoever else makes one gives way."""
        with self.database.transaction():
            self.database.execute("DELETE FROM recoded WHERE space_id = ?", space)
            coded = Coded(space, secrets.token_hex(8), self.state(), 0, 0, 0, self.newest(), 0, 0, 0)
            self._put(coded)
        self._tidy()  # before there is one more: kills in a row must not fill the disk
        return coded

    @contextlib.contextmanager
    def file(self, coded: Coded) -> Iterator[CodeFile]:
        """A new file for what `begin` gave; removed unless it is kept."""
        path = self._path(coded)
        kept = False
        try:
            with open(path, "xb", opener=private) as file:
                let_read(path, self.folder)
                made = CodeFile(file)
                yield made
            kept = made.kept
        finally:
            if not kept:
                path.unlink(missing_ok=True)

    def keep(self, coded: Coded, made: CodeFile | None) -> bool:
        """Let what was made hold; False where somebody else began to make one since. Removes what is nobody's."""
        if made is not None:
            made.file.flush()
            os.fsync(made.file.fileno())
        with self.database.transaction():
            token = self.database.value("SELECT token FROM coded WHERE space_id = ?", coded.space_id)
            if token != coded.token or coded.state != self.state():
                return False
            self._put(coded)
        if made is not None:
            made.kept = True
        self._tidy()
        return True

    def extend(self, coded: Coded, rows: bytes, last: int) -> Coded:
        """Add rows to a file, whose vectors go up to `last`; within a transaction in which `coded` was asked for."""
        if rows:
            with self._path(coded).open("r+b") as file:
                file.seek(coded.head + coded.held * coded.width)
                file.write(rows)
                file.flush()
                os.fsync(file.fileno())
        held_now = coded.held + len(rows) // coded.width
        checksum = zlib.crc32(rows, coded.checksum)
        grown = dataclasses.replace(coded, held=held_now, last=last, checksum=checksum)
        self._put(grown)
        return grown

    def mark(self, space: int, vectors: Sequence[int]) -> None:
        """Vectors that no file holds as they are."""
        sql = "INSERT OR IGNORE INTO recoded VALUES (?, ?)"
        self.database.execute_many(sql, [(space, vector) for vector in vectors])

    def forget(self, space: int | None = None) -> None:
        """So that they are made anew: those of one space, or all."""
        self.database.execute("DELETE FROM coded WHERE ?1 IS NULL OR space_id = ?1", space)
        self._tidy()

    def _put(self, coded: Coded) -> None:
        values = [getattr(coded, name) for name in COLUMNS]
        sql = f"INSERT OR REPLACE INTO coded ({', '.join(COLUMNS)}) VALUES ({', '.join('?' * len(COLUMNS))})"
        self.database.execute(sql, *values)

    def _tidy(self) -> None:
        """Remove files that are of nothing in the cache: a kill leaves them, and a cache that was deleted."""
        known = {PREFIX + row[0] for row in self.database.rows("SELECT token FROM coded")}
        for path in self.folder.glob(PREFIX + "*"):
            if path.name not in known and TOKEN.fullmatch(path.name.removeprefix(PREFIX)):
                with contextlib.suppress(OSError):
                    path.unlink()

    def _path(self, coded: Coded) -> Path:
        return held(self.folder, PREFIX + coded.token)


class CodeFile:
    """A file of codes that is being made."""

    def __init__(self, file: BinaryIO) -> None:
        self.file = file
        self.kept = False
        self.checksum = 0

    def write(self, content: bytes) -> None:
        """Add to it."""
        self.file.write(content)
        self.checksum = zlib.crc32(content, self.checksum)
