"""`derived.db`: vectors, signatures, comparisons, failures, learned metrics. Codes and forms lie beside it.

All of it is f(fingerprint, content): a person may delete it at any time. Keyed by content hash and fingerprint, never
by a row of the catalogue. It may have taken hours to fill, so nothing here erases it: an older layout is brought up to
date by numbered steps, as the catalogue is, and what cannot be read is put aside under another name.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from curator.errors import WorkspaceError
from curator.store.derived_layouts import DIGESTS, LAYOUT, STEPS
from curator.store.form_files import FormFiles, HashedFiles
from curator.store.migrations import bring_up
from curator.store.paths import held
from curator.store.schema import hold
from curator.store.sqlite import Alone, Database, connect, guard, make, unshared
from curator.store.vector_codes import COLUMNS, VectorCodes

FILE = "derived.db"
UNREAD = "unread"
"""In place of a fingerprint: the file could not be read, which says nothing about its content; it is tried again."""

IF_DAMAGED = "delete it, and `curator encode` fills it again"


class Derived:
    """The cache of a workspace."""

    def __init__(
        self,
        folder: Path,
        say: Callable[[str], None] = lambda line: None,
        alone: Alone = unshared,
    ) -> None:
        """Open the cache in `folder`, made or brought up to date if need be, while nobody else does (`alone`).

        `say` gets a line where a file was put aside. Raises `WorkspaceError` for one that is damaged, or that a newer
        curator made.
        """
        self.database = _open(folder, say, alone)
        self._spaces: dict[str, int] = {}
        self.codes = VectorCodes(self.database, folder)
        self.hashed = HashedFiles(self.database)
        self.forms = FormFiles(self.database, folder, self.hashed)

    def close(self) -> None:
        """Close the connection."""
        self.database.close()

    def vectors(self, fingerprint: str, hashes: Sequence[str]) -> Iterator[tuple[str, bytes]]:
        """(hash, float32 bytes) of those contents that have a vector in the space."""
        space = self.space(fingerprint)
        sql = "SELECT hash, vector FROM vector WHERE space_id = ? AND hash IN (SELECT value FROM json_each(?))"
        return ((row[0], row[1]) for row in self.database.rows_among(sql, hashes, space))

    def spaces(self) -> list[str]:
        """The fingerprint of every space that holds or held vectors."""
        return [row[0] for row in self.database.rows("SELECT fingerprint FROM space ORDER BY id")]

    def all_vectors(self, fingerprint: str) -> Iterator[tuple[str, bytes]]:
        """(hash, bytes) of every vector of a space, one by one."""
        sql = "SELECT hash, vector FROM vector WHERE space_id = ?"
        with self.database.explained():
            for row in self.database.connection.execute(sql, [self.space(fingerprint)]):
                yield row[0], row[1]

    def some_vectors(self, fingerprint: str, limit: int = 64) -> dict[str, bytes]:
        """Vectors of a space by their contents, by chance: the order of contents is that of their hashes."""
        sql = "SELECT hash, vector FROM vector WHERE space_id = ? ORDER BY hash LIMIT ?"
        return {row[0]: bytes(row[1]) for row in self.database.rows(sql, self.space(fingerprint), limit)}

    def forget_vectors(self, fingerprint: str, hashes: Sequence[str]) -> None:
        """So that they are made again."""
        space = self.space(fingerprint)
        with self.database.transaction():
            sql = "DELETE FROM vector WHERE space_id = ? AND hash = ?"
            self.database.execute_many(sql, [(space, hash_) for hash_ in hashes])

    def known(self, fingerprint: str, hashes: Sequence[str]) -> set[str]:
        """Those of `hashes` that have a vector in the space."""
        return {hash_ for hash_, _ in self.numbers(fingerprint, hashes)}

    def numbers(self, fingerprint: str, hashes: Sequence[str]) -> Iterator[tuple[str, int]]:
        """(hash, number of its vector) of those contents that have one in the space."""
        sql = "SELECT hash, rowid FROM vector WHERE space_id = ? AND hash IN (SELECT value FROM json_each(?))"
        return ((row[0], row[1]) for row in self.database.rows_among(sql, hashes, self.space(fingerprint)))

    def numbers_between(self, fingerprint: str, after: str, last: str) -> tuple[str, str]:
        """All contents beyond one up to another that have a vector in the space, in order, and the numbers of these.

        Each in one text with commas between.
        """
        found = "SELECT hash, rowid FROM vector WHERE space_id = ? AND hash > ? AND hash <= ? ORDER BY hash"
        sql = f"SELECT group_concat(hash), group_concat(rowid) FROM ({found})"
        row = self.database.row(sql, self.space(fingerprint), after, last)
        return ("", "") if row is None else (row[0] or "", row[1] or "")

    def numbered(self, fingerprint: str, numbers: Sequence[int]) -> Iterator[tuple[int, bytes]]:
        """(number, float32 bytes) of those vectors of the space that are still there, in the order of their numbers."""
        where = "+space_id = ? AND rowid IN (SELECT value FROM json_each(?))"
        sql = f"SELECT rowid, vector FROM vector WHERE {where} ORDER BY rowid"
        return ((row[0], row[1]) for row in self.database.rows_among(sql, numbers, self.space(fingerprint)))

    def put_vectors(self, fingerprint: str, rows: Iterable[tuple[str, bytes]], precision: str) -> None:
        """Keep vectors; forgets that these contents once failed."""
        space = self.space(fingerprint)
        rows = list(rows)
        with self.database.transaction():
            sql = (
                "INSERT INTO vector (space_id, hash, vector, precision) VALUES (?, ?, ?, ?)"
                " ON CONFLICT DO UPDATE SET vector = excluded.vector, precision = excluded.precision"
            )
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

    def unread(self) -> set[str]:
        """The contents that could not be read when it was last tried, as their files are gone, and may be at another
        time.
        """
        return {row[0] for row in self.database.rows("SELECT hash FROM failure WHERE fingerprint = ?", UNREAD)}

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

    def forget(self, hashes: Sequence[str]) -> int:
        """Remove all that was computed from contents, and write over it; returns how many rows that were."""
        removed = 0
        with self.database.overwriting(), self.database.transaction():
            for table in ("vector", "failure", "signature", "before_profiles"):
                sql = f"DELETE FROM {table} WHERE hash IN (SELECT value FROM json_each(?))"
                removed += self.database.change(sql, json.dumps(list(hashes)))
            for side in ("one", "other"):
                sql = f"DELETE FROM comparison WHERE {side} IN (SELECT value FROM json_each(?))"
                removed += self.database.change(sql, json.dumps(list(hashes)))
            self.codes.forget()
        return removed

    def has_before_profiles(self) -> bool:
        """Whether anything is left of what `before_profiles` asks for."""
        return self.database.value("SELECT 1 FROM before_profiles LIMIT 1") is not None

    def before_profiles(self, hashes: Sequence[str]) -> set[str]:
        """Those of which something was computed before colour profiles counted, and nobody looked at them since."""
        if not self.has_before_profiles():
            return set()
        sql = "SELECT hash FROM before_profiles WHERE hash IN (SELECT value FROM json_each(?))"
        return {row[0] for row in self.database.rows_among(sql, hashes)}

    def settle_profiles(self, seen: Sequence[str], outdated: Sequence[str]) -> None:
        """Look at the first no more; what was computed of the second, which are among them, is made again."""
        with self.database.transaction():
            self.database.execute_many("DELETE FROM before_profiles WHERE hash = ?", [(hash_,) for hash_ in seen])
            for table in ("vector", "signature"):
                self.database.execute_many(f"DELETE FROM {table} WHERE hash = ?", [(hash_,) for hash_ in outdated])
            sql = "DELETE FROM comparison WHERE one = ?1 OR other = ?1"
            self.database.execute_many(sql, [(hash_,) for hash_ in outdated])

    def signatures(self, name: str, hashes: Sequence[str]) -> Iterator[tuple[str, bytes]]:
        """(hash, value) of those contents whose signature of this name is kept."""
        sql = "SELECT hash, value FROM signature WHERE name = ? AND hash IN (SELECT value FROM json_each(?))"
        return ((row[0], row[1]) for row in self.database.rows_among(sql, hashes, name))

    def signed(self, name: str, hashes: Sequence[str]) -> set[str]:
        """Those of these contents whose signature of this name is kept."""
        sql = "SELECT hash FROM signature WHERE name = ? AND hash IN (SELECT value FROM json_each(?))"
        return {row[0] for row in self.database.rows_among(sql, hashes, name)}

    def put_signatures(self, name: str, rows: Iterable[tuple[str, bytes]]) -> None:
        """Keep signatures."""
        with self.database.transaction():
            sql = "INSERT OR REPLACE INTO signature (name, hash, value) VALUES (?, ?, ?)"
            self.database.execute_many(sql, [(name, hash_, value) for hash_, value in rows])

    def comparisons(self, name: str, pairs: Sequence[tuple[str, str]]) -> Iterator[tuple[str, str, bytes]]:
        """(one, other, value) of those pairs of contents of which a comparison of this name is kept, in this order."""
        sql = (
            "SELECT one, other, comparison.value FROM json_each(?2) AS pair CROSS JOIN comparison"
            " ON name = ?1 AND one = json_extract(pair.value, '$[0]') AND other = json_extract(pair.value, '$[1]')"
        )
        return ((row[0], row[1], row[2]) for row in self.database.rows_among(sql, pairs, name))

    def put_comparisons(self, name: str, rows: Iterable[tuple[str, str, bytes]]) -> None:
        """Keep comparisons."""
        with self.database.transaction():
            sql = "INSERT OR REPLACE INTO comparison (name, one, other, value) VALUES (?, ?, ?, ?)"
            self.database.execute_many(sql, [(name, *row) for row in rows])

    def metric(self, name: str, digest: str) -> bytes | None:
        """What was kept of a learned metric; None unless it was fitted from what the digest stands for."""
        value = self.database.value("SELECT value FROM metric WHERE name = ? AND digest = ?", name, digest)
        return None if value is None else bytes(value)

    def put_metric(self, name: str, digest: str, value: bytes) -> None:
        """Keep a learned metric in place of what was kept by that name."""
        self.database.execute("INSERT OR REPLACE INTO metric VALUES (?, ?, ?)", name, digest, value)

    def rate(self, fingerprint: str) -> float | None:
        """Items per second when this space was last filled here."""
        value = self.database.value("SELECT rate FROM space WHERE fingerprint = ?", fingerprint)
        return None if value is None else float(value)

    def put_rate(self, fingerprint: str, rate: float) -> None:
        """Remember how fast it went."""
        self.database.execute("UPDATE space SET rate = ? WHERE id = ?", rate, self.space(fingerprint))

    def count(self, fingerprint: str) -> int:
        """How many vectors a space holds."""
        sql = "SELECT count(*) FROM vector WHERE space_id = (SELECT id FROM space WHERE fingerprint = ?)"
        return int(self.database.value(sql, fingerprint))

    def space(self, fingerprint: str) -> int:
        """The number of a space, given now if need be; -1 where it has none and cannot."""
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


def _open(folder: Path, say: Callable[[str], None], alone: Alone) -> Database:
    path = held(folder, FILE)
    if not path.exists() and not os.access(folder, os.W_OK):
        return _in_memory(path)
    while True:
        database = _there(path)
        if database is not None:
            version = database.value("PRAGMA user_version")
            if version == LAYOUT or (version > 0 and database.read_only):
                return _completed(database, version)
            database.close()
            if database.read_only:
                say(
                    f"{path} is not a cache of this curator and cannot be put aside, as it is read-only: it is left out"
                )
                return _in_memory(path)
        with alone(lambda: not _is_current(path)) as ours:
            if ours:
                return _brought_up(path, say)


def _is_current(path: Path) -> bool:
    database = _there(path)
    if database is None:
        return False
    with contextlib.closing(database):
        return bool(database.value("PRAGMA user_version") == LAYOUT)


def _there(path: Path) -> Database | None:
    """The file as it is; None where there is none, as when somebody deletes it just now."""
    try:
        return _known(path) if path.exists() else None
    except WorkspaceError:
        if path.exists():
            raise
        return None


def _known(path: Path) -> Database:
    """The file as it is; raises `WorkspaceError` where only a newer curator knows what it holds."""
    database = connect(path, IF_DAMAGED)
    version = database.value("PRAGMA user_version")
    if version > LAYOUT:
        database.close()
        there = "in a copy of the workspace that can be written, " if database.read_only else ""
        raise WorkspaceError(
            f"{path} was made by a newer curator (layout {version}, this one knows {LAYOUT}): pip install --upgrade "
            f"curator-agent, or {there}move the file away, and `curator encode` fills another"
        )
    return database


def _brought_up(path: Path, say: Callable[[str], None]) -> Database:
    if path.exists():
        database = _known(path)
        tables = {row["name"] for row in database.rows("SELECT name FROM sqlite_master")}
        version = database.value("PRAGMA user_version")
        if version > 0 and tables >= {"space", "vector", "failure"}:
            try:
                hold(database, STEPS, DIGESTS)
                with database.explained():
                    _migrate(database.connection)
            except sqlite3.Error as error:
                database.close()
                raise WorkspaceError(
                    f"{path} could not be brought up to date ({error}) and is as it was: {IF_DAMAGED}"
                ) from error
            except BaseException:
                database.close()
                raise
            database.write_ahead()
            return database
        database.close()
        if tables or version:
            aside = _put_aside(path)
            say(
                f"{path} is not a cache made by curator: it is kept as {aside.name}, and `curator encode` fills another"
            )
    make(path, _migrate)
    return connect(path, IF_DAMAGED).write_ahead()


def _migrate(connection: sqlite3.Connection) -> None:
    bring_up(connection, "curator derived", STEPS)


def _completed(database: Database, version: int) -> Database:
    """One that is held to its layout; where it cannot be written, with empty tables in memory for later ones."""
    try:
        hold(database, STEPS, DIGESTS)
    except BaseException:
        database.close()
        raise
    database.write_ahead()
    if version == LAYOUT:
        return database
    later = {
        "signature": (2, "(name TEXT, hash TEXT, value BLOB)"),
        "metric": (5, "(name TEXT, digest TEXT, value BLOB)"),
        "before_profiles": (6, "(hash TEXT)"),
        "comparison": (7, "(name TEXT, one TEXT, other TEXT, value BLOB)"),
        "coded": (8, f"({', '.join(f'{name} INTEGER' for name in COLUMNS)})"),
        "recoded": (8, "(space_id INTEGER, vector INTEGER)"),
        "covered": (8, "(space_id INTEGER, media TEXT, change INTEGER, witness TEXT)"),
        "form": (10, "(fingerprint TEXT, medium TEXT, digest TEXT, weights TEXT, weights_name TEXT, tokenizer BLOB)"),
        "way": (
            10,
            "(fingerprint TEXT, medium TEXT, machine TEXT, runtime TEXT, precision TEXT, rate REAL, agrees INTEGER)",
        ),
        "hashed": (10, "(device TEXT, inode TEXT, size INTEGER, modified INTEGER, changed INTEGER, digest TEXT)"),
    }
    database.execute("PRAGMA temp_store = MEMORY")
    for table, (since, columns) in later.items():
        if version < since:
            database.execute(f"CREATE TEMP TABLE {table} {columns}")  # stands before one of the file's by that name
    return database


def _put_aside(path: Path) -> Path:
    """Rename a database, with its log, to a name that is free."""
    number = next(n for n in itertools.count(1) if not path.with_name(f"{path.name}.old-{n}").exists())
    aside = held(path.parent, f"{path.name}.old-{number}")
    for ending in ("-wal", "-shm", ""):
        with contextlib.suppress(FileNotFoundError):
            path.with_name(path.name + ending).rename(aside.with_name(aside.name + ending))
    return aside


def _in_memory(path: Path) -> Database:
    connection = guard(sqlite3.connect(":memory:", isolation_level=None))
    connection.row_factory = sqlite3.Row
    _migrate(connection)
    return Database(path, connection)
