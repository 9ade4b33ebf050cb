"""What is known of an item, as a row of values that JSON, CSV and Parquet hold."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from curator.api import Holds, Record, Said

FIXED: dict[str, Holds] = {
    "id": "integer",
    "hash": "string",
    "media": "string",
    "source": "string",
    "row": "string",
    "text": "string",
    "width": "integer",
    "height": "integer",
    "captions": "strings",
    "side": "string",
}
"""Of every item. `width` and `height` are pixels, as the file holds them."""
RESERVED = frozenset({*FIXED, "label", "said", "image", "file_name"})
"""What no group or label is named as a column: formats have meanings for the last two."""


class Columns:
    """The columns of a dataset: `FIXED`, the class where there are classes, one for each group with the label that
    holds, one for each label in none (true, false or null), and all that is said, with who said it.
    """

    def __init__(self, of_classes: bool, groups: Sequence[str], labels: Sequence[str]) -> None:
        self.holds: dict[str, Holds] = {**FIXED, **({"label": "string"} if of_classes else {})}
        self._taken = set(RESERVED)
        self._groups = {name: self._named(name, "group", "string") for name in groups}
        self._labels = {name: self._named(name, "label", "boolean") for name in labels}
        self.holds["said"] = "said"

    def _named(self, name: str, what: str, holds: Holds) -> str:
        """Its own name, unless another column has that: DuckDB takes `Hat` and `hat` for one."""
        free, number = name, 1
        while free.casefold() in self._taken or not free:
            free = f"{name} ({what})" if number == 1 else f"{name} ({what} {number})"
            number += 1
        self._taken.add(free.casefold())
        self.holds[free] = holds
        return free

    def row(self, record: Record) -> dict[str, Any]:
        """The values of a record, in the order of the columns."""
        item = record.item
        width, height = item.pixels or (None, None)
        values: dict[str, Any] = dict.fromkeys(self.holds)
        values |= {"id": item.id, "hash": item.hash, "media": item.modality, "source": record.source, "row": item.row}
        values |= {"text": item.text, "width": width, "height": height}
        values |= {"captions": list(record.captions), "side": record.side}
        if "label" in values:
            values["label"] = record.label
        for said in record.said:
            if said.label.group is None:
                values[self._labels[said.label.name]] = said.value
            elif said.value:
                values[self._groups[said.label.group]] = said.label.name
        values["said"] = [_of(said) for said in record.said]
        return values


def _of(said: Said) -> dict[str, Any]:
    """One statement, with who made it."""
    label = said.label
    return {
        **{"label": label.name, "group": label.group, "value": said.value},
        **{"source": said.source, "score": said.score},
    }
