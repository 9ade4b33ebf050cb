"""Compiled encoders as files beside `derived.db`, and what is remembered of how they run.

A form may take hundreds of megabytes, which runtimes read or map by themselves. A file is named by its content, and is
whole as soon as it has that name; the cache says which belongs to what, and its SHA-256. All of it is the cache of a
cache.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from curator.store.paths import held
from curator.store.private import let_read, private
from curator.store.scratch import beside
from curator.store.sqlite import Database

PREFIX = "derived.db.form-"
MAKING = ".derived.db.form-"
NAME = re.compile("[0-9a-f]{32}")

FRESH = 2.0
"""Seconds: a file that was changed so recently could be changed again without its times telling."""


class HashedFiles:
    """SHA-256 of large files that are the same for long, as weights: remembered by device, inode, size and times."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def digest(self, path: Path, remembered: bool = True) -> str:
        """SHA-256 (hex) of the whole file, read anew where it is not `remembered`. Raises `OSError`."""
        with open(path, "rb") as file:
            status = os.fstat(file.fileno())
            known = self._known(status) if remembered else None
            if known is not None:
                return known
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            after = os.fstat(file.fileno())
        settled = time.time() - max(after.st_mtime, after.st_ctime) > FRESH
        if settled and _state(after) == _state(status) and not self.database.read_only:
            columns = "device, inode, size, modified, changed, digest"
            sql = f"INSERT OR REPLACE INTO hashed ({columns}) VALUES (?, ?, ?, ?, ?, ?)"
            self.database.execute(sql, *_state(status), digest)
        return digest

    def _known(self, status: os.stat_result) -> str | None:
        sql = "SELECT digest FROM hashed WHERE device = ? AND inode = ? AND size = ? AND modified = ? AND changed = ?"
        value = self.database.value(sql, *_state(status))
        return None if value is None else str(value)


def _state(status: os.stat_result) -> tuple[str, str, int, int, int]:
    # Numbers of devices and inodes may be larger than SQLite's.
    return str(status.st_dev), str(status.st_ino), status.st_size, status.st_mtime_ns, status.st_ctime_ns


@dataclass(frozen=True, slots=True)
class Form:
    """What is known of an encoder's form for a medium. `digest`: SHA-256 of its file, empty where it cannot be had."""

    fingerprint: str
    medium: str
    digest: str
    tokenizer: bytes


@dataclass(frozen=True, slots=True)
class Measured:
    """How a way to embed did on a machine. `rate`: items per second, None where only `agrees` was looked at."""

    runtime: str
    precision: str
    rate: float | None
    agrees: bool


class FormFiles:
    """The compiled encoders of a cache."""

    def __init__(self, database: Database, folder: Path, hashed: HashedFiles) -> None:
        self.database = database
        self.folder = folder
        self.hashed = hashed

    @property
    def can_write(self) -> bool:
        """Whether forms can be kept; where the folder cannot be written, the cache may be one in memory."""
        return not self.database.read_only and os.access(self.folder, os.W_OK)

    def of(self, fingerprint: str, medium: str) -> Form | None:
        """What is known of the form of a space; None where none was tried."""
        row = self.database.row(
            "SELECT fingerprint, medium, digest, tokenizer FROM form WHERE fingerprint = ? AND medium = ?",
            fingerprint,
            medium,
        )
        return None if row is None else Form(*row)

    def all(self) -> list[Form]:
        """Every form that was tried, without the tokenizers."""
        return [Form(*row) for row in self.database.rows("SELECT fingerprint, medium, digest, x'' FROM form")]

    def path(self, form: Form, remembered: bool = True) -> Path | None:
        """Its file; None where that is gone, or is not what was written, by what is `remembered` of it or anew."""
        if not NAME.fullmatch(form.digest[:32]):
            return None
        path = held(self.folder, PREFIX + form.digest[:32])
        try:
            return path if self.hashed.digest(path, remembered) == form.digest else None
        except OSError:
            return None

    def put(self, fingerprint: str, medium: str, form: bytes, tokenizer: bytes) -> Form:
        """Keep a form; an empty one: there is none. Raises `OSError` where it cannot be written."""
        digest = hashlib.sha256(form).hexdigest() if form else ""
        row = Form(fingerprint, medium, digest, tokenizer)
        if form:
            beside(self.folder, MAKING, lambda made: self._put(row, form, made))
        else:
            self._put(row)
        return row

    def _put(self, row: Form, form: bytes = b"", made: Path | None = None) -> None:
        if made is not None:
            with open(made, "xb", opener=private) as file:
                let_read(made, self.folder)
                file.write(form)
                file.flush()
                os.fsync(file.fileno())
        # Within the transaction, as nobody else tidies up meanwhile: two processes may make the same form at once.
        with self.database.transaction():
            if made is not None:
                made.replace(held(self.folder, PREFIX + row.digest[:32]))
            sql = "INSERT OR REPLACE INTO form (fingerprint, medium, digest, tokenizer) VALUES (?, ?, ?, ?)"
            self.database.execute(sql, row.fingerprint, row.medium, row.digest, row.tokenizer)
            self._tidy()

    def forget(self, fingerprint: str, medium: str) -> None:
        """So that it is made again."""
        with self.database.transaction():
            self.database.execute("DELETE FROM form WHERE fingerprint = ? AND medium = ?", fingerprint, medium)
            self._tidy()

    def _tidy(self) -> None:
        """Remove files that are of nothing in the cache: a kill leaves them, and a cache that was deleted."""
        known = {PREFIX + form.digest[:32] for form in self.all()}
        for path in self.folder.glob(PREFIX + "*"):
            if path.name not in known and NAME.fullmatch(path.name.removeprefix(PREFIX)):
                with contextlib.suppress(OSError):
                    path.unlink()

    # --- how they run ---

    def measured(self, fingerprint: str, medium: str, machine: str) -> list[Measured]:
        """What was measured of the ways to embed a medium on a machine, the quickest first."""
        sql = (
            "SELECT runtime, precision, rate, agrees FROM way WHERE fingerprint = ? AND medium = ? AND machine = ?"
            " ORDER BY rate DESC, rowid"
        )
        return [
            Measured(row[0], row[1], row[2], bool(row[3]))
            for row in self.database.rows(sql, fingerprint, medium, machine)
        ]

    def put_measured(self, fingerprint: str, medium: str, machine: str, ways: Iterable[Measured]) -> None:
        """Remember it; what was measured before stays as it is, so that the choice does not vary."""
        sql = (
            "INSERT INTO way (fingerprint, medium, machine, runtime, precision, rate, agrees)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)"
            " ON CONFLICT DO UPDATE SET rate = excluded.rate, agrees = excluded.agrees WHERE rate IS NULL"
        )
        rows = [(fingerprint, medium, machine, way.runtime, way.precision, way.rate, way.agrees) for way in ways]
        with self.database.transaction():
            self.database.execute_many(sql, rows)
