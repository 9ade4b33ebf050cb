"""Compiled encoders as files beside `derived.db`, and what is remembered of how they run.

A form may take hundreds of megabytes, which runtimes read or map by themselves. A file is named by its content, and is
whole as soon as it has that name; the cache says which belongs to what, and its SHA-256. All of it is the cache of a
cache.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import re
import secrets
import stat
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, TypeAlias

from curator.errors import WorkspaceError
from curator.store.paths import held, is_link
from curator.store.private import let_read, make_folder, private
from curator.store.scratch import beside
from curator.store.sqlite import Database

PREFIX = "derived.db.form-"
MAKING = ".derived.db.form-"
NAME = re.compile("[0-9a-f]{32}")

COLUMNS = "fingerprint, medium, digest, weights, weights_name"

FRESH = 2.0
"""Seconds: a file that was changed so recently could be changed again without its times telling."""


class HashedFiles:
    """SHA-256 of large files that are the same for long, as weights: remembered by device, inode, size and times."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def digest(self, path: Path, remembered: bool = True) -> str:
        """SHA-256 (hex) of the whole file, read anew where it is not `remembered`.

        Raises `OSError`, also for what is no regular file.
        """
        with open(path, "rb", opener=_regular) as file:
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


def _regular(path: str, flags: int) -> int:
    """Open a regular file: an `opener`. A FIFO would have to be waited for until somebody writes into it."""
    opened = os.open(path, flags | getattr(os, "O_NONBLOCK", 0))
    if not stat.S_ISREG(os.fstat(opened).st_mode):
        os.close(opened)
        raise OSError(errno.EINVAL, "not a regular file", path)
    return opened


def _hash(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _state(status: os.stat_result) -> tuple[str, str, int, int, int]:
    # Numbers of devices and inodes may be larger than SQLite's.
    return str(status.st_dev), str(status.st_ino), status.st_size, status.st_mtime_ns, status.st_ctime_ns


@dataclass(frozen=True, slots=True)
class Form:
    """What is known of an encoder's form for a medium. `digest`: SHA-256 of its file, empty where it cannot be had.

    `weights`: that of a second file, whose name the first one holds; empty where all lies in the first.
    """

    fingerprint: str
    medium: str
    digest: str
    weights: str
    weights_name: str
    tokenizer: bytes


Part: TypeAlias = Callable[[bytes, str, BinaryIO], bytes]
"""Takes the weights out of a form and writes them into a file of that name; what is left of the form names it."""


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
            f"SELECT {COLUMNS}, tokenizer FROM form WHERE fingerprint = ? AND medium = ?",
            fingerprint,
            medium,
        )
        return None if row is None else Form(*row)

    def has_all(self, fingerprint: str, media: Iterable[str]) -> bool:
        """Whether there is a form for each of these media, whole."""
        known = [self.of(fingerprint, medium) for medium in media]
        return all(form is not None and self.path(form) is not None for form in known)

    def all(self) -> list[Form]:
        """Every form that was tried, without the tokenizers."""
        return [Form(*row) for row in self.database.rows(f"SELECT {COLUMNS}, x'' FROM form")]

    def path(self, form: Form, remembered: bool = True) -> Path | None:
        """Its file; None where one of its files is gone, or is not what was written.

        That is told by what is `remembered` of them, or anew.
        """
        first = self._whole(form.digest[:32], form.digest, remembered)
        if not form.weights or first is None:
            return first
        return first if self._whole(form.weights_name, form.weights, remembered) else None

    def _whole(self, name: str, digest: str, remembered: bool) -> Path | None:
        if not NAME.fullmatch(name):
            return None
        try:
            path = held(self.folder, PREFIX + name)
            return path if self.hashed.digest(path, remembered) == digest else None
        except (OSError, WorkspaceError):  # a symbolic link is none of curator's files, wherever it leads
            return None

    def folder_in_place(self, form: Form) -> Path | None:
        """A folder where a file of a form should be: unlike all else, no file can be put in its place."""
        paths = (
            self.folder / (PREFIX + name) for name in (form.digest[:32], form.weights_name) if NAME.fullmatch(name)
        )
        return next((path for path in paths if path.is_dir() and not is_link(path)), None)

    def put(self, fingerprint: str, medium: str, form: bytes, tokenizer: bytes, part: Part | None = None) -> Form:
        """Keep a form, an empty one: there is none; with `part` its weights in a file of their own.

        Raises `OSError` where it cannot be written, `WorkspaceError` where a folder is in its place.
        """
        if not form:
            row = Form(fingerprint, medium, "", "", "", tokenizer)
            self._keep(row, {})
            return row

        def write(made: Path) -> Form:
            make_folder(made, self.folder)
            weights, name = "", ""
            left = form
            if part is not None:
                name = secrets.token_hex(16)
                with self._file(held(made, "weights")) as file:
                    left = part(form, PREFIX + name, file)
                weights = _hash(held(made, "weights"))
            with self._file(held(made, "form")) as file:
                file.write(left)
            row = Form(fingerprint, medium, hashlib.sha256(left).hexdigest(), weights, name, tokenizer)
            names = {held(made, "form"): row.digest[:32], **({held(made, "weights"): name} if part else {})}
            self._keep(row, names)
            return row

        return beside(self.folder, MAKING, write)

    @contextlib.contextmanager
    def _file(self, path: Path) -> Iterator[BinaryIO]:
        """A new file, which is on the disk when it is closed."""
        with open(path, "xb", opener=private) as file:
            let_read(path, self.folder)
            yield file
            file.flush()
            os.fsync(file.fileno())

    def _keep(self, row: Form, files: Mapping[Path, str]) -> None:
        """Put files in their places, and the row that names them."""
        # Within the transaction, as nobody else tidies up meanwhile: two processes may make the same form at once.
        with self.database.transaction():
            self._tidy()
            for path, name in files.items():
                place = held(self.folder, PREFIX + name)
                if place.is_dir():
                    raise WorkspaceError(f"{str(place)!r} is a folder where a compiled form belongs: remove it")
                path.replace(place)
            sql = f"INSERT OR REPLACE INTO form ({COLUMNS}, tokenizer) VALUES (?, ?, ?, ?, ?, ?)"
            self.database.execute(
                sql, row.fingerprint, row.medium, row.digest, row.weights, row.weights_name, row.tokenizer
            )
            self._tidy()

    def forget(self, fingerprint: str, medium: str) -> None:
        """So that it is made again."""
        with self.database.transaction():
            self.database.execute("DELETE FROM form WHERE fingerprint = ? AND medium = ?", fingerprint, medium)
            self._tidy()

    def _tidy(self) -> None:
        """Remove files that are of nothing in the cache: a kill leaves them, and a cache that was deleted.

        And what is no file, as a symbolic link, whose own place a form may be put in.
        """
        known = {PREFIX + name for form in self.all() for name in (form.digest[:32], form.weights_name)}
        for path in self.folder.glob(PREFIX + "*"):
            if NAME.fullmatch(path.name.removeprefix(PREFIX)):
                with contextlib.suppress(OSError):
                    if path.name not in known or not stat.S_ISREG(path.lstat().st_mode):
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
