"""`curator pretrain`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from curator.api import Argument, Column, EncoderRef, FileName, ItemSet, Option, Setting, Table
from curator.commands.settings import settings
from curator.commands.spec import Call, CommandSpec

PRETRAINED = Table(
    "pretrained",
    "Pretrained",
    (
        Column("model", "the encoder with what it learnt"),
        Column("texts", "different texts that it learnt from and was measured on", "integer"),
        Column("held_out", "the loss on held-out texts; null where nothing was learnt now, or held out", "score"),
        Column("unit", "what the loss is measured in: bits per character, or what the encoder says"),
        Column("seconds", "how long it took", "score"),
        Column("finished", "false if it was stopped: the same command continues", type="boolean"),
    ),
    whole=True,
)


@dataclass(frozen=True, slots=True)
class PretrainParams:
    """What learns from what."""

    encoder: Annotated[EncoderRef, Argument()]
    corpus: Annotated[tuple[FileName, ...], Option(help="Learn from the lines of FILE instead.")] = ()
    continue_: Annotated[
        EncoderRef | None, Option(metavar="NAME[@VERSION]", help="Continue from an earlier version.")
    ] = None
    option: Annotated[tuple[Setting, ...], Option("-o", help="A training option of the encoder.")] = ()
    among: Annotated[ItemSet, Option(choices=("text",))] = ItemSet()


def pretrain(call: Call, params: PretrainParams) -> None:
    """Let it learn, and tell how well it does."""
    from curator.reporter import count, duration

    start, options = params.continue_, settings(params.option)
    made = call.workspace.pretrain(params.encoder, params.corpus, params.among, start, options)
    best = made.best
    row = {
        "model": made.model.name,
        "texts": made.texts,
        "held_out": best and best.held_out,
        "unit": best and best.unit,
        "seconds": round(made.seconds, 3),
        "finished": made.whole,
    }
    call.record(PRETRAINED, [row])
    measured = f": {best.held_out:.3f} {best.unit} on held-out texts" if best else ""
    learnt = f"{made.model.name} learnt from {count(made.texts, 'text')} in {duration(made.seconds)}{measured}"
    call.line(learnt + ("" if made.whole else " (stopped; the same command continues)"))
    name = params.encoder
    call.say(f"`curator encode -e {name}` embeds with it, `curator encoders --use {name}` makes it the default")
    if not made.whole:
        call.interrupted()


COMMAND = CommandSpec(
    name="pretrain",
    summary="""Pretrain an encoder on the texts of the catalogue.

    It needs no labels, and each time makes a new version of the encoder's model. Ctrl-C keeps the best model so far;
    run it again to continue.
    """,
    params=PretrainParams,
    run=pretrain,
    tables=(PRETRAINED,),
    example="curator pretrain lstm-clm\ncurator pretrain lstm-clm --corpus news.txt -o epochs=4",
    effects=("writes",),
)
