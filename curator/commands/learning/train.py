"""`curator train`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from curator.api import Column, EncoderRef, FolderName, GroupName, HeadName, ItemSet, LabelName, Option, Setting, Table
from curator.commands.settings import settings
from curator.commands.spec import Call, CommandSpec
from curator.errors import BadInput, NotReady

if TYPE_CHECKING:
    from curator.api import FittedHead
    from curator.workspace import Workspace

METRICS = Table(
    "held-out",
    "Held-out quality, on items like the labelled ones",
    (
        Column("metric", "what was measured"),
        Column("value", "mean over held-out folds, 0 to 1", "score"),
        Column("spread", "standard deviation over the folds", "score"),
        Column("blurred", "the same on blurred copies of held-out pictures; with --robustness", "score"),
        Column("darkened", "on darkened ones", "score"),
        Column("noisy", "on noisy ones", "score"),
        Column("items", "how many items it rests on", "integer"),
        Column("test", "on the labelled items of --test or --split, from which the head learnt nothing", "score"),
        Column("test_items", "how many these are", "integer"),
    ),
    whole=True,
)

CONFUSIONS = Table(
    "confusion",
    "What was taken for what, while held out",
    (
        Column("label", "what it is labelled as"),
        Column("taken_for", "what the head predicts"),
        Column("items", "how often", "integer"),
        Column("of", "how many items of that label were held out", "integer"),
    ),
)


@dataclass(frozen=True, slots=True)
class TrainParams:
    """What to tell apart, by what, and how it is measured."""

    label: Annotated[LabelName | None, Option(help="Train for this label: is it, or is it not?")] = None
    group: Annotated[GroupName | None, Option(help="Train for this group: which of its labels is it?")] = None
    encoder: Annotated[EncoderRef | None, Option("-e", help="The encoder to use (`curator encoders` lists them).")] = (
        None
    )
    head: Annotated[HeadName | None, Option(help="The kind of head (`curator heads` lists them).")] = None
    option: Annotated[
        tuple[Setting, ...], Option("-o", help="A training option of the head (`curator heads` lists them).")
    ] = ()
    fine_tune: Annotated[
        str | bool,
        Option(
            metavar="[DEPTH]",
            help="Fine-tune the encoder on the labels first, as a new version; DEPTH is where it begins (layer4).",
        ),
    ] = False
    robustness: Annotated[bool, Option(help="Also measure on blurred, darkened and noisy copies.")] = False
    test: Annotated[
        FolderName | None,
        Option(help="Hold out FOLDER and its subfolders, and also measure on the labels there."),
    ] = None
    split: Annotated[
        bool, Option(help="Learn from the train side of the split, and also measure on its test side (curator split).")
    ] = False
    among: Annotated[ItemSet, Option()] = ItemSet()
    encode: Annotated[bool, Option(help="Embed missing items first, however long it takes.")] = False


def train(call: Call, params: TrainParams) -> None:
    """Fit it, and show what was measured."""
    from curator.catalog.where.meaning import many

    test: Path | ItemSet | None = None if params.test is None else Path(params.test)
    among = params.among
    if params.split:
        if test is not None:
            raise BadInput("--split measures on the test side of the split: give that or --test, not both")
        if not call.workspace.items.select(ItemSet(where="split:test")):
            raise NotReady("no item is on the test side of the split: curator split puts some there")
        test, among = ItemSet(where="split:test"), replace(among, where=(*many(among.where), "split:train"))
    fitted = call.workspace.train(
        params.label,
        params.group,
        params.encoder,
        params.head,
        settings(params.option),
        may_encode=params.encode,
        fine_tune=params.fine_tune,
        robustness=params.robustness,
        test=test,
        among=among,
    )
    call.line(_summary(fitted))
    call.table(METRICS, _figures(fitted))
    if len(fitted.classes) > 2:
        call.table(CONFUSIONS, _confusions(call.workspace, fitted))
    for note in fitted.notes:
        call.say(f"note: {note}")


def _figures(head: FittedHead) -> list[dict[str, Any]]:
    """A row for each metric, with what was measured on the test folder."""
    on = int(head.tested.get("items", 0)) or None
    rows = head.figures()
    return [row | {"test": head.tested.get(row["metric"]), "test_items": on} for row in rows]


def _summary(head: FittedHead) -> str:
    """One sentence: what was fitted, on what."""
    sizes = f"{len(head.classes)} classes" if len(head.classes) > 2 else f"{head.counts[1]} yes, {head.counts[0]} no"
    how = "unchanged since it was fitted" if head.reused else "fitted now"
    return (
        f"{head.target}@{head.version}: {head.head} on {head.model.name}, {sum(head.counts):,} items ({sizes}), {how}"
    )


def _confusions(workspace: Workspace, head: FittedHead) -> Iterator[dict[str, Any]]:
    """Rows for the table of confusions, the most frequent first."""
    from curator.learning.scores import confusions

    held_out = workspace.training.held_out(head)
    found = confusions(held_out.probabilities.argmax(axis=1), held_out.targets, held_out.classes)
    names = ("label", "taken_for", "items", "of")
    return (dict(zip(names, row, strict=True)) for row in found)


COMMAND = CommandSpec(
    name="train",
    summary="""Fit a head, and measure it on held-out items.

    `curator classify` does this by itself; `train` also takes the head's own options. With --under and the like it
    learns from those items only.
    """,
    params=TrainParams,
    run=train,
    tables=(METRICS, CONFUSIONS),
    example="curator train --label ultraman\ncurator train --group kind --head mlp -o hidden=128\n"
    "curator train --group topic -e lstm-clm --fine-tune\n"
    "curator train --label ultraman -e resnet50 --fine-tune layer4\n"
    "curator train --group kind --test photos/shop2\ncurator train --group kind --split",
    effects=("writes", "network"),
    limited=True,
    decodes=True,
)
