"""Folders that actions make: whole or not at all, with the list of what they hold, by which they can be checked.

What is made lies in a hidden folder beside the target until it is whole. A kill or Ctrl-C leaves that folder, and the
same command goes on from what is there; what goes wrong otherwise removes it.
"""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import hashlib
import os
import shutil
import stat
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from curator.api import Folder, FolderArtifact
from curator.catalog.places import Places, expand_path, missing_path, real
from curator.catalog.source_tables import Tables
from curator.errors import BadInput, CuratorError, is_interrupt, lacking
from curator.media import file_lists
from curator.media.files import READ, BadContent, hash_file, look, reason
from curator.media.names import numbered, safe_name
from curator.reporter import Reporter, short_path
from curator.store.paths import is_below
from curator.store.scratch import TextSet

fcntl: Any
try:
    import fcntl
except ImportError:
    fcntl = None


@dataclass(frozen=True, slots=True)
class Made:
    """A folder that was made: its files, which names changed, and how many files were copied where no link can be."""

    path: Path
    files: int
    renamed: Mapping[str, str]
    copied: int


class NewFolders:
    """Where folders may be made: outside the workspace and of what is catalogued, and never over other data."""

    def __init__(self, workspace: Path, places: Places, force: bool = False) -> None:
        self._workspace = real(workspace)
        self._places = places
        self._force = force

    def checked(self, path: str | Path) -> Path:
        """The absolute path, if a folder can be made there; raises what is in the way."""
        path = expand_path(path)
        target = Path(real(path.parent), path.name)
        if not target.name:
            raise BadInput(f"cannot make {str(path)!r}: name a new folder")
        if not target.parent.is_dir():
            raise missing_path(path.parent, hint="make that folder first")
        if is_below(str(target), self._workspace):
            raise BadInput(f"{str(path)!r} lies in the workspace: name a folder outside {self._workspace}")
        self._refuse_catalogued(path, str(target))
        if os.path.lexists(target) and not self._is_empty(target):
            self._refuse_existing(path, target)
        if not os.access(target.parent, os.W_OK | os.X_OK):
            raise BadInput(f"cannot make {str(path)!r}: nothing may be made in its folder")
        return target

    def _refuse_catalogued(self, path: Path, target: str) -> None:
        """A file there would be added as a copy of what it was made from, the next time that folder is added."""
        for table in Tables(self._places.database).all():
            if is_below(table.path, target):
                raise BadInput(f"{str(path)!r} holds {table.path!r}, which was added: name another folder")
        for folder in Tables(self._places.database).folders_of_files():
            if is_below(target, folder):
                raise BadInput(
                    f"{str(path)!r} lies in {folder!r}, of which files were added: name a folder outside of it"
                )
            if is_below(folder, target):
                raise BadInput(f"{str(path)!r} holds {folder!r}, of which files were added: name another folder")

    def _refuse_existing(self, path: Path, target: Path) -> None:
        if not file_lists.is_listed(target):
            raise BadInput(f"{str(path)!r} exists, and was not made by curator: name another folder")
        if not self._force:
            raise BadInput(f"{str(path)!r} holds another export: name another folder, or add --force to replace it")
        listed = TextSet()
        try:
            file_lists.collect(target, listed)
        except BadContent as error:
            raise BadInput(f"{str(path)!r} cannot be replaced, as {error}: name another folder") from error
        other = next(file_lists.others(target, listed), None)
        if other is not None:  # somebody laid it there, or it was made there since, as a trained model
            raise BadInput(f"{str(path)!r} holds {other!r}, which is not of that export: move it away first")

    @staticmethod
    def _is_empty(target: Path) -> bool:
        return target.is_dir() and not target.is_symlink() and not any(target.iterdir())

    def make(self, artifact: FolderArtifact, fill: Callable[[Folder], None], reporter: Reporter) -> Made:
        """Make a folder."""
        target = self.checked(artifact.path)
        part = target.parent / f".{target.name}.curator-making"
        with self._own(part, target):
            try:
                with (
                    reporter.progress(f"making {target.name}", None) as advance,
                    Making(part, artifact, advance) as making,
                ):
                    fill(making)
                    made = making.end()
                self._place(part, target)
            except BaseException as error:
                if is_interrupt(error):
                    reporter.say(f"what was made is kept in {short_path(part)}: the same command goes on from it")
                else:
                    shutil.rmtree(part, ignore_errors=True)
                if (full := _full(error)) is not None:
                    why = f"cannot make {str(artifact.path)!r}: {reason(full)}: make room and run it again"
                    raise CuratorError(why) from error
                raise
        return dataclasses.replace(made, path=target)

    @contextlib.contextmanager
    def _own(self, part: Path, target: Path) -> Iterator[None]:
        """The folder in which it is made, while nobody else makes the same."""
        if part.is_symlink():
            raise BadInput(f"{str(part)!r}, in which it is to be made, is a symbolic link: remove that")
        part.mkdir(exist_ok=True)
        handle = os.open(part, os.O_RDONLY | os.O_CLOEXEC) if fcntl is not None else None
        try:
            if handle is not None and not _is_ours(handle, part):
                raise BadInput(f"another curator is making {str(target)!r}: wait for it")
            yield
        finally:
            if handle is not None:
                os.close(handle)

    def _place(self, part: Path, target: Path) -> None:
        """Put it where it belongs; what was there, an export too, goes once it is out of the way."""
        if not os.path.lexists(target) or self._is_empty(target):
            part.replace(target)
            return
        self._refuse_existing(target, target)
        former = target.parent / f".{target.name}.curator-replaced"
        shutil.rmtree(former, ignore_errors=True)
        target.replace(former)
        try:
            part.replace(target)
        except BaseException:
            former.replace(target)
            raise
        shutil.rmtree(former, ignore_errors=True)


def _is_ours(handle: int, part: Path) -> bool:
    """Whether nobody else has the folder, now locked, and it is still the one of that name."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return os.path.samestat(os.fstat(handle), os.lstat(part))
    except OSError:
        return False


def _full(error: BaseException | None) -> OSError | None:
    """What says that there is no room for a file, where that is behind an error."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            return error
        error = error.__cause__ or error.__context__
    return None


class Making:
    """The folder that an action fills: `curator.api.Folder`."""

    def __init__(self, path: Path, artifact: FolderArtifact, advance: Callable[[int], None]) -> None:
        self._path = path
        self._link = artifact.files
        self._about = artifact.about
        self._advance = advance
        self._names = Names()
        self._copied = 0

    def __enter__(self) -> Making:
        _clear(self._path / file_lists.NAME)
        self._list = file_lists.FileList(self._path)
        return self

    def __exit__(self, *error: Any) -> None:
        self._list.__exit__(*error)

    def put(self, source: Path, *parts: str, hash: str | None = None) -> str:
        """A file of the disk, as a file of its own or as another name of it."""
        path = self._free(parts)
        target = self._path / path
        try:
            digest = self._bring(source, target, hash)
        except OSError as error:
            if lacking(error) is not None:
                raise
            raise BadContent(reason(error)) from error
        self._note(path, target, digest)
        return path

    @contextlib.contextmanager
    def open(self, *parts: str) -> Iterator[IO[bytes]]:
        """A file to write."""
        path = self._free(parts)
        target = self._path / path
        _clear(target)
        with target.open("xb") as file:
            yield file
        self._note(path, target, hash_file(target))

    def end(self) -> Made:
        """Remove what an earlier attempt left that is none of this, and end the list."""
        for folder, folders, files in os.walk(self._path, topdown=False):
            for name in (*files, *folders):
                path = Path(folder, name)
                if not self._names.has(path.relative_to(self._path).as_posix()):
                    _clear(path)
        self._list.end(self._about)
        return Made(self._path, self._list.files, self._names.changed, self._copied)

    def _free(self, parts: Sequence[str]) -> str:
        """A path for these names that nothing has; its folder is made."""
        folder = ""
        for part in parts[:-1]:
            folder, new = self._names.folder(folder, part)
            if new:
                path = self._path / folder
                if path.is_symlink() or not path.is_dir():
                    _clear(path)
                    path.mkdir()
        return self._names.file(folder, parts[-1])

    def _note(self, path: str, target: Path, digest: str) -> None:
        self._list.add(path, file_lists.Listed(target.stat().st_size, digest))
        self._advance(1)

    def _bring(self, source: Path, target: Path, hash: str | None) -> str:
        """Returns the SHA-256 of what is there now; raises `BadContent` where that is not what it has to be."""
        if self._link == "symbolic":
            look(str(source))
            _clear(target)
            target.symlink_to(source)
            return hash or hash_file(target)
        if self._link == "hard":
            _clear(target)
            try:
                os.link(source, target)
                return hash or hash_file(target)
            except OSError as error:
                if error.errno not in (errno.EXDEV, errno.EPERM, errno.EMLINK, errno.ENOTSUP):
                    raise
                self._copied += 1
        if hash is not None and _is_own_file(target) and hash_file(target) == hash:
            return hash  # an earlier attempt made it
        _clear(target)
        return _copied(source, target, hash)


class Names:
    """Names that are taken in a folder that is made; `changed`: those that had to be others, and what they became.

    Of a million files their names are not in memory.
    """

    def __init__(self) -> None:
        self.changed: dict[str, str] = {}
        self._taken = TextSet()
        self._taken.add(file_lists.NAME.casefold())
        self._numbers: Counter[str] = Counter()
        self._paths: dict[tuple[str, str], str] = {}
        self._folders: dict[str, str] = {}
        self._folder_names: set[str] = set()

    def has(self, path: str) -> bool:
        """Whether something of this folder is there."""
        return path.casefold() in self._taken

    def folder(self, parent: str, wanted: str) -> tuple[str, bool]:
        """The path of a folder, and whether it is new. What is to have one name has it in every parent, so that a class
        has the name that it has on the other sides of a split, whichever came first there.
        """
        found = self._paths.get((parent, wanted))
        if found is not None:
            return found, False
        if wanted not in self._folders:
            name = first = safe_name(wanted)
            while name.casefold() in self._folder_names:
                self._numbers[first.casefold()] += 1
                name = numbered(first, self._numbers[first.casefold()] + 1)
            self._folder_names.add(name.casefold())
            self._folders[wanted] = name
            if name != wanted:
                self.changed[wanted] = name
        self._paths[parent, wanted] = path = self._untaken(parent, self._folders[wanted])
        return path, True

    def file(self, parent: str, wanted: str) -> str:
        """The path of a file."""
        name = safe_name(wanted)
        if name != wanted:
            self.changed.setdefault(wanted, name)
        return self._untaken(parent, name)

    def _untaken(self, parent: str, name: str) -> str:
        path = first = f"{parent}/{name}" if parent else name
        while not self._taken.add(path.casefold()):
            self._numbers[first.casefold()] += 1
            other = numbered(name, self._numbers[first.casefold()] + 1)
            path = f"{parent}/{other}" if parent else other
        return path


def _is_own_file(path: Path) -> bool:
    """Whether it is a file, and no other name of one."""
    try:
        status = path.lstat()
    except OSError:
        return False
    return stat.S_ISREG(status.st_mode) and status.st_nlink == 1


def _clear(path: Path) -> None:
    """Remove what is there, if anything is."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _copied(source: Path, target: Path, hash: str | None) -> str:
    """The SHA-256 of what was copied, which is taken back if it is not what it has to be."""
    digest = hashlib.sha256()
    with source.open("rb") as read, target.open("xb") as written:
        while block := read.read(READ):
            digest.update(block)
            written.write(block)
    if hash is not None and digest.hexdigest() != hash:
        target.unlink()
        raise BadContent("not as it was when it was added")
    status = source.stat()
    os.utime(target, ns=(status.st_atime_ns, status.st_mtime_ns))
    return digest.hexdigest()
