"""What both databases share: opening, transactions, and errors in curator's own words."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias

from curator.errors import WorkspaceError
from curator.store.paths import held, refuse_strange
from curator.store.private import let_read, private
from curator.store.scratch import free, remove
from curator.store.unwritten import Unwritten

BUSY_SECONDS = 30.0
"""How long SQLite waits for another writer; runs wait for each other before that, by the workspace's lock."""

CHUNK = 10_000

Alone: TypeAlias = Callable[[Callable[[], bool]], AbstractContextManager[bool]]
"""Given whether something is still to be done, makes a block in which nobody else has a database of the workspace open;
its value is False where somebody else did it meanwhile."""


def unshared(needed: Callable[[], bool]) -> AbstractContextManager[bool]:
    """For who knows that the workspace is used by nobody else."""
    return nullcontext(needed())


OF_THE_DISK = ("disk I/O error", "unable to open")
"""What SQLite says of a full disk, too, where it cannot make or enlarge the files beside a database."""

LITTLE = 1 << 20
"""Bytes that are free on a full disk, at most: less than what stands beside a database takes."""

BACKUP = ".curator-backup-"
"""How names begin under which a backup is made."""

RESTORE = "restore it from a backup"

NOT_OURS = ("malformed JSON", "Could not decode to UTF-8", "JSON path error")
"""What SQLite says of values that no curator wrote."""


class Database:
    """A connection in autocommit mode; what belongs together goes through `transaction()`."""

    def __init__(
        self, path: Path, connection: sqlite3.Connection, unwritten: Unwritten | None = None, if_damaged: str = RESTORE
    ) -> None:
        self.path = path
        self.connection = connection
        self.read_only = unwritten is not None
        self.if_damaged = if_damaged
        self.unwritten = unwritten
        self._columns: dict[str, frozenset[str]] = {}

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
        return next(iter(self.row(sql, *parameters) or ()), None)

    def rows_among(self, sql: str, values: Sequence[Any], *parameters: Any) -> Iterator[sqlite3.Row]:
        """Rows of a query whose last placeholder takes a JSON list for `json_each(?)`, a chunk at a time."""
        for start in range(0, len(values), CHUNK):
            yield from self.rows(sql, *parameters, json.dumps(list(values[start : start + CHUNK])))

    def each(self, sql: str, *parameters: Any) -> Iterator[sqlite3.Row]:
        """Rows of a query one by one, however many; nothing is to be written until they are read."""
        with self.explained():
            cursor = self.connection.execute(sql, parameters)
        while page := self._page(cursor):
            yield from page

    def _page(self, cursor: sqlite3.Cursor) -> list[sqlite3.Row]:
        with self.explained():
            return cursor.fetchmany(CHUNK)

    def pages(self, sql: str, *parameters: Any, after: int = 0) -> Iterator[list[sqlite3.Row]]:
        """Rows of a query by the id that is its first column and last condition (`id > ?`), a page at a time.

        One may write between two pages.
        """
        while page := self.rows(f"{sql} ORDER BY 1 LIMIT {CHUNK}", *parameters, after):
            yield page
            after = page[-1][0]

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
    def copied(self, folder: Path) -> Iterator[BinaryIO]:
        """A copy in a file without a name, so that a kill leaves none; nobody has to wait. What is damaged is refused.

        SQLite opens files by their names only, so it has one for that instant, while it is empty.
        All that is asked in the block is of the moment of the copy. Errors of SQLite are raised as they are, for they
        are as likely about the disk of the copy.
        """
        self.connection.execute("BEGIN")
        try:
            # A damaged page would be copied like any other. This also fixes the moment.
            found = self.connection.execute("PRAGMA quick_check(1)").fetchone()[0]
            if found != "ok":
                raise self.damaged(" ".join(found.split()))
            name = free(folder, BACKUP)  # known before it is made, so that whatever comes between leaves none
            try:
                with open(name, "x+b", opener=private) as file:
                    with contextlib.closing(sqlite3.connect(name, isolation_level=None)) as copy:
                        remove(name)  # at once: nothing that takes time comes before
                        guard(copy).execute("PRAGMA journal_mode = OFF")
                        self.connection.backup(copy)
                        self._refuse_torn()
                    yield file
            finally:
                remove(name)
        finally:
            self.connection.rollback()

    def kept(self, copy: Path) -> None:
        """Make a copy of this database that stays, whole or not at all."""
        beside = copy.with_name(copy.name + ".new")
        beside.unlink(missing_ok=True)
        try:
            with self.explained(), contextlib.closing(guard(sqlite3.connect(beside, isolation_level=None))) as target:
                target.execute("PRAGMA journal_mode = OFF")
                self.connection.backup(target)
            let_read(beside, copy.parent)
            beside.replace(copy)
        finally:
            beside.unlink(missing_ok=True)

    def write_ahead(self) -> Database:
        """Let readers and a writer work at once, by a log beside the file; returns this."""
        if not self.read_only:
            self.execute("PRAGMA journal_mode = WAL")
            self.execute("PRAGMA synchronous = NORMAL")
        return self

    def hold_names(self, table: str, columns: Iterable[str] = ()) -> None:
        """Raise `WorkspaceError` unless there is such a table with such columns: the history in a file may name any."""
        if table not in self._columns:
            sql = (
                "SELECT name FROM pragma_table_info(?) WHERE (SELECT type FROM sqlite_master WHERE name = ?) = 'table'"
            )
            self._columns[table] = frozenset(row[0] for row in self.rows(sql, table, table))
        strange = [name for name in columns if name not in self._columns[table]]
        if strange or not self._columns[table]:
            which = f"the column {strange[0]!r} of {table!r}" if strange else f"the table {table!r}"
            raise WorkspaceError(f"the history in {self.path} names {which}, which is none of curator's: {RESTORE}")

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
            self._refuse_torn()
        except sqlite3.OperationalError as error:
            self._refuse_torn()
            text = str(error)
            if "readonly" in text or (self.read_only and "attempt to write" in text):
                raise read_only_error(self.path) from error
            if "locked" in text:
                message = f"{self.path} has been locked by another program for {BUSY_SECONDS:.0f} seconds: try again"
                raise WorkspaceError(message) from error
            if "disk is full" in text or (any(words in text for words in OF_THE_DISK) and _is_full(self.path)):
                message = (
                    f"{self.path} cannot be written, as the disk is full; nothing of this step was kept: make room"
                )
                raise WorkspaceError(message) from error
            if "disk I/O error" in text:
                raise WorkspaceError(f"{self.path} cannot be written: {text}; nothing of this step was kept") from error
            if "unable to open" in text:
                raise _cannot_open(self.path, error) from error
            if any(words in text for words in NOT_OURS):
                raise self.damaged(text) from error
            raise
        except sqlite3.DatabaseError as error:
            self._refuse_torn()
            if "malformed" in str(error) or "not a database" in str(error) or "too big" in str(error):
                raise self.damaged(error) from error
            raise

    def _refuse_torn(self) -> None:
        if self.unwritten is not None:
            self.unwritten.hold()

    def foreign(self, what: str) -> WorkspaceError:
        """The one line for a file that holds what no curator makes."""
        return WorkspaceError(
            f"{self.path} was changed by something else: {what}. Nothing of it was run: unless you did that yourself, "
            f"trust nothing of it; {self.if_damaged}"
        )

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


def _is_full(path: Path) -> bool:
    with contextlib.suppress(OSError):
        return shutil.disk_usage(path.parent).free < LITTLE
    return False


def guard(connection: sqlite3.Connection) -> sqlite3.Connection:
    """As SQLite's documentation advises for a file that may come from anybody; returns it."""
    for setting in ("trusted_schema = OFF", "cell_size_check = ON", "mmap_size = 0"):
        connection.execute(f"PRAGMA {setting}")
    return connection


def make(path: Path, fill: Callable[[sqlite3.Connection], None]) -> None:
    """Make a database whole under another name, then put it in place: nobody ever meets, or leaves, half of one.

    The caller sees to it that nobody else makes the same one, or has one open that was deleted from there.
    """
    path, beside = held(path.parent, path.name), held(path.parent, path.name + ".new")
    for name in (beside, path):
        # A log without its database would be played back into the new one.
        for ending in ("-wal", "-shm"):
            name.with_name(name.name + ending).unlink(missing_ok=True)
    beside.unlink(missing_ok=True)
    os.close(os.open(beside, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    let_read(beside, path.parent)  # SQLite gives its log the same mode
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
    refuse_strange(path)
    writable = os.access(path if path.exists() else path.parent, os.W_OK) and os.access(path.parent, os.W_OK)
    if writable:
        return _configured(Database(path, _opened(path, "mode=rw"), None, if_damaged))
    unwritten = Unwritten(path)
    return _configured(Database(path, _opened(path, unwritten.option), unwritten, if_damaged))


def _opened(path: Path, options: str) -> sqlite3.Connection:
    """A connection to a file that exists: SQLite would make one that was deleted a moment ago."""
    uri = f"{path.absolute().as_uri()}?{options}"
    try:
        return sqlite3.connect(uri, uri=True, timeout=BUSY_SECONDS, isolation_level=None)
    except sqlite3.OperationalError as error:
        raise _cannot_open(path, error) from error


def _configured(database: Database) -> Database:
    database.connection.row_factory = sqlite3.Row
    try:
        with database.explained():
            guard(database.connection).execute("PRAGMA foreign_keys = ON")
            database.connection.execute("SELECT count(*) FROM sqlite_master")
    except BaseException:
        database.close()
        raise
    return database
