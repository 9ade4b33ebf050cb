"""Items as plugins see them, selections of them, and queries made definite."""

from __future__ import annotations

import hashlib
import os
import shlex
from array import array
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from curator.api import Item, ItemSet, Modality, Query
from curator.catalog.places import Places, expand_path, missing_path, real
from curator.catalog.selection import Arranged, Selection
from curator.catalog.source_tables import Tables
from curator.catalog.where.meaning import Meaning, asks_for_dates, expression_of, many
from curator.errors import BadInput, NotFound
from curator.media.content import Content, examine
from curator.media.files import BadContent, look
from curator.store.catalogue.items import ItemRow, ItemStore
from curator.store.selecting import Conditions, Selecting
from curator.store.sqlite import Database

MODALITIES: tuple[Modality, ...] = ("image", "text")


class Items:
    """Reads items."""

    def __init__(self, database: Database, say: Callable[[str], None] = lambda line: None) -> None:
        """`say` is told what a person should know of a selection."""
        self.database = database
        self.say = say
        self._told = False
        self.store = ItemStore(database)
        self.selecting = Selecting(database)
        self.places = Places(database)

    def by_ids(self, ids: Sequence[int]) -> list[Item]:
        """The items of these ids, by id."""
        return self._items(self.store.by_ids(ids))

    def among(self, ids: Iterable[int]) -> Selection:
        """The items of these ids, which are made as they are looked at."""
        return Selection(self.selecting, self.by_ids, array("q", sorted(ids)))

    def of_ids(self, ids: Iterable[int]) -> Selection:
        """The items of these ids, each once, in this order."""
        return Arranged(self.selecting, self.by_ids, array("q", ids))

    def without_texts(self, ids: Sequence[int]) -> list[Item]:
        """As `by_ids`, where texts are not wanted."""
        return self._items(self.store.by_ids(ids, texts=False))

    def by_hashes(self, hashes: Sequence[str]) -> list[Item]:
        """The items of those hashes that are known, by id."""
        return self._items(self.store.by_hashes(hashes))

    def by_id(self, item_id: int) -> Item:
        """One item; raises `NotFound`, saying which ids there are."""
        found = self.by_ids([item_id])
        if not found:
            last = self.store.last_id()
            raise NotFound(
                f"no item id:{item_id}: " + (f"ids go from 1 to {last}" if last else "the catalogue is empty")
            )
        return found[0]

    def select(
        self, among: ItemSet = ItemSet(), modalities: Sequence[Modality] | None = None, texts: bool = True
    ) -> Selection:
        """The items that meet every condition, by id. Raises `NotFound` for an unknown label or folder.

        What lies in quarantine and nowhere else was set aside, and is not among them. Without `texts`, which may take
        all the memory there is, `Item.text` is None.
        """
        chosen = self.conditions(among, modalities)
        # What is said may change while a plan is carried out that goes through what nothing is said of.
        of = self.selecting.ids(chosen) if chosen.narrow else chosen
        return Selection(self.selecting, self.by_ids if texts else self.without_texts, of)

    def conditions(self, among: ItemSet, modalities: Sequence[Modality] | None = None) -> Conditions:
        """What a selection asks for, with its names made definite."""
        chosen = many(among.media) or MODALITIES
        media = tuple(m for m in (MODALITIES if modalities is None else modalities) if m in chosen)
        where = Meaning(self.database).of(expression_of(among, media=False))
        if asks_for_dates(where):
            self._say_undated()
        return Conditions(media, where)

    def _say_undated(self) -> None:
        """Once: pictures of which an earlier curator did not keep when they were taken are found by no date."""
        if not self._told and self.selecting.any_undated():
            self.say(
                "some pictures were added before it was kept when they were taken, and no date finds them: "
                "`curator add FOLDER --verify` reads it"
            )
        self._told = True

    def at(self, path: str) -> Item | None:
        """The item of a file: by its place, else by its content. None if the catalogue does not know it."""
        resolved = real(path)
        try:
            stamp = look(resolved)
        except BadContent as error:
            place = self.places.at(resolved)
            if place is None:
                raise BadInput(f"{path!r}: {error}") from error
            return self.by_id(place.item_id)
        place = self.places.at(resolved) or self.places.same_file(stamp)
        if place is not None and self.places.stamp(place) == stamp:
            return self.by_id(place.item_id)
        if Tables(self.database).at(resolved) is not None:
            raise BadInput(f"{path!r} is a table: name an item of it by id:N (curator ls --under {shlex.quote(path)})")
        return self.of_content(identify(path))

    def of_content(self, content: Content) -> Item | None:
        """The item of a content, wherever it is."""
        found = self.store.id_of(content.hash)
        return None if found is None else self.by_id(found)

    def is_empty(self) -> bool:
        """Whether the catalogue holds nothing, not even what was set aside."""
        return self.store.last_id() is None

    def by_reference(self, reference: str | Path | int) -> Item:
        """The item of an id, `id:N` or a file that is catalogued; raises `NotFound` with what to do."""
        if isinstance(reference, int):
            return self.by_id(reference)
        reference = str(reference)
        if reference.startswith("id:"):
            return self.by_id(item_number(reference))
        path = expand_path(reference)
        if not os.path.lexists(path) and self.places.at(real(path)) is None:
            raise missing_path(path)
        item = self.at(str(path))
        if item is None:
            raise NotFound(f"{reference!r} is not in the catalogue: curator add {reference!r} first")
        return item

    def query(self, reference: str) -> Query:
        """A query from `id:N` or a path, catalogued or not; raises `NotFound` with the nearest name."""
        if reference.startswith("id:"):
            return _of_item(self.by_id(item_number(reference)))
        path = expand_path(reference)
        if os.path.isdir(path):
            raise BadInput(f"{reference!r} is a folder: a query is one file, id:N or --text")
        if not os.path.lexists(path) and self.places.at(real(path)) is None:
            raise missing_path(path, hint="to look for a text, give it with --text")
        item = self.at(str(path))
        if item is not None:
            return _of_item(item)
        content = identify(str(path))
        return Query(content.modality, content.hash, path=path, text=content.text)

    def _items(self, rows: Sequence[ItemRow]) -> list[Item]:
        paths = self.places.paths([row.id for row in rows])
        return [_item(row, *paths.get(row.id, (None, None))) for row in rows]


def text_query(text: str, option: str = "--text") -> Query:
    """A query for a text as it stands; `option` is how it was given."""
    if not text.strip():
        raise BadInput(f"{option} needs a text")
    return Query("text", hashlib.sha256(to_utf8(text)).hexdigest(), text=text)


def to_utf8(text: str) -> bytes:
    """A text in UTF-8; raises `BadInput` where the command line gave bytes that are no such text."""
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise BadInput("the text is not valid UTF-8") from None


def identify(path: str) -> Content:
    """What a file outside the catalogue holds: an image if Pillow reads it, a text if its name ends in .txt."""
    try:
        return examine(path, "text" if path.lower().endswith(".txt") else "image")
    except BadContent as error:
        raise BadInput(f"{path!r}: {error}") from error


def item_number(reference: str) -> int:
    """N of `id:N`; raises `BadInput`."""
    digits = reference.removeprefix("id:")
    if not (digits.isascii() and digits.isdigit()):
        raise BadInput(f"{reference!r}: an item is named id:N, N a number")
    return int(digits)


def _of_item(item: Item) -> Query:
    return Query(item.modality, item.hash, item=item, path=item.path, text=item.text)


def _item(row: ItemRow, path: Path | None, table_row: str | None) -> Item:
    pixels = None if row.width is None or row.height is None else (row.width, row.height)
    return Item(row.id, row.hash, row.modality, path, row.text, pixels, table_row)
