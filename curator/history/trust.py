"""Which workspaces may move files outside of their own folder: those that this user made here, or said to trust.

A workspace can be sent, and what stands in it proves nothing of whose it is. So that is kept where no sender can write:
in the user's state folder, a record for each workspace by its id, its folder and its catalogue's inode. A copy, a moved
one and one that was put in the place of another are thus not known, and are asked about once.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import secrets
import sys
from collections.abc import Iterable
from pathlib import Path

from curator.errors import NotTrusted, WorkspaceError
from curator.store.catalogue.settings import ID, SettingStore
from curator.store.paths import is_below
from curator.store.sqlite import Database, read_only_error


class Trust:
    """Whether a workspace is known to this user."""

    def __init__(self, folder: Path, database: Database) -> None:
        self.folder = os.path.realpath(folder)
        self.database = database
        self.settings = SettingStore(database)

    def given(self) -> bool:
        """Whether this user made it here, or said to trust it."""
        try:
            id_ = self.settings.value(ID)
            return isinstance(id_, str) and self._record(id_).is_file()
        except WorkspaceError:
            return False

    def require(self, plan: Iterable[tuple[str, str]]) -> None:
        """Raise `NotTrusted` where it is not; `plan` says what would be moved, as (from, to).

        `WorkspaceError` where it is read-only, since no trust would help then.
        """
        if self.database.read_only:
            raise read_only_error(self.database.path)
        if not self.given():
            raise NotTrusted(
                f"nothing was moved: the workspace {self.folder} was not made here, and may come from anybody: "
                f"`curator trust` shows what it could move, and lets it",
                [*plan],
            )

    def give(self) -> None:
        """Know it from now on. Raises `WorkspaceError` where that cannot be kept."""
        if not self.settings.holds(ID):
            if self.database.read_only:
                raise read_only_error(self.database.path)
            self.settings.identify(secrets.token_hex(16))
        id_ = str(self.settings.value(ID))
        record = self._record(id_)
        try:
            record.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            record.write_text(json.dumps({"folder": self.folder, "id": id_}), encoding="ascii")
        except OSError as error:
            raise WorkspaceError(f"cannot record in {str(record)!r} that it is trusted: {error.strerror}") from error

    def take(self) -> None:
        """Know it no more."""
        with contextlib.suppress(FileNotFoundError):
            self._record(str(self.settings.value(ID))).unlink()

    def _record(self, id_: str) -> Path:
        """The file that stands for knowing it; its name holds nothing that a sender could choose."""
        folder = state_folder()
        if is_below(os.path.realpath(folder), self.folder):
            raise WorkspaceError(f"{str(folder)!r}, where trust is recorded, lies in the workspace itself")
        known_by = json.dumps([id_, self.folder, os.stat(self.database.path).st_ino])
        return folder / "workspaces" / f"{hashlib.sha256(known_by.encode()).hexdigest()[:32]}.json"


def state_folder() -> Path:
    """Where this user's programs keep what they know: `$XDG_STATE_HOME`, else what is usual on the system."""
    usual = {"darwin": "~/Library/Application Support", "win32": "~/AppData/Local"}
    chosen = os.environ.get("XDG_STATE_HOME", "")
    folder = chosen if os.path.isabs(chosen) else os.path.expanduser(usual.get(sys.platform, "~/.local/state"))
    if not os.path.isabs(folder):  # somebody without a home; the current folder may be anybody's
        raise WorkspaceError("there is no home folder to record trust in: set $XDG_STATE_HOME")
    return Path(folder, "curator")
