"""What is known of files beside their content: labels, captions, and what lies beside them."""

from __future__ import annotations

import filecmp
import os
from collections.abc import Collection, Iterable
from pathlib import Path

from curator.api import Context, Item, Known
from curator.kit.companions import Companion, Companions, Neighbourhood

from .files import File

CAPTIONS = (".txt", ".caption")
"""Sidecars that say in words, or in boxes, what a picture shows."""


class Knowledge:
    """Asked of the catalogue and of folders once for all files."""

    def __init__(self) -> None:
        self.neighbourhood = Neighbourhood()
        self._known: dict[int, Known] = {}

    def learn(self, context: Context, items: Iterable[Item]) -> None:
        """Ask what is on record of items."""
        asked = list(items)
        self._known.update(zip((item.id for item in asked), context.known(asked), strict=True))

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
        return self.neighbourhood.of(file.place.path, without) if file.place.whole else Companions()

    def owners(self, file: File) -> list[Path]:
        """What it lies beside and belongs to."""
        return self.neighbourhood.owners(file.place.path) if file.place.whole else []


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
