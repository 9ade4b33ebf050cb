"""Clusters as rows and as a sheet."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from curator.api import Context, Finding, Item, Listing
from curator.kit import sheets
from curator.kit.listing import items_at, of_item

from . import naming
from .grouping import Clusters

AT_ONCE = 2_000
"""So many members are made at once."""
TYPICAL = 5
"""So many typical items are named, and shown on a sheet; beside them there, the least typical one."""


@dataclass(frozen=True, slots=True)
class Described:
    """A cluster in words. `number` 0 is what is in none; `tight` is then None.

    `typical` are some of its `size` items, the most typical first, and `farthest` the least; None where it is among
    these.
    """

    number: int
    size: int
    typical: list[Item]
    farthest: Item | None
    tight: float | None
    label: str | None
    share: float | None
    labelled: int
    words: list[str]

    def finding(self, code: str) -> Finding:
        """The row to show."""
        values = {
            "cluster": self.number or None,
            "size": self.size,
            "tight": self.tight,
            "label": self.label,
            "share": self.share,
            "words": self.words,
            **{name: value if self.number else None for name, value in of_item(self.typical[0]).items()},
            "labelled": self.labelled,
            "typical": [item.id for item in self.typical] if self.number else [],
            "clusters": code,
        }
        return Finding("cluster", values)

    @property
    def heading(self) -> str:
        """The number, what it is labelled as, and its words."""
        label = [f"{self.label} {100 * (self.share or 0):.0f} %"] if self.label else []
        words = [", ".join(self.words)] if self.words else []
        return ": ".join([str(self.number), *label, *words])


def describe_clusters(context: Context, clusters: Clusters) -> list[Described]:
    """Each cluster, the largest first; last, if there are any, the items that are in none."""
    labels = context.labels(clusters.items)
    words = _words(clusters)
    found = []
    for number in [*range(1, clusters.count + 1), 0]:
        members = clusters.members(number)
        if len(members):
            label, share, labelled = naming.majority([labels[at] for at in members.tolist()])
            last = members[-1:] if len(members) > TYPICAL else members[:0]
            shown = items_at(clusters.items, [*members[:TYPICAL].tolist(), *last.tolist()])
            found.append(
                Described(
                    number,
                    len(members),
                    shown[:TYPICAL],
                    shown[TYPICAL] if len(shown) > TYPICAL else None,
                    float(clusters.scores[members].mean()) if number else None,
                    label if number else None,
                    share if number else None,
                    labelled,
                    words[number - 1] if number else [],
                )
            )
    return found


def _words(clusters: Clusters) -> list[list[str]]:
    """The words of each cluster, 1 to the last; of pictures none."""
    some = naming.looked_at(clusters.numbers, clusters.count)
    texts = [item.text for item in items_at(clusters.items, some.tolist()) if item.text is not None]
    if len(texts) < len(some):
        return [[]] * clusters.count
    return naming.words(texts, clusters.numbers[some], clusters.count)


def members(clusters: Clusters) -> Listing:
    """Every item, by cluster, the most typical first; last those in none."""
    return Listing("member", len(clusters.items), _each(clusters))


def _each(clusters: Clusters) -> Iterator[dict[str, Any]]:
    for number in [*range(1, clusters.count + 1), 0]:
        members = clusters.members(number).tolist()
        for start in range(0, len(members), AT_ONCE):
            some = members[start : start + AT_ONCE]
            for at, item in zip(some, items_at(clusters.items, some), strict=True):
                score = float(clusters.scores[at]) if number else None
                yield {"cluster": number or None, "score": score, **of_item(item)}


def sheet(clusters: Clusters, described: Sequence[Described], note: str) -> sheets.Sheet:
    """A section for each cluster: its typical items, and the one that lies farthest from them."""
    sections = []
    for one in described:
        if not one.number:
            continue
        tiles = [sheets.Tile.of(item) for item in one.typical]
        if one.farthest is not None:
            tiles.append(sheets.Tile.of(one.farthest, "the farthest"))
        many = f"{one.size:,} item{'' if one.size == 1 else 's'}, tight {one.tight:.2f}"
        sections.append(sheets.Section(tuple(tiles), one.heading, many))
    return sheets.Sheet(f"{clusters.count:,} cluster{'' if clusters.count == 1 else 's'}", tuple(sections), note)
