"""`curator audit`: what is probably wrong in a set, in its items and in what is said of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Annotated

from curator.api import (
    ActionSpec,
    CheckName,
    CheckSpec,
    Column,
    Context,
    EncoderRef,
    GroupName,
    HeadName,
    ItemSet,
    LabelName,
    NewFile,
    Option,
    Output,
    Table,
    hookimpl,
)
from curator.errors import BadInput, NotFound, NotReady
from curator.kit import sheets
from curator.kit.listing import ITEM

LABELS = "labels"
"""The check that looks at labels, and not at items."""
TILES = 48
"""How many items a sheet shows at most."""


@dataclass(frozen=True)
class AuditParams:
    """What to look for, in which items and labels."""

    check: Annotated[
        tuple[CheckName, ...],
        Option(help="Run only this check; repeat it for several. `labels` is the one of labels that are wrong."),
    ] = ()
    label: Annotated[LabelName | None, Option(help="Check only this label.")] = None
    group: Annotated[GroupName | None, Option(help="Check only this group.")] = None
    encoder: Annotated[EncoderRef | None, Option("-e", help="The encoder to use (`curator encoders` lists them).")] = (
        None
    )
    head: Annotated[HeadName | None, Option(help="The kind of head (`curator heads` lists them).")] = None
    min_score: Annotated[
        float | None, Option(min=0, max=1, help="Show flaws of items from this score on; without it from 0.5.")
    ] = None
    mark: Annotated[
        bool, Option(help="Label items that have a flaw quality:CHECK, on the word of a rule; undo takes it back.")
    ] = False
    items: Annotated[ItemSet, Option()] = ItemSet()
    sheet: Annotated[
        NewFile | None,
        Option(help="Write the most suspicious items to FILE (PNG, JPEG, WebP or PDF).", choices=sheets.ENDINGS),
    ] = None


FLAWS = Table(
    "flaw",
    "What may be wrong with items, worst first",
    (
        Column("score", "how bad it is, 0 to 1; from 0.5 on it is shown, or from --min-score", "score"),
        Column("check", "the quality check that found it"),
        Column("why", "what was found, with the figure that it rests on"),
        *ITEM,
    ),
)

CHECKS = Table(
    "quality",
    "Quality checks",
    (
        Column("check", "its name"),
        Column("flagged", "how many items it found something wrong with", "integer"),
        Column("items", "how many it looked at", "integer"),
        Column("finds", "what it looks for"),
    ),
    whole=True,
)

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
    """The flaws of items, then the suspects of each label and group; of a named label or group those alone."""
    from .labels import suspects
    from .quality import flawed

    checks, labels = _chosen(context, params)
    named = params.label is not None or params.group is not None
    targets = []
    if labels:
        targets = [context.target(params.label, params.group)] if named else context.targets()
        if not targets and not checks:
            raise NotReady("no label or group has two examples of two classes: curator label NAME FILES, or --negative")
        if not targets and params.check:
            context.note(f"{LABELS}: no label or group has two examples of two classes")
    tiles: list[sheets.Tile] = []
    if checks:
        yield from flawed(context, params, checks, tiles)
    yield from suspects(context, params, targets, named, tiles)
    if params.sheet is not None and tiles:
        sheet = sheets.Sheet("What may be wrong", (sheets.Section(tuple(tiles[:TILES])),))
        yield sheets.artifact(context, params.sheet, sheet)
    elif params.sheet is not None:
        context.note("no sheet was made: nothing is suspicious")


def _chosen(context: Context, params: AuditParams) -> tuple[list[CheckSpec], bool]:
    """The quality checks to run, and whether to look at labels too."""
    of_labels = {"--label": params.label, "--group": params.group, "--head": params.head, "--encoder": params.encoder}
    known = {check.name: check for check in context.checks()}
    if params.mark and not params.check and any(value is not None for value in of_labels.values()):
        raise BadInput("--mark is for flaws of items, and these options are for labels: name a --check")
    if not params.check:
        return ([], True) if any(value is not None for value in of_labels.values()) else (list(known.values()), True)
    for name in params.check:
        if name not in known and name != LABELS:
            raise NotFound.named("check", name, [*known, LABELS], hint=f"there is {', '.join([*known, LABELS])}")
    given = next((option for option, value in of_labels.items() if value is not None), None)
    if given is not None and LABELS not in params.check:
        raise BadInput(f"{given} is for --check {LABELS}")
    return [known[name] for name in dict.fromkeys(params.check) if name in known], LABELS in params.check


@hookimpl
def register_actions() -> Iterable[ActionSpec]:
    """The command `audit`."""
    return [
        ActionSpec(
            "audit",
            "Find what may be wrong: flawed items, and doubtful labels.",
            AuditParams,
            plan,
            (CHECKS, FLAWS, SUSPECTS),
            example="curator audit\ncurator audit --check blurred --check dark --apply\ncurator audit --group kind",
            moves_files=True,
        )
    ]
