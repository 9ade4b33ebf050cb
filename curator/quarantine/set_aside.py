"""Setting aside: a file goes to quarantine, as another that holds the same stays, or for what it is itself.

Nothing goes on the word of a plan alone: just before the move, the file that goes and the one that stays are opened
and hashed again, and must be two files, each still what the catalogue says.
"""

from __future__ import annotations

import datetime
import os
import stat
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from curator.api import Modality, SetAside
from curator.catalog.added import Added
from curator.catalog.places import Places, real
from curator.catalog.taking_over import TakingOver
from curator.history.file_moves import Move, MoveFailed, Moves
from curator.history.journal import Journal
from curator.kit.companions import Companion, Neighbourhood
from curator.media.content import examine
from curator.media.files import BadContent, hash_open_file, look, reason
from curator.reporter import Reporter
from curator.store.catalogue import path_to_value
from curator.store.catalogue.items import ItemStore

SIDECAR = "sidecar"
"""The kind of a file that went along with the one it lay beside."""


@dataclass(slots=True)
class TakenOut:
    """How many files went, how many along with them, the size of all in bytes, and which did not, with the reason."""

    files: int = 0
    along: int = 0
    size: int = 0
    failed: list[tuple[str, str]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Proven:
    """A catalogued file that was opened and is what the catalogue says."""

    path: str
    item: int
    modality: Modality
    hash: str
    size: int
    inode: tuple[int, int]


class SettingAside:
    """Takes files out."""

    def __init__(self, places: Places, moves: Moves) -> None:
        self.places = places
        self.moves = moves
        self.added = Added(places.database)
        self.taking_over = TakingOver(places.database)

    def parted(self, changes: Sequence[SetAside]) -> tuple[list[SetAside], list[SetAside]]:
        """Those of files that people added, and those of files that a link or the row of a table led to."""
        ours: list[SetAside] = []
        others: list[SetAside] = []
        for change in changes:
            (ours if self.added.holds(real(change.path)) else others).append(change)
        return ours, others

    def take_out_all(self, journal: Journal, changes: Sequence[SetAside], reporter: Reporter) -> TakenOut:
        """Take out one by one; what cannot be is said and left where it is. What stays for another's sake stays."""
        taken = TakenOut()
        kept: set[str] = set()
        gone: set[str] = set()
        with reporter.progress("moving to quarantine", len(changes)) as advance:
            for change in changes:
                path = os.path.abspath(change.path)
                try:
                    # What went along with another is where it was to go.
                    if path not in gone:
                        went = self.take_out(journal, change, kept)
                        taken.files += 1
                        taken.along += len(went) - 1
                        taken.size += sum(went.values())
                        gone.update(went)
                    if change.keeper is not None:
                        kept.add(os.path.abspath(change.keeper))
                except MoveFailed as error:
                    taken.failed.append((str(change.path), told(error, str(change.path))))
                advance(1)
        return taken

    def take_out(self, journal: Journal, change: SetAside, kept: Collection[str] = ()) -> dict[str, int]:
        """Move a file here, with what lies beside it and is its own; returns the path and size of each.

        `kept` are files that stay for another's sake. Raises `MoveFailed`; nothing moved then.
        """
        victim = proven(self.places, change.path)
        keeper = None if change.keeper is None else proven(self.places, change.keeper)
        if not self.added.holds(victim.path):
            raise MoveFailed(victim.path, "lies outside of what was added")
        if keeper is not None:
            _hold_to_be_two(victim, keeper, change.kind)
        stays = None if keeper is None else keeper.path
        companions = [(path, *hashed(path)[:2]) for path in self._companions(victim.path, stays)]
        files = [(victim.path, victim.hash, victim.size), *companions]
        for path, _, _ in files:
            if path in kept:
                why = "stays, because another one went in its favour"
                raise MoveFailed(path, why if path == victim.path else f"{why}, and so does {victim.path}")
        names = self._free_names(journal.start(), [path for path, _, _ in files])
        moves = [Move("out", path, name, hash_) for (path, hash_, _), name in zip(files, names, strict=True)]
        taken = now()

        def rows() -> None:
            if keeper is not None and victim.modality == keeper.modality:
                self.taking_over.take_over(journal, victim.item, keeper.item)
            for (path, hash_, size), name in zip(files, names, strict=True):
                goes = path == victim.path
                keeps = stays if goes else victim.path
                journal.insert(
                    "quarantined",
                    item_id=self._forget(journal, path),
                    outside=path_to_value(path),
                    inside=path_to_value(name),
                    hash=hash_,
                    size=size,
                    kind=change.kind if goes else SIDECAR,
                    reason=change.reason if goes else f"beside {os.path.basename(victim.path)}",
                    keeper=None if keeps is None else path_to_value(keeps),
                    taken=taken,
                )

        self.moves.carry_out(journal, moves, rows)
        return {path: size for path, _, size in files}

    def _forget(self, journal: Journal, path: str) -> int | None:
        """Take a file's place out of the catalogue; returns the item that it was."""
        place = self.places.at(path)
        if place is None:
            return None
        journal.delete("place", place.id)
        return place.item_id

    @staticmethod
    def _companions(path: str, keeper: str | None) -> list[str]:
        """What goes along. Raises `MoveFailed` where that holds what is not beside the file that stays, too."""
        beside = Neighbourhood()  # afresh: what is there changes with each move
        own = beside.of(path).own
        others = [] if keeper is None else [one for one in beside.of(keeper).all if one.content]
        for companion in own:
            if companion.content and not any(_same(companion, other) for other in others):
                stays = "" if keeper is None else f", and no copy of that lies beside {os.path.basename(keeper)}"
                raise MoveFailed(path, f"belongs together with {companion.path.name}{stays}")
        return [str(companion.path) for companion in own]

    def _free_names(self, run: int, paths: Sequence[str]) -> list[str]:
        """Names below quarantine/ that nobody has: the run, and the path under its root as people know it."""
        names: list[str] = []
        for path in paths:
            relative = f"{run}/{self.places.readable(path)}"
            name, number = relative, 1
            while name in names or os.path.lexists(os.path.join(self.moves.quarantine, *name.split("/"))):
                number += 1
                stem, ending = os.path.splitext(relative)
                name = f"{stem} ({number}){ending}"
            names.append(name)
        return names


def _hold_to_be_two(victim: Proven, keeper: Proven, kind: str) -> None:
    """Raise `MoveFailed` where the file that goes is the one that stays, or does not hold what it is said to."""
    if victim.inode == keeper.inode:
        raise MoveFailed(victim.path, f"is the same file as {keeper.path!r}, under another name")
    if kind == "exact" and victim.hash != keeper.hash:
        raise MoveFailed(victim.path, f"does not hold the same bytes as {keeper.path!r}")


def _same(one: Companion, other: Companion) -> bool:
    """Whether two raw files, films or sounds hold the same bytes."""
    if one.ending != other.ending or one.path == other.path:
        return False
    return hashed(str(one.path))[0] == hashed(str(other.path))[0]


def told(error: MoveFailed, path: str) -> str:
    """Why a file was not moved, in a list that names it already."""
    return error.reason if error.path == os.path.abspath(path) else str(error)


def proven(places: Places, path: Path) -> Proven:
    """Open and hash a file that the catalogue knows; raises `MoveFailed` where it is not what that says."""
    name = os.path.abspath(path)
    if real(name) != name:
        raise MoveFailed(name, "is, or lies behind, a symbolic link")
    place = places.at(name)
    if place is None or place.missing:
        raise MoveFailed(name, "is not in the catalogue")
    hash_, size, inode = hashed(name)
    (item,) = ItemStore(places.database).by_ids([place.item_id])
    if _identity(name, item.modality, hash_) != item.hash:
        raise MoveFailed(name, "changed since it was catalogued: add it again")
    return Proven(name, place.item_id, item.modality, hash_, size, inode)


def now() -> str:
    """The time as it is stored: ISO 8601, UTC."""
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")


def hashed(path: str) -> tuple[str, int, tuple[int, int]]:
    """SHA-256, size and (device, inode) of a regular file, all of one opened file. Raises `MoveFailed`."""
    try:
        look(path)  # a FIFO would be waited for
        with open(path, "rb") as file:
            before = os.fstat(file.fileno())
            if not stat.S_ISREG(before.st_mode):
                raise MoveFailed(path, "is not a regular file")
            hash_ = hash_open_file(file)
            after = os.fstat(file.fileno())
    except BadContent as error:
        raise MoveFailed(path, str(error)) from error
    except OSError as error:
        raise MoveFailed(path, reason(error)) from error
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        raise MoveFailed(path, "is being written to")
    return hash_, before.st_size, (before.st_dev, before.st_ino)


def _identity(path: str, modality: Modality, hash_: str) -> str:
    """What an item of this file is known by: the hash of the file, or of a text in UTF-8, whatever the file is in."""
    if modality == "image":
        return hash_
    try:
        return examine(path, modality).hash
    except BadContent as error:
        raise MoveFailed(path, str(error)) from error
