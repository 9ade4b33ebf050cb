"""What has to hold between the rows of a catalogue: nothing names what is gone, and one file is in one place."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from curator.store.catalogue.integrity import IntegrityStore
from curator.store.catalogue.places import PlaceStore
from curator.store.sqlite import Database


@dataclass(frozen=True, slots=True, order=True)
class Flaw:
    """A row whose value in a column cannot stand: `other` (table, row) is gone, or clashes with it.

    `needless`: nobody misses the row if it is removed.
    """

    table: str
    row: int
    column: str
    other: tuple[str, int]
    wrong: str
    remedy: str
    needless: bool = False


def flaws(database: Database, tables: Collection[str] = ()) -> Iterator[Flaw]:
    """All there are, or those in the rows of some tables, one by one; nothing is to be written meanwhile.

    Reads every row, so that it takes time for a large catalogue.
    """
    store = IntegrityStore(database)
    yield from _dangling(store, tables, database.if_damaged)
    if not tables or "setting" in tables:
        yield from _settings(store)
    if not tables or "root" in tables:
        yield from _overlaps(PlaceStore(database).roots())
    if not tables or "place" in tables:
        yield from _twice(store)


def _dangling(store: IntegrityStore, tables: Collection[str], remedy: str) -> Iterator[Flaw]:
    for row in store.dangling(tables):
        wrong = f"refers to a row of {row.parent} that is gone"
        yield Flaw(row.table, row.row_id, row.column, (row.parent, row.gone), wrong, remedy)


def _settings(store: IntegrityStore) -> Iterator[Flaw]:
    names = store.model_names()
    for row in store.naming_models():
        wrong = f"{row.key} names a model that is gone"
        if row.key.startswith("model.") and row.value not in names:
            remedy = "forget it: using the encoder records it again"
            yield Flaw("setting", row.id, "value", ("model", row.value), wrong, remedy, needless=True)
        if row.key.startswith("default.") and row.value not in names.values():
            remedy = "choose one: curator encoders --use NAME"
            gone = store.last_named(row.value) or 0
            yield Flaw("setting", row.id, "value", ("model", gone), wrong, remedy)


def _overlaps(roots: Mapping[str, int]) -> Iterator[Flaw]:
    for inner, row_id in roots.items():
        for outer in map(str, Path(inner).parents):
            if outer in roots:
                wrong = f"the folder {inner!r} lies below {outer!r}, which is catalogued too"
                yield Flaw("root", row_id, "path", ("root", roots[outer]), wrong, _UNDO)


def _twice(store: IntegrityStore) -> Iterator[Flaw]:
    for row in store.twice():
        wrong = f"{row.path!r} is the same file as {row.other_path!r}"
        yield Flaw("place", row.id, "inode", ("place", row.other_id), wrong, _UNDO)


_UNDO = "undo the run that recorded one of them (curator log)"
