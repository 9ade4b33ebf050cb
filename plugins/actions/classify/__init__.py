"""Sort what is not labelled yet by a head fitted on what is, or with no examples by the names of the classes.

The other modules of the package are imported when the action runs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from curator.api import (
    ActionSpec,
    Column,
    Context,
    EncoderRef,
    Finding,
    FittedHead,
    GroupName,
    HeadName,
    ItemSet,
    LabelName,
    NewFile,
    Option,
    Output,
    Predictions,
    Table,
    TargetRef,
    hookimpl,
)
from curator.errors import BadInput
from curator.kit import sheets
from curator.kit.listing import ITEM

if TYPE_CHECKING:
    from . import deciding


@dataclass(frozen=True)
class ClassifyParams:
    """One label (is it, or is it not?), one group or some class names (which of several?), and what to do with it."""

    label: Annotated[LabelName | None, Option(help="Classify by this label: is it, or is it not?")] = None
    group: Annotated[GroupName | None, Option(help="Classify by this group: which of its labels is it?")] = None
    classes: Annotated[
        str | None,
        Option(
            help="Zero-shot: choose among these class names, separated by commas, with no labels; it needs an encoder "
            "of images and texts.",
            was=("--among",),
        ),
    ] = None
    prompt: Annotated[
        tuple[str, ...],
        Option(help="With --classes: a text with {} where the class name goes; repeat it to average several."),
    ] = ()
    encoder: Annotated[EncoderRef | None, Option("-e", help="The encoder to use (`curator encoders` lists them).")] = (
        None
    )
    head: Annotated[HeadName | None, Option(help="The kind of head to fit (`curator heads` lists them).")] = None
    items: Annotated[ItemSet, Option()] = ItemSet()
    precision: Annotated[
        float | None,
        Option(
            help="Answer only where precision reaches X (0 to 1); otherwise 'don't know'.",
            min=0,
            max=1,
        ),
    ] = None
    recall: Annotated[
        float | None,
        Option(
            help="Answer yes often enough to find this share of the items that have the label (0 to 1).", min=0, max=1
        ),
    ] = None
    accept: Annotated[
        float | None,
        Option(
            help="Turn predictions into labels where precision is expected to reach X, as --precision draws the line, "
            "or, with fewer than 100 unlabelled items, where probability is at least X (0.5 to 1).",
            min=0.5,
            max=1,
        ),
    ] = None
    dry_run: Annotated[bool, Option(help="With --accept: show what would be labelled, and change nothing.")] = False
    sheet: Annotated[
        NewFile | None,
        Option(
            help="Write the surest and least sure predictions to FILE (PNG, JPEG, WebP or PDF).", choices=sheets.ENDINGS
        ),
    ] = None


HELD_OUT = Table(
    "held-out",
    "Held-out quality, on items like the labelled ones",
    (
        Column("head", "the head's target and version", "json", "string"),
        Column("model", "the encoder it works on", "json", "string"),
        Column("metric", "what was measured"),
        Column("value", "mean over held-out folds, 0 to 1", "score"),
        Column("spread", "standard deviation over the folds", "score"),
        Column("blurred", "the same on blurred copies; after `curator train --robustness`", "score"),
        Column("darkened", "on darkened ones", "score"),
        Column("noisy", "on noisy ones", "score"),
        Column("items", "how many items it rests on", "integer"),
    ),
    whole=True,
)

LINES = Table(
    "line",
    "Where the line is drawn",
    (
        Column("said", "the answer: yes or no, or for a group the class or none of these"),
        Column("where", "from or up to the probability"),
        Column("probability", "of the label, or of the most probable class, 0 to 1", "percent"),
        Column(
            "precision",
            "share of these answers that are right, 0 to 1: measured on held-out items, or else estimated",
            "score",
        ),
        Column("at_least", "the lower bound of that share, with 95 % confidence; null if unknown", "score"),
        Column("recall", "share of the items for which this answer is right that get it, 0 to 1", "score"),
        Column("items", "how many get this answer: of the held-out items, or else of those in question", "integer"),
    ),
    whole=True,
)

PREDICTIONS = Table(
    "prediction",
    "Predictions for items that nobody labelled",
    (
        Column("probability", "the head's probability for the label, 0 to 1", "percent"),
        Column("label", "for a label: itself; for a group: the most probable one"),
        Column(
            "said", "the answer: yes, no, a group's class, none of these or don't know; with --precision or --recall"
        ),
        *ITEM,
    ),
)

FROM_NAMES = Table(
    "zero-shot",
    "Predictions from the names alone",
    (
        Column("probability", "softmax of 100 times the cosine with each name, 0 to 1; not calibrated", "percent"),
        Column("label", "the most probable name of those given"),
        *ITEM,
    ),
)


NOT_MEASURED = (
    "note: these percentages come from the names alone: they are not calibrated, and no held-out examples say how "
    "often they are right"
)


def plan(context: Context, params: ClassifyParams) -> Iterator[Output]:
    """Predictions, most probable first; before those of a head, how good it is on held-out items."""
    if params.classes is not None:
        yield from by_names(context, params, params.classes)
    elif params.prompt:
        raise BadInput("--prompt says how to put the names of --classes into a text: give --classes too")
    else:
        yield from by_head(context, params)


def by_names(context: Context, params: ClassifyParams, classes: str) -> Iterator[Output]:
    """Predictions with no examples, of labelled items too."""
    from . import words

    for option in ("label", "group", "head", "precision", "recall", "accept"):
        if getattr(params, option) is not None:
            raise BadInput(f"give either --classes or --{option}, not both: --classes goes by names and fits no head")
    names, prompts = words.names_in(classes), words.validate_prompts(params.prompt)
    model = words.model_of_both(context, context.model(params.encoder, "image"))
    found = words.predictions(context, model, names, prompts, words.items_of(context, params.items))
    if len(found.items):
        context.note(NOT_MEASURED)
    title = f"Predictions from {len(names)} names"
    note = f"{_items(found.items)}, by the names {', '.join(names)} alone, on {model.name}"
    yield from prediction_outputs(context, params, FROM_NAMES, found, title, note)


def _items(some: Sequence[object]) -> str:
    return "1 item" if len(some) == 1 else f"{len(some):,} items"


def by_head(context: Context, params: ClassifyParams) -> Iterator[Output]:
    """How good the head is on held-out items, then what it says of those that nobody labelled."""
    from . import strangers

    target = _target(context, params)
    model = context.model(params.encoder, "image") if params.encoder is not None else None
    head = context.head(target, model, params.head)
    yield from held_out(head)
    lines = _lines(context, params, head)
    if lines is not None:
        yield from lines.findings()
    items = context.items(params.items, modalities=head.model.modalities)
    found = context.predict(head, context.unlabelled(target, items))
    if (strange := strangers.note(context, head, found.items)) is not None:
        context.note(strange)
    if lines is None and found.scores is not None and params.recall is None:
        lines = _estimated_lines(context, params, head, found)
        yield from () if lines is None else lines.findings()
    title = f"Predictions for {head.target.full_name}"
    note = f"{_items(found.items)} that nobody labelled, by {head.target}@{head.version} on {head.model.name}"
    yield from prediction_outputs(context, params, PREDICTIONS, found, title, note, lines)
    if params.accept is not None:
        from . import accepting

        yield from accepting.changes(context, head, found, params.accept, params.dry_run, lines)


def _lines(context: Context, params: ClassifyParams, head: FittedHead) -> deciding.Lines | None:
    """From which probability something is said, if that was asked for."""
    from . import deciding

    binary = params.label is not None
    if params.precision is not None and params.recall is not None:
        raise BadInput("give either --precision or --recall, not both")
    if params.recall is not None and not binary:
        raise BadInput("--recall is for a label: of a group each class has its own, use --precision")
    if params.dry_run and params.accept is None:
        raise BadInput("--dry-run says what --accept would do: give --accept too")
    if params.precision is None and params.recall is None:
        return None
    held_out = context.held_out(head)
    if params.precision is not None and held_out.scores is not None:
        return None  # drawn among the items themselves
    if binary and held_out.items:
        share = f"{(held_out.targets == 1).mean():.0%} of the held-out items are {head.classes[1]}"
        context.note(f"note: {share}: where fewer are, more of what is said to be are wrong than measured")
    if params.precision is not None:
        return deciding.by_precision(held_out, params.precision, binary)
    assert params.recall is not None
    return deciding.by_recall(held_out, params.recall)


def _estimated_lines(
    context: Context, params: ClassifyParams, head: FittedHead, found: Predictions
) -> deciding.Lines | None:
    """Lines among the items themselves, and what they rest on; None where none is asked for."""
    from . import deciding

    if None not in (params.precision, params.accept) and params.precision != params.accept:
        raise BadInput("--accept draws the line that --precision draws: give one of them, or the same for both")
    wanted = params.precision if params.precision is not None else params.accept
    if wanted is None or not len(found.items):
        return None
    lines = deciding.by_unlabelled(context.held_out(head), found, wanted, params.label is not None)
    what, what_of = ("yes", "the label") if params.label is not None else ("a class", "of a class")
    if lines.yes is None:
        context.note(
            f"note: {what} is the answer for no item: too little is known about the unlabelled ones to be right about "
            f"{wanted:g}; {deciding.what_would_help(wanted, 'that stand out most')}"
        )
    else:
        context.note(
            "note: the threshold is an estimate, from how held-out items rank among those that nobody "
            f"labelled; nobody has looked at those: {deciding.what_would_help(wanted, 'of which it is said')}"
        )
        if isinstance(lines.yes, deciding.Estimated) and not lines.yes.told:
            context.note(
                f"note: of so few it is not known how many are right: where hardly any of the items are {what_of}, "
                "about half of them were"
            )
    return lines


def _target(context: Context, params: ClassifyParams) -> TargetRef:
    """The label or group; where neither is given, the message says that names would do too."""
    try:
        return context.target(params.label, params.group)
    except BadInput as error:
        if params.label is None and params.group is None:
            raise BadInput(f"{error}, or with no labels --classes NAME,NAME,...") from error
        raise


def held_out(head: FittedHead) -> Iterator[Finding]:
    """A row for each metric."""
    for figure in head.figures():
        yield Finding("held-out", {"head": f"{head.target}@{head.version}", "model": head.model.name, **figure})


def prediction_outputs(
    context: Context,
    params: ClassifyParams,
    table: Table,
    predictions: Predictions,
    title: str,
    note: str,
    lines: deciding.Lines | None = None,
) -> Iterator[Output]:
    """The predictions as rows, and as a sheet if one is wanted."""
    from . import showing

    binary = params.label is not None
    ranked = showing.Ranked(predictions, binary, lines)
    yield ranked.rows(table)
    if params.sheet is not None and len(ranked):
        yield sheets.artifact(context, params.sheet, showing.sheet(ranked, title, note))
    elif params.sheet is not None:
        context.note("no sheet was made: there is nothing to predict")


@hookimpl
def register_actions() -> Iterable[ActionSpec]:
    """The command `classify`."""
    return [
        ActionSpec(
            "classify",
            "Predict labels: fit a head on labelled items, score the rest.",
            ClassifyParams,
            plan,
            (HELD_OUT, LINES, PREDICTIONS, FROM_NAMES),
            example="curator classify --label ultraman",
        )
    ]
