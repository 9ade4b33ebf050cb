"""A backup: one consistent archive of what cannot be derived, made while the workspace is in use."""

from __future__ import annotations

import io
import os
import sqlite3
import tarfile
import tempfile
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from curator.errors import BadInput, WorkspaceError
from curator.store.catalogue import FILE
from curator.store.objects import Objects
from curator.store.sqlite import Database


@dataclass(frozen=True, slots=True)
class Backup:
    """What an archive holds, and its size in bytes."""

    path: Path
    items: int
    objects: int
    size: int


def back_up(database: Database, objects: Objects, target: Path, force: bool = False) -> Backup:
    """Write catalogue and objects into a tar archive, compressed if the name ends in `.gz` or `.tgz`.

    Nobody has to wait: the catalogue is copied as it is at one moment, and the objects after it, so that each
    one that it names is there; every object is checked against its hash. The archive appears whole or not at
    all. Raises `BadInput` for a target that exists (unless `force`), `WorkspaceError` for a damaged object.
    """
    if target.is_dir():
        raise BadInput(f"{str(target)!r} is a folder: name a file, as in backup.tar")
    if target.exists() and not force:
        raise BadInput(f"{str(target)!r} exists: name another file, or add --force")
    try:
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=".backup") as folder:
            made = Path(folder, "archive")
            report = _write(database, objects, made, target)
            made.replace(target)
    except (OSError, sqlite3.OperationalError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise WorkspaceError(f"cannot write {str(target)!r}: {why.lower()}") from error
    return report


def _write(database: Database, objects: Objects, made: Path, target: Path) -> Backup:
    copy = made.with_name(FILE)
    with closing(sqlite3.connect(copy)) as snapshot:
        database.connection.backup(snapshot)
        items = snapshot.execute("SELECT count(*) FROM item").fetchone()[0]
        named = {row[0] for row in snapshot.execute("SELECT object FROM head")}
    names = sorted(named | set(objects.names()))
    compressed = target.suffix in (".gz", ".tgz")
    with made.open("wb") as file:
        with tarfile.open(fileobj=file, mode="w:gz" if compressed else "w") as archive:
            archive.add(copy, FILE)
            for name in names:
                data = objects.get(name)
                entry = tarfile.TarInfo(f"objects/{name[:2]}/{name[2:]}")
                entry.size = len(data)
                archive.addfile(entry, io.BytesIO(data))
        file.flush()
        os.fsync(file.fileno())
    return Backup(target, items, len(names), made.stat().st_size)
