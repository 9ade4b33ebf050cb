"""Files that actions make: whether one may be made is known before the work begins; it appears whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO

from curator.catalog.places import Places, expand_path, missing_path, real
from curator.errors import BadInput, CuratorError
from curator.media.files import BadContent, look, reason
from curator.running.new_folders import NewFolders
from curator.store.paths import is_below
from curator.store.scratch import beside


class Targets:
    """Where files may be made: not in the workspace, not over what is catalogued, over another only by `force`."""

    def __init__(self, folder: Path, places: Places, force: bool = False) -> None:
        self._folder = real(folder)
        self._places = places
        self._force = force
        self.folders = NewFolders(folder, places, force)

    def checked(self, path: str | Path, endings: Sequence[str] = ()) -> Path:
        """The absolute path, if a file can be made there; raises what is in the way."""
        # The folder with links followed, the name not: a link that stands there is replaced, not what it points to.
        path = expand_path(path)
        target = Path(real(path.parent), path.name)
        if endings and target.suffix.lower() not in endings:
            raise BadInput(f"cannot write {str(path)!r}: name a file that ends in {', '.join(endings)}")
        if target.parent.is_file():
            raise BadInput(f"cannot write {str(path)!r}: {str(path.parent)!r} is a file, not a folder")
        if not target.parent.is_dir():
            raise missing_path(path.parent, hint="make that folder first")
        if target.is_dir():
            raise BadInput(f"{str(path)!r} is a folder: name a file in it")
        if is_below(str(target), self._folder):
            raise BadInput(f"{str(path)!r} lies in the workspace: name a file outside {self._folder}")
        if self._catalogued(str(target)):
            raise BadInput(f"{str(path)!r} is a catalogued file, which is never written over: name another file")
        if os.path.lexists(target) and not self._force:
            raise BadInput(f"{str(path)!r} exists: name another file, or add --force")
        if not os.access(target.parent, os.W_OK | os.X_OK):
            raise BadInput(f"cannot write {str(path)!r}: nothing may be made in its folder ({_why_not(target.parent)})")
        return target

    def write(self, path: Path, render: Callable[[IO[bytes]], None]) -> Path:
        """Make a file; returns where it is. A stop at any moment leaves what was there before."""
        target = self.checked(path)
        try:
            # Without a name while it is made, so that not even a kill leaves half a file behind.
            with tempfile.TemporaryFile(dir=target.parent) as made:
                render(made)
                made.flush()
                made.seek(0)
                self._place(made, target)
        except OSError as error:
            raise CuratorError(f"cannot write {str(path)!r}: {reason(error)}") from error
        return target

    def _place(self, made: IO[bytes], target: Path) -> None:
        def place(part: Path) -> None:
            with part.open("xb") as file:
                shutil.copyfileobj(made, file)
                file.flush()
                os.fsync(file.fileno())
            if not self._force:
                # What somebody else has put there in the meantime is not written over.
                with contextlib.suppress(OSError):
                    os.link(part, target)
                    return
                self.checked(target)
            part.replace(target)

        beside(target.parent, ".curator-making-", place)

    def _catalogued(self, target: str) -> bool:
        if self._places.at(target) or self._places.at(real(target)):
            return True
        try:
            return self._places.same_file(look(target)) is not None
        except BadContent:
            return False


def _why_not(folder: Path) -> str:
    """Why nothing may be made there."""
    if hasattr(os, "statvfs") and os.statvfs(folder).f_flag & os.ST_RDONLY:
        return os.strerror(errno.EROFS).lower()
    return os.strerror(errno.EACCES).lower()
