"""`curator encode`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from curator.api import Column, EncoderRef, FileName, ItemSet, Option, Table, Word
from curator.commands.problems import say_problems
from curator.commands.spec import Call, CommandSpec
from curator.embedding.ways.way import AUTO, RUNTIMES

if TYPE_CHECKING:
    from curator.embedding.coverage import EncodeReport

ENCODED = Table(
    "encoded",
    "Embedded",
    (
        Column("model", "the encoder with its weights"),
        Column("encoded", "vectors made now", "integer"),
        Column("failed", "items that failed now", "integer"),
        Column("seconds", "how long it took, without loading the encoder", "score"),
        Column(
            "precision",
            "the number format that most were computed in: float32, or a shorter, faster one; null: none",
        ),
        Column(
            "runtime",
            "what ran the encoder for most: onnxruntime, openvino, or torch where it was loaded; null: nothing",
        ),
    ),
    whole=True,
)


@dataclass(frozen=True, slots=True)
class EncodeParams:
    """With what, and which items."""

    encoder: Annotated[
        EncoderRef | None, Option("-e", help="The encoder. [default: the default one of each medium]")
    ] = None
    weights: Annotated[FileName | None, Option(help="The file or folder with the encoder's weights.")] = None
    device: Annotated[
        Word | None,
        Option(
            metavar="NAME",
            help="The device: cpu, cuda or mps. [default: $CURATOR_DEVICE, else a GPU if there is one]",
        ),
    ] = None
    runtime: Annotated[
        str,
        Option(help="What runs the encoder; auto: the quickest that finds the same.", choices=RUNTIMES),
    ] = AUTO
    exact: Annotated[bool, Option(help="Compute in float32 alone.")] = False
    retry: Annotated[bool, Option(help="Retry items that failed before.")] = False
    among: Annotated[ItemSet, Option()] = ItemSet()


def encode(call: Call, params: EncodeParams) -> None:
    """Embed it, and tell how fast that was."""
    from curator.errors import SomeItemsFailed
    from curator.reporter import count

    reports = call.workspace.encode(
        params.encoder, params.weights, params.among, params.retry, params.device, params.runtime, params.exact
    )
    call.record(
        ENCODED,
        (
            {
                "model": name,
                "encoded": report.encoded,
                "failed": len(report.failed),
                "seconds": round(report.seconds, 3),
                "precision": report.precision,
                "runtime": report.runtime,
            }
            for name, report in reports.items()
        ),
    )
    for name, report in reports.items():
        call.line(f"{name}: {count(report.encoded, 'item')} embedded{_pace(report)}{_lacking(call, name, report)}")
    failed = [pair for report in reports.values() for pair in report.failed]
    say_problems(call, failed)
    if failed:
        raise SomeItemsFailed(f"{count(len(failed), 'item')} could not be embedded: curator status --problems")


def _pace(report: EncodeReport) -> str:
    """How long it took, how fast that is, and in which way if that is not the encoder as it is loaded."""
    from curator.embedding.ways.way import LOADED
    from curator.reporter import duration

    if not report.encoded:
        return ""
    rate = f"{report.encoded / report.seconds:,.0f}/s" + (f", {report.way}" if report.way != LOADED else "")
    return f" in {duration(report.seconds)} ({rate})"


def _lacking(call: Call, name: str, report: EncodeReport) -> str:
    """Of a model that had nothing to embed: that there is nothing of its kind, or else all was embedded before."""
    model = call.workspace.models.find(name)
    if report.encoded or report.failed or model is None or call.workspace.items.select().media() & {*model.modalities}:
        return ""
    return f": the catalogue has no {' and no '.join(model.modalities)}"


COMMAND = CommandSpec(
    name="encode",
    summary="Embed what is not embedded yet. Ctrl-C is safe: run it again to continue.",
    params=EncodeParams,
    run=encode,
    tables=(ENCODED,),
    example="curator encode\ncurator encode -e resnet50 --weights resnet50.pth",
    effects=("writes", "network"),
    decodes=True,
)
