"""Restoring a backup. An archive may come from anybody: only what a backup holds is taken out of it, and checked."""

from __future__ import annotations

import contextlib
import hashlib
import lzma
import os
import shutil
import tarfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from curator.errors import BadInput, NotFound, WorkspaceError
from curator.reporter import size as told_size
from curator.store.catalogue import FILE, open_catalogue
from curator.store.catalogue.integrity import users
from curator.store.catalogue.items import ItemStore
from curator.store.objects import NAME, Objects
from curator.store.paths import held
from curator.store.private import PRIVATE, let_read
from curator.store.scratch import beside

PIECE = 1 << 20

BROKEN = (tarfile.TarError, EOFError, ValueError, OverflowError, IndexError, KeyError, zlib.error, lzma.LZMAError)
"""What tarfile, and what unpacks for it, raise at an archive that is none, or at headers that somebody made up."""


@dataclass(frozen=True, slots=True)
class Restored:
    """What is in the folder now. `missing`: heads and models whose object is in no archive, as it was left out."""

    path: Path
    items: int
    objects: int
    missing: tuple[str, ...]


def restore(archive: Path, target: Path) -> Restored:
    """Make a workspace of a backup, in a folder that is not there or empty; whole or not at all.

    Every object is held to its hash, and the catalogue to what curator makes. Raises `BadInput` for what is no backup
    or may not be replaced, `WorkspaceError` for a damaged one or a full disk.
    """
    _refuse_taken(target)
    try:
        with _opened(archive) as tar:
            target.parent.mkdir(parents=True, exist_ok=True)
            return beside(target.parent, ".curator-restoring-", lambda draft: _make(tar, archive, draft, target))
    except BROKEN as error:
        raise BadInput(
            f"{str(archive)!r} is not a backup made by curator, or not a whole one ({_first_line(error)})"
        ) from error
    except OSError as error:
        what = f": {error.filename!r}" if error.filename else ""
        raise WorkspaceError(f"cannot restore: {(error.strerror or str(error)).lower()}{what}") from error


def _first_line(error: Exception) -> str:
    """Where no compression fits, tarfile tells what each of them said."""
    return next(iter(str(error).splitlines()), type(error).__name__)


@contextlib.contextmanager
def _opened(archive: Path) -> Iterator[tarfile.TarFile]:
    if not archive.exists():
        raise NotFound(f"no file {str(archive)!r}")
    if not archive.is_file():
        raise BadInput(f"{str(archive)!r} is not a file: name the archive that `curator backup` wrote")
    with tarfile.open(archive) as tar:
        yield tar


def _make(tar: tarfile.TarFile, archive: Path, draft: Path, target: Path) -> Restored:
    """Take all of it out into a folder of this name, on the same disk as the target, and put that in place."""
    draft.mkdir(mode=PRIVATE)
    draft.chmod(PRIVATE)
    count = _unpack(tar, draft, archive)
    restored = _held(draft, target, archive, count)
    try:
        if target.exists():
            target.rmdir()
        draft.rename(target)
    except OSError:
        _refuse_taken(target)  # as by another restore at the same time
        raise
    return restored


def _refuse_taken(target: Path) -> None:
    if target.is_symlink() or (target.exists() and (not target.is_dir() or any(target.iterdir()))):
        raise BadInput(f"{str(target)!r} already exists: name a new folder with --to")


def _unpack(tar: tarfile.TarFile, draft: Path, archive: Path) -> int:
    """Take out the catalogue and the objects; returns how many of these there are."""
    seen: set[str] = set()
    room = shutil.disk_usage(draft).free
    for member in tar:
        name = member.name.removeprefix("./")
        if member.isdir() and name in (".", "", "objects", *(f"objects/{n:02x}" for n in range(256))):
            continue
        of_object = name.startswith("objects/") and NAME.fullmatch(name.removeprefix("objects/").replace("/", "", 1))
        if not member.isreg() or name in seen or not (name == FILE or (of_object and name[10:11] == "/")):
            raise BadInput(f"{str(archive)!r} is not a backup made by curator: it holds {member.name!r}")
        room -= member.size
        if room < 0:
            raise WorkspaceError(
                f"no space for the contents of {str(archive)!r}: {name} takes {told_size(member.size)}"
            )
        seen.add(name)
        source = tar.extractfile(member)
        assert source is not None
        _copy(source, draft, name)
    if FILE not in seen:
        raise BadInput(f"{str(archive)!r} is not a backup made by curator: it holds no {FILE}")
    return len(seen) - 1


def _copy(source: IO[bytes], draft: Path, name: str) -> None:
    path = held(draft, name)
    for folder in (path.parent.parent, path.parent) if name != FILE else ():
        folder.mkdir(mode=PRIVATE, exist_ok=True)
    digest = hashlib.sha256()
    with path.open("xb") as file:
        while piece := source.read(PIECE):
            digest.update(piece)
            file.write(piece)
        file.flush()
        os.fsync(file.fileno())
    let_read(path, draft)
    if name != FILE and digest.hexdigest() != name.removeprefix("objects/").replace("/", ""):
        raise WorkspaceError(f"{name} in the archive is damaged, so nothing was restored: take an earlier backup")


def _held(draft: Path, target: Path, archive: Path, objects: int) -> Restored:
    """Hold the catalogue to what curator makes; what is said of it names the archive."""
    try:
        with contextlib.closing(open_catalogue(draft)) as catalogue:
            damages = catalogue.damages()
            if damages:
                raise catalogue.damaged(damages[0])
            kept = Objects(draft / "objects")
            missing = tuple(sorted(user for name, user in users(catalogue).items() if not kept.path(name).exists()))
            return Restored(target, ItemStore(catalogue).count(), objects, missing)
    except WorkspaceError as error:
        told = str(error).replace(str(draft / FILE), f"{FILE} in {str(archive)!r}").replace(str(draft), str(target))
        raise WorkspaceError(told) from error
