"""What lies beside a picture and belongs to it: the raw file of the same shot, the film of a live photo, and sidecars.

Told by names alone, as cameras, phones and tools for annotating give them: by the stem (`a.jpg`, `a.xmp`, `a.cr2`) or
by the whole name (`a.jpg.xmp`, `a.jpg.json`). Whatever is no picture of its own may be about the one beside it: a world
file, subtitles, features, the file that it was painted in. Standard library alone.
"""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path

__all__ = ["RAW", "SIDECARS", "Companion", "Companions", "Neighbourhood"]

SIDECARS = frozenset(
    [".aae", ".caption", ".dop", ".json", ".pp3", ".thm", ".toml", ".txt", ".xml", ".xmp", ".yaml", ".yml"]
)
"""Endings of what cameras, editors, annotation tools and training scripts lay beside a picture, about it."""

_RAW = "3fr arw cr2 cr3 crw dcr dng erf iiq kdc mef mos mrw nef nrw orf pef raf raw rw2 rwl sr2 srf srw x3f"
RAW = frozenset(f".{ending}" for ending in _RAW.split())
"""Endings of raw files, which cameras write beside a JPEG of the same shot."""

SHOWN = frozenset([".heic", ".heif", ".hif", ".jpeg", ".jpg"])
"""Endings of the picture of a shot that has a raw file, a film or a sound beside it."""

MOVING = frozenset([".mov", ".mp4", ".wav"])
"""Endings of the film of a live photo, and of a sound that was spoken to a picture."""

_PICTURES = (
    "apng avif avifs bmp dds dib gif heic heics heif heifs hif ico icns j2c j2k jfif jif jp2 jpc jpe jpeg jpf jpg jpx"
    " jxl pbm pcx pgm png pnm ppm qoi sgi tga tif tiff webp"
)
PICTURES = frozenset(f".{ending}" for ending in _PICTURES.split())
"""Endings of pictures that stand for themselves: two of one stem are two."""

NUMBERED = re.compile(r"(?P<stem>.*)(?P<number>\(\d+\))(?P<ending>\.\w+)")
"""Google Takeout writes `IMG.jpg(1).json` beside `IMG(1).jpg`."""


@dataclass(frozen=True, slots=True)
class Companion:
    """A file beside another. `ending`, in small letters, is what it is told apart by.

    `content`: it is no mere word about the other, but holds what may be nowhere else: a raw file, a film, a sound.
    """

    path: Path
    ending: str
    content: bool


@dataclass(frozen=True, slots=True)
class Companions:
    """What lies beside a file: `own` belongs to it alone, `shared` also to another that is there."""

    own: tuple[Companion, ...] = ()
    shared: tuple[Companion, ...] = ()

    @property
    def all(self) -> tuple[Companion, ...]:
        """Both."""
        return self.own + self.shared


@dataclass(frozen=True, slots=True)
class _Folder:
    """The names of the files of a folder, as they are looked for."""

    by_stem: dict[str, list[str]] = field(default_factory=dict)
    by_owner: dict[str, list[str]] = field(default_factory=dict)
    """What is no picture by each beginning of their name that may be a whole name."""


class Neighbourhood:
    """Looks what lies beside files. Each folder is read once, so that one is made anew where files come and go."""

    def __init__(self) -> None:
        self._folder = functools.cache(_listed)

    def of(self, path: str | Path, without: Collection[str] = ()) -> Companions:
        """What belongs to a file, where those of the paths `without` are taken to be gone."""
        folder, name = os.path.split(os.path.abspath(path))
        stem, ending = os.path.splitext(name)
        if ending.lower() in SIDECARS:
            return Companions()
        names = self._folder(folder)
        gone = {os.path.basename(one) for one in without if os.path.dirname(one) == folder}
        alike = [other for other in _alike(names, stem) if other not in gone and other != name]
        shot = [other for other in alike if _of_one_shot(ending, os.path.splitext(other)[1])]
        about = [other for other in alike if other not in shot and not _stands_alone(other)]
        # Of `a.jpg` and `a.png` beside `a.txt`, neither has the text alone.
        alone = len(alike) == len(shot) + len(about)
        named = [other for owner in (name, *shot) for other in _about(names, owner) if other not in gone]
        own = [*named, *(shot + about if alone else ())]
        return Companions(_sorted(folder, own), _sorted(folder, () if alone else shot + about))

    def owners(self, path: str | Path) -> list[Path]:
        """The files that a sidecar is about, and those of the same shot."""
        folder, name = os.path.split(os.path.abspath(path))
        stem, ending = os.path.splitext(name)
        names = self._folder(folder)
        others = [other for other in _alike(names, stem) if other != name]
        if ending.lower() in SIDECARS:
            found = [other for other in others if os.path.splitext(other)[1].lower() not in SIDECARS]
            found += [owner for owner in _whole_names(stem) if _is_file(names, owner)]
        else:
            found = [other for other in others if _of_one_shot(ending, os.path.splitext(other)[1])]
            if not _stands_alone(name):
                found += [other for other in others if _stands_alone(other) and other not in found]
        return [Path(folder, other) for other in sorted(found)]


def _of_one_shot(one: str, other: str) -> bool:
    """Whether two endings are of files that one press of the button makes: not a JPEG and a HEIC, which are copies."""
    kinds = [next((kind for kind in (SHOWN, RAW, MOVING) if end.lower() in kind), None) for end in (one, other)]
    return None not in kinds and kinds[0] is not kinds[1] and kinds[0] is not MOVING


def _stands_alone(name: str) -> bool:
    """Whether a file is a picture, so that what lies beside it may be about it."""
    ending = os.path.splitext(name)[1].lower()
    return ending in PICTURES or ending in RAW


def _alike(names: _Folder, stem: str) -> list[str]:
    """The files of a stem; in other capitals only what has no picture of its own stem: `IMG_1.TXT` of `img_1.jpg`."""
    every = names.by_stem.get(stem.casefold(), [])
    own = {os.path.splitext(name)[0] for name in every if _stands_alone(name)}
    stems = [(name, os.path.splitext(name)[0]) for name in every]
    return [name for name, its in stems if its == stem or its not in own or stem not in own]


def _about(names: _Folder, owner: str) -> Iterator[str]:
    """The sidecars that are called by the whole name of a file."""
    yield from names.by_owner.get(owner, ())
    if numbered := NUMBERED.fullmatch(owner):
        yield from names.by_owner.get(f"{numbered['stem']}{numbered['ending']}{numbered['number']}", ())


def _whole_names(stem: str) -> Iterator[str]:
    """The whole names that the stem of a sidecar may begin with: `a.jpg` of `a.jpg.supplemental-metadata`."""
    parts = stem.split(".")
    for count in range(2, len(parts) + 1):
        whole = ".".join(parts[:count])
        yield whole
        if taken := re.fullmatch(r"(.*)(\.\w+)(\(\d+\))", whole):
            yield f"{taken[1]}{taken[3]}{taken[2]}"


def _listed(folder: str) -> _Folder:
    found = _Folder()
    try:
        with os.scandir(folder) as entries:
            names = sorted(entry.name for entry in entries if entry.is_file(follow_symlinks=False))
    except OSError:
        return found  # what cannot be looked into cannot be moved either
    for name in names:
        stem = os.path.splitext(name)[0]
        found.by_stem.setdefault(stem.casefold(), []).append(name)
        if not _stands_alone(name):
            parts = stem.split(".")
            for count in range(2, len(parts) + 1):
                found.by_owner.setdefault(".".join(parts[:count]), []).append(name)
    return found


def _is_file(names: _Folder, name: str) -> bool:
    return name in names.by_stem.get(os.path.splitext(name)[0].casefold(), ())


def _sorted(folder: str, names: Collection[str]) -> tuple[Companion, ...]:
    endings = [(name, os.path.splitext(name)[1].lower()) for name in sorted(set(names))]
    return tuple(Companion(Path(folder, name), ending, ending not in SIDECARS) for name, ending in endings)
