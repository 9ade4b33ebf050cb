"""Which side each group of items goes to, so that every side gets its share of every label.

Iterative stratification (Sechidis, Tsoumakas & Vlahavas 2011, "On the stratification of multi-label data"), of groups
instead of items: the label of fewest items that are left is dealt out first, each of its groups to the side that lacks
most of it. Large groups come first, which fit in least, and those of one size in the order of their keys.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from curator.api import Side

Stratum = tuple[str, str]
"""A group of labels, and one of them."""


@dataclass(frozen=True, slots=True)
class Group:
    """Items that stay together: how many, how many of each label, and what decides among groups that are alike.

    `side`: where it is already.
    """

    size: int
    labels: Mapping[Stratum, int]
    key: bytes
    side: Side | None = None


def assign(groups: Sequence[Group], shares: Mapping[Side, float]) -> list[Side]:
    """The side of each group; what is on one already stays, and counts."""
    lacking = _Lacking(groups, shares)
    sides: list[Side | None] = [group.side for group in groups]
    holding: dict[Stratum, list[int]] = defaultdict(list)
    left: Counter[Stratum] = Counter()
    order = sorted(
        (number for number, side in enumerate(sides) if side is None),
        key=lambda number: (-groups[number].size, groups[number].key),
    )
    for number in order:
        left.update(groups[number].labels)
        for label in groups[number].labels:
            holding[label].append(number)

    def put(number: int, label: Stratum | None) -> None:
        group = groups[number]
        sides[number] = side = lacking.most(group, label)
        lacking.take(group, side)
        left.subtract(group.labels)

    while rarest := min(((count, label) for label, count in left.items() if count > 0), default=None):
        for number in holding[rarest[1]]:
            if sides[number] is None:
                put(number, rarest[1])
        del left[rarest[1]]
    for number in order:
        if sides[number] is None:
            put(number, None)
    return [side for side in sides if side is not None]


class _Lacking:
    """How many items each side still lacks, of all and of each label."""

    def __init__(self, groups: Sequence[Group], shares: Mapping[Side, float]) -> None:
        self.sides = [side for side, share in shares.items() if share > 0]
        total = sum(group.size for group in groups)
        of_labels: Counter[Stratum] = Counter()
        for group in groups:
            of_labels.update(group.labels)
        self.all = {side: share * total for side, share in shares.items()}
        self.labels = {
            label: {side: share * count for side, share in shares.items()} for label, count in of_labels.items()
        }
        for group in groups:
            if group.side is not None:
                self.take(group, group.side)
        for lack in (self.all, *self.labels.values()):
            _scale(lack)

    def most(self, group: Group, label: Stratum | None) -> Side:
        """The side that lacks most of a label, then of the group's other labels, then of all; the first of these."""
        mine = [] if label is None else [self.labels[label]]
        others = [self.labels[one] for one in group.labels if one != label]

        def lack(side: Side) -> tuple[float, float, float]:
            return (
                round(sum(of[side] for of in mine), 6),
                round(sum(of[side] for of in others), 6),
                round(self.all[side], 6),
            )

        return max(self.sides, key=lack)

    def take(self, group: Group, side: Side) -> None:
        self.all[side] -= group.size
        for label, count in group.labels.items():
            self.labels[label][side] -= count


def _scale(lack: dict[Side, float]) -> None:
    """Where some side holds more than its share, there is less left than the others lack: each gets its part of it."""
    left, wanted = sum(lack.values()), sum(value for value in lack.values() if value > 0)
    for side, value in lack.items():
        lack[side] = max(0.0, value) * left / wanted if wanted else 0.0
