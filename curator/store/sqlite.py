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

BUSY_SECONDS = 30.0
"""How long SQLite waits for another writer; runs wait for each other before that, by the workspace's lock."""

CHUNK = 10_000

RESTORE = "restore it from a backup"


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

    def change(self, sql: str, *parameters: Any) -> int:
        """Write; returns how many rows that changed."""
        with self.explained():
            return self.connection.execute(sql, parameters).rowcount

    @contextlib.contextmanager
    def overwriting(self) -> Iterator[None]:
        """What is deleted in this block is written over with zeros."""
        self.execute("PRAGMA secure_delete = ON")
        try:
            yield
        finally:
            self.execute("PRAGMA secure_delete = OFF")

    def without_traces(self) -> None:
        """Write the file anew, without what was deleted, and empty its log. Raises `WorkspaceError` while others read.

        Outside of a transaction.
        """
        with self.explained():
            self.execute("VACUUM")
            busy = self.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
        if busy:
            raise WorkspaceError(f"{self.path} is being read by another program: traces of what was deleted are left")

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """All of the block or nothing of it. Inside another transaction, part of that one."""
        if self.connection.in_transaction:
            yield
            return
        self.execute("BEGIN IMMEDIATE")
        try:
            yield
            with self.explained():
                self.connection.commit()
        except BaseException:
            self.connection.rollback()
            raise

    @contextlib.contextmanager
    def durable(self) -> Iterator[None]:
        """What is committed here is on the disk before the block goes on, also if the power fails."""
        self.execute("PRAGMA synchronous = FULL")
        try:
            yield
        finally:
            self.execute("PRAGMA synchronous = NORMAL")

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
    beside = path.with_name(path.name + ".new")
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
