"""Labels that are probably wrong: judged by heads that did not see them, beside copies, and against themselves."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from curator.api import Context, Finding, HeldOut, Item, ItemSet, Output, TargetRef
from curator.errors import CuratorError
from curator.kit import sheets
from curator.kit.listing import ids_of, items_at, of_item

if TYPE_CHECKING:
    from curator.kit.trust.suspects import Suspect

    from . import AuditParams


def suspects(
    context: Context, params: AuditParams, targets: Sequence[TargetRef], named: bool, tiles: list[sheets.Tile]
) -> Iterator[Output]:
    """The suspects of each label and group among the items that are chosen; `tiles` takes them for a sheet.

    Heads learn from all that is labelled: the choice is of what is looked at. Raises what stands in the way where the
    one target was `named`.
    """
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


def _of(context: Context, params: AuditParams, target: TargetRef, tiles: list[sheets.Tile]) -> Iterator[Output]:
    from curator.kit.trust.suspects import find_suspects

    model = context.model(params.encoder, "image") if params.encoder is not None else None
    held_out, found = find_suspects(context, context.head(target, model, params.head))
    looked_at = len(held_out.items)
    if params.items != ItemSet():
        chosen = {*ids_of(context.items(params.items))}
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
    given = (("--media", items.media), ("--under", items.under), ("--labelled", items.label), ("--where", items.where))
    each = [(flag, one) for flag, value in given for one in (value if isinstance(value, tuple) else (value,))]
    options = "".join(f" {flag} {shlex.quote(str(value))}" for flag, value in each if value is not None)
    return options + " --unlabelled" * items.unlabelled


def _rather(finding: Finding) -> str:
    rather = finding.values["rather"]
    return "unlike its class" if rather is None else f"rather {rather}"


def _contradicting(context: Context, target: TargetRef, items: Sequence[Item]) -> Iterator[tuple[Item, Finding]]:
    """Those of which things are said that exclude each other: no head learns from them, so that none is held out."""
    torn = items_at(items, [place for place, said in enumerate(context.said(target, items)) if said == ""])
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
