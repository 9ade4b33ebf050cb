"""What is read of files only where they may be copies: what else they hold, and how much of a picture is real."""

from __future__ import annotations

import functools
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeAlias

from curator.api import Context
from curator.kit.images import opened
from curator.kit.reading import Unreadable

from . import realness
from .depth import Depth, depth
from .detail import DETAIL, Detail
from .files import File
from .inside import Inside, inside

HELD = 200
"""Pictures of which it is held what was measured, some 200 KB each: those of a group are compared with each other."""

Measure: TypeAlias = Callable[[File, File], str]
"""Why the first of two files is worth more than the second; empty where it is not."""


class Measures:
    """Measures, each file once. `all`: from the one that counts most."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self._inside = functools.cache(inside)
        self._coarseness = functools.cache(_coarseness)
        self._details: OrderedDict[int, Detail | None] = OrderedDict()
        self._same: dict[int, int] = {}
        self._holding: dict[tuple[int, int, Callable[[Detail, Detail], bool]], bool] = {}
        self._depth = functools.cache(depth)
        self.all: tuple[Measure, ...] = (
            self.embedded,
            self.told,
            self.finer,
            self.unbarred,
            self.uncovered,
            self.shown,
            self.fine,
        )

    def embedded(self, one: File, other: File) -> str:
        """More in its own right, as the film of a motion photo, or something else of that kind."""
        more, others = _more(self.inside(one).embedded, self.inside(other).embedded)
        said = [f"holds {' and '.join(more)}, too"] if more else []
        said += [f"holds {kind} that is not the other one's" for kind in others]
        return " and ".join(said)

    def told(self, one: File, other: File) -> str:
        """More metadata, or others."""
        more, others = _more(self.inside(one).told, self.inside(other).told)
        said = [f"tells of {', '.join(more)}"] if more else []
        said += [f"says something else of {', '.join(others)}"] if others else []
        return " and ".join(said)

    def finer(self, one: File, other: File) -> str:
        """More bits of each colour."""
        mine, theirs = self.depth(one), self.depth(other)
        return f"{mine.bits} bits of each colour, not {theirs.bits}" if mine.bits > theirs.bits else ""

    def unbarred(self, one: File, other: File) -> str:
        """No bars beside or above it."""
        return "without bars" if self._of_both(one, other, realness.has_bars_less) else ""

    def uncovered(self, one: File, other: File) -> str:
        """Nothing written over it, as far as can be told."""
        return "seems to have less laid over it" if self._of_both(other, one, realness.lies_over) else ""

    def shown(self, one: File, other: File) -> str:
        """More detail than the other has pixels for, or as much in fewer pixels."""
        if self.more_detail(one, other):
            return "more detail"
        return "the other one was enlarged" if self._of_both(other, one, realness.was_enlarged) else ""

    def more_detail(self, one: File, other: File) -> bool:
        """Whether something is seen in the one that the other is too small for."""
        return self._of_both(one, other, realness.shows_more)

    def fine(self, one: File, other: File) -> str:
        """Compressed less, unless it was only saved again from the other."""
        if one.item.modality != "image" or not (one.place.whole and other.place.whole):
            return ""
        mine, theirs = self._coarseness(one.place.path), self._coarseness(other.place.path)
        if not mine or theirs < realness.COARSER * mine:
            return ""
        return "compressed less" if self._of_both(one, other, realness.is_another) else ""

    def inside(self, file: File) -> Inside:
        """What is in the file of a picture, nothing in that of a text or a table."""
        if file.item.modality != "image" or not file.place.whole:
            return Inside()
        return self._inside(file.place.path)

    def depth(self, file: File) -> Depth:
        """How many bits there are in the file of a picture."""
        if file.item.modality != "image" or not file.place.whole:
            return Depth()
        return self._depth(file.place.path)

    def are_same(self, files: Iterable[File]) -> None:
        """Know that these show the same pixels, so that none is measured against another."""
        ids = [file.item.id for file in files]
        self._same.update(dict.fromkeys(ids, ids[0]))

    def look_at(self, files: Iterable[File]) -> None:
        """Measure the pictures of several files at once; what was measured is kept, and not held."""
        for _ in self.context.signatures(DETAIL, [file.item for file in files if file.item.modality == "image"]):
            pass

    def hold(self, files: Sequence[File]) -> None:
        """Have what was measured of these in memory, and drop what was not wanted for longest."""
        items = {file.item.id: file.item for file in files if file.item.modality == "image"}
        for number in items.keys() & self._details.keys():
            self._details.move_to_end(number)
        missing = [item for number, item in items.items() if number not in self._details]
        while self._details and len(self._details) + len(missing) > max(HELD, len(items)):
            self._details.popitem(last=False)
        self._details.update((item.id, None) for item in missing)
        for item, data in self.context.signatures(DETAIL, missing) if missing else ():
            self._details[item.id] = Detail.read(data) if data else None

    def _of_both(self, one: File, other: File, holds: Callable[[Detail, Detail], bool]) -> bool:
        """Whether something holds of two pictures; not of texts, of what cannot be read, nor of the same pixels."""
        ids = one.item.id, other.item.id
        if ids[0] == ids[1] or self._same.get(ids[0], ids[0]) == self._same.get(ids[1], ids[1]):
            return False
        if (*ids, holds) not in self._holding:  # the same two are asked about by every order of the files of a group
            self.hold([one, other])
            mine, theirs = (self._details.get(item) for item in ids)
            self._holding[*ids, holds] = mine is not None and theirs is not None and holds(mine, theirs)
        return self._holding[*ids, holds]


def _more(one: Mapping[str, frozenset[str]], other: Mapping[str, frozenset[str]]) -> tuple[list[str], list[str]]:
    """Kinds of what is in one and not in the other: of which that has nothing, and of which it has something else."""
    kinds = sorted(kind for kind, contents in one.items() if contents - other.get(kind, frozenset()))
    return [kind for kind in kinds if kind not in other], [kind for kind in kinds if kind in other]


def _coarseness(path: object) -> float:
    """The mean step in which a JPEG keeps brightness; 0 of what is none."""
    try:
        with opened(str(path)) as image:
            tables = getattr(image, "quantization", None) or {}
            return sum(tables[0]) / len(tables[0]) if 0 in tables else 0.0
    except Unreadable:
        return 0.0
