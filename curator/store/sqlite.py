"""What both databases share: opening, transactions, and errors in curator's own words."""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from curator.errors import WorkspaceError
from curator.store.paths import held

BUSY_SECONDS = 30.0
"""How long SQLite waits for another writer; runs wait for each other before that, by the workspace's lock."""

CHUNK = 10_000

RESTORE = "restore it from a backup"

JOURNAL = bytes.fromhex("d9d505f920a163d7")
"""What a journal of SQLite begins with, and ends with where it names another."""


class Database:
    """A connection in autocommit mode; what belongs together goes through `transaction()`."""

    def __init__(self, path: Path, connection: sqlite3.Connection, read_only: bool, if_damaged: str = RESTORE) -> None:
        self.path = path
        self.connection = connection
        self.read_only = read_only
        self.if_damaged = if_damaged

    def rows(self, sql: str, *parameters: Any) -> list[sqlite3.Row]:
        """All rows of a query."""
        with self.explained():
            return self.connection.execute(sql, parameters).fetchall()

    def row(self, sql: str, *parameters: Any) -> sqlite3.Row | None:
        """The first row, or None."""
        with self.explained():
            row: sqlite3.Row | None = self.connection.execute(sql, parameters).fetchone()
            return row

    def value(self, sql: str, *parameters: Any) -> Any:
        """The first column of the first row, or None."""
        row = self.row(sql, *parameters)
        return None if row is None else row[0]

    def rows_among(self, sql: str, values: Sequence[Any], *parameters: Any) -> Iterator[sqlite3.Row]:
        """Rows of a query whose last placeholder takes a JSON list for `json_each(?)`, a chunk at a time."""
        for start in range(0, len(values), CHUNK):
            yield from self.rows(sql, *parameters, json.dumps(values[start : start + CHUNK]))

    def execute(self, sql: str, *parameters: Any) -> int:
        """Write; returns the id of the row that an INSERT made."""
        with self.explained():
            return self.connection.execute(sql, parameters).lastrowid or 0

    def execute_many(self, sql: str, rows: Iterable[Sequence[Any]]) -> None:
        """Write many rows of one shape."""
        with self.explained():
            self.connection.executemany(sql, rows)

    def transaction(self) -> Transaction:
        """All of the block or nothing of it. Inside another transaction, part of that one."""
        return Transaction(self)

    def durable(self) -> Durable:
        """What is committed here is on the disk before the block goes on, also if the power fails."""
        return Durable(self)

    def abandon(self) -> None:
        """Keep nothing of a transaction that was cut short before its block could end it; where there is none, nothing.

        Whoever catches what cut it short calls this before asking what holds: until then the answer would hold for
        this connection alone.
        """
        with contextlib.suppress(sqlite3.ProgrammingError):  # closed, and so ended
            self.connection.rollback()

    def defer_foreign_keys(self) -> None:
        """Let rows of this transaction name others that are not there yet; what counts is its end."""
        self.execute("PRAGMA defer_foreign_keys = ON")

    @contextlib.contextmanager
    def copied(self, target: Path) -> Iterator[Database]:
        """A copy in a new file, of all as it is at one moment; nobody has to wait. What is damaged is not copied.

        Errors of SQLite are raised as they are, for they are as likely about the disk of the copy.
        """
        with contextlib.closing(sqlite3.connect(target)) as copy:
            self.connection.backup(copy)
            # A damaged page is copied like any other.
            found = copy.execute("PRAGMA quick_check(1)").fetchone()[0]
            if found != "ok":
                raise self.damaged(" ".join(found.split()))
            copy.row_factory = sqlite3.Row
            yield Database(self.path, copy, False, self.if_damaged)

    def damages(self) -> list[str]:
        """What SQLite finds wrong with the pages of the file; empty where it is sound."""
        try:
            return [row[0] for row in self.rows("PRAGMA integrity_check") if row[0] != "ok"]
        except WorkspaceError as error:  # so malformed that SQLite cannot even go through it
            return [str(error.__cause__)]

    def close(self) -> None:
        """Close the connection."""
        self.connection.close()

    @contextlib.contextmanager
    def explained(self) -> Iterator[None]:
        """Turn what SQLite raises about the file as a whole into one clear line."""
        try:
            yield
        except sqlite3.OperationalError as error:
            text = str(error)
            if "readonly" in text or (self.read_only and "attempt to write" in text):
                raise read_only_error(self.path) from error
            if "locked" in text:
                message = f"{self.path} has been locked by another program for {BUSY_SECONDS:.0f} seconds: try again"
                raise WorkspaceError(message) from error
            if "disk is full" in text or "disk I/O error" in text:
                raise WorkspaceError(f"{self.path} cannot be written: {text}; nothing of this step was kept") from error
            if "unable to open" in text:
                raise _cannot_open(self.path, error) from error
            raise
        except sqlite3.DatabaseError as error:
            if "malformed" in str(error) or "not a database" in str(error):
                raise self.damaged(error) from error
            raise

    def damaged(self, what: object) -> WorkspaceError:
        """The one line for a file that SQLite finds faulty."""
        return WorkspaceError(f"{self.path} is damaged ({what}): {self.if_damaged}")


class Transaction:
    """The block of `Database.transaction`.

    A class and no generator: one that an interrupt left half way would roll back when it is collected, which may be in
    the midst of another transaction.
    """

    def __init__(self, database: Database) -> None:
        self.database = database
        self.is_inner = database.connection.in_transaction

    def __enter__(self) -> None:
        if not self.is_inner:
            try:
                self.database.execute("BEGIN IMMEDIATE")
            except BaseException:
                self.database.abandon()
                raise

    def __exit__(self, kind: type[BaseException] | None, *error: object) -> None:
        if self.is_inner:
            return
        try:
            if kind is None:
                with self.database.explained():
                    self.database.connection.commit()
        finally:
            self.database.abandon()


class Durable:
    """The block of `Database.durable`."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def __enter__(self) -> None:
        self.database.execute("PRAGMA synchronous = FULL")

    def __exit__(self, *error: object) -> None:
        with contextlib.suppress(sqlite3.OperationalError):  # in a transaction that was cut short: slower, no more
            self.database.connection.execute("PRAGMA synchronous = NORMAL")


def read_only_error(path: Path) -> WorkspaceError:
    """The one line for every attempt to write where that is not allowed."""
    return WorkspaceError(
        f"the workspace {path.parent} is read-only: nothing was changed (use another with --workspace)"
    )


def _cannot_open(path: Path, error: sqlite3.Error) -> WorkspaceError:
    return WorkspaceError(f"{path} cannot be opened ({error}): check the permissions of it and its folder")


def make(path: Path, fill: Callable[[sqlite3.Connection], None]) -> None:
    """Make a database whole under another name, then put it in place: nobody ever meets, or leaves, half of one.

    The caller sees to it that nobody else makes the same one.
    """
    beside = held(path.parent, path.name + ".new")
    for name in (beside, path):
        # A log without its database would be played back into the new one.
        for ending in ("-wal", "-shm"):
            name.with_name(name.name + ending).unlink(missing_ok=True)
    beside.unlink(missing_ok=True)
    database = connect(beside)
    try:
        with database.explained():
            fill(database.connection)
            database.connection.execute("PRAGMA journal_mode = WAL")
    finally:
        database.close()
    beside.replace(path)


def connect(path: Path, if_damaged: str = RESTORE) -> Database:
    """Open a database, for reading only where the files or their folder cannot be written."""
    _refuse_strange(path)
    if path.is_dir():
        raise WorkspaceError(f"{path} is a folder where a database should be")
    writable = os.access(path if path.exists() else path.parent, os.W_OK) and os.access(path.parent, os.W_OK)
    if writable:
        connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None)
        return _configured(Database(path, connection, False, if_damaged))
    # A database in WAL mode wants to create its -shm file even for reading; where the folder does not
    # allow that, nobody can be writing either, so it may be taken as immutable.
    wal = path.with_name(path.name + "-wal")
    options = "mode=ro" if wal.exists() and wal.stat().st_size else "immutable=1"
    uri = f"{path.absolute().as_uri()}?{options}"
    try:
        connection = sqlite3.connect(uri, uri=True, timeout=BUSY_SECONDS, isolation_level=None)
    except sqlite3.OperationalError as error:
        raise _cannot_open(path, error) from error
    return _configured(Database(path, connection, True, if_damaged))


def _refuse_strange(path: Path) -> None:
    """Raise where opening a database would touch other files: by links, or by a journal that names another.

    SQLite removes the file that a journal names as the one of a transaction over several databases. Curator has no
    such transactions.
    """
    for ending in ("", "-wal", "-shm", "-journal"):
        held(path.parent, path.name + ending)
    journal = path.with_name(path.name + "-journal")
    if journal.is_file() and journal.read_bytes()[-len(JOURNAL) :] == JOURNAL:
        raise WorkspaceError(f"{journal} names a file to be removed, and is none of curator's: remove it")


def _configured(database: Database) -> Database:
    database.connection.row_factory = sqlite3.Row
    try:
        with database.explained():
            database.connection.execute("PRAGMA foreign_keys = ON")
            database.connection.execute("SELECT count(*) FROM sqlite_master")
            ours = database.value("PRAGMA user_version") != 0
            if ours and not database.read_only:
                database.connection.execute("PRAGMA journal_mode = WAL")
                database.connection.execute("PRAGMA synchronous = NORMAL")
    except BaseException:
        database.close()
        raise
    return database
