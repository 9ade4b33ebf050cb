"""What is compared: the items of each medium that have files, in the order in which they should stay.

There may be a million. Each is looked at once, to find its place in the order, and let go again: what is held of it is
its id. Files are made anew of those that turn out to have copies.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from curator.api import Context, Item, ItemSet, Modality
from curator.errors import NotFound, NotReady
from curator.kit.listing import ids_of

from .files import File
from .keeping import Preference
from .knowing import Knowledge
from .unseen import Unlooked

if TYPE_CHECKING:
    from . import DedupeParams

AT_ONCE = 2_000
"""Items that are looked at together."""


class Files:
    """Makes files of items, and holds those that were asked for."""

    def __init__(self, context: Context, params: DedupeParams, preference: Preference, knowledge: Knowledge) -> None:
        self.context, self.preference, self.knowledge = context, preference, knowledge
        self.references = [Path(folder).expanduser().resolve() for folder in params.reference]
        given = params.items.under
        folders = given if isinstance(given, tuple) else (given,)
        self.under = [folder.expanduser().resolve() for folder in folders if folder]
        self._held: dict[int, File] = {}

    def of(self, items: Sequence[Item]) -> list[list[File]]:
        """The files of each item that are there, below the folders in question; the one to keep first."""
        self.knowledge.learn(self.context, items)
        found = []
        for item, places in zip(items, self.context.places(items), strict=True):
            files = []
            for place in places:
                reference = any(place.path.is_relative_to(folder) for folder in self.references)
                if reference or not self.under or any(place.path.is_relative_to(folder) for folder in self.under):
                    files.append(File(item, place, reference))
            found.append(sorted(files, key=self.preference.key))
        return found

    def all_of(self, ids: Collection[int]) -> Iterator[list[File]]:
        """Those of some items; raises `NotReady` where one has none any more."""
        for start in range(0, len(ids), AT_ONCE):
            items = list(self.context.of_ids([*ids][start : start + AT_ONCE]))
            for item, files in zip(items, self.of(items), strict=True):
                if not files:
                    raise NotReady(f"the file of {item} changed while it was being compared: run it again")
                yield files

    def hold(self, ids: Sequence[int]) -> None:
        """Have the file that stands for each item, the one that is kept of it."""
        missing = [number for number in dict.fromkeys(ids) if number not in self._held]
        self._held.update(zip(missing, (files[0] for files in self.all_of(missing)), strict=True))

    def first_of(self, ids: Sequence[int]) -> list[File]:
        """That of each."""
        self.hold(ids)
        return [self._held[number] for number in ids]


@dataclass(frozen=True, slots=True, eq=False)
class Gathered:
    """Items of one medium, of each of which a file is there, the best first: `ids`, (n,), of whom `reference`, (n,)
    says whether that file is below --reference."""

    modality: Modality
    files: Files
    ids: NDArray[np.int64]
    reference: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def items(self) -> Sequence[Item]:
        """The items, read as they are looked at."""
        return self.files.context.of_ids(self.ids)

    def hold(self, numbers: Sequence[int]) -> list[File]:
        """The files of some of them, by their places in the order."""
        return self.files.first_of(self.ids[np.asarray(numbers, np.int64)].tolist())

    def file(self, number: int) -> File:
        """That of one."""
        return self.hold([number])[0]

    def only(self, numbers: NDArray[Any]) -> Gathered:
        """Some of them, by places that ascend or as a mask."""
        return Gathered(self.modality, self.files, self.ids[numbers], self.reference[numbers])

    def without(self, ids: Collection[int]) -> NDArray[np.int64]:
        """The places of all but these items."""
        return np.flatnonzero(~np.isin(self.ids, np.asarray([*ids], np.int64)))


def gather(context: Context, params: DedupeParams, files: Files) -> Iterator[tuple[Gathered, list[list[File]]]]:
    """For each medium what is compared, and the files of the items that have several."""
    unlooked = Unlooked([*files.under, *files.references] if files.under else [])
    media: tuple[Modality, ...] = ("image", "text")
    found = [_of_medium(context, params, files, medium, unlooked) for medium in media]
    unlooked.say(context)
    files.knowledge.forget()
    for gathered, several in found:
        yield gathered, list(files.all_of(several))


def _of_medium(
    context: Context, params: DedupeParams, files: Files, medium: Modality, unlooked: Unlooked
) -> tuple[Gathered, list[int]]:
    ids = np.asarray(ids_of(context.items(params.items, [medium])), np.int64)
    for folder in files.references:
        if not context.items(ItemSet(under=folder)):
            # Passed over, a mistake in the name would let files go that were to stay.
            raise NotFound(f"no file below --reference {str(folder)!r} is catalogued: curator add it first")
        ids = np.union1d(ids, ids_of(context.items(ItemSet(params.items.media, folder), [medium])))
    there, reference, several, keys = list[int](), list[bool](), list[int](), list[bytes]()
    for start in range(0, len(ids), AT_ONCE):
        page = list(context.of_ids(ids[start : start + AT_ONCE].tolist()))
        unlooked.add(context.unseen(page))
        for item, its in zip(page, files.of(page), strict=True):
            files.knowledge.folders.update(file.place.path.parent for file in its)
            if its:
                there.append(item.id)
                reference.append(its[0].reference)
                keys.append(packed(files.preference.key(its[0])))
            if len(its) > 1:
                several.append(item.id)
        files.knowledge.forget()
    order = np.asarray(sorted(range(len(keys)), key=keys.__getitem__), np.int64)
    return Gathered(medium, files, np.asarray(there, np.int64)[order], np.asarray(reference, bool)[order]), several


# --- a key in little room ---


def packed(key: Any) -> bytes:
    """A key of truths, whole numbers, texts and tuples of such, as bytes that compare as it does.

    Of a million keys their bytes take a fifth of what the tuples do.
    """
    if isinstance(key, bool):
        return bytes([key])
    if isinstance(key, int):
        size = (key.bit_length() + 7) // 8
        number = (0x8000 + size).to_bytes(2) + abs(key).to_bytes(size)
        return number if key >= 0 else bytes(255 - byte for byte in number)
    if isinstance(key, str):
        return key.encode("utf-8", "surrogatepass").replace(b"\0", b"\0\xff") + b"\0\0"
    return b"".join(b"\1" + packed(part) for part in key) + b"\0"
