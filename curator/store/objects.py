"""`objects/`: files named by the SHA-256 of their bytes, written once. Not derivable, so part of a backup."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path

from curator.errors import WorkspaceError
from curator.store.paths import held, is_link
from curator.store.private import let_read, make_folder
from curator.store.scratch import beside

NAME = re.compile(f"[0-9a-f]{{{2 * hashlib.sha256().digest_size}}}")
"""What an object is called: the hash of its bytes."""

MOST = 512 << 20
"""Bytes: what heads learnt, and what was held out from them, has less. A file may say that it has any number."""


class Objects:
    """A content-addressed folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.put_here: list[str] = []
        """What was put since this was opened, in whole or in part; what is known of it is in the catalogue."""

    def put(self, data: bytes) -> str:
        """Keep bytes, also in place of damaged ones; returns their SHA-256 (hex).

        Whole or not at all, and on disk when this returns.
        """
        name = hashlib.sha256(data).hexdigest()
        path = self.path(name)
        if self.holds(name):
            return name
        make_folder(path.parent, self.folder.parent)
        self.put_here.append(name)

        def write(made: Path) -> None:
            with made.open("xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            let_read(made, self.folder.parent)
            made.replace(path)

        beside(path.parent, "tmp", write)
        return name

    def get(self, name: str) -> bytes:
        """The bytes of that hash, all in memory; raises `WorkspaceError` as `verified`, and where they are too many."""
        path = self.path(name)
        with self._explained(name):
            size = path.stat().st_size
        if size > MOST:
            raise WorkspaceError(
                f"object {name[:12]} in {self.folder} has {size:,} bytes, more than anything that is read as a whole; "
                "restore it from a backup"
            )
        path = self.verified(name)
        with self._explained(name):
            return path.read_bytes()

    def verified(self, name: str) -> Path:
        """Where the bytes of that hash lie; raises `WorkspaceError` if they are gone or no longer match it."""
        path = self.path(name)
        with self._explained(name):
            if not stat.S_ISREG(path.lstat().st_mode):
                raise WorkspaceError(f"object {name[:12]} in {self.folder} is not a file; restore it from a backup")
            with path.open("rb") as file:
                found = hashlib.file_digest(file, "sha256").hexdigest()
        if found != name:
            raise WorkspaceError(f"object {name[:12]} in {self.folder} is damaged; restore it from a backup")
        return path

    @contextlib.contextmanager
    def _explained(self, name: str) -> Iterator[None]:
        """What the system says of the file of an object, as one line."""
        try:
            yield
        except FileNotFoundError:
            raise WorkspaceError(
                f"object {name[:12]} is missing from {self.folder}; restore it from a backup"
            ) from None
        except OSError as error:
            why = (error.strerror or str(error)).lower()
            raise WorkspaceError(f"object {name[:12]} in {self.folder} cannot be read: {why}") from error

    def holds(self, name: str) -> bool:
        """Whether the bytes of that hash are there, undamaged."""
        try:
            self.verified(name)
        except WorkspaceError:
            return False
        return True

    def names(self) -> Iterator[str]:
        """The hashes of all that is kept."""
        for path in self._files("*"):
            name = path.parent.name + path.name
            if NAME.fullmatch(name):
                yield name

    def half_written(self) -> Iterator[Path]:
        """What a killed run left."""
        return self._files("tmp*")

    @staticmethod
    def remove(path: Path) -> None:
        """Remove a file that `path` or `half_written` gave."""
        path.unlink(missing_ok=True)

    def path(self, name: str) -> Path:
        """Where an object lies. Raises `WorkspaceError` for what is no hash, or lies behind a symbolic link."""
        if not NAME.fullmatch(name):
            raise WorkspaceError(f"{name[:40]!r} is the name of no object of {self.folder}; restore it from a backup")
        return held(self.folder.parent, f"{self.folder.name}/{name[:2]}/{name[2:]}")

    def _files(self, pattern: str) -> Iterator[Path]:
        """Regular files in the folders for objects, none of them behind a symbolic link."""
        held(self.folder.parent, self.folder.name)
        for path in sorted(self.folder.glob(f"[0-9a-f][0-9a-f]/{pattern}")):
            if not is_link(path.parent) and not is_link(path) and path.is_file():
                yield path
