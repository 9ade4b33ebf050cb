"""Candidates: listed files, looked up in the catalogue a page at a time, so that only what it does not know is read."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import TypeAlias

from curator.catalog.places import Places, real
from curator.ingest.listing import Listed
from curator.media.content import Content, examine
from curator.media.files import BadContent, Stamp, look, stamp_of
from curator.media.prefetch import WORKERS, ordered_map
from curator.store.catalogue.places import PlaceRow
from curator.store.catalogue.problems import ProblemStore

PAGE = 1_000
"""Files that are looked up together."""

FILES, BYTES = 16, 1 << 20
"""What a thread reads before the next is asked, at most, beyond one file: to hand over a small one costs more."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A listed file, looked at but not read. `place` is set where the catalogue knows its content already."""

    listed: Listed
    path: str
    stamp: Stamp | None = None
    place: PlaceRow | None = None
    alias: bool = False  # another name of a file whose place is on record
    bad: str | None = None

    @property
    def unread(self) -> int | None:
        """How many bytes have to be read; None where none have to."""
        return None if self.stamp is None or self.place is not None or self.bad is not None else self.stamp.size


Examined: TypeAlias = tuple[Candidate, Content | BadContent | None]


class Candidates:
    """Looks at listed files. `shortcut`: one of known size, time and inode is not read again."""

    def __init__(self, places: Places, problems: ProblemStore, shortcut: bool, encoding: str | None) -> None:
        self.places = places
        self.problems = problems
        self.shortcut = shortcut
        self.encoding = encoding

    def examined(self, found: Iterable[Listed]) -> Iterator[Examined]:
        """What each file holds, read by threads; None where the catalogue knows it already."""
        read = partial(_read, encoding=self.encoding)
        for handful, contents in ordered_map(read, self._handfuls(found), 2 * WORKERS):
            yield from zip(handful, contents, strict=True)

    def _handfuls(self, found: Iterable[Listed]) -> Iterator[list[Candidate]]:
        found = iter(found)
        while page := list(islice(found, PAGE)):
            handful: list[Candidate] = []
            files = size = 0
            for candidate in self._looked_at(page):
                handful.append(candidate)
                if candidate.unread is not None:
                    files, size = files + 1, size + candidate.unread
                if files >= FILES or size >= BYTES:
                    yield handful
                    handful, files, size = [], 0, 0
            yield handful

    def _looked_at(self, page: Iterable[Listed]) -> list[Candidate]:
        folders: dict[str, str] = {}
        seen = [_seen(entry, folders) for entry in page]
        return self._known(seen) if self.shortcut else seen

    def _known(self, page: list[Candidate]) -> list[Candidate]:
        """Take the shortcut where size, time and inode are those on record, or what was wrong with it then."""
        places = self.places.at_all([one.path for one in page if one.stamp is not None])
        elsewhere = self.places.known_inodes(one.stamp for one in page if one.stamp and one.path not in places)
        problems = self.problems.at_all([one.path for one in page if one.stamp is not None])
        found = []
        for one in page:
            stamp, alias = one.stamp, one.path not in places
            if stamp is not None:
                place = places.get(one.path)
                if place is None and (stamp.inode, stamp.device) in elsewhere:
                    place = self.places.same_file(stamp)
                known = problems.get(one.path)
                if place is not None and self.places.stamp(place) == stamp:
                    one = Candidate(one.listed, one.path, stamp, place, alias)
                elif known is not None and (known.size, known.mtime_ns) == (stamp.size, stamp.mtime_ns):
                    one = Candidate(one.listed, one.path, stamp, bad=known.reason)
            found.append(one)
        return found


def _seen(entry: Listed, folders: dict[str, str]) -> Candidate:
    """A file as it lies on the disk. `folders` are those of its page, as they are without links."""
    folder, name = os.path.split(entry.path)
    if folder not in folders:
        folders[folder] = real(folder)
    path = os.path.join(folders[folder], name)
    with contextlib.suppress(OSError, BadContent):
        status = os.lstat(path)
        if name not in ("", os.curdir, os.pardir) and not stat.S_ISLNK(status.st_mode):
            return Candidate(entry, path, stamp_of(status))
    path = real(entry.path)
    try:
        return Candidate(entry, path, look(path))
    except BadContent as error:
        # A link that leads nowhere is known by its own name: there is nothing under the other.
        return Candidate(entry, path if os.path.lexists(path) else os.path.abspath(entry.path), bad=str(error))


def _read(handful: list[Candidate], encoding: str | None) -> list[Content | BadContent | None]:
    """In a thread: read what has to be read."""
    return [_content(candidate, encoding) for candidate in handful]


def _content(candidate: Candidate, encoding: str | None) -> Content | BadContent | None:
    if candidate.bad is not None:
        return BadContent(candidate.bad)
    if candidate.place is not None:
        return None
    try:
        return examine(candidate.path, candidate.listed.modality, encoding)
    except BadContent as error:
        return error
