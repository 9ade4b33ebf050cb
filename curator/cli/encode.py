"""Commands about embeddings: encode, encoders."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from curator.cli.items import say_problems, selection_options
from curator.cli.names import ENCODER
from curator.cli.shared import Command, decoding_options, json_option, needed, registry, workspace_option
from curator.cli.tables import ENCODED, ENCODERS
from curator.cli.text import say, short_path

if TYPE_CHECKING:
    from curator.api import EncoderSpec, Modality, Model
    from curator.embedding.coverage import EncodeReport
    from curator.workspace import Workspace


@click.command(
    cls=Command, rows=(ENCODED,), example="curator encode\ncurator encode -e resnet50 --weights resnet50.pth"
)
@click.option(
    "-e",
    "--encoder",
    type=ENCODER,
    metavar="NAME[:VARIANT][@VERSION]",
    help="The encoder. [default: one for each medium]",
)
@click.option("--weights", type=click.Path(), metavar="FILE", help="A file or folder with the encoder's weights.")
@click.option(
    "--device",
    metavar="NAME",
    help="Where to compute: cpu, cuda, mps. [default: $CURATOR_DEVICE, else a GPU if there is one]",
)
@click.option("--retry", is_flag=True, help="Try again what failed before.")
@selection_options
@decoding_options
@json_option
@workspace_option()
def encode(
    workspace: Workspace,
    encoder: str | None,
    weights: str | None,
    device: str | None,
    retry: bool,
    labelled: str | None,
    as_json: bool,
    **chosen: Any,
) -> None:
    """Embed what is not embedded yet. Ctrl-C is safe: the same command goes on."""
    from curator.cli.render import Output
    from curator.errors import SomeItemsFailed
    from curator.reporter import count
    from curator.running.binding import item_set

    reports = workspace.encode(encoder, weights, item_set(label=labelled, **chosen), retry, device)
    output = Output(as_json)
    failed = [pair for report in reports.values() for pair in report.failed]
    rows = [
        {
            "model": name,
            "encoded": report.encoded,
            "failed": len(report.failed),
            "seconds": round(report.seconds, 3),
            "precision": report.precision,
        }
        for name, report in reports.items()
    ]
    if as_json:
        output.table(ENCODED, rows)
    for name, report in reports.items():
        output.line(f"{name}: {count(report.encoded, 'item')} embedded{_pace(report)}")
    say_problems(failed)
    if failed:
        raise SomeItemsFailed(f"{count(len(failed), 'item')} could not be embedded: curator status --problems")


def _pace(report: EncodeReport) -> str:
    """How long it took, how fast that is, and the precision if it is not the encoder's own."""
    from curator.embedding.coverage import FULL
    from curator.reporter import duration

    if not report.encoded:
        return ""
    rate = f"{report.encoded / report.seconds:,.0f}/s" + (f", {report.precision}" if report.precision != FULL else "")
    return f" in {duration(report.seconds)} ({rate})"


@click.command(cls=Command, rows=(ENCODERS,), example="curator encoders\ncurator encoders --use resnet50")
@click.option("--use", type=ENCODER, metavar="NAME[:VARIANT][@VERSION]", help="Make it the default for what it embeds.")
@json_option
@workspace_option(optional=True)
def encoders(workspace: Workspace | None, use: str | None, as_json: bool) -> None:
    """List the encoders that are installed, and the models that this workspace has used."""
    from curator.cli.render import Output

    if use is not None:
        model = needed(workspace).use(use)
        say(f"{model.name} is now the default for {' and '.join(model.modalities)}s: `curator encode` embeds with it")
    Output(as_json).table(ENCODERS, _encoders(workspace))


def _encoders(workspace: Workspace | None) -> Iterator[dict[str, Any]]:
    from curator.api import EncoderSpec

    models = workspace.models.all() if workspace else []
    defaults = _defaults(workspace)
    for spec in registry().all(EncoderSpec):
        used: list[Model | None] = [model for model in models if model.encoder == spec.name]
        if not used or spec.name in defaults.values():  # the default of a medium may be none that was used yet
            used.append(None)
        for model in used:
            name = model.name if model else spec.name
            yield {
                "name": name,
                "media": list(spec.modalities),
                "default": [medium for medium, default in defaults.items() if default == (model.id if model else name)],
                "embedded": workspace.derived.count(model.fingerprint) if workspace and model else 0,
                "offline": _lacking(workspace, spec, model) or "yes",
                "summary": spec.summary,
            }


def _defaults(workspace: Workspace | None) -> dict[Modality, int | str]:
    """By medium the id of its default model, or the name of its encoder where that was not used here yet."""
    from curator.api import EncoderSpec
    from curator.catalog.items import MODALITIES
    from curator.errors import CuratorError

    found: dict[Modality, int | str] = {}
    for medium in MODALITIES:
        if workspace is None:
            spec = registry().default(EncoderSpec, lambda spec, medium=medium: medium in spec.modalities)  # type: ignore[misc]
            found |= {medium: spec.name} if spec else {}
            continue
        with contextlib.suppress(CuratorError):  # one that is gone, or of a plugin that is
            reference = workspace.models.default_reference(medium)
            model = workspace.models.find(reference)
            found[medium] = model.id if model else reference
    return found


def _lacking(workspace: Workspace | None, spec: EncoderSpec, model: Model | None) -> str:
    """What stands in the way of loading an encoder without a network."""
    from curator.errors import PluginError

    weights = workspace.models.weights(model) if workspace and model else None
    if weights is not None:
        return "" if weights.exists() else f"{short_path(weights)} is gone"
    if spec.lacking is None:
        return ""
    try:
        with registry().guard(spec, "looking for the weights of"):
            return str(spec.lacking(model.variant or None if model else None))
    except PluginError as error:  # which the list of all others must not suffer for
        return str(error)
