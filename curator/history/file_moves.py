"""Moving people's files: journalled before a file is touched, never over another file, taken back if anything fails.

A unit is one or more moves and the rows that go with them. The moves are written as 'planned' and committed; the
files are moved; then the rows change and the moves become 'done' in one transaction. So whatever is 'planned' when
nobody is at work was cut short before the catalogue knew of it, and is taken back: there is one rule for a failure,
for Ctrl-C and for the next start after a kill, and it looks at what is committed and at the disk, at nothing else.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from curator.errors import WorkspaceError
from curator.history.journal import Journal
from curator.history.move_ends import QUARANTINE, Ends
from curator.history.trust import Trust
from curator.media.files import BadContent, hash_file, look
from curator.media.files import reason as why
from curator.reporter import Reporter
from curator.store.catalogue.moves import Direction, MoveRow, MoveStore
from curator.store.catalogue.runs import RunStore
from curator.store.private import make_folder
from curator.store.sqlite import Database

REVERSE: dict[str, Direction] = {"out": "back", "back": "out"}

PART = ".curator-part"
"""Ending of a copy that is being made on another disk."""


class MoveFailed(Exception):
    """A file could not be moved and is where it was."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path = path
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Move:
    """One file, between where people keep it (`outside`) and `quarantine/` (`inside`, relative to that)."""

    direction: Direction
    outside: str
    inside: str
    hash: str

    def reversed(self) -> Move:
        """The way back."""
        return Move(REVERSE[self.direction], self.outside, self.inside, self.hash)


def step(name: str) -> None:
    """Called after each step that changed a disk. Does nothing: a test makes a process die here."""


class Moves:
    """Carries moves out, takes back what was cut short, and knows what was moved."""

    def __init__(self, database: Database, folder: Path) -> None:
        """`folder` is that of the workspace, absolute."""
        self.database = database
        self.folder = folder
        self.quarantine = folder / QUARANTINE
        self.trust = Trust(folder, database)
        self.store = MoveStore(database)
        self._ends = Ends(folder, database)
        self.runs = RunStore(database)
        self._told: set[int] = set()

    def ends(self, move: Move) -> tuple[str, str]:
        """Where it begins and ends, held to where such a thing belongs; see `Ends.held`. Raises `WorkspaceError`."""
        return self._ends.held(move.direction, move.outside, move.inside)

    def stated(self, move: Move) -> tuple[str, str]:
        """The same in the words of its row alone: for people to read, never to act by."""
        return self._ends.stated(move.direction, move.outside, move.inside)

    def stored(self, inside: str) -> str:
        """Where a file lies in quarantine. Raises `WorkspaceError` for a name that leads elsewhere."""
        return self._ends.stored(inside)

    def of_run(self, run: int) -> list[Move]:
        """What a run moved, in order."""
        return [_move(row) for row in self.store.of_run(run)]

    def planned(self) -> list[Move]:
        """What is under way, or was cut short."""
        return [_move(row) for row in self.store.planned()]

    def last(self, inside: str) -> Move | None:
        """What last happened to a file below quarantine/; None if nothing is known of it."""
        row = self.store.last(inside)
        return None if row is None else _move(row)

    def carry_out(self, journal: Journal, moves: Sequence[Move], then: Callable[[], None]) -> None:
        """Move files and change rows (`then`), both or neither. Raises `MoveFailed`, or what `then` raises."""
        if not moves:
            with self.database.transaction():
                then()
            return
        self._refuse_taken(moves)
        self.trust.require(map(self.stated, moves))
        run = journal.start()
        with self.database.durable():
            try:
                with self.database.transaction():
                    planned = [self._plan(run, move) for move in moves]
                step("planned")
                for move in moves:
                    self._carry_out(move)
                with self.database.transaction():
                    then()
                    self.store.close(planned, "done")
                step("done")
            except BaseException:
                self._settle(run)
                raise
        for move in moves:
            if move.direction == "back":
                self._tidy(self.ends(move)[0])

    def missed(self, move: Move) -> str | None:
        """What became of the file that a move would take, in words; None if it is there as it was."""
        source, _ = self.ends(move)
        if _is(source, move.hash):
            return None
        return "changed since that run moved it" if os.path.lexists(source) else "gone since that run moved it"

    def erase(self, journal: Journal, move: Move, then: Callable[[], None], instead: Callable[[], None]) -> None:
        """Remove a file from the quarantine for good. The rows go first (`then`); `recover` goes on after a kill.

        Where the system refuses, the rows come back (`instead`), and the `OSError` is raised.
        """
        self.ends(move)
        run = journal.start()
        with self.database.durable():
            try:
                with self.database.transaction():
                    planned = self._plan(run, move)
                    then()
                step("planned")
                self._erase_planned(planned, move, instead)
            except BaseException:
                self._settle(run)
                raise

    def _erase_planned(self, planned: int, move: Move, instead: Callable[[], None]) -> None:
        try:
            self._erase(move)
        except OSError:
            with self.database.transaction():
                instead()
                self.store.close([planned], "undone")
            raise
        step("erased")
        self.store.close([planned], "done")

    def recover(self, reporter: Reporter) -> None:
        """Bring to an end what killed runs left half done. Only for who is alone in the workspace.

        What cannot be yet stops nobody: it stays planned, one line tells of it, and the next command tries again. So
        does what would touch files outside of a workspace that is not known to be this user's.
        """
        failed: list[str] = []
        trusted = self.trust.given()
        for row in reversed(self.store.planned()):
            command = self.runs.command(row.run_id)
            if trusted or row.direction == "off":
                done, line = self._bring_to_an_end(row.id, _move(row))
            else:
                done, line = False, "it is left so in a workspace that was not made here (`curator trust`)"
            said = f"run {row.run_id} ({command}) was killed while it moved a file: {line}"
            if not done and row.id not in self._told:
                self._told.add(row.id)
                failed.append(said)
            elif done and line:
                reporter.say(said)
        if failed:
            more = f" (and {len(failed) - 1:,} more: `curator check` lists them)" if len(failed) > 1 else ""
            reporter.say(failed[0] + more)

    def _settle(self, run: int) -> None:
        """After a failure or an interrupt, do what the next command would do after a kill, by what the catalogue says.

        Not by how far this process got: an interrupt may come when all is committed, and nothing may be taken back.
        """
        self.database.abandon()
        for row in reversed(self.store.planned()):
            if row.run_id == run:
                self._bring_to_an_end(row.id, _move(row))

    def _bring_to_an_end(self, key: int, move: Move) -> tuple[bool, str]:
        """Remove a file that was to go for good, take back any other move; whether that went well, and what to say."""
        if move.direction != "off":
            return self._take_back(key, move)
        try:
            self._erase(move)
        except WorkspaceError as error:
            return False, str(error)
        except OSError as error:
            source = self.ends(move)[0]
            return False, f"{source!r} could not be removed yet ({why(error)}); the next command tries again"
        self.store.close([key], "done")
        return True, ""

    def _plan(self, run: int, move: Move) -> int:
        return self.store.plan(run, move.direction, move.outside, move.inside, move.hash)

    # --- the disk ---

    def _refuse_taken(self, moves: Iterable[Move]) -> None:
        """Before anything is planned: a copy that somebody laid there must not be taken for one of ours afterwards."""
        for source, target in map(self.ends, moves):
            if os.path.lexists(target):
                raise MoveFailed(source, f"{target!r} exists, and nothing is overwritten it")

    def _carry_out(self, move: Move) -> None:
        source, target = self.ends(move)
        try:
            self._make_room(target)
            move_file(source, target, move.hash)
        except FileExistsError as error:
            raise MoveFailed(source, f"{target!r} exists, and nothing is overwritten it") from error
        except (OSError, BadContent) as error:
            reason = why(error) if isinstance(error, OSError) else str(error)
            raise MoveFailed(source, f"cannot be moved to {target!r}: {reason}") from error
        step("moved")

    def _make_room(self, path: str) -> None:
        """Make the folder of a file: in quarantine for who reads the workspace, elsewhere as people's own are made."""
        folder = Path(path).parent
        if self.quarantine in (folder, *folder.parents):
            make_folder(folder, self.folder)
        folder.mkdir(parents=True, exist_ok=True)

    def _erase(self, move: Move) -> None:
        source, _ = self.ends(move)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(source)
        self._tidy(source)

    def _take_back(self, key: int, move: Move) -> tuple[bool, str]:
        """Whether a file is back, and in words what was done; if not, it stays planned, and the next start tries again.

        `BadContent` tells of what is in the way of a copy from another disk, as `OSError` does of the rest.
        """
        try:
            source, target = self.ends(move)
        except WorkspaceError as error:
            return False, str(error)
        try:
            state, line = take_back(source, target, move.hash, self._make_room)
        except (OSError, BadContent) as error:
            reason = why(error) if isinstance(error, OSError) else str(error)
            return False, f"{source!r} could not be put back yet ({reason}); the next command tries again"
        self.store.close([key], state)
        if move.direction == "out":
            self._tidy(target)
        return True, line

    def _tidy(self, stored: str) -> None:
        """Remove folders of the quarantine that became empty."""
        folder = Path(stored).parent
        while folder != self.quarantine and self.quarantine in folder.parents:
            try:
                folder.rmdir()
            except OSError:
                return
            folder = folder.parent


def move_file(source: str, target: str, expected: str) -> None:
    """Move a file to a name that is free, also to another disk; `expected` is its SHA-256.

    Raises `FileExistsError` if the name is taken and `OSError` where the system refuses; then nothing was moved.
    """
    try:
        _rename(source, target)
    except FileExistsError:
        raise
    except OSError:
        if not _crosses(source, target):
            raise
        _copy(source, target, expected)
    _sync_folder(os.path.dirname(target))
    _sync_folder(os.path.dirname(source))


def _crosses(source: str, target: str) -> bool:
    return os.stat(source).st_dev != os.stat(os.path.dirname(target)).st_dev


def _rename(source: str, target: str) -> None:
    """Rename without ever replacing: `os.rename` would overwrite, a hard link fails where the name is taken."""
    if os.path.lexists(target):
        raise FileExistsError(target)
    try:
        os.link(source, target)
    except FileExistsError:
        raise
    except OSError:
        # Not every file system has hard links; one that has not shows it before anything was done.
        if _crosses(source, target):
            raise
        os.rename(source, target)
        return
    step("linked")
    try:
        _unlink(source)
    except OSError:
        os.unlink(target)
        raise


def _copy(source: str, target: str, expected: str) -> None:
    """Copy, with times and permissions, prove the copy, and only then remove the source."""
    part = target + PART
    with contextlib.suppress(FileNotFoundError):
        os.unlink(part)
    before = look(source)
    try:
        shutil.copyfile(source, part)
        step("copied")
        shutil.copystat(source, part)
        _sync(part)
        if hash_file(part) != expected:
            raise OSError(None, "the copy on the other disk is not the same")
        _rename(part, target)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(part)
        raise
    _sync_folder(os.path.dirname(target))
    step("placed")
    if look(source) != before:
        raise OSError(None, "it changed while it was being copied")
    _unlink(source)


def _unlink(path: str) -> None:
    os.unlink(path)
    step("removed")


def _sync(path: str) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _sync_folder(path: str) -> None:
    with contextlib.suppress(OSError):  # not every system lets a folder be opened
        _sync(path)


def take_back(source: str, target: str, expected: str, make_room: Callable[[str], None]) -> tuple[str, str]:
    """Make a move from `source` to `target` not to have happened, however far it got; the move's new state, in words.

    `make_room` makes the folder of a file. Nothing is removed but a second name or a copy of the file that was to be
    moved, proven to be one.
    """
    with contextlib.suppress(FileNotFoundError):
        os.unlink(target + PART)
    there, arrived = os.path.lexists(source), _is(target, expected)
    if there and arrived and (os.path.samefile(source, target) or _is(source, expected)):
        os.unlink(target)
        return "undone", f"{source!r} is where it was"
    if there and arrived:
        return "lost", f"another file is at {source!r} now; the one that was there is at {target!r}"
    if there:
        return "undone", f"{source!r} is where it was"
    if arrived:
        make_room(source)
        move_file(target, source, expected)
        return "undone", f"{source!r} was put back"
    return "lost", f"{source!r} is gone, and not at {target!r} either"


def _is(path: str, expected: str) -> bool:
    """Whether a regular file of that hash is there."""
    try:
        return stat.S_ISREG(os.lstat(path).st_mode) and hash_file(path) == expected
    except (FileNotFoundError, NotADirectoryError):
        return False


def _move(row: MoveRow) -> Move:
    return Move(row.direction, row.outside, row.inside, row.hash)
