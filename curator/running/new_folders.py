"""Folders that actions make: whole or not at all, with the list of what they hold, by which they can be checked.

What is made lies in a hidden folder beside the target until it is whole. A kill or Ctrl-C leaves that folder, and the
same command goes on from what is there; what goes wrong otherwise removes it.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from curator.api import Folder, FolderArtifact, Link
from curator.catalog.places import Places, expand_path, missing_path, real
from curator.errors import BadInput, CuratorError, is_interrupt, lacking
from curator.media.files import READ, BadContent, hash_file, reason
from curator.media.names import numbered, safe_name
from curator.reporter import Reporter
from curator.store.paths import is_below
from curator.version import __version__

fcntl: Any
try:
    import fcntl
except ImportError:
    fcntl = None

LIST = ".curator-files.jsonl"
"""What a folder holds: a line about the whole, then one for each file, with its size and SHA-256."""


@dataclass(frozen=True, slots=True)
class Made:
    """A folder that was made: how many files it has, which could not be brought in and why, and which names changed."""

    path: Path
    files: int
    failed: tuple[tuple[str, str], ...]
    renamed: Mapping[str, str]


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
        for root in self._places.roots():
            if is_below(target, root):
                raise BadInput(f"{str(path)!r} lies in {root!r}, which was added: name a folder outside of it")
            if is_below(root, target):
                raise BadInput(f"{str(path)!r} holds {root!r}, which was added: name another folder")

    def _refuse_existing(self, path: Path, target: Path) -> None:
        if not (target / LIST).is_file() or target.is_symlink():
            raise BadInput(f"{str(path)!r} exists, and was not made by curator: name another folder")
        if not self._force:
            raise BadInput(f"{str(path)!r} holds another export: name another folder, or add --force to replace it")

    @staticmethod
    def _is_empty(target: Path) -> bool:
        return target.is_dir() and not target.is_symlink() and not any(target.iterdir())

    def make(self, artifact: FolderArtifact, fill: Callable[[Folder], None], reporter: Reporter) -> Made:
        """Make a folder."""
        target = self.checked(artifact.path)
        part = target.parent / f".{target.name}.curator-making"
        with self._own(part, target), reporter.progress(f"making {target.name}", None) as advance:
            try:
                making = Making(part, artifact.link, advance)
                fill(making)
                files = making.end(artifact.about)
                self._place(part, target)
            except BaseException as error:
                if is_interrupt(error):
                    reporter.say(f"what was made is kept in {part}: the same command goes on from it")
                else:
                    shutil.rmtree(part, ignore_errors=True)
                if isinstance(error, OSError) and lacking(error) is not None:
                    raise CuratorError(f"cannot make {str(artifact.path)!r}: {reason(error)}") from error
                raise
        return Made(target, files, tuple(making.failed), making.renamed)

    @contextlib.contextmanager
    def _own(self, part: Path, target: Path) -> Iterator[None]:
        """The folder in which it is made, while nobody else makes the same."""
        part.mkdir(exist_ok=True)
        handle = os.open(part, os.O_RDONLY | os.O_CLOEXEC) if fcntl is not None else None
        try:
            if handle is not None:
                try:
                    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except OSError as error:
                    raise BadInput(f"another curator is making {str(target)!r}: wait for it") from error
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


class Making:
    """The folder that an action fills: `curator.api.Folder`. `failed`: files that could not be brought in, and why."""

    def __init__(self, path: Path, link: Link, advance: Callable[[int], None]) -> None:
        self.failed: list[tuple[str, str]] = []
        self.renamed: dict[str, str] = {}
        self._path = path
        self._link = link
        self._advance = advance
        self._taken = {LIST.casefold()}
        self._numbers: Counter[str] = Counter()
        self._folders: dict[tuple[str, str], str] = {}
        self._list = (path / LIST).open("w", encoding="utf-8")
        self._files = 0

    def put(self, source: Path, *parts: str, hash: str | None = None) -> str | None:
        """A file of the disk, as a file of its own or as another name of it."""
        path = self._free(parts)
        target = self._path / path
        try:
            digest = self._bring(source, target, hash)
        except BadContent as error:
            self.failed.append((str(source), str(error)))
            return None
        except OSError as error:
            if lacking(error) is not None:
                raise
            self.failed.append((str(source), reason(error)))
            return None
        self._note(path, target, digest)
        return path

    @contextlib.contextmanager
    def open(self, *parts: str) -> Iterator[IO[bytes]]:
        """A file to write."""
        path = self._free(parts)
        target = self._path / path
        target.unlink(missing_ok=True)
        with target.open("wb") as file:
            yield file
        self._note(path, target, hash_file(target))

    def end(self, about: str) -> int:
        """Remove what an earlier attempt left that is none of this, and end the list; returns the number of files."""
        for folder, folders, files in os.walk(self._path, topdown=False):
            for name in files:
                path = Path(folder, name)
                if path.relative_to(self._path).as_posix().casefold() not in self._taken:
                    path.unlink()
            for name in folders:
                with contextlib.suppress(OSError):  # there is something in it
                    Path(folder, name).rmdir()
        # Last: a list that ends so is a whole one.
        self._list.write(json.dumps({"curator": __version__, "files": self._files, "about": about}) + "\n")
        self._list.flush()
        os.fsync(self._list.fileno())
        self._list.close()
        return self._files

    # --- names ---

    def _free(self, parts: Sequence[str]) -> str:
        """A path for these names that nothing has, whatever its case; its folder is made."""
        folder = ""
        for part in parts[:-1]:
            if (folder, part) not in self._folders:
                self._folders[folder, part] = found = self._name(folder, part)
                (self._path / found).mkdir(exist_ok=True)
            folder = self._folders[folder, part]
        return self._name(folder, parts[-1])

    def _name(self, folder: str, wanted: str) -> str:
        name = safe_name(wanted)
        if name != wanted:
            self.renamed.setdefault(wanted, name)
        path = name = f"{folder}/{name}" if folder else name
        while path.casefold() in self._taken:
            self._numbers[name.casefold()] += 1
            path = f"{folder}/" if folder else ""
            path += numbered(name.rpartition("/")[2], self._numbers[name.casefold()] + 1)
        self._taken.add(path.casefold())
        return path

    def _note(self, path: str, target: Path, digest: str) -> None:
        row = {"path": path, "bytes": target.stat().st_size, "sha256": digest}
        self._list.write(json.dumps(row, ensure_ascii=False) + "\n")
        self._files += 1
        self._advance(1)

    # --- files ---

    def _bring(self, source: Path, target: Path, hash: str | None) -> str:
        """Returns the SHA-256 of what is there now; raises `BadContent` where that is not what it has to be."""
        if self._link == "symbolic":
            target.unlink(missing_ok=True)
            target.symlink_to(source)
            return hash or hash_file(target)
        if self._link == "hard":
            with contextlib.suppress(FileNotFoundError):
                if target.samefile(source):
                    return hash or hash_file(target)
            target.unlink(missing_ok=True)
            try:
                os.link(source, target)
                return hash or hash_file(target)
            except OSError as error:
                if error.errno not in (errno.EXDEV, errno.EPERM, errno.EMLINK, errno.ENOTSUP):
                    raise
        if hash is not None and target.is_file() and hash_file(target) == hash:
            return hash  # an earlier attempt made it
        return _copied(source, target, hash)


def _copied(source: Path, target: Path, hash: str | None) -> str:
    """The SHA-256 of what was copied, which is taken back if it is not what it has to be."""
    digest = hashlib.sha256()
    target.unlink(missing_ok=True)
    with source.open("rb") as read, target.open("xb") as written:
        while block := read.read(READ):
            digest.update(block)
            written.write(block)
    shutil.copystat(source, target)
    if hash is not None and digest.hexdigest() != hash:
        target.unlink()
        raise BadContent("not as it was when it was added")
    return digest.hexdigest()
