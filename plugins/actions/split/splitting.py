"""One call of `curator split`."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from curator.api import SIDES, Context, Finding, Item, Output, SetSide, Side
from curator.errors import BadInput, NotReady
from curator.kit.listing import of_item

from .as_before import as_before
from .balancing import Group, Stratum, assign
from .together import numbers_of, sides_of_folders

if TYPE_CHECKING:
    from . import SplitParams

USUAL: Mapping[Side, float] = {"train": 0.8, "val": 0.1, "test": 0.1}
"""The shares where nobody asks for any and nothing is split yet."""


class Splitting:
    """What is chosen, what stays together with it, and on which sides that is."""

    def __init__(self, context: Context, params: SplitParams) -> None:
        if params.repair and params.anew:
            raise BadInput("--repair keeps the sides that there are, --anew forgets them: give one of them")
        self.context = context
        self.params = params = as_before(context, params)
        self.chosen = [item.id for item in context.items(params.items)]
        if not self.chosen:
            raise NotReady("there is no item to split")
        media = {item.modality for item in context.items(params.items)}
        # All of them, chosen or not: what is chosen may be a version of what is on a side already.
        self.items: Sequence[Item] = context.items(modalities=sorted(media))
        chosen = set(self.chosen)
        known = context.sides(self.items)
        self.before: dict[int, Side] = {
            item.id: side
            for item, side in zip(self.items, known, strict=True)
            if side is not None and not (params.anew and item.id in chosen)
        }
        self.shares = self._shares()
        self.strata = self._strata()
        self.numbers: list[int] = numbers_of(context, self.items, params.together).tolist()

    def _shares(self) -> Mapping[Side, float]:
        """Those that are asked for; else those of the split as it is."""
        given: dict[Side, float | None] = {
            "train": self.params.train,
            "val": self.params.val,
            "test": self.params.test,
        }
        if any(share is not None for share in given.values()):
            shares = {side: share or 0.0 for side, share in given.items()}
            if abs(sum(shares.values()) - 1) > 0.001:
                told = ", ".join(f"--{side} {share:g}" for side, share in given.items() if share is not None)
                raise BadInput(f"{told} add up to {sum(shares.values()):g}: the shares have to add up to 1")
            return shares
        counts = Counter(self.before.values())
        # What is on one side alone says nothing of how much is wanted on the others.
        return {side: counts[side] / len(self.before) for side in SIDES} if len(counts) > 1 else USUAL

    def _strata(self) -> dict[int, list[Stratum]]:
        """The labels of each item in the groups that every side gets its share of."""
        found: dict[int, list[Stratum]] = defaultdict(list)
        for group in dict.fromkeys(self.params.by):
            for item, said in zip(
                self.items, self.context.said(self.context.target(None, group), self.items), strict=True
            ):
                if said:
                    found[item.id].append((group, said))
        return found

    def outputs(self) -> Iterator[Output]:
        """The changes, then what came of them."""
        after = self._after()
        new = Counter(side for item, side in after.items() if self.before.get(item) != side)
        yield from (SetSide(item, side) for item, side in after.items() if self.before.get(item) != side)
        yield from self._sides(after, new)
        self._say_what_is_off(after, new)
        yield from self._balance(after)
        yield from self._leaks(after)

    def _after(self) -> dict[int, Side]:
        """The side of every item that has one then."""
        after = dict(self.before)
        chosen = set(self.chosen)
        folders = [] if self.params.no_folders else sides_of_folders(self.context, self.items)
        for item, side in zip(self.items, folders, strict=False):
            if side is not None and item.id in chosen:
                after.setdefault(item.id, side)
        members: dict[int, list[Item]] = defaultdict(list)
        for item, number in zip(self.items, self.numbers, strict=True):
            if item.id in chosen or item.id in after:
                members[number].append(item)
        groups = [self._group(several, after) for several in members.values()]
        for side, several in zip(assign(groups, self.shares), members.values(), strict=True):
            for item in several:
                if item.id in chosen and (self.params.repair or item.id not in after):
                    after[item.id] = side
        return after

    def _group(self, items: Sequence[Item], after: Mapping[int, Side]) -> Group:
        """Where some of it is on train, all that comes to it goes there: that was learnt from."""
        sides = {after[item.id] for item in items if item.id in after}
        labels = Counter(stratum for item in items for stratum in self.strata.get(item.id, ()))
        key = min(hashlib.blake2b(f"{self.params.seed} {item.hash}".encode(), digest_size=8).digest() for item in items)
        return Group(len(items), labels, key, next((side for side in SIDES if side in sides), None))

    # --- what came of it ---

    def _sides(self, after: Mapping[int, Side], new: Mapping[Side, int]) -> Iterator[Output]:
        counts = Counter(after.values())
        for side in SIDES:
            values = {"items": counts[side], "share": counts[side] / len(after), "wanted": self.shares[side]}
            yield Finding("side", {"side": side, **values, "new": new[side]})

    def _say_what_is_off(self, after: Mapping[int, Side], new: Mapping[Side, int]) -> None:
        """What a person would not see from the figures alone."""
        counts = Counter(after.values())
        if empty := [side for side in SIDES if self.shares[side] > 0 and not counts[side]]:
            self.context.note(f"note: nothing is on {' and '.join(empty)}: too little of these items can be parted")
        asked = any(share is not None for share in (self.params.train, self.params.val, self.params.test))
        off = max(abs(counts[side] / len(after) - self.shares[side]) for side in SIDES)
        if asked and not sum(new.values()) and off > 0.02:
            self.context.note("note: all of these items are on a side already: --anew deals them out again")

    def _balance(self, after: Mapping[int, Side]) -> Iterator[Output]:
        """Those that are farthest off first."""
        counts: dict[Stratum, Counter[Side]] = defaultdict(Counter)
        for item, side in after.items():
            for stratum in self.strata.get(item, ()):
                counts[stratum][side] += 1
        off = {stratum: _off(sides, self.shares) for stratum, sides in counts.items()}
        for group, label in sorted(counts, key=lambda stratum: (-off[stratum], stratum)):
            sides = counts[group, label]
            counted: dict[str, int] = {side: sides[side] for side in SIDES}
            yield Finding("stratum", {"group": group, "label": label, **counted, "off": off[group, label]})
        if lacking := [
            f"{label} ({', '.join(missing)})"
            for (_, label), sides in sorted(counts.items())
            if (missing := [side for side in SIDES if self.shares[side] > 0 and not sides[side]])
        ]:
            told = ", ".join(lacking[:5]) + (f" and {len(lacking) - 5} more" if len(lacking) > 5 else "")
            self.context.note(f"note: labels with no item on a side: {told}; too few of their items can be parted")

    def _leaks(self, after: Mapping[int, Side]) -> Iterator[Output]:
        """Items on another side than the first that something of their group is on."""
        first: dict[int, tuple[int, int]] = {}
        for item, number in zip(self.items, self.numbers, strict=True):
            if item.id in after:
                rank = SIDES.index(after[item.id])
                first[number] = min(first.get(number, (rank, item.id)), (rank, item.id))
        leaks = [
            (item, first[number])
            for item, number in zip(self.items, self.numbers, strict=True)
            if item.id in after and SIDES.index(after[item.id]) != first[number][0]
        ]
        for item, (rank, other) in leaks:
            yield Finding("leak", {"side": after[item.id], "other_side": SIDES[rank], "other": other, **of_item(item)})
        if leaks:
            those = "1 item is" if len(leaks) == 1 else f"{len(leaks):,} items are"
            self.context.note(
                f"{those} of one original with what is on another side: `curator split --repair` puts them there"
            )


def _off(sides: Mapping[Side, int], shares: Mapping[Side, float]) -> float:
    total = sum(sides.values())
    return round(max(abs(sides[side] - shares[side] * total) for side in SIDES), 2)
