"""Selections that are kept by a name: as they were written, so that they mean what they mean when they are used."""

from __future__ import annotations

from curator.catalog.labels import clean
from curator.errors import NotFound
from curator.store.selecting.saved import SavedRow, SavedStore


def find(store: SavedStore, name: str) -> SavedRow:
    """The saved selection of a name; raises `NotFound` with the nearest."""
    found = store.named(selection_name(name))
    if found is None:
        raise NotFound.named(
            "saved selection",
            name,
            [row.name for row in store.all()],
            hint="there is none yet: curator ls --where TEXT --save NAME",
            many="`curator saved` lists the existing ones",
        )
    return found


def selection_name(name: str) -> str:
    """The name of a saved selection as it is kept, without the `@` by which it is used; raises `BadInput` for none."""
    return clean(name.lstrip("@＠"), "selection")
