"""A backup: one consistent archive of what cannot be derived, made while the workspace is in use."""

from __future__ import annotations

import os
import sqlite3
import stat
import tarfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from curator.catalog.places import real
from curator.errors import BadInput, WorkspaceError
from curator.store.catalogue import FILE
from curator.store.catalogue.integrity import users
from curator.store.catalogue.items import ItemStore
from curator.store.objects import Objects
from curator.store.paths import is_below
from curator.store.scratch import beside
from curator.store.sqlite import BACKUP, Database


@dataclass(frozen=True, slots=True)
class Backup:
    """What an archive holds, and its size in bytes. `left_out`: (head or object, reason) of what is damaged."""

    path: Path
    items: int
    objects: int
    size: int
    left_out: tuple[tuple[str, str], ...]


def back_up(database: Database, objects: Objects, target: Path, force: bool = False) -> Backup:
    """Write catalogue and objects into a tar archive, compressed if the name ends in `.gz` or `.tgz`.

    Nobody has to wait: the catalogue is copied as it is at one moment, and the objects after it, so that each
    one that it names is there; every object is checked against its hash, and left out if it is damaged: a head
    can be fitted again. The archive appears whole or not at all. Raises `BadInput` for a target that exists
    (unless it is a file and `force`) or lies in the workspace, `WorkspaceError` for a damaged catalogue.
    """
    _refuse(target, database.path.parent, force)
    try:
        return beside(target.parent, BACKUP, lambda path: _make(database, objects, path, target))
    except (OSError, sqlite3.OperationalError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise WorkspaceError(f"cannot write {str(target)!r}: {why.lower()}") from error
    except sqlite3.DatabaseError as error:
        raise database.damaged(error) from error


def _make(database: Database, objects: Objects, path: Path, target: Path) -> Backup:
    """Write it, and put it in place. Until it is whole it has no name where that can be: a kill leaves nothing."""
    file, is_named = _draft(path)
    with file:
        report = _write(database, objects, file, target)
        file.flush()
        if not is_named:
            try:
                _name(file, target)
                return report
            except FileExistsError:  # a link never takes another's place: only a file with a name does
                _name(file, path)
    path.replace(target)
    return report


def _draft(path: Path) -> tuple[BinaryIO, bool]:
    """A file to write, and whether it has that name already: on other systems, and file systems of networks."""
    try:
        return os.fdopen(os.open(path.parent, os.O_TMPFILE | os.O_RDWR, 0o600), "w+b"), False
    except (AttributeError, OSError):
        return os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600), "w+b"), True


def _name(file: BinaryIO, path: Path) -> None:
    folder = os.open(path.parent, os.O_RDONLY)
    try:  # with a folder, Python follows the link of /proc; without, it does not, whatever it is told
        os.link(f"/proc/self/fd/{file.fileno()}", path.name, src_dir_fd=folder, dst_dir_fd=folder)
    finally:
        os.close(folder)


def _refuse(target: Path, workspace: Path, force: bool) -> None:
    """What is not to be replaced, whatever was said; and without `force`, anything at all."""
    if is_below(real(target.parent), real(workspace)) or is_below(real(target), real(workspace)):
        raise BadInput(f"{str(target)!r} lies in the workspace: name a file in another folder, best on another disk")
    try:
        mode = os.lstat(target).st_mode
    except OSError:
        return  # nothing there, or writing will say what is wrong
    if stat.S_ISDIR(mode):
        raise BadInput(f"{str(target)!r} is a folder: name a file, such as backup.tar")
    if stat.S_ISLNK(mode):
        raise BadInput(f"{str(target)!r} is a symbolic link to {os.readlink(target)!r}: name the file itself")
    if not stat.S_ISREG(mode):
        raise BadInput(f"{str(target)!r} is not a regular file: name another")
    if not force:
        raise BadInput(f"{str(target)!r} exists: name another file, or add --force")


def _write(database: Database, objects: Objects, file: BinaryIO, target: Path) -> Backup:
    compressed = target.suffix in (".gz", ".tgz")
    with tarfile.open(fileobj=file, mode="w:gz" if compressed else "w") as archive:
        # What is damaged is refused here: the last good archive may be about to be replaced.
        with database.copied(target.parent) as copy:
            items, of = ItemStore(database).count(), users(database)
            entry = archive.gettarinfo(arcname=FILE, fileobj=copy)
            archive.addfile(entry, copy)
        names = sorted({*of, *objects.names()})
        left_out = list(_add(objects, names, of, archive))
    file.flush()
    os.fsync(file.fileno())
    return Backup(target, items, len(names) - len(left_out), os.fstat(file.fileno()).st_size, tuple(left_out))


def _add(
    objects: Objects, names: Iterable[str], users: Mapping[str, str], archive: tarfile.TarFile
) -> Iterator[tuple[str, str]]:
    """Write objects into an archive; whose they are and why of those that cannot be read."""
    for name in names:
        try:
            path = objects.verified(name)
        except WorkspaceError as error:
            yield users.get(name, name[:12]), str(error)
            continue
        entry = tarfile.TarInfo(f"objects/{name[:2]}/{name[2:]}")
        with path.open("rb") as file:
            entry.size, entry.mode = os.fstat(file.fileno()).st_size, 0o600
            archive.addfile(entry, file)
