"""`curator split`: which items are learnt from, by which choices are made, and on which the outcome is measured."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from curator.api import ActionSpec, Column, GroupName, ItemSet, Option, Table, Word, hookimpl
from curator.kit.listing import ITEM

if TYPE_CHECKING:
    from collections.abc import Iterator

    from curator.api import Context, Output


@dataclass(frozen=True)
class SplitParams:
    """How much goes where, and what is to be the same everywhere, or to stay together."""

    train: Annotated[float | None, Option(min=0, max=1, help="The share to learn from, 0 to 1.")] = None
    val: Annotated[float | None, Option(min=0, max=1, help="The share to make choices by, such as when to stop.")] = (
        None
    )
    test: Annotated[float | None, Option(min=0, max=1, help="The share to measure the outcome on.")] = None
    by: Annotated[
        tuple[GroupName, ...], Option(help="Give every side its share of each label of this group; several times.")
    ] = ()
    together: Annotated[
        tuple[Word, ...],
        Option(
            metavar="folder|scene|GROUP",
            help="Keep what lies in one folder, was taken of one scene, or has one label of this group on one side.",
        ),
    ] = ()
    seed: Annotated[int, Option(min=0, help="What decides among items that are alike.")] = 0
    repair: Annotated[bool, Option(help="Put what leaks on the side of what it is a version of: on train, if any.")] = (
        False
    )
    no_folders: Annotated[
        bool, Option(help="Do not take over what folders called train, val and test beside each other say.")
    ] = False
    anew: Annotated[bool, Option(help="Forget the sides of these items, and earlier --by and --together.")] = False
    items: Annotated[ItemSet, Option()] = ItemSet()


SIDES_TABLE = Table(
    "side",
    "The split",
    (
        Column("side", "train, val or test"),
        Column("items", "how many items are on it", "integer"),
        Column("share", "their share", "percent"),
        Column("wanted", "the share that was asked for", "percent"),
        Column("new", "how many were put there now", "integer"),
    ),
    whole=True,
)

STRATA = Table(
    "stratum",
    "Labels",
    (
        Column("group", "the group of --by"),
        Column("label", "its label"),
        Column("train", "how many items of it are on that side", "integer"),
        Column("val", "on that one", "integer"),
        Column("test", "on that one", "integer"),
        Column("off", "by how many items the side that is farthest off misses its share", "score"),
    ),
)

LEAKS = Table(
    "leak",
    "Leaks: versions of one original on two sides",
    (
        Column("side", "the side that the item is on"),
        Column("other_side", "the side of what it is a version of"),
        Column("other", "that item", "integer"),
        *ITEM,
    ),
    counted=True,
)


def plan(context: Context, params: SplitParams) -> Iterator[Output]:
    """What is put where, how well that is balanced, and what leaks."""
    from .splitting import Splitting

    yield from Splitting(context, params).outputs()


@hookimpl
def register_actions() -> Iterable[ActionSpec]:
    """The command `split`."""
    return [
        ActionSpec(
            "split",
            "Put items into train, val and test, copies always together.",
            SplitParams,
            plan,
            (SIDES_TABLE, STRATA, LEAKS),
            example="curator split --train 0.8 --val 0.1 --test 0.1 --by kind\ncurator split --together folder\n"
            "curator split --repair",
            labels=False,
            splits=True,
        )
    ]
