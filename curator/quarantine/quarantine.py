"""Quarantine: files that an action set aside, kept until somebody restores or purges them."""

from __future__ import annotations

import contextlib
import datetime
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

from curator.catalog.places import Places, expand_path
from curator.errors import BadInput, NotFound, NotReady, WorkspaceError
from curator.history.file_moves import Move, MoveFailed, Moves
from curator.history.journal import Journal
from curator.media.files import look, reason
from curator.quarantine.rows_aside import RowAside, RowsAside
from curator.quarantine.set_aside import SIDECAR, hashed, now, proven, told
from curator.reporter import Reporter, count, say_failed, size
from curator.store.catalogue import path_to_value
from curator.store.catalogue.items import ItemStore
from curator.store.catalogue.quarantine import QuarantinedRow, QuarantineStore
from curator.store.paths import held, is_below, is_link
from curator.store.sqlite import read_only_error
from curator.store.stored import moment

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
class Returned:
    """What was restored or removed, and what was not, with the reason."""

    files: list[Quarantined] = field(default_factory=list)
    failed: list[tuple[str, str]] = field(default_factory=list)


Run: TypeAlias = Callable[[str, Mapping[str, Any]], contextlib.AbstractContextManager[Journal]]
"""Opens a run of the workspace: its command and arguments."""


class Quarantine:
    """What lies there; puts it back, or removes it for good."""

    def __init__(self, places: Places, moves: Moves, reporter: Reporter, run: Run) -> None:
        self.store = QuarantineStore(places.database)
        self.items = ItemStore(places.database)
        self.rows = RowsAside(places)
        self.places = places
        self.moves = moves
        self.reporter = reporter
        self.run = run

    def all(self) -> list[Quarantined]:
        """Everything that lies there, oldest first."""
        return [self._quarantined(row) for row in self.store.all()]

    def chosen(self, references: Sequence[str]) -> tuple[list[Quarantined], list[RowAside]]:
        """Those named by number (of a row `row:N`), by the path where they were, or by a folder that they were in.

        Raises `NotFound`.
        """
        every, rows = self.all(), list(self.rows.all())
        files: dict[int, Quarantined] = {}
        marks: dict[int, RowAside] = {}
        for reference in references:
            path = os.path.abspath(expand_path(reference))
            of_files = [
                file
                for file in every
                if str(file.id) == reference or is_below(str(file.outside), path) or str(file.stored) == path
            ]
            of_rows = [row for row in rows if f"row:{row.id}" == reference or is_below(str(row.outside), path)]
            if not of_files and not of_rows:
                if re.fullmatch(r"row:\d+", reference):
                    known, what = [f"row:{row.id}" for row in rows], "row of a table in quarantine"
                else:
                    known = [*(str(file.outside) for file in every), *(str(row.outside) for row in rows)]
                    what = "file in quarantine"
                raise NotFound.named(what, reference, known, "`curator quarantine list` shows them")
            files.update((file.id, file) for file in of_files)
            marks.update((row.id, row) for row in of_rows)
        return [files[key] for key in sorted(files)], [marks[key] for key in sorted(marks)]

    def restore(self, *references: str) -> list[Quarantined | RowAside]:
        """Move files back from quarantine, and let rows be rows again: by number, by the path or a folder where they
        were; without any, all.

        A file comes with the sidecars that went with it. Raises `NotFound` for one that is not there, and
        `SomeItemsFailed` where some could not be moved (something else lies there now); the others were.
        """
        chosen, rows = self.chosen(references) if references else (self.all(), list(self.rows.all()))
        if chosen:
            self._refuse_read_only()
            self.moves.trust.require((str(file.stored), str(file.outside)) for file in chosen)
        with self.run("quarantine restore", {"files": list(references)}) as journal:
            if rows:
                journal.take_turn()
                self.rows.take_back(journal, [row.id for row in rows])
            restored = self._put_back_all(journal, chosen)
            say_failed(self.reporter, restored.failed, len(restored.failed) + len(restored.files), "restored")
        return [*restored.files, *rows]

    def purge(self, older_than: str, yes: bool = False) -> list[Quarantined]:
        """Remove files for good that have lain in quarantine for so long (`30d`, `12h`, `2w`, `0`). Asks, unless `yes`.

        This is the one way in which anything leaves the disk, and cannot be undone. A file stays if the one that
        was kept in its stead is gone or changed (`SomeItemsFailed`). Raises `NotReady` where nobody can be asked.
        """
        before = datetime.datetime.now(datetime.UTC) - age(older_than)
        chosen = [file for file in self.all() if file.taken <= before]
        if rows := sum(1 for _ in self.rows.all()):
            marked = "1 row of a table is" if rows == 1 else f"{rows:,} rows of tables are"
            self.reporter.say(f"{marked} marked as set aside: tables are never edited, so there is nothing to remove")
        if not chosen:
            return []
        self._refuse_read_only()
        what = f"{count(len(chosen), 'file')} ({size(sum(file.size for file in chosen))})"
        if not yes:
            answer = self.reporter.confirm(f"remove {what} from the disk for good?", default=False)
            if answer is None:
                raise NotReady(f"no terminal to confirm on: --yes removes {what} for good")
            if not answer:
                return []
        with self.run("quarantine purge", {"older_than": older_than}) as journal:
            removed = self._remove_all(journal, chosen)
            say_failed(self.reporter, removed.failed, len(chosen), "removed")
        return removed.files

    # --- how it is done ---

    def _refuse_read_only(self) -> None:
        """Once, and not for each file."""
        if self.places.database.read_only:
            raise read_only_error(self.places.database.path)

    def _put_back_all(self, journal: Journal, files: Sequence[Quarantined]) -> Returned:
        """Each file with its sidecars; what cannot be moved stays here."""
        returned = Returned()
        for some in self._together(files):
            try:
                self._put_back(journal, some)
                returned.files += some
            except MoveFailed as error:
                returned.failed.append((str(some[0].outside), told(error, str(some[0].outside))))
        return returned

    def _remove_all(self, journal: Journal, files: Sequence[Quarantined]) -> Returned:
        """Remove for good, sidecars last: they stay as long as what they lay beside."""
        returned = Returned()
        for file in sorted(files, key=lambda file: file.kind == SIDECAR):
            try:
                self._remove(journal, file)
                returned.files.append(file)
            except MoveFailed as error:
                returned.failed.append((str(file.outside), told(error, str(file.outside))))
        return returned

    def _put_back(self, journal: Journal, files: Sequence[Quarantined]) -> None:
        """Move files back where they were, all or none. Raises `MoveFailed`."""
        for file in files:
            try:
                self.moves.ends(_back(file))
            except WorkspaceError as error:
                raise MoveFailed(str(file.stored), str(error)) from error
            if not self.is_whole(file):
                raise MoveFailed(str(file.stored), "is not what was put there")

        def rows() -> None:
            for file in files:
                journal.delete("quarantined", file.id)
                if file.item is not None:
                    self._place(journal, str(file.outside), file.item)

        self.moves.carry_out(journal, [_back(file) for file in files], rows)

    def _place(self, journal: Journal, path: str, item: int) -> None:
        """Record that a file is there again; where another was recorded since, which is gone, in its place."""
        place = self.places.at(path)
        if place is None:
            self.places.insert(journal, path, item, look(path))
        else:
            self.places.update(journal, place, path, item, look(path))

    def _remove(self, journal: Journal, file: Quarantined) -> None:
        """Remove a file for good. Raises `MoveFailed` where it may be the last one of its kind."""
        if file.kind == SIDECAR:
            if any(_went_with(file, other) for other in self.all()):
                raise MoveFailed(str(file.outside), f"goes with {str(file.keeper)!r}")
        elif file.keeper is None:
            raise MoveFailed(
                str(file.outside), "may be all that holds what it does: restore it, and delete it yourself"
            )
        elif not self._kept(file):
            stays = f"the file that was kept in its stead, {str(file.keeper)!r}, is gone or changed"
            raise MoveFailed(str(file.outside), stays)
        try:
            self.erase(journal, file)
        except (OSError, WorkspaceError) as error:
            why = reason(error) if isinstance(error, OSError) else str(error)
            raise MoveFailed(str(file.stored), f"cannot be removed: {why}") from error

    def erase(self, journal: Journal, file: Quarantined) -> None:
        """Remove a file for good, with its row, also if this process is killed. Raises `OSError`, with nothing done."""
        self.moves.erase(
            journal,
            Move("off", str(file.outside), file.inside, file.hash),
            lambda: journal.delete("quarantined", file.id),
            lambda: self._list_again(journal, file),
        )

    @staticmethod
    def _list_again(journal: Journal, file: Quarantined) -> None:
        """The row of a file that could not be removed, under the number that it had."""
        journal.insert(
            "quarantined",
            id=file.id,
            item_id=file.item,
            outside=path_to_value(str(file.outside)),
            inside=path_to_value(file.inside),
            hash=file.hash,
            size=file.size,
            kind=file.kind,
            reason=file.reason,
            keeper=None if file.keeper is None else path_to_value(str(file.keeper)),
            taken=file.taken.isoformat(timespec="seconds"),
        )

    # --- what check asks ---

    def refused(self, file: Quarantined) -> str:
        """Why nothing is done with what is named, as it is not where such files lie; empty where it is."""
        try:
            self.moves.stored(file.inside)
        except WorkspaceError as error:
            return str(error)
        return ""

    def is_whole(self, file: Quarantined) -> bool:
        """Whether a file can be read and holds what was put into quarantine."""
        try:
            return hashed(self.moves.stored(file.inside))[0] == file.hash
        except (MoveFailed, WorkspaceError):
            return False

    def strays(self) -> Iterator[tuple[str, Move | None]]:
        """Files that lie here and are neither listed nor under way, each with the last move of it that is known."""
        listed = {str(file.stored) for file in self.all()}
        listed.update(end for move in self.moves.planned() for end in self.moves.stated(move))
        held(self.moves.folder, self.moves.quarantine.name)
        for path in sorted(self.moves.quarantine.rglob("*")):
            if str(path) not in listed and not is_link(path) and not path.is_dir():
                inside = path.relative_to(self.moves.quarantine).as_posix()
                yield str(path), self.moves.last(inside)

    def adopt(self, journal: Journal, move: Move) -> None:
        """Put a stray back on the list. Raises `MoveFailed` where it cannot be read."""
        hash_, size, _ = hashed(self.moves.stored(move.inside))
        journal.insert(
            "quarantined",
            item_id=self.items.id_of(hash_),
            outside=path_to_value(move.outside),
            inside=path_to_value(move.inside),
            hash=hash_,
            size=size,
            kind="found",
            reason="was on no list",
            taken=now(),
        )

    def _together(self, files: Sequence[Quarantined]) -> Iterator[list[Quarantined]]:
        """Each file with the sidecars that went with it; a sidecar that was named alone, alone."""
        left = {file.id: file for file in files}
        every = self.all()
        for file in files:
            if file.id in left and file.kind != SIDECAR:
                beside = [other for other in every if _went_with(other, file)]
                for one in (file, *beside):
                    left.pop(one.id, None)
                yield [file, *beside]
        yield from ([file] for file in left.values())

    def _kept(self, file: Quarantined) -> bool:
        """Whether the file that stayed is still there, as the catalogue knows it."""
        try:
            return file.keeper is not None and bool(proven(self.places, file.keeper))
        except MoveFailed:
            return False

    def _quarantined(self, row: QuarantinedRow) -> Quarantined:
        return Quarantined(
            row.id,
            row.item_id,
            Path(row.outside),
            self.moves.quarantine.joinpath(*row.inside.split("/")),
            row.inside,
            row.hash,
            row.size,
            row.kind,
            row.reason,
            None if row.keeper is None else Path(row.keeper),
            moment("quarantined", "taken", row.taken),
        )


def _back(file: Quarantined) -> Move:
    """The way out of quarantine, to where a file was."""
    return Move("back", str(file.outside), file.inside, file.hash)


def _went_with(file: Quarantined, other: Quarantined) -> bool:
    """Whether a file is a sidecar that went with another: in one run, as two of one path may lie here, of two runs."""
    return (
        file.kind == SIDECAR
        and file.keeper == other.outside
        and file.inside.partition("/")[0] == other.inside.partition("/")[0]
    )


def age(text: str) -> datetime.timedelta:
    """`30d`, `12h`, `2w`, or `0`; raises `BadInput`."""
    match = re.fullmatch(r"(\d{1,5})([hdw])|0", text)
    if match is None:
        raise BadInput(f"{text!r} is not an age: write 30d (days), 12h (hours), 2w (weeks), or 0 for everything")
    return datetime.timedelta(**{UNITS[match[2]]: int(match[1])}) if match[2] else datetime.timedelta()
