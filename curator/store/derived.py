"""`derived.db`: vectors, signatures, failures, predictions, compiled encoders.

All of it is f(fingerprint, content): it may be deleted at any time. Keyed by content hash and fingerprint, never by
a row of the catalogue. A derived.db of another layout is thrown away and filled again.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from curator.store.sqlite import Database, connect, make

FILE = "derived.db"
LAYOUT = 4
UNREAD = "unread"
"""In place of a fingerprint: the file could not be read, which says nothing about its content; it is tried again."""

IF_DAMAGED = "delete it, and `curator encode` fills it again"

SCHEMA = (
    # rate: items per second when last encoded on this machine, for telling how long the next will take.
    "CREATE TABLE space (id INTEGER PRIMARY KEY, fingerprint TEXT NOT NULL UNIQUE, rate REAL) STRICT",
    # vector: float32, little-endian, as the encoder gave it (not normalised). precision: how it was computed.
    "CREATE TABLE vector (space_id INTEGER NOT NULL, hash TEXT NOT NULL, vector BLOB NOT NULL,"
    " precision TEXT NOT NULL, PRIMARY KEY (space_id, hash)) STRICT",
    # A content that could not be encoded. fingerprint '': it could not even be decoded, whatever the encoder.
    "CREATE TABLE failure (fingerprint TEXT NOT NULL, hash TEXT NOT NULL, reason TEXT NOT NULL,"
    " PRIMARY KEY (fingerprint, hash)) STRICT",
    # probabilities: float32, little-endian, in the order of the head's classes. head: hash of its state.
    "CREATE TABLE prediction (head TEXT NOT NULL, hash TEXT NOT NULL, probabilities BLOB NOT NULL,"
    " PRIMARY KEY (head, hash)) STRICT",
    # Something small that was computed from a content. name: of what, and which version of it.
    "CREATE TABLE signature (name TEXT NOT NULL, hash TEXT NOT NULL, value BLOB NOT NULL,"
    " PRIMARY KEY (name, hash)) STRICT",
    # An encoder of one medium as an ONNX model. form: empty where it cannot be had. tokenizer: for texts, else empty.
    "CREATE TABLE compiled (fingerprint TEXT NOT NULL, medium TEXT NOT NULL, tokenizer BLOB NOT NULL,"
    " form BLOB NOT NULL, PRIMARY KEY (fingerprint, medium)) STRICT",
    f"PRAGMA user_version = {LAYOUT}",
)


class Derived:
    """The cache of a workspace."""

    def __init__(self, folder: Path) -> None:
        self.database = _open(folder)
        self._spaces: dict[str, int] = {}

    def close(self) -> None:
        """Close the connection."""
        self.database.close()

    def vectors(self, fingerprint: str, hashes: Sequence[str]) -> Iterator[tuple[str, bytes]]:
        """(hash, float32 bytes) of those contents that have a vector in the space."""
        space = self._space(fingerprint)
        sql = "SELECT hash, vector FROM vector WHERE space_id = ? AND hash IN (SELECT value FROM json_each(?))"
        for row in self.database.rows_among(sql, hashes, space):
            yield row[0], row[1]

    def known(self, fingerprint: str, hashes: Sequence[str]) -> set[str]:
        """Those of `hashes` that have a vector in the space."""
        sql = "SELECT hash FROM vector WHERE space_id = ? AND hash IN (SELECT value FROM json_each(?))"
        return {row[0] for row in self.database.rows_among(sql, hashes, self._space(fingerprint))}

    def put_vectors(self, fingerprint: str, rows: Iterable[tuple[str, bytes]], precision: str) -> None:
        """Keep vectors; forgets that these contents once failed."""
        space = self._space(fingerprint)
        rows = list(rows)
        with self.database.transaction():
            sql = "INSERT OR REPLACE INTO vector (space_id, hash, vector, precision) VALUES (?, ?, ?, ?)"
            self.database.execute_many(sql, [(space, hash_, vector, precision) for hash_, vector in rows])
            forget = "DELETE FROM failure WHERE fingerprint IN ('', ?, ?) AND hash = ?"
            self.database.execute_many(forget, [(UNREAD, fingerprint, hash_) for hash_, _ in rows])

    def failures(self, fingerprint: str, hashes: Sequence[str]) -> dict[str, str]:
        """Reason by hash, for those that failed in the space or could not be decoded at all."""
        sql = (
            "SELECT hash, reason FROM failure WHERE fingerprint IN ('', ?) AND hash IN (SELECT value FROM json_each(?))"
        )
        return {row[0]: row[1] for row in self.database.rows_among(sql, hashes, fingerprint)}

    def all_failures(self) -> dict[str, str]:
        """Reason by hash, over all spaces."""
        return {
            row[0]: row[1] for row in self.database.rows("SELECT hash, reason FROM failure ORDER BY fingerprint DESC")
        }

    def all_failures_of(self, hash_: str) -> list[str]:
        """Why a content failed, over all spaces."""
        return [row[0] for row in self.database.rows("SELECT reason FROM failure WHERE hash = ?", hash_)]

    def put_failure(self, fingerprint: str, hash_: str, reason: str) -> None:
        """Record that a content could not be encoded ('' for the fingerprint: not even decoded)."""
        self.database.execute("INSERT OR REPLACE INTO failure VALUES (?, ?, ?)", fingerprint, hash_, reason)

    def forget_failures(self, hashes: Sequence[str]) -> None:
        """So that they are tried again."""
        with self.database.transaction():
            self.database.execute_many("DELETE FROM failure WHERE hash = ?", [(hash_,) for hash_ in hashes])

    def predictions(self, head: str, hashes: Sequence[str]) -> Iterator[tuple[str, bytes]]:
        """(hash, float32 bytes) of what a head has already said."""
        sql = "SELECT hash, probabilities FROM prediction WHERE head = ? AND hash IN (SELECT value FROM json_each(?))"
        for row in self.database.rows_among(sql, hashes, head):
            yield row[0], row[1]

    def put_predictions(self, head: str, rows: Iterable[tuple[str, bytes]]) -> None:
        """Keep what a head says."""
        with self.database.transaction():
            sql = "INSERT OR REPLACE INTO prediction (head, hash, probabilities) VALUES (?, ?, ?)"
            self.database.execute_many(sql, [(head, hash_, values) for hash_, values in rows])

    def signatures(self, name: str, hashes: Sequence[str]) -> Iterator[tuple[str, bytes]]:
        """(hash, value) of those contents whose signature of this name is kept."""
        sql = "SELECT hash, value FROM signature WHERE name = ? AND hash IN (SELECT value FROM json_each(?))"
        for row in self.database.rows_among(sql, hashes, name):
            yield row[0], row[1]

    def put_signatures(self, name: str, rows: Iterable[tuple[str, bytes]]) -> None:
        """Keep signatures."""
        with self.database.transaction():
            sql = "INSERT OR REPLACE INTO signature (name, hash, value) VALUES (?, ?, ?)"
            self.database.execute_many(sql, [(name, hash_, value) for hash_, value in rows])

    def metric(self, name: str, digest: str) -> bytes | None:
        """What was kept of a learned metric; None unless it was fitted from what the digest stands for."""
        value = self.database.value("SELECT value FROM signature WHERE name = ? AND hash = ?", f"metric {name}", digest)
        return None if value is None else bytes(value)

    def put_metric(self, name: str, digest: str, value: bytes) -> None:
        """Keep a learned metric in place of what was kept by that name."""
        # Beside the signatures: a table of its own would be another layout, for which all vectors are thrown away.
        with self.database.transaction():
            self.database.execute("DELETE FROM signature WHERE name = ?", f"metric {name}")
            self.put_signatures(f"metric {name}", [(digest, value)])

    def compiled(self, fingerprint: str, medium: str, whole: bool = True) -> tuple[bytes, bytes] | None:
        """The compiled encoder of a space and its tokenizer; None where none was tried.

        The first is empty where it cannot be had; without `whole`, both are: a form may take hundreds of megabytes.
        """
        columns = "form, tokenizer" if whole else "x'', x''"
        row = self.database.row(
            f"SELECT {columns} FROM compiled WHERE fingerprint = ? AND medium = ?", fingerprint, medium
        )
        return None if row is None else (bytes(row[0]), bytes(row[1]))

    def put_compiled(self, fingerprint: str, medium: str, form: bytes, tokenizer: bytes) -> None:
        """Keep a compiled encoder; an empty form: there is none."""
        sql = "INSERT OR REPLACE INTO compiled (fingerprint, medium, form, tokenizer) VALUES (?, ?, ?, ?)"
        self.database.execute(sql, fingerprint, medium, form, tokenizer)

    def rate(self, fingerprint: str) -> float | None:
        """Items per second when this space was last filled here."""
        value = self.database.value("SELECT rate FROM space WHERE fingerprint = ?", fingerprint)
        return None if value is None else float(value)

    def put_rate(self, fingerprint: str, rate: float) -> None:
        """Remember how fast it went."""
        self.database.execute("UPDATE space SET rate = ? WHERE id = ?", rate, self._space(fingerprint))

    def count(self, fingerprint: str) -> int:
        """How many vectors a space holds."""
        sql = "SELECT count(*) FROM vector WHERE space_id = (SELECT id FROM space WHERE fingerprint = ?)"
        return int(self.database.value(sql, fingerprint))

    def _space(self, fingerprint: str) -> int:
        if fingerprint not in self._spaces:
            found = self.database.value("SELECT id FROM space WHERE fingerprint = ?", fingerprint)
            if found is None and self.database.read_only:
                return -1
            if found is None:
                sql = "INSERT INTO space (fingerprint) VALUES (?) ON CONFLICT DO NOTHING"
                self.database.execute(sql, fingerprint)
                found = self.database.value("SELECT id FROM space WHERE fingerprint = ?", fingerprint)
            self._spaces[fingerprint] = int(found)
        return self._spaces[fingerprint]


def _open(folder: Path) -> Database:
    path = folder / FILE
    if not path.exists():
        if not os.access(folder, os.W_OK):
            return _in_memory(path)
        make(path, _fill)
    database = connect(path, IF_DAMAGED)
    if database.value("PRAGMA user_version") == LAYOUT or database.read_only:
        return database
    database.close()
    make(path, _fill)
    return connect(path, IF_DAMAGED)


def _in_memory(path: Path) -> Database:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.row_factory = sqlite3.Row
    _fill(connection)
    return Database(path, connection, False)


def _fill(connection: sqlite3.Connection) -> None:
    for statement in SCHEMA:
        connection.execute(statement)
