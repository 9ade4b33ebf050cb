"""Clusters as rows and as a sheet."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from curator.api import Context, Finding, Item
from curator.kit import sheets
from curator.kit.listing import of_item

from . import naming
from .grouping import Clusters

TYPICAL = 5
"""So many typical items are named, and shown on a sheet; beside them there, the least typical one."""


@dataclass(frozen=True, slots=True)
class Described:
    """A cluster in words. `number` 0 is what is in none; `tight` is then None."""

    number: int
    members: list[Item]
    tight: float | None
    label: str | None
    share: float | None
    labelled: int
    words: list[str]

    def finding(self, code: str) -> Finding:
        """The row to show."""
        first = self.members[0]
        values = {
            "cluster": self.number or None,
            "size": len(self.members),
            "tight": self.tight,
            "label": self.label,
            "share": self.share,
            "words": self.words,
            **{name: value if self.number else None for name, value in of_item(first).items()},
            "labelled": self.labelled,
            "typical": [item.id for item in self.members[:TYPICAL]] if self.number else [],
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
    texts = [item.text for item in clusters.items if item.text is not None]
    none: list[list[str]] = [[]] * clusters.count
    words = naming.words(texts, clusters.numbers, clusters.count) if len(texts) == len(clusters.items) else none
    found = []
    for number in [*range(1, clusters.count + 1), 0]:
        members = clusters.members(number)
        if members:
            label, share, labelled = naming.majority([labels[at] for at in members])
            found.append(
                Described(
                    number,
                    [clusters.items[at] for at in members],
                    float(clusters.scores[members].mean()) if number else None,
                    label if number else None,
                    share if number else None,
                    labelled,
                    words[number - 1] if number else [],
                )
            )
    return found


def members(clusters: Clusters) -> Iterator[Finding]:
    """Every item, by cluster, the most typical first; last those in none."""
    for number in [*range(1, clusters.count + 1), 0]:
        for at in clusters.members(number):
            item = clusters.items[at]
            values = {
                "cluster": number or None,
                "score": float(clusters.scores[at]) if number else None,
                **of_item(item),
            }
            yield Finding("member", values)


def sheet(clusters: Clusters, described: Sequence[Described], note: str) -> sheets.Sheet:
    """A section for each cluster: its typical items, and the one that lies farthest from them."""
    sections = []
    for one in described:
        if not one.number:
            continue
        tiles = [sheets.Tile.of(item) for item in one.members[:TYPICAL]]
        if len(one.members) > TYPICAL:
            tiles.append(sheets.Tile.of(one.members[-1], "the farthest"))
        many = f"{len(one.members):,} item{'' if len(one.members) == 1 else 's'}, tight {one.tight:.2f}"
        sections.append(sheets.Section(tuple(tiles), one.heading, many))
    return sheets.Sheet(f"{clusters.count:,} cluster{'' if clusters.count == 1 else 's'}", tuple(sections), note)
