"""`curator sample`: a few items out of many, by chance, spread out, typical, or of each label the same number.

This module only describes the action; the others of the package are imported when it runs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Annotated

from curator.api import (
    ActionSpec,
    Argument,
    Column,
    Context,
    EncoderRef,
    Finding,
    GroupName,
    ItemSet,
    LabelName,
    NewFile,
    Option,
    Output,
    SetLabel,
    Table,
    hookimpl,
)
from curator.errors import BadInput, NotReady
from curator.kit import sheets
from curator.kit.listing import ITEM, of_item

MOST = 20_000
"""Vectors that are looked at: of more items so many are drawn by chance first."""
MOST_WEIGHT = 1_000_000
"""Weights count beside each other."""


@dataclass(frozen=True)
class SampleParams:
    """How many, of what, and by which way."""

    number: Annotated[int, Argument(metavar="N", help="How many items.")]
    diverse: Annotated[
        float | None,
        Option(
            min=0,
            max=MOST_WEIGHT,
            help=f"The weight of items that are far from each other: 1, or a part beside others. Of more than {MOST:,} "
            "so many are drawn by chance first.",
        ),
    ] = None
    typical: Annotated[
        float | None,
        Option(
            min=0, max=MOST_WEIGHT, help=f"The weight of items that stand for many others; also of {MOST:,} at most."
        ),
    ] = None
    random: Annotated[
        float | None,
        Option(
            min=0,
            max=MOST_WEIGHT,
            help="The weight of items drawn by chance; they all are where no weight is given.",
        ),
    ] = None
    balanced: Annotated[
        GroupName | None, Option(help="Take the same number of each label of this group, as far as there are so many.")
    ] = None
    mark: Annotated[
        LabelName | None, Option(help="Label the sample, on the word of a rule; `curator undo` takes it back.")
    ] = None
    seed: Annotated[int, Option(min=0, help="What is drawn by chance depends on it; the same seed gives the same.")] = 0
    encoder: Annotated[EncoderRef | None, Option("-e", help="The encoder to use (`curator encoders` lists them).")] = (
        None
    )
    items: Annotated[ItemSet, Option()] = ItemSet()
    sheet: Annotated[
        NewFile | None, Option(help="Write the sample to FILE (PNG, JPEG, WebP or PDF).", choices=sheets.ENDINGS)
    ] = None


SAMPLED = Table(
    "sampled",
    "The sample",
    (
        Column("why", "by which way it was taken: diverse, typical or random"),
        Column("label", "its label in the group that is balanced; null without one"),
        *ITEM,
    ),
    counted=True,
)


def plan(context: Context, params: SampleParams) -> Iterator[Output]:
    """The items of the sample, in the order in which they were taken; of each label in turn."""
    from .taking import ByVectors, taken

    if params.number < 1:
        raise BadInput(f"N must be at least 1, not {params.number}")
    weights = _weights(params)
    items = context.items(params.items)
    if not items:
        raise NotReady("there is no item to take a sample of")
    by_vectors: ByVectors | None = None
    if weights.keys() - {"random"}:
        from .spreading import by_vectors
    found = taken(context, params, items, weights, by_vectors)
    if len(found) < params.number:
        context.note(f"{len(found):,} items, not {params.number:,}: there are no more of what was asked for")
    for item, why, name in found:
        yield Finding("sampled", {"why": why, "label": name, **of_item(item)})
        if params.mark is not None:
            yield SetLabel(item.id, params.mark, True)
    if params.sheet is not None and found:
        tiles = tuple(sheets.Tile.of(item, name or "", why) for item, why, name in found)
        yield sheets.artifact(context, params.sheet, sheets.Sheet(SAMPLED.title, (sheets.Section(tiles),)))


def _weights(params: SampleParams) -> dict[str, float]:
    given = {"diverse": params.diverse, "typical": params.typical, "random": params.random}
    weights = {name: weight for name, weight in given.items() if weight}
    if not weights and any(weight is not None for weight in given.values()):
        raise BadInput("one of --diverse, --typical and --random must be more than 0")
    return weights or {"random": 1.0}


@hookimpl
def register_actions() -> Iterable[ActionSpec]:
    """The command `sample`."""
    return [
        ActionSpec(
            "sample",
            "Take a few of many items: at random, diverse, or balanced.",
            SampleParams,
            plan,
            (SAMPLED,),
            example="curator sample 100\ncurator sample 50 --diverse 1 --mark first\ncurator sample 60 --balanced kind",
        )
    ]
