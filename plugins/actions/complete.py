"""What comes next: a language model that was pretrained here goes on with a text."""

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
    Option,
    Output,
    Table,
    hookimpl,
)

ENCODER = EncoderRef("lstm-clm")


@dataclass(frozen=True)
class CompleteParams:
    """The text, and how to go on with it."""

    beginning: Annotated[str, Argument(help="a text to go on with")]
    top: Annotated[int, Option(min=1, help="The number of candidates for the next piece.")] = 5
    length: Annotated[int | None, Option(min=1, help="Generate N pieces, and show the text.")] = None
    temperature: Annotated[
        float, Option(min=0, help="With --length: the sampling temperature; 0 always takes the most probable piece.")
    ] = 0.0
    seed: Annotated[int, Option(min=0, help="With --temperature: the random seed.")] = 0
    encoder: Annotated[EncoderRef, Option("-e", help="The language model.")] = ENCODER


NEXT = Table(
    "next",
    "What comes next",
    (
        Column("rank", "1 is the most probable", "integer"),
        Column("probability", "that the text goes on with this piece, 0 to 1", "percent"),
        Column("piece", "whole characters; null where the text ends"),
        Column("text", "the text with the piece"),
    ),
    counted=True,
)

WRITTEN = Table(
    "written",
    "The text, carried on",
    (
        Column("text", "all of it"),
        Column("added", "what was added"),
        Column("pieces", "how many pieces that is", "integer"),
        Column("ended", "whether the model ended the text there", type="boolean"),
    ),
    whole=True,
)


def plan(context: Context, params: CompleteParams) -> Iterator[Output]:
    """The most probable next pieces; with a length, the text that comes of taking one after the other."""
    model = context.model(params.encoder, "text")
    if params.length is None:
        for rank, (piece, probability) in enumerate(context.next_tokens(params.beginning, model, params.top), 1):
            values = {
                "rank": rank,
                "probability": probability,
                "piece": piece or None,
                "text": params.beginning + piece,
            }
            yield Finding("next", values)
        return
    pieces = context.carry_on(params.beginning, model, params.length, params.temperature, params.seed)
    added, ended = "".join(piece for piece, _ in pieces), len(pieces) < params.length
    yield Finding("written", {"text": params.beginning + added, "added": added, "pieces": len(pieces), "ended": ended})


@hookimpl
def register_actions() -> Iterable[ActionSpec]:
    """`complete`."""
    summary = "Complete a text with a language model of your own texts."
    example = 'curator complete "我今天心情很" --top 5\ncurator complete "我今天心情很" --length 20'
    return [ActionSpec("complete", summary, CompleteParams, plan, (NEXT, WRITTEN), example, embeds=False, labels=False)]
