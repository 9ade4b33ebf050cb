"""Quarantine: files that an action took out, kept until somebody restores or purges them.

Nothing is taken out on the word of a plan alone: just before the move, the file that goes and the one that stays
are opened and hashed again, and must be two files, each still what the catalogue says.
"""

from __future__ import annotations

import datetime
import os
import re
import sqlite3
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from curator.api import Modality, SetAside
from curator.core.changes import Journal
from curator.core.contents import examine
from curator.core.files import BadContent, hash_open_file, look, reason
from curator.core.moves import Move, MoveFailed, Moves
from curator.core.places import Places, is_below, real, typed
from curator.core.reporting import Reporter
from curator.errors import BadInput, NotFound
from curator.store.catalogue import path_from_value, path_to_value
from curator.store.sqlite import Database

SIDECARS = frozenset([".aae", ".caption", ".json", ".toml", ".txt", ".xml", ".xmp", ".yaml", ".yml"])
"""Endings of what cameras, annotation tools and training scripts lay beside a picture, about it."""

SIDECAR = "sidecar"
"""The kind of a file that went along with the one it lay beside."""

UNITS = {"h": "hours", "d": "days", "w": "weeks"}


@dataclass(frozen=True, slots=True)
class Quarantined:
    """A file in quarantine: where it was, where it is now, and why."""

    id: int
    item: int | None
    outside: Path
    stored: Path
    inside: str
    hash: str
    size: int
    kind: str
    reason: str
    keeper: Path | None
    taken: datetime.datetime


@dataclass(slots=True)
class TakenOut:
    """How many files went, their size in bytes with what went along, and which did not, with the reason."""

    files: int = 0
    size: int = 0
    failed: list[tuple[str, str]] = field(default_factory=list)


@dataclass(slots=True)
class Returned:
    """What was restored or removed, and what was not, with the reason."""

    files: list[Quarantined] = field(default_factory=list)
    failed: list[tuple[str, str]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Proven:
    """A catalogued file that was opened and is what the catalogue says."""

    path: str
    hash: str
    size: int
    inode: tuple[int, int]


class Quarantine:
    """Takes files out, puts them back, removes them for good."""

    def __init__(self, database: Database, places: Places, moves: Moves) -> None:
        self.database = database
        self.places = places
        self.moves = moves

    def all(self) -> list[Quarantined]:
        """Everything that lies there, oldest first."""
        return [self._quarantined(row) for row in self.database.rows("SELECT * FROM quarantined ORDER BY id")]

    def chosen(self, references: Sequence[str]) -> list[Quarantined]:
        """Those named by number, by the path where they were, or by a folder that they were in. Raises `NotFound`."""
        every = self.all()
        found: dict[int, Quarantined] = {}
        for reference in references:
            path = os.path.abspath(typed(reference))
            matching = [
                file
                for file in every
                if str(file.id) == reference or is_below(str(file.outside), path) or str(file.stored) == path
            ]
            if not matching:
                known = [str(file.outside) for file in every]
                raise NotFound.named("file in quarantine", reference, known, "`curator quarantine list` shows them")
            found.update((file.id, file) for file in matching)
        return [found[key] for key in sorted(found)]

    # --- out ---

    def take_out_all(self, journal: Journal, changes: Sequence[SetAside], reporter: Reporter) -> TakenOut:
        """Take out one by one; what cannot be is said and left where it is. What stays for another's sake stays."""
        taken = TakenOut()
        kept: set[str] = set()
        with reporter.progress("moving to quarantine", len(changes)) as advance:
            for change in changes:
                try:
                    if os.path.abspath(change.path) in kept:
                        raise MoveFailed(str(change.path), "stays, because another one went in its favour")
                    taken.size += self.take_out(journal, change)
                    taken.files += 1
                    kept.add(os.path.abspath(change.keeper))
                except MoveFailed as error:
                    taken.failed.append((str(change.path), told(error, str(change.path))))
                advance(1)
        return taken

    def take_out(self, journal: Journal, change: SetAside) -> int:
        """Move a file and its sidecars here; returns their size in bytes. Raises `MoveFailed`; nothing moved then."""
        victim, keeper = self._proven(change.path), self._proven(change.keeper)
        if victim.inode == keeper.inode:
            raise MoveFailed(victim.path, f"is the same file as {keeper.path!r}, under another name")
        if change.kind == "exact" and victim.hash != keeper.hash:
            raise MoveFailed(victim.path, f"does not hold the same bytes as {keeper.path!r}")
        sidecars = [(path, *_hashed(path)[:2]) for path in self._sidecars(victim.path)]
        files = [(victim.path, victim.hash, victim.size), *sidecars]
        names = self._free_names(journal.start(), [path for path, _, _ in files])
        moves = [Move("out", path, name, hash_) for (path, hash_, _), name in zip(files, names, strict=True)]
        now = _now()

        def rows() -> None:
            for (path, hash_, size), name in zip(files, names, strict=True):
                goes = path == victim.path
                journal.insert(
                    "quarantined",
                    item_id=self._forget(journal, path),
                    outside=path_to_value(path),
                    inside=path_to_value(name),
                    hash=hash_,
                    size=size,
                    kind=change.kind if goes else SIDECAR,
                    reason=change.reason if goes else f"beside {os.path.basename(victim.path)}",
                    keeper=path_to_value(keeper.path if goes else victim.path),
                    taken=now,
                )

        self.moves.carry_out(journal, moves, rows)
        return sum(size for _, _, size in files)

    def _proven(self, path: Path) -> _Proven:
        """Open and hash a file that the catalogue knows; raises `MoveFailed` where it is not what that says."""
        name = os.path.abspath(path)
        if real(name) != name:
            raise MoveFailed(name, "is, or lies behind, a symbolic link")
        place = self.places.at(name)
        if place is None or place["missing"]:
            raise MoveFailed(name, "is not in the catalogue")
        hash_, size, inode = _hashed(name)
        item = self.database.row("SELECT hash, modality FROM item WHERE id = ?", place["item_id"])
        assert item is not None
        if _identity(name, item["modality"], hash_) != item["hash"]:
            raise MoveFailed(name, "changed since it was catalogued: add it again")
        return _Proven(name, hash_, size, inode)

    def _forget(self, journal: Journal, path: str) -> int | None:
        """Take a file's place out of the catalogue; returns the item that it was."""
        place = self.places.at(path)
        if place is None:
            return None
        journal.delete("place", place["id"])
        return int(place["item_id"])

    def _sidecars(self, path: str) -> Iterator[str]:
        """Files beside a picture that are about it alone: `img.txt` only if no other picture is called `img`."""
        folder, name = os.path.split(path)
        stem, ending = os.path.splitext(name)
        if ending.lower() in SIDECARS:
            return
        with os.scandir(folder) as entries:
            names = sorted(entry.name for entry in entries if entry.is_file(follow_symlinks=False))
        shared = any(
            other != name and os.path.splitext(other)[0] == stem and os.path.splitext(other)[1].lower() not in SIDECARS
            for other in names
        )
        for other in names:
            start, ending = os.path.splitext(other)
            if ending.lower() in SIDECARS and (start == name or (start == stem and not shared)):
                yield os.path.join(folder, other)

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

    # --- back, and off ---

    def put_back_all(self, journal: Journal, files: Sequence[Quarantined]) -> Returned:
        """Each file with its sidecars; what cannot be moved stays here."""
        returned = Returned()
        for some in self.together(files):
            try:
                self.put_back(journal, some)
                returned.files += some
            except MoveFailed as error:
                returned.failed.append((str(some[0].outside), told(error, str(some[0].outside))))
        return returned

    def remove_all(self, journal: Journal, files: Sequence[Quarantined]) -> Returned:
        """Remove for good, sidecars last: they stay as long as what they lay beside."""
        returned = Returned()
        for file in sorted(files, key=lambda file: file.kind == SIDECAR):
            try:
                self.remove(journal, file)
                returned.files.append(file)
            except MoveFailed as error:
                returned.failed.append((str(file.outside), told(error, str(file.outside))))
        return returned

    def put_back(self, journal: Journal, files: Sequence[Quarantined]) -> None:
        """Move files back where they were, all or none. Raises `MoveFailed`."""
        for file in files:
            if not self.is_whole(file):
                raise MoveFailed(str(file.stored), "is not what was put there")

        def rows() -> None:
            for file in files:
                journal.delete("quarantined", file.id)
                if file.item is not None:
                    self.places.insert(journal, str(file.outside), file.item, look(str(file.outside)))

        self.moves.carry_out(journal, [Move("back", str(file.outside), file.inside, file.hash) for file in files], rows)

    def remove(self, journal: Journal, file: Quarantined) -> None:
        """Remove a file for good. Raises `MoveFailed` where it may be the last one of its kind."""
        if file.kind == SIDECAR:
            if any(other.outside == file.keeper for other in self.all()):
                raise MoveFailed(str(file.outside), f"goes with {str(file.keeper)!r}")
        elif not self._kept(file):
            stays = f"the file that was kept in its stead, {str(file.keeper or 'not known')!r}, is gone or changed"
            raise MoveFailed(str(file.outside), stays)
        move = Move("off", str(file.outside), file.inside, file.hash)
        try:
            self.moves.erase(journal, [move], lambda: journal.delete("quarantined", file.id))
        except OSError as error:
            raise MoveFailed(str(file.stored), f"cannot be removed: {reason(error)}") from error

    # --- what check asks ---

    def is_whole(self, file: Quarantined) -> bool:
        """Whether a file can be read and holds what was put into quarantine."""
        try:
            return _hashed(str(file.stored))[0] == file.hash
        except MoveFailed:
            return False

    def strays(self) -> Iterator[tuple[str, Move | None]]:
        """Files that lie here and are on no list, each with the last move of it that is known."""
        listed = {str(file.stored) for file in self.all()}
        for path in sorted(self.moves.quarantine.rglob("*")):
            if str(path) not in listed and not path.is_dir():
                inside = path.relative_to(self.moves.quarantine).as_posix()
                yield str(path), self.moves.last(inside)

    def adopt(self, journal: Journal, move: Move) -> None:
        """Put a stray back on the list. Raises `MoveFailed` where it cannot be read."""
        stored = str(self.moves.quarantine.joinpath(*move.inside.split("/")))
        hash_, size, _ = _hashed(stored)
        journal.insert(
            "quarantined",
            item_id=self.database.value("SELECT id FROM item WHERE hash = ?", hash_),
            outside=path_to_value(move.outside),
            inside=path_to_value(move.inside),
            hash=hash_,
            size=size,
            kind="found",
            reason="was on no list",
            taken=_now(),
        )

    def together(self, files: Sequence[Quarantined]) -> Iterator[list[Quarantined]]:
        """Each file with the sidecars that went with it; a sidecar that was named alone, alone."""
        left = {file.id: file for file in files}
        every = self.all()
        for file in files:
            if file.id in left and file.kind != SIDECAR:
                beside = [other for other in every if other.kind == SIDECAR and other.keeper == file.outside]
                for one in (file, *beside):
                    left.pop(one.id, None)
                yield [file, *beside]
        yield from ([file] for file in left.values())

    def _kept(self, file: Quarantined) -> bool:
        """Whether the file that stayed is still there, as the catalogue knows it."""
        try:
            return file.keeper is not None and bool(self._proven(file.keeper))
        except MoveFailed:
            return False

    def _quarantined(self, row: sqlite3.Row) -> Quarantined:
        inside = path_from_value(row["inside"])
        keeper = row["keeper"]
        return Quarantined(
            row["id"],
            row["item_id"],
            Path(path_from_value(row["outside"])),
            self.moves.quarantine.joinpath(*inside.split("/")),
            inside,
            row["hash"],
            row["size"],
            row["kind"],
            row["reason"],
            None if keeper is None else Path(path_from_value(keeper)),
            datetime.datetime.fromisoformat(row["taken"]),
        )


def told(error: MoveFailed, path: str) -> str:
    """Why a file was not moved, in a list that names it already."""
    return error.reason if error.path == os.path.abspath(path) else str(error)


def age(text: str) -> datetime.timedelta:
    """`30d`, `12h`, `2w`, or `0`; raises `BadInput`."""
    match = re.fullmatch(r"(\d{1,5})([hdw])|0", text)
    if match is None:
        raise BadInput(f"{text!r} is no age: write 30d (days), 12h (hours), 2w (weeks), or 0 for everything")
    return datetime.timedelta(**{UNITS[match[2]]: int(match[1])}) if match[2] else datetime.timedelta()


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")


def _hashed(path: str) -> tuple[str, int, tuple[int, int]]:
    """SHA-256, size and (device, inode) of a regular file, all of one opened file. Raises `MoveFailed`."""
    try:
        with open(path, "rb") as file:
            before = os.fstat(file.fileno())
            if not stat.S_ISREG(before.st_mode):
                raise MoveFailed(path, "is no regular file")
            hash_ = hash_open_file(file)
            after = os.fstat(file.fileno())
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
