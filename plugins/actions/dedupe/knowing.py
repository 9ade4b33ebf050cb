"""What is known of files beside their content: labels, captions, and what lies beside them."""

from __future__ import annotations

import filecmp
import functools
import os
from collections.abc import Collection, Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from pathlib import Path

from curator.api import Context, Item, Known
from curator.kit.companions import Companion, Companions, Neighbourhood

from .files import File

CAPTIONS = (".txt", ".caption")
"""Sidecars that say in words, or in boxes, what a picture shows."""

TREES = ("images", "image", "imgs", "img", "jpegimages")
"""Folders of pictures beside which others hold what is about each, in files of the same stem, as for YOLO."""
ABOUT_TREES = ("labels", "label", "annotations", "captions", "masks", "labelTxt", "Labels", "Annotations")

ASKED = 4_096
"""Files of which it is held what lies beside them: each of a group is compared with each other, by several rules."""


class Knowledge:
    """Asked of the catalogue and of folders once for all files."""

    def __init__(self) -> None:
        self.neighbourhood = Neighbourhood()
        self.folders: set[Path] = set()
        self._known: dict[int, Known] = {}
        self._names = functools.cache(_names)
        self._beside = functools.lru_cache(ASKED)(self.neighbourhood.of)
        self._links: dict[Path, list[Path]] | None = None

    def learn(self, context: Context, items: Sequence[Item]) -> None:
        """Ask what is on record of items."""
        self._known.update(zip((item.id for item in items), context.known(items), strict=True))

    def forget(self) -> None:
        """Hold no more what is on record of those that were learnt about."""
        self._known.clear()

    def of(self, file: File) -> Known:
        """What is on record."""
        return self._known.get(file.item.id, Known())

    def labelled(self, file: File) -> bool:
        """Whether somebody, or a rule, said what it is, or is not."""
        return any(said.source != "head" for said in self.of(file).said)

    def captions(self, file: File) -> int:
        """How well it is captioned: by the catalogue, and by a file beside it."""
        beside = any(one.ending in CAPTIONS for one in self.companions(file).all)
        return bool(self.of(file).captions) + beside

    def beside(self, file: File) -> int:
        """How many kinds of files lie beside it and belong to it."""
        return len({one.ending for one in self.companions(file).all})

    def companions(self, file: File, without: Collection[str] = ()) -> Companions:
        """What lies beside it and belongs to it, where those of the paths `without` are taken to be gone."""
        if not file.place.whole:
            return Companions()
        return self.neighbourhood.of(file.place.path, without) if without else self._beside(file.place.path)

    def owners(self, file: File) -> list[Path]:
        """What it lies beside and belongs to."""
        return self.neighbourhood.owners(file.place.path) if file.place.whole else []

    def in_trees(self, file: File) -> list[Path]:
        """What is about a picture in the folder of labels beside its folder of images."""
        parts = file.place.path.parts[:-1] if file.place.whole and file.item.modality == "image" else ()
        found = []
        for place in (place for place, part in enumerate(parts) if part.casefold() in TREES):
            for other in ABOUT_TREES:
                folder = Path(*parts[:place], other, *parts[place + 1 :])
                found += [folder / name for name in self._names(folder) if Path(name).stem == file.place.path.stem]
        return found

    def links_to(self, file: File) -> list[Path]:
        """Symbolic links to a file, in the folders in question and beside them."""
        if self._links is None:
            self._links = {}
            for link in _links(self.folders):
                self._links.setdefault(Path(os.path.realpath(link)), []).append(link)
        return self._links.get(file.place.path, [])


def _names(folder: Path) -> list[str]:
    try:
        return sorted(os.listdir(folder))
    except OSError:
        return []


def _links(folders: AbstractSet[Path]) -> Iterator[Path]:
    """The links in folders, in what lies in them, and in the folders beside the topmost of them."""
    tops = {folder for folder in folders if not folders & {*folder.parents}}
    for top in tops:
        for walked, _, names in os.walk(top):
            yield from (Path(walked, name) for name in names if os.path.islink(os.path.join(walked, name)))
    parents = {top.parent for top in tops}
    beside = {*parents, *(parent / name for parent in parents for name in _names(parent))} - tops
    for folder in beside:
        if folder.is_dir() and not folder.is_symlink():
            yield from (folder / name for name in _names(folder) if (folder / name).is_symlink())


def counterpart(companion: Companion, others: Iterable[Companion]) -> Companion | None:
    """The one of its kind beside another file; one that holds the same before one that does not."""
    alike = [other for other in others if other.ending == companion.ending and other.path != companion.path]
    return next((other for other in alike if same_bytes(companion.path, other.path)), alike[0] if alike else None)


def same_bytes(one: Path, other: Path) -> bool:
    """Whether two files hold the same."""
    try:
        return os.path.getsize(one) == os.path.getsize(other) and filecmp.cmp(one, other, shallow=False)
    except OSError:
        return False
