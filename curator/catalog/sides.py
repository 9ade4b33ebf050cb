"""The split: which items are learnt from, which choices are made by, and which the outcome is measured on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

from curator.api import Side
from curator.history.journal import Journal
from curator.store.catalogue.items import SideStore
from curator.store.sqlite import Database


class Sides:
    """Reads and writes which side items are on; the last word on an item is what holds."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.store = SideStore(database)

    def of_items(self, items: Sequence[int]) -> dict[int, Side]:
        """The side of each of these items that is on one."""
        return cast(dict[int, Side], self.store.of_items(items))

    def put(self, journal: Journal, sides: Mapping[int, Side | None]) -> int:
        """Put items on sides, None: on none any more; returns how many were not there before."""
        known = self.store.of_items([*sides])
        new = {item: side for item, side in sides.items() if known.get(item) != side}
        if new:
            with self.database.transaction():
                run = journal.start()
                journal.insert_many(
                    "side", [{"item_id": item, "name": side, "run_id": run} for item, side in new.items()]
                )
        return len(new)
