"""Giving labels other names, and telling which names are one thing, written in several ways."""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from curator.catalog.label_names import composed, full_name
from curator.catalog.labels import LabelCount, Labels, clean
from curator.errors import BadInput
from curator.history.journal import Journal
from curator.store.catalogue.labels import LabelRow

NUMBER = re.compile(r"([+-]?)0*([0-9]+)(?:\.0*)?")


@dataclass(frozen=True, slots=True)
class Renamed:
    """A label that has another name now: how many items something was said of as to it, and of how many of them as to
    another label of the new name, too. `merged`: whether there was one.
    """

    old: str
    new: str
    items: int
    both: int
    merged: bool


def rename(labels: Labels, journal: Journal, old: str, new: str) -> Renamed:
    """Give a label another name within its group; one that has that name already becomes one with it.

    What was said of both is what either of them said: of a person or a rule the last word counts, and imports that
    contradict each other are a conflict.
    """
    row = labels.find(old)
    name = _name_within(row, new)
    there = labels.store.twin(name, row.group_id)
    if there is not None and there.id == row.id:
        raise BadInput(f"{old!r} already has that name")
    said = labels.store.statements(row.id)
    items = {item for _, item in said}
    both = items & {item for _, item in labels.store.statements(there.id)} if there is not None else set()
    with labels.database.transaction():
        if there is None:
            journal.update("label", row.id, name=name)
        else:
            journal.touch("label", there.id)
            for statement, _ in said:
                journal.update("statement", statement, label_id=there.id)
            journal.delete("label", row.id)
    names = full_name(row.name, row.group), full_name(name, row.group)
    return Renamed(*names, len(items), len(both), there is not None)


def _name_within(row: LabelRow, new: str) -> str:
    """The new name of a label, which may be typed with its group."""
    name = clean(new)
    return name.removeprefix(f"{row.group}/") or name if row.group else name


def alike(counts: Sequence[LabelCount]) -> Iterator[tuple[LabelCount, LabelCount, str]]:
    """Labels that are one thing by their names, each with the one that more items are, and in what they differ."""
    written: dict[tuple[str | None, str], list[LabelCount]] = defaultdict(list)
    for label in counts:
        written[label.group, _plain(label.ref.name)].append(label)
    for several in written.values():
        first, *others = sorted(several, key=lambda label: (-label.positives, label.ref.name))
        for other in others:
            yield other, first, _difference(other.ref.name, first.ref.name)


def _plain(name: str) -> str:
    """A name without what only its writing says."""
    name = _seen(unicodedata.normalize("NFKC", name)).casefold()
    number = NUMBER.fullmatch(name)
    return f"{number[1].replace('+', '')}{number[2]}" if number else name


def _seen(name: str) -> str:
    """A name without characters that nobody sees, and with single spaces."""
    shown = "".join(character for character in name if unicodedata.category(character) != "Cf")
    return " ".join(composed(shown).split())


def _difference(one: str, other: str) -> str:
    ways = (
        ("characters that nobody sees, or spaces", _seen),
        ("case", lambda name: _seen(name).casefold()),
        ("width", lambda name: _seen(unicodedata.normalize("NFKC", name))),
        ("case and width", lambda name: _seen(unicodedata.normalize("NFKC", name)).casefold()),
    )
    return next((words for words, plain in ways if plain(one) == plain(other)), "how a number is written")
