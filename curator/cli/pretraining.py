"""The command `pretrain`: an encoder learns from one's own texts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from curator.cli.items import part_options
from curator.cli.names import ENCODER
from curator.cli.shared import Command, json_option, option_values, options_option, workspace_option
from curator.cli.tables import PRETRAINED
from curator.cli.text import say

if TYPE_CHECKING:
    from curator.workspace import Workspace


@click.command(
    cls=Command,
    rows=(PRETRAINED,),
    example="curator pretrain lstm-clm\ncurator pretrain lstm-clm --corpus news.txt -o epochs=4",
)
@click.argument("encoder", type=ENCODER)
@click.option(
    "--corpus", type=click.Path(), multiple=True, metavar="FILE", help="Learn from the lines of a file instead."
)
@click.option("--continue", "start", type=ENCODER, metavar="NAME[@VERSION]", help="Go on from what was learnt before.")
@options_option("encoder")
@part_options
@json_option
@workspace_option()
def pretrain(
    workspace: Workspace,
    encoder: str,
    corpus: tuple[str, ...],
    start: str | None,
    options: tuple[str, ...],
    labelled: str | None,
    as_json: bool,
    **chosen: Any,
) -> None:
    """Let an encoder learn from the texts of the catalogue, without labels. Each time makes a new version of its model.

    Ctrl-C keeps the best so far as a model; the same command then goes on from where it stopped.
    """
    from curator.cli.render import Output
    from curator.reporter import count, duration
    from curator.running.binding import item_set

    made = workspace.pretrain(encoder, corpus, item_set(label=labelled, **chosen), start, option_values(options))
    output = Output(as_json)
    best = made.best
    row = {
        "model": made.model.name,
        "texts": made.texts,
        "held_out": best and best.held_out,
        "seconds": round(made.seconds, 3),
        "finished": made.whole,
    }
    if as_json:
        output.table(PRETRAINED, [row])
    measured = f": {best.held_out:.3f} bits per character on held-out texts" if best else ""
    learnt = f"{made.model.name} learnt from {count(made.texts, 'text')} in {duration(made.seconds)}{measured}"
    output.line(learnt + ("" if made.whole else " (stopped; the same command goes on)"))
    say(f"`curator encode -e {encoder}` embeds with it, `curator encoders --use {encoder}` makes it the default")
    if not made.whole:
        click.get_current_context().exit(130)
