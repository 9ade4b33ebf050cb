"""Ask a person about the items whose answer teaches most, and fit anew after every few answers.

The other modules of the package are imported when the action runs.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Annotated

from curator.api import (
    ActionSpec,
    Column,
    Context,
    EncoderRef,
    GroupName,
    HeadName,
    ItemSet,
    LabelName,
    Option,
    Output,
    Table,
    TargetRef,
    hookimpl,
)
from curator.errors import BadInput, NotReady
from curator.kit.listing import ids_of


@dataclass(frozen=True)
class ReviewParams:
    """What to ask about, among which items, and how many questions to choose at once."""

    label: Annotated[LabelName | None, Option(help="Ask about this label: is it, or is it not?")] = None
    group: Annotated[GroupName | None, Option(help="Ask about this group: which of its labels is it?")] = None
    batch: Annotated[int, Option(min=1, max=100, help="Questions before the head is refitted.")] = 5
    suspects: Annotated[bool, Option(help="Ask about the labels that `curator audit` suspects.")] = False
    encoder: Annotated[EncoderRef | None, Option("-e", help="The encoder to use (`curator encoders` lists them).")] = (
        None
    )
    head: Annotated[HeadName | None, Option(help="The kind of head to fit (`curator heads` lists them).")] = None
    items: Annotated[ItemSet, Option()] = ItemSet()
    verify: Annotated[
        float | None,
        Option(
            help="Ask about a random sample of what would be predicted, until it shows a precision of X "
            "(0.5 to 0.99); it takes up to 40 answers: --count 40.",
            min=0.5,
            max=0.99,
        ),
    ] = None
    tolerance: Annotated[
        float | None,
        Option(
            help="With --verify: how far below it the true precision may lie, with 90 % confidence (0 to 0.2); 0 "
            "proves the precision itself, of fewer items. [default: 0.05]",
            min=0,
            max=0.2,
        ),
    ] = None
    accept: Annotated[bool, Option(help="With --verify: turn the predictions that were verified into labels.")] = False


VERIFIED = Table(
    "verified",
    "What the answers show (at_least: with 90 % confidence)",
    (
        Column("outcome", "shown, or not and why; the answers train the next head either way"),
        Column("items", "of how many items it is shown; 0 for none", "integer"),
        Column(
            "at_least",
            "with 90 % confidence at least this share of them is right, 0 to 1: --verify less --tolerance",
            "score",
        ),
        Column("from", "their lowest score: how far they stand out from what nobody labelled, 0 to 1", "score"),
        Column("drawn", "how many of them were drawn at random and answered", "integer"),
        Column("right", "how many of these were predicted right: the share that --verify asks for, or more", "integer"),
        Column("answers", "how many answers it took in all, with those that sought where the items end", "integer"),
        Column("labelled", "how many of the items got their prediction as a label; with --accept", "integer"),
    ),
    whole=True,
)


def plan(context: Context, params: ReviewParams) -> Iterator[Output]:
    """One round: what contradicts itself first, then what a head is least sure of, or without a head what is like.

    Items whose files are all gone are left out.
    """
    target = context.target(params.label, params.group)
    if params.verify is None and (params.accept or params.tolerance is not None):
        raise BadInput("--accept and --tolerance are about what --verify shows: give --verify too")
    if params.suspects and params.verify is not None:
        raise BadInput("give either --suspects or --verify: they ask about different items")
    if params.suspects:
        yield from about_suspects(context, params, target)
        return
    if params.verify is not None:
        from . import proving

        yield from proving.plan(context, target, params)
        return
    from . import looking, rounds

    every = looking.with_files(context, params.items)
    asked, contradicting, unsaid_ids = context.asked(), array("q"), array("q")
    for id_, word in zip(ids_of(every), context.said(target, every), strict=True):
        if not word and id_ not in asked:
            (unsaid_ids if word is None else contradicting).append(id_)
    torn = list(context.of_ids(contradicting[: params.batch]))
    round_ = rounds.Round(context, target, params.batch)
    if len(torn) >= params.batch:
        yield from (round_.conflict_question(item) for item in torn)
        return
    unsaid = round_.without_none(context.of_ids(unsaid_ids))
    try:
        model = context.model(params.encoder, "image") if params.encoder is not None else None
        head = context.head(target, model, params.head)
    except NotReady as error:
        found = round_.without_head(params.encoder, unsaid, str(error))
    else:
        found = round_.by_head(head, unsaid)
    yield from (round_.conflict_question(item) for item in torn)
    yield from found[: params.batch - len(torn)]


def about_suspects(context: Context, params: ReviewParams, target: TargetRef) -> Iterator[Output]:
    """One round: the most suspicious labels of what was selected. Each is asked about once, whatever the answer."""
    from curator.kit.trust.suspects import find_suspects

    from . import looking, rounds

    model = context.model(params.encoder, "image") if params.encoder is not None else None
    head = context.head(target, model, params.head)
    held_out, found = find_suspects(context, head)
    wanted = {*ids_of(looking.with_files(context, params.items))} - context.asked()
    round_ = rounds.Round(context, target, params.batch)
    asked = [suspect for suspect in found if held_out.items[suspect.index].id in wanted]
    yield from (round_.suspect_question(head, held_out, suspect) for suspect in asked[: params.batch])


@hookimpl
def register_actions() -> Iterable[ActionSpec]:
    """The command `review`."""
    return [
        ActionSpec(
            "review",
            "Label by answering questions, the most informative first. The head is refitted after every few answers "
            "(active learning).",
            ReviewParams,
            plan,
            (VERIFIED,),
            example="curator review --label ultraman\ncurator review --group kind --count 0\n"
            "curator review --group kind --suspects\ncurator review --label ultraman --verify 0.9 --count 40",
            asks=True,
        )
    ]
