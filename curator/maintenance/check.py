"""Checking a workspace: files, objects, vectors and databases held against what the catalogue says of them."""

from __future__ import annotations

import dataclasses
import functools
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from curator.api import Modality
from curator.catalog.places import has_left, is_gone
from curator.catalog.source_tables import Tables
from curator.errors import WorkspaceError
from curator.history.file_moves import MoveFailed
from curator.history.invariants import Flaw, flaws
from curator.history.journal import Journal
from curator.media.files import BadContent, hash_file, look, reason
from curator.media.prefetch import ordered_map
from curator.store.catalogue.changes import ChangeStore
from curator.store.catalogue.integrity import IntegrityStore, users
from curator.store.catalogue.places import PlaceRow, PlaceStore
from curator.store.catalogue.runs import RunStore
from curator.store.paths import links

if TYPE_CHECKING:
    from curator.media.content import Content
    from curator.parts import Parts
    from curator.store.catalogue.source_tables import SourceTableRow
    from curator.store.sqlite import Database

VECTORS = 1_000
"""So many are looked at together."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that is not as it should be: of what part, which one, what is wrong.

    `remedy` says what `--repair` does, or what a person can do; `repair` does it, None where curator cannot.
    """

    part: str
    which: str
    wrong: str
    remedy: str
    repair: Callable[[], None] | None = None

    def mended(self) -> tuple[Fault, bool]:
        """Do the repair if there is one; whether that went well, and if not, why not."""
        if self.repair is None:
            return self, False
        try:
            self.repair()
        except (OSError, WorkspaceError, MoveFailed) as error:
            why = reason(error) if isinstance(error, OSError) else error
            return dataclasses.replace(self, wrong=f"{self.wrong}; not repaired: {why}", repair=None), False
        return self, True


class Check:
    """Looks at every part of a workspace in turn. Reads all files; writes nothing."""

    def __init__(self, parts: Parts, journal: Journal) -> None:
        self.parts = parts
        self.journal = journal
        self.database = parts.database
        self.derived = parts.derived
        self.changes = ChangeStore(self.database)
        self.tables = Tables(self.database)

    def faults(self) -> Iterator[Fault]:
        """Everything that is wrong, the databases first; what rests on one with damaged pages is not looked at."""
        catalogue, derived = self._pages(self.database), self._pages(self.derived.database)
        yield from (*catalogue, *derived)
        if not catalogue:
            strange = list(self._strange())
            yield from strange
            if strange:
                return
            yield from self._rows()
            yield from self._runs()
            yield from self._files()
            yield from self._tables()
            yield from self._links()
            yield from self._unless_linked("quarantine", self._quarantine())
            yield from self._unless_linked("object", self._objects())
            if not derived:
                yield from self._vectors()
                yield from self._covered()
                yield from self._compiled()

    # --- databases and journal ---

    @staticmethod
    def _pages(database: Database) -> list[Fault]:
        return [Fault("database", database.path.name, wrong, database.if_damaged) for wrong in database.damages()]

    def _rows(self) -> Iterator[Fault]:
        of_row: dict[tuple[str, int], list[Flaw]] = {}
        for flaw in sorted(flaws(self.database)):
            of_row.setdefault((flaw.table, flaw.row), []).append(flaw)
        for (table, row), found in of_row.items():
            wrong = "; ".join(dict.fromkeys(flaw.wrong for flaw in found))
            repair = functools.partial(self.journal.delete, table, row) if found[0].needless else None
            yield Fault("database", f"row {row} of {table}", wrong, found[0].remedy, repair)

    def _strange(self) -> Iterator[Fault]:
        """Values that no curator wrote. What is in other rows rests on them, so that nothing else is looked at."""
        for row in IntegrityStore(self.database).unreadable():
            wrong = f"holds in {row.column!r} what no curator wrote: {row.value}"
            yield Fault("database", f"row {row.row_id} of {row.table}", wrong, self.database.if_damaged)

    def _runs(self) -> Iterator[Fault]:
        """Runs take turns, and it is ours: whoever still 'runs' was killed."""
        runs = RunStore(self.database)
        for run in runs.killed(but=self.journal.run):
            repair = functools.partial(runs.interrupt, run.id)
            yield Fault("run", f"{run.id} ({run.command})", "was killed", "call it interrupted", repair)

    # --- files ---

    def _files(self) -> Iterator[Fault]:
        places = PlaceStore(self.database)
        located = ((place, self.parts.items.places.path(place[0])) for place in places.whole_files())
        with self.parts.reporter.progress("checking files", places.count_whole_files()) as advance:
            for ((place, hash_, _), path), seen in ordered_map(_examined, located):
                yield from self._file(place, hash_, path, seen)
                advance(1)

    def _file(self, place: PlaceRow, hash_: str, path: str, seen: Content | BadContent) -> Iterator[Fault]:
        if has_left(path):
            if not place.missing:
                yield Fault("file", path, "is gone", "record it as missing", self._set(place, missing=1))
            return
        if isinstance(seen, BadContent):
            yield Fault("file", path, str(seen), "see to the file, then add it again")
            return
        stamp = dataclasses.asdict(seen.stamp)
        same_state = seen.stamp == self.parts.items.places.stamp(place)
        if seen.hash != hash_:
            wrong = f"its content changed{_though(same_state)}"
            yield Fault("file", path, wrong, "curator add --verify its folder")
        elif place.missing:
            yield Fault("file", path, "is there again", "record that", self._set(place, missing=0, **stamp))
        elif not same_state:
            yield Fault("file", path, "has another time or inode, same content", "record it", self._set(place, **stamp))

    def _set(self, place: PlaceRow, **values: int | str) -> Callable[[], None]:
        def repair() -> None:
            self.journal.update("place", place.id, **values)

        return repair

    # --- tables ---

    def _tables(self) -> Iterator[Fault]:
        """A table as a whole: while its bytes are the same, so is what its rows hold."""
        for table in self.tables.all():
            path = table.path
            try:
                now, hash_ = look(path), hash_file(path)
            except (BadContent, OSError) as error:
                if is_gone(path):
                    remedy = "record its rows as missing"
                    yield Fault("table", path, "is gone", remedy, functools.partial(self._forget, table))
                else:
                    yield Fault("table", path, str(error), "see to the file, then add it again")
                continue
            if table.hash is None:
                yield Fault("table", path, "was not read to its end", "curator add it again")
            elif hash_ != table.hash:
                yield Fault("table", path, f"its content changed{_though(now == Tables.stamp(table))}", "add it again")
            elif now != Tables.stamp(table):
                repair = functools.partial(Tables.finish, self.journal, table.id, hash_, now)
                yield Fault("table", path, "has another time or inode, same content", "record it", repair)

    def _forget(self, table: SourceTableRow) -> None:
        self.tables.forget(self.journal, table)

    # --- links ---

    def _links(self) -> Iterator[Fault]:
        """Where what is kept lies, curator makes none: it follows none, and whoever put one there may expect that."""
        for folder in (self.parts.folder / name for name in ("models", "objects", "pretraining", "quarantine")):
            for path in links(folder):
                if path != folder or folder.name in ("models", "pretraining"):  # else that is told below
                    wrong = f"is a symbolic link (to {os.readlink(path)!r}), and none is followed here"
                    yield Fault("link", str(path), wrong, "remove it, or put what it leads to in its place")

    # --- quarantine ---

    def _unless_linked(self, part: str, faults: Iterator[Fault]) -> Iterator[Fault]:
        """What is wrong with the files of a folder; of one that is not followed, that."""
        try:
            yield from faults
        except WorkspaceError as error:
            yield Fault(part, str(self.parts.folder), str(error), "see to it yourself")

    def _quarantine(self) -> Iterator[Fault]:
        quarantine = self.parts.quarantine
        for file in quarantine.all():
            which = f"{file.stored} (from {file.outside})"
            forget = functools.partial(self.journal.delete, "quarantined", file.id)
            if refused := quarantine.refused(file):
                yield Fault("quarantine", which, refused, "see to the file yourself; take it off the list", forget)
            elif not file.stored.exists():
                yield Fault("quarantine", which, "is gone", "take it off the list", forget)
            elif not quarantine.is_whole(file):
                yield Fault("quarantine", which, "is not what was put there", "see to the file yourself")
        for path, move in quarantine.strays():
            if move is None:
                yield Fault("quarantine", path, "is on no list, and from nowhere known", "move it where it belongs")
            else:
                adopt = functools.partial(quarantine.adopt, self.journal, move)
                yield Fault("quarantine", path, f"is on no list (from {move.outside})", "list it again", adopt)
        for move in self.parts.moves.planned():
            wrong = "was being moved by a killed run, and could not be put back"
            if move.direction == "off":
                wrong = "was being removed by a killed run, and is still there"
            remedy = "see to that folder; the next command tries again"
            yield Fault("quarantine", move.outside, wrong, remedy)

    # --- objects ---

    def _objects(self) -> Iterator[Fault]:
        objects = self.parts.objects
        used = users(self.database)
        for name, user in used.items():
            try:
                objects.verified(name)
            except WorkspaceError as error:
                denied = isinstance(error.__cause__, PermissionError)
                remedy = "ask its owner to let you read it" if denied else "restore it from a backup, or train again"
                yield Fault("object", f"{name[:12]} of {user}", str(error), remedy)
        for name in objects.names():
            # What an undo took back can be done again, and needs its object then.
            if name not in used and not self.changes.holds_removed_object(name):
                path = objects.path(name)
                yield Fault(
                    "object", name[:12], "nothing refers to it", "remove it", functools.partial(objects.remove, path)
                )
        for path in objects.half_written():
            yield Fault(
                "object",
                path.name,
                "was left half written by a killed run",
                "remove it",
                functools.partial(objects.remove, path),
            )

    # --- vectors ---

    def _vectors(self) -> Iterator[Fault]:
        # What an undo took away can come back, and its cache with it.
        dims = {row["fingerprint"]: row["dim"] for row in self.changes.ever("space")}
        names = {model.fingerprint: model.name for model in self.parts.models.all()}
        for fingerprint in self.derived.spaces():
            dim = dims.get(fingerprint, 0)
            name = names.get(fingerprint, f"space {fingerprint[:12]}")
            bad, orphans = self._sorted_out(fingerprint, dim)
            again = "forget them; curator encode makes them again"
            for some, wrong, remedy in (
                (bad, f"are not {dim} finite numbers" if dim else "belong to a space that the catalogue lacks", again),
                (orphans, "are of no item", "forget them"),
            ):
                if some:
                    repair = functools.partial(self.derived.forget_vectors, fingerprint, some)
                    yield Fault("vector", f"{len(some):,} of {name}", wrong, remedy, repair)

    def _covered(self) -> Iterator[Fault]:
        """What is remembered to be embedded, and is not."""
        coverage = self.parts.coverage
        for model in self.parts.models.all():
            space = self.derived.space(model.fingerprint)
            for media in model.modalities:
                items = self.parts.items.select(modalities=[media])
                known = coverage.covered.since(space, media)
                if known is not None and coverage.missing_and_failed(model, items)[0].except_for(known[1]):
                    repair = functools.partial(coverage.covered.forget, space)
                    wrong = f"is taken to hold all {media}s, and does not"
                    yield Fault("vector", f"the space of {model.name}", wrong, "look again", repair)

    def _compiled(self) -> Iterator[Fault]:
        """Compiled encoders that are of no space, that are not what was written, or that cannot be run."""
        from curator.embedding.ways.forms import runs

        known = {row["fingerprint"] for row in self.changes.ever("space")}
        names = {model.fingerprint: model.name for model in self.parts.models.all()}
        for form in self.derived.forms.all():
            wrong = None
            which = f"compiled {names.get(form.fingerprint, f'space {form.fingerprint[:12]}')} for {form.medium}s"
            if folder := self.derived.forms.folder_in_place(form):
                yield Fault("vector", which, "is a folder, not a file", f"remove {str(folder)!r}")
                continue
            path = self.derived.forms.path(form, remembered=False)
            if form.fingerprint not in known or form.medium not in ("image", "text"):
                wrong = "belongs to a space that the catalogue lacks"
            elif form.digest and path is None:
                wrong = "is gone or is not what was written"
            elif path is not None and not runs(path):
                wrong = "cannot be run"
            if wrong:
                repair = functools.partial(self.derived.forms.forget, form.fingerprint, form.medium)
                yield Fault("vector", which, wrong, "forget it; curator encode makes it again", repair)

    def _sorted_out(self, fingerprint: str, dim: int) -> tuple[list[str], list[str]]:
        """The vectors of a space that are none, and those of no item, by hash."""
        import numpy as np

        bad: list[str] = []
        orphans: list[str] = []
        vectors = self.derived.all_vectors(fingerprint)
        while page := list(islice(vectors, VECTORS)):
            rows = dict(page)
            good = [
                hash_
                for hash_, vector in rows.items()
                if dim and len(vector) == 4 * dim and np.isfinite(np.frombuffer(vector, "<f4")).all()
            ]
            bad += rows.keys() - good
            orphans += self.changes.never_items(good)
        return bad, orphans


def _though(same_state: bool) -> str:
    return " though size and time did not: a damaged disk, or somebody set the time back" if same_state else ""


def _examined(located: tuple[tuple[PlaceRow, str, Modality], str]) -> Content | BadContent:
    """In a thread: what the file holds now."""
    from curator.media.content import examine

    (_, _, modality), path = located
    try:
        return examine(path, modality)
    except BadContent as error:
        return error
