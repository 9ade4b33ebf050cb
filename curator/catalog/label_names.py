"""What a label's name means as a person types it: it is compared whole with all there are, and never split.

`NAME` is enough where one label has it, and `GROUP/NAME` where that is one label's. `id:N` is the label of that number,
with zeros before N as need be, so that there is always a way to type just one: no name stands in the way for ever.
"""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections import defaultdict
from collections.abc import Collection, Iterable

from curator.errors import BadInput
from curator.kit.splits import SIDES_BY_NAME
from curator.store.catalogue.labels import LabelRow

NUMBERED = re.compile("id:([0-9]{1,18})")


class LabelNames:
    """Some labels, by what they go by."""

    def __init__(self, rows: Iterable[LabelRow]) -> None:
        self.rows = list(rows)
        self._by_id = {row.id: row for row in self.rows}
        self._by_word: dict[str, list[LabelRow]] = defaultdict(list)
        for row in self.rows:
            for word in {row.name, full_name(row.name, row.group)}:
                self._by_word[word].append(row)

    def matches(self, name: str) -> list[LabelRow]:
        """Every label that a name, as `search_name` gives it, may mean, by id."""
        rows = {row.id: row for row in self._by_word.get(name, ())}
        # One that stands alone has no other name than this, where those in groups have.
        if any(row.name == name and row.group_id is None for row in rows.values()):
            rows = {key: row for key, row in rows.items() if row.name != name or row.group_id is None}
        number = number_in(name)
        if number in self._by_id:
            rows[number] = self._by_id[number]
        return [rows[key] for key in sorted(rows)]

    def unambiguous_name(self, row: LabelRow) -> str:
        """What to type so that just this one is meant: its name, else `GROUP/NAME`, else `id:N`."""
        numbers = (f"id:{row.id:0{width}}" for width in itertools.count(1))
        ways = itertools.chain((row.name, full_name(row.name, row.group)), numbers)
        return next(way for way in ways if [other.id for other in self.matches(way)] == [row.id])

    def display_name(self, row: LabelRow) -> str:
        """Its name, with the group where others are called so too."""
        alike = sum(other.name == row.name for other in self._by_word[row.name])
        return row.name if alike == 1 else full_name(row.name, row.group)


def full_name(name: str, group: str | None) -> str:
    """`GROUP/NAME`, or `NAME` for a label that stands alone."""
    return f"{group}/{name}" if group else name


def number_in(name: str) -> int | None:
    """N of `id:N`, None for any other name."""
    match = NUMBERED.fullmatch(name)
    return int(match[1]) if match else None


def search_name(name: str, noun: str = "label") -> str:
    """A name to look for, as it would be kept; raises `BadInput` for none.

    Bytes that are not UTF-8 are in no name, and SQLite takes none.
    """
    name = composed(name).encode("utf-8", "backslashreplace").decode()
    if not name:
        raise BadInput(f"a {noun} needs a name")
    return name


def composed(name: str) -> str:
    """Composed characters, no white space around them: by which names are told apart."""
    return unicodedata.normalize("NFC", name).strip()


def are_splits(folders: Collection[str]) -> bool:
    """Whether folders are the parts of a data set (train, test ...) by their names, and so no labels."""
    return bool(folders) and all(folder.lower() in SIDES_BY_NAME for folder in folders)
