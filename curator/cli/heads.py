"""Commands about heads: train, heads."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from curator.cli.items import selection_options
from curator.cli.names import ENCODER, GROUP, HEAD, LABEL, Place
from curator.cli.shared import (
    Command,
    decoding_options,
    encode_option,
    json_option,
    limit_option,
    option_values,
    options_option,
    registry,
    workspace_option,
)
from curator.cli.tables import CONFUSIONS, FITTED, KINDS, METRICS
from curator.cli.text import say

if TYPE_CHECKING:
    from curator.api import FittedHead
    from curator.workspace import Workspace


BARE = object()
"""What `--fine-tune` is given where it stands alone, as no text could."""


class Depth(click.ParamType[Any]):
    """How much of an encoder learns, True where that is left to it."""

    name = "text"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str | bool:
        """What was typed."""
        return True if value is BARE else str(value)


@click.command(
    cls=Command,
    rows=(METRICS, CONFUSIONS),
    example="curator train --label ultraman\ncurator train --group kind --head mlp -o hidden=128\n"
    "curator train --group topic -e lstm-clm --fine-tune\n"
    "curator train --label ultraman -e resnet50 --fine-tune layer4\n"
    "curator train --group kind --test photos/shop2",
)
@click.option("--label", type=LABEL, metavar="LABEL", help="The label to tell from everything else.")
@click.option("--group", type=GROUP, metavar="GROUP", help="The group of labels to choose one from.")
@click.option("-e", "--encoder", type=ENCODER, metavar="NAME[:VARIANT][@VERSION]", help="The encoder to use.")
@click.option("--head", type=HEAD, metavar="KIND", help="The kind of head.")
@options_option("head")
@click.option(
    "--fine-tune",
    type=Depth(),
    metavar="[DEPTH]",
    is_flag=False,
    flag_value=BARE,
    help="Let the encoder learn the labels first, as a new version; DEPTH is how much of it learns (layer4).",
)
@click.option("--robustness", is_flag=True, help="Measure on blurred, darkened and noisy copies, too.")
@click.option(
    "--test",
    type=Place(folder=True),
    metavar="FOLDER",
    help="Learn from nothing in a folder and below, and measure on what is labelled there.",
)
@selection_options
@encode_option
@decoding_options
@limit_option
@json_option
@workspace_option()
def train(
    workspace: Workspace,
    options: tuple[str, ...],
    fine_tune: str | bool | None,
    test: str | None,
    as_json: bool,
    limit: int | None,
    **given: Any,
) -> None:
    """Fit a head on what is labelled, and say how good it is on held-out items.

    `curator classify` does this by itself; here the head's own options can be given. With --under and the like it
    learns from these items alone.
    """
    from curator.cli.render import Output
    from curator.running.binding import item_set

    among = item_set(given.pop("media"), given.pop("under"), given.pop("labelled"), given.pop("unlabelled"))
    given |= {"fine_tune": fine_tune or False, "test": None if test is None else Path(test), "among": among}
    fitted = workspace.train(options=option_values(options), **given)
    output = Output(as_json, limit)
    output.line(summary(fitted))
    output.table(METRICS, iter(_figure_rows(fitted)))
    if len(fitted.classes) > 2:
        output.table(CONFUSIONS, confusion_rows(workspace, fitted))
    for note in fitted.notes:
        say(f"note: {note}")


def _figure_rows(head: FittedHead) -> list[dict[str, Any]]:
    """A row for each metric, with what was measured on the test folder."""
    on = int(head.tested.get("items", 0)) or None
    rows = head.figures()
    return [row | {"test": head.tested.get(row["metric"]), "test_items": on} for row in rows]


def summary(head: FittedHead) -> str:
    """One sentence: what was fitted, on what."""
    sizes = f"{len(head.classes)} classes" if len(head.classes) > 2 else f"{head.counts[1]} yes, {head.counts[0]} no"
    how = "unchanged since it was fitted" if head.reused else "fitted now"
    return (
        f"{head.target}@{head.version}: {head.head} on {head.model.name}, {sum(head.counts):,} items ({sizes}), {how}"
    )


def confusion_rows(workspace: Workspace, head: FittedHead) -> Iterator[dict[str, Any]]:
    """Rows for the table of confusions, the most frequent first."""
    from curator.learning.scores import confusions

    held_out = workspace.training.held_out(head)
    found = confusions(held_out.probabilities.argmax(axis=1), held_out.targets, held_out.classes)
    names = ("label", "taken_for", "items", "of")
    return (dict(zip(names, row, strict=True)) for row in found)


@click.command(cls=Command, rows=(KINDS, FITTED), example="curator heads")
@limit_option
@json_option
@workspace_option(optional=True)
def heads(workspace: Workspace | None, limit: int | None, as_json: bool) -> None:
    """List the kinds of head that are installed, and the heads fitted in this workspace."""
    from curator.api import HeadSpec
    from curator.cli.render import Output
    from curator.registry.parameters import parameters

    output = Output(as_json, limit)
    kinds = registry().all(HeadSpec)
    output.table(
        KINDS,
        (
            {
                "name": spec.name,
                "default": "yes" if spec.default else None,
                "options": [f"{parameter.name}={parameter.default}" for parameter in parameters(spec.params)],
                "summary": spec.summary,
            }
            for spec in kinds
        ),
    )
    fitted = workspace.training.heads.all() if workspace else []
    output.table(FITTED, (_head_row(head) for head in fitted))
    if not fitted:
        output.line("no head fitted yet: curator train --label NAME")


def _head_row(head: FittedHead) -> dict[str, Any]:
    return {
        "head": f"{head.target}@{head.version}",
        "type": head.head,
        "model": head.model.name,
        "classes": len(head.classes),
        "items": sum(head.counts),
        "accuracy": head.metrics.get("accuracy"),
        "baseline": head.metrics.get("majority baseline"),
    }
