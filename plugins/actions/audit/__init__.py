"""`curator audit`: what is probably wrong in a set."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from curator.api import (
    ActionSpec,
    Column,
    Context,
    EncoderRef,
    Finding,
    GroupName,
    HeadName,
    HeldOut,
    Item,
    ItemSet,
    LabelName,
    NewFile,
    Option,
    Output,
    Table,
    TargetRef,
    hookimpl,
)
from curator.errors import CuratorError, NotReady
from curator.kit import sheets
from curator.kit.listing import ITEM, of_item

if TYPE_CHECKING:
    from curator.kit.trust.suspects import Suspect

CHECKS = ("labels",)
TILES = 48
"""How many suspects a sheet shows at most."""


@dataclass(frozen=True)
class AuditParams:
    """What to look for, and in which labels."""

    check: Annotated[str, Option(help="What to check for.", choices=CHECKS)] = "labels"
    label: Annotated[LabelName | None, Option(help="Check only this label.")] = None
    group: Annotated[GroupName | None, Option(help="Check only this group.")] = None
    encoder: Annotated[EncoderRef | None, Option("-e", help="The encoder to use (`curator encoders` lists them).")] = (
        None
    )
    head: Annotated[HeadName | None, Option(help="The kind of head (`curator heads` lists them).")] = None
    items: Annotated[ItemSet, Option()] = ItemSet()
    sheet: Annotated[
        NewFile | None,
        Option(help="Write the most suspicious items to FILE (PNG, JPEG, WebP or PDF).", choices=sheets.ENDINGS),
    ] = None


SUSPECTS = Table(
    "suspect",
    "Labels that are probably wrong, by reason, the most suspicious first",
    (
        Column(
            "suspicion",
            "how doubtful the label is, judged while it was held out, 0 to 1; null for what contradicts itself",
            "score",
        ),
        Column("why", "contradicts itself, copy labelled otherwise, like another class, or unlike its class"),
        Column("target", "the label or group", "json", "string"),
        Column("label", "what it is labelled as; all of its labels where they contradict each other"),
        Column("rather", "what its copies are labelled as, or what it looks like; null where it is like no class"),
        Column(
            "probability",
            "the probability of `rather`, judged while the label was held out, 0 to 1; null where `rather` is",
            "percent",
        ),
        *ITEM,
    ),
)


def plan(context: Context, params: AuditParams) -> Iterator[Output]:
    """The suspects of each label and group, or of the one that was named, among the items that are chosen.

    Heads learn from all that is labelled: the choice is of what is looked at.
    """
    named = params.label is not None or params.group is not None
    targets = [context.target(params.label, params.group)] if named else context.targets()
    if not targets:
        raise NotReady("no label or group has two examples of two classes: curator label NAME FILES, or --negative")
    tiles: list[sheets.Tile] = []
    for target in targets:
        torn = list(_contradicting(context, target, context.items(params.items)))
        for item, finding in torn:
            yield finding
            tiles.append(sheets.Tile.of(item, finding.values["label"], finding.values["why"]))
        _note_torn(context, target, len(torn))
        try:
            yield from _of(context, params, target, tiles)
        except CuratorError as error:
            if named:
                raise
            context.note(f"{target.kind} {target.full_name}: {error}")
    if params.sheet is not None and tiles:
        sheet = sheets.Sheet(SUSPECTS.title, (sheets.Section(tuple(tiles[:TILES])),))
        yield sheets.artifact(context, params.sheet, sheet)
    elif params.sheet is not None:
        context.note("no sheet was made: no label is suspicious")


def _of(context: Context, params: AuditParams, target: TargetRef, tiles: list[sheets.Tile]) -> Iterator[Output]:
    from curator.kit.trust.suspects import find_suspects

    model = context.model(params.encoder, "image") if params.encoder is not None else None
    held_out, found = find_suspects(context, context.head(target, model, params.head))
    looked_at = len(held_out.items)
    if params.items != ItemSet():
        chosen = {item.id for item in context.items(params.items)}
        looked_at = sum(item.id in chosen for item in held_out.items)
        found = [suspect for suspect in found if held_out.items[suspect.index].id in chosen]
    for suspect in found:
        finding = _finding(target, held_out, suspect)
        yield finding
        said = f"{finding.values['label']}, {_rather(finding)}"
        tiles.append(sheets.Tile.of(held_out.items[suspect.index], said, f"{suspect.suspicion:.3f}"))
    share = f"{len(found):,} of {looked_at:,}"
    are, them = ("is", "it") if len(found) == 1 else ("are", "them")
    said = f"{share} label{'' if looked_at == 1 else 's'} {are} suspicious"
    option = _option(target) + _chosen_by(params.items)
    walk = f"; `curator review --suspects {option}` asks about {them}" if found else ""
    context.note(f"{target.kind} {target.full_name}: {said}{walk}")


def _note_torn(context: Context, target: TargetRef, number: int) -> None:
    if number:
        says = "1 item contradicts itself" if number == 1 else f"{number:,} items contradict themselves"
        asks = f"`curator review {_option(target)}` asks about such first"
        context.note(f"{target.kind} {target.full_name}: {says}; {asks}")


def _option(target: TargetRef) -> str:
    return f"--{target.kind} {shlex.quote(target.full_name)}"


def _chosen_by(items: ItemSet) -> str:
    """The options of a selection, so that another command makes the same."""
    given = (("--media", items.media), ("--under", items.under), ("--labelled", items.label))
    options = "".join(f" {flag} {shlex.quote(str(value))}" for flag, value in given if value is not None)
    return options + " --unlabelled" * items.unlabelled


def _rather(finding: Finding) -> str:
    rather = finding.values["rather"]
    return "unlike its class" if rather is None else f"rather {rather}"


def _contradicting(context: Context, target: TargetRef, items: Sequence[Item]) -> Iterator[tuple[Item, Finding]]:
    """Those of which things are said that exclude each other: no head learns from them, so that none is held out."""
    torn = [item for item, said in zip(items, context.said(target, items), strict=True) if said == ""]
    for item, known in zip(torn, context.known(torn), strict=True):
        if target.kind == "label":
            labels = [target.name, f"not {target.name}"]
        else:
            labels = sorted(
                said.label.name for said in known.said if said.label.group == target.name and said.value is None
            )
        values = {
            "suspicion": None,
            "why": "contradicts itself",
            "target": str(target),
            "label": ", ".join(labels),
            "rather": None,
            "probability": None,
            **of_item(item),
        }
        yield item, Finding("suspect", values)


def _finding(target: TargetRef, held_out: HeldOut, suspect: Suspect) -> Finding:
    item, rather = held_out.items[suspect.index], suspect.rather
    values = {
        "suspicion": suspect.suspicion,
        "why": suspect.why,
        "target": str(target),
        "label": held_out.classes[suspect.label],
        "rather": None if rather is None else held_out.classes[rather],
        "probability": None if rather is None else float(held_out.probabilities[suspect.index, rather]),
        **of_item(item),
    }
    return Finding("suspect", values)


@hookimpl
def register_actions() -> Iterable[ActionSpec]:
    """The command `audit`."""
    return [
        ActionSpec(
            "audit",
            "Find labels that are probably wrong. They are judged by heads that did not see them.",
            AuditParams,
            plan,
            (SUSPECTS,),
            example="curator audit --check labels\ncurator audit --group kind --sheet suspects.png",
            labels=False,
        )
    ]
