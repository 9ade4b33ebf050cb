"""Clusters that become labels: `NUMBER=LABEL`."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from curator.api import Context, GroupName, Item, LabelName, Output, SetLabel, TargetRef
from curator.errors import BadInput, NotFound
from curator.kit.listing import ids_of

from .grouping import Clusters


def parse_names(names: Sequence[str]) -> dict[int, str]:
    """The label of each number; raises `BadInput` for what is not `NUMBER=LABEL`, and for a number given twice."""
    found: dict[int, str] = {}
    for given in names:
        number, equals, label = given.partition("=")
        number, label = number.strip(), label.strip()
        if not (equals and number.isascii() and number.isdigit() and label):
            raise BadInput(f"--name {given!r}: write the number of a cluster and a label, such as 3=apples")
        if int(number) in found:
            raise BadInput(f"--name gives cluster {int(number)} two labels: {found[int(number)]!r} and {label!r}")
        found[int(number)] = label
    return found


def check(wanted: Mapping[int, str], clusters: Clusters, expected: str | None) -> None:
    """Raise `BadInput` where the numbers are those of other clusters, or of none."""
    if expected is not None and expected != clusters.code:
        raise BadInput(
            f"these are clusters {clusters.code}, not {expected}: items, vectors or options have changed since "
            "you looked, and the numbers may have, too; look again, then name them"
        )
    for number in wanted:
        if not 1 <= number <= clusters.count:
            raise BadInput(f"--name {number}={wanted[number]}: the clusters are 1 to {clusters.count}")


def changes(
    context: Context, clusters: Clusters, wanted: Mapping[int, str], group: GroupName | None
) -> Iterator[Output]:
    """The labels for the items of which nothing was said as to them, and for each cluster a line that counts them."""
    done, ids = 0, np.asarray(ids_of(clusters.items), np.int64)
    for number, label in wanted.items():
        members = ids[clusters.members(number)]
        open_ = ids_of(unlabelled_items(context, label, group, clusters.items))
        free = members[np.isin(members, np.asarray(open_, np.int64))].tolist()
        yield from (SetLabel(item, label, True, group) for item in free)
        left = len(members) - len(free)
        rest = f"; {left:,} left as {'it is' if left == 1 else 'they are'}, labelled positive or negative before"
        items = f"item{'' if len(members) == 1 else 's'} {'is' if len(free) == 1 else 'are'}"
        context.note(f"cluster {number}: {len(free):,} of {len(members):,} {items} now {label}{rest if left else ''}")
        done += len(free)
    if done:
        context.note("`curator undo` takes it back")


def unlabelled_items(context: Context, label: str, group: GroupName | None, items: Sequence[Item]) -> Sequence[Item]:
    """Those of which nothing is said as to the label, nor that they are another of its group."""
    left = items
    with contextlib.suppress(NotFound):  # a new one, of which nothing can have been said
        left = context.unlabelled(existing_label(context, label, group), left)
    with contextlib.suppress(NotFound):
        left = left if group is None else context.unlabelled(context.target(None, group), left)
    return left


def existing_label(context: Context, label: str, group: GroupName | None) -> TargetRef:
    """The label of that name, in the group if one is named; raises `NotFound` for a new one."""
    return context.target(LabelName(label), None) if group is None else context.label_in(group, label)
