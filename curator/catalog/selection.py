"""Items that are looked up only as far as somebody looks: a million of them are a million numbers."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from typing import TypeAlias, overload

from curator.api import Item, Modality
from curator.errors import NotFound
from curator.store.selecting import Conditions, Ids, Selecting

AT_ONCE = 2_000
"""Items that are made at once."""

Load: TypeAlias = Callable[[Sequence[int]], list[Item]]


class Selection(Sequence[Item]):
    """The items of some ids, or that meet conditions, by id; as a list of them, which cannot be changed.

    Which they are is settled when somebody asks for more than how many, or for the first few. An item that is removed
    after that, as by `undo` in another process, is passed over.
    """

    def __init__(self, selecting: Selecting, load: Load, of: Conditions | Ids) -> None:
        """`load` makes items of ids."""
        self._selecting = selecting
        self._load = load
        self._conditions = of if isinstance(of, Conditions) else None
        self._ids = None if isinstance(of, Conditions) else of
        self._count: int | None = None
        self._seen = 0
        """So many there are at least."""
        self._page: dict[int, Item] = {}

    @property
    def ids(self) -> Ids:
        """All of them."""
        if self._ids is None:
            assert self._conditions is not None
            self._ids = self._selecting.ids(self._conditions)
        return self._ids

    # --- as a list ---

    def __len__(self) -> int:
        if self._ids is not None:
            return len(self._ids)
        if self._count is None:
            assert self._conditions is not None
            self._count = self._selecting.count(self._conditions)
        return self._count

    def __bool__(self) -> bool:
        return self.more_than(0)

    def more_than(self, count: int) -> bool:
        """Whether there are more, without counting all of them."""
        if self._ids is None and self._count is None and count >= self._seen:
            self._seen = len(self._slice(slice(count + 1)))
            return self._seen > count
        return count < self._seen or len(self) > count

    @overload
    def __getitem__(self, index: int) -> Item: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Item]: ...
    def __getitem__(self, index: int | slice) -> Item | Sequence[Item]:
        if isinstance(index, slice):
            backwards = index.step is not None and index.step < 0
            return list(self)[index] if backwards else self._of(self._slice(index))
        number = range(len(self.ids))[index]
        wanted = self.ids[number]
        if wanted not in self._page:
            start = number - number % AT_ONCE
            self._page = {item.id: item for item in self._load(self.ids[start : start + AT_ONCE])}
        if wanted not in self._page:
            raise NotFound(f"id:{wanted} was removed by another command: run it again")
        return self._page[wanted]

    def _slice(self, index: slice) -> Ids:
        """The first few are asked for by themselves."""
        first = index.start in (None, 0) and index.step in (None, 1) and index.stop is not None and index.stop >= 0
        if self._ids is None and first:
            assert self._conditions is not None
            return self._selecting.ids(self._conditions, index.stop)
        return self.ids[index]

    def __iter__(self) -> Iterator[Item]:
        for start in range(0, len(self.ids), AT_ONCE):
            yield from self._load(self.ids[start : start + AT_ONCE])

    def __contains__(self, item: object) -> bool:
        return isinstance(item, Item) and contains(self.ids, item.id) and item in self._load([item.id])

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Selection):
            return self.ids == other.ids
        return list(self) == list(other) if isinstance(other, list | tuple) else NotImplemented

    __hash__ = None  # type: ignore[assignment]

    def __add__(self, other: Iterable[Item]) -> list[Item]:
        return [*self, *other]

    def __radd__(self, other: Iterable[Item]) -> list[Item]:
        return [*other, *self]

    def __repr__(self) -> str:
        return f"<{len(self):,} items>"

    def at(self, places: Sequence[int]) -> list[Item]:
        """The items in these places, in this order, made at once."""
        wanted = [self.ids[place] for place in places]
        made = {item.id: item for start in range(0, len(wanted), AT_ONCE) for item in self._some(wanted, start)}
        if gone := [number for number in wanted if number not in made]:
            raise NotFound(f"id:{gone[0]} was removed by another command: run it again")
        return [made[number] for number in wanted]

    def _some(self, ids: Sequence[int], start: int) -> list[Item]:
        return self._load(sorted(ids[start : start + AT_ONCE]))

    # --- as a set ---

    def kept(self, places: Iterable[int]) -> Selection:
        """Those in these places, which ascend."""
        return self._of(array("q", map(self.ids.__getitem__, places)))

    def arranged(self, places: Iterable[int]) -> Selection:
        """Those in these places, each once, in this order."""
        return Arranged(self._selecting, self._load, array("q", map(self.ids.__getitem__, places)))

    def only(self, ids: Sequence[int]) -> Selection:
        """Those of these ids, which ascend, that are among them."""
        if self._ids is None and self._conditions is not None and not self._conditions.narrow:
            return self._of(self._selecting.among(self._conditions, ids))
        return self._of(array("q", (number for number in ids if contains(self.ids, number))))

    def except_for(self, ids: Collection[int]) -> Selection:
        """All but these."""
        left, start = array("q"), 0
        for number in sorted(ids):  # what lies between two of them is taken as a whole
            at = bisect_left(self.ids, number, start)
            left += self.ids[start:at]
            start = at + (at < len(self.ids) and self.ids[at] == number)
        return self._of(left + self.ids[start:])

    def having(self, hashes: Collection[str]) -> dict[int, str]:
        """Those of these contents that are among them: hash by id."""
        found = {number: hash_ for hash_, number in self._selecting.ids_of(list(hashes)).items()}
        return {number: found[number] for number in self.only(sorted(found)).ids}

    # --- without their rows ---

    def media(self) -> set[Modality]:
        """What there is among them."""
        if self._ids is None and self._conditions is not None:
            each = ((media, replace(self._conditions, media=(media,))) for media in self._conditions.media)
            return {media for media, conditions in each if self._selecting.ids(conditions, 1)}
        return self._selecting.media(self.ids)

    def of_media(self, media: Collection[Modality]) -> Selection:
        """Those of some media."""
        if self.media() <= {*media}:
            return self
        return self._of(array("q", (number for page in self.contents([*media]) for number in page)))

    def contents(self, media: Sequence[Modality] | None = None, at_once: int = AT_ONCE) -> Iterator[dict[int, str]]:
        """Their hashes by their ids, some at a time; `media`: of those of these alone."""
        for start in range(0, len(self.ids), at_once):
            yield self._selecting.hashes(self.ids[start : start + at_once], media)

    def _of(self, ids: Ids) -> Selection:
        return Selection(self._selecting, self._load, ids)


def contains(ids: Sequence[int], number: int) -> bool:
    """Whether a number is among ids, which ascend."""
    at = bisect_left(ids, number)
    return at < len(ids) and ids[at] == number


# --- in another order ---


class Arranged(Selection):
    """The items of some ids, each once, in the order of these."""

    @cached_property
    def by_id(self) -> Selection:
        """The same by id."""
        return Selection(self._selecting, self._load, array("q", sorted(self.ids)))

    def __iter__(self) -> Iterator[Item]:
        for start in range(0, len(self.ids), AT_ONCE):
            made = {item.id: item for item in self._some(self.ids, start)}
            yield from (made[number] for number in self.ids[start : start + AT_ONCE] if number in made)

    def __contains__(self, item: object) -> bool:
        return item in self.by_id

    def only(self, ids: Sequence[int]) -> Selection:
        """Those of these ids, which ascend, that are among them; by id."""
        return self.by_id.only(ids)

    def except_for(self, ids: Collection[int]) -> Selection:
        """All but these."""
        gone = {*ids}
        return self._of(array("q", (number for number in self.ids if number not in gone)))

    def contents(self, media: Sequence[Modality] | None = None, at_once: int = AT_ONCE) -> Iterator[dict[int, str]]:
        """Their hashes by their ids, some at a time."""
        for start in range(0, len(self.ids), at_once):
            page = self.ids[start : start + at_once]
            found = self._selecting.hashes(sorted(page), media)
            yield {number: found[number] for number in page if number in found}

    def _of(self, ids: Ids) -> Selection:
        return Arranged(self._selecting, self._load, ids)


# --- the same of any items ---


def ids_of(items: Sequence[Item]) -> Sequence[int]:
    """Their ids, in order."""
    return items.ids if isinstance(items, Selection) else [item.id for item in items]


def without(items: Sequence[Item], ids: Collection[int]) -> Sequence[Item]:
    """All but those of these ids."""
    return items.except_for(ids) if isinstance(items, Selection) else [item for item in items if item.id not in ids]


def kept(items: Sequence[Item], places: Sequence[int]) -> Sequence[Item]:
    """Those in these places, which ascend."""
    if len(places) == len(items):
        return items
    return items.kept(places) if isinstance(items, Selection) else [items[place] for place in places]


def arranged(items: Sequence[Item], places: Sequence[int]) -> Sequence[Item]:
    """Those in these places, each once, in this order."""
    return items.arranged(places) if isinstance(items, Selection) else [items[place] for place in places]


def having(items: Sequence[Item], hashes: Collection[str]) -> Sequence[Item]:
    """Those of these contents."""
    if isinstance(items, Selection):
        return items.only(sorted(items.having(hashes)))
    return [item for item in items if item.hash in hashes]


def more_than(items: Sequence[Item], count: int) -> bool:
    """Whether there are more, without counting all of them."""
    return items.more_than(count) if isinstance(items, Selection) else len(items) > count


def membership(items: Sequence[Item]) -> Callable[[Collection[str]], dict[int, str]]:
    """Tells which of some contents are among them: hash by id."""
    if isinstance(items, Selection):
        return items.having
    known = {item.hash: item.id for item in items}
    return lambda hashes: {known[hash_]: hash_ for hash_ in hashes if hash_ in known}


def taken(items: Sequence[Item], ids: Collection[int]) -> Sequence[Item]:
    """Those of these ids, all of which are among them."""
    if isinstance(items, Selection):
        return items.only(sorted(ids))
    return [item for item in items if item.id in ids]


def pages_of(items: Sequence[Item], at_once: int = AT_ONCE) -> Iterator[dict[int, str]]:
    """Their hashes by their ids, in order, some at a time."""
    if isinstance(items, Selection):
        yield from items.contents(at_once=at_once)
        return
    for start in range(0, len(items), at_once):
        yield {item.id: item.hash for item in items[start : start + at_once]}


def of_media(items: Sequence[Item], media: Collection[Modality]) -> Sequence[Item]:
    """Those of some media."""
    return items.of_media(media) if isinstance(items, Selection) else [item for item in items if item.modality in media]


def media_of(items: Sequence[Item]) -> set[Modality]:
    """What there is among them."""
    return items.media() if isinstance(items, Selection) else {item.modality for item in items}
