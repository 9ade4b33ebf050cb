"""`curator export`: items with what is known of them, as a dataset that other programs open."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, cast

from curator.api import (
    ActionSpec,
    Argument,
    Column,
    Context,
    EncoderRef,
    ExporterName,
    Finding,
    Folder,
    FolderArtifact,
    GroupName,
    ItemSet,
    LabelName,
    Link,
    NewFolder,
    Option,
    Output,
    Table,
    Word,
    hookimpl,
)
from curator.errors import BadInput, NotFound, SomeItemsFailed

if TYPE_CHECKING:
    from curator.api import ExporterSpec

SOURCES = ("human", "import", "rule", "head")


@dataclass(frozen=True)
class ExportParams:
    """Where to, in which format, and what of it."""

    folder: Annotated[NewFolder, Argument(help="the folder to make")]
    format: Annotated[ExporterName | None, Option(help="The format; without it, the formats are listed.")] = None
    by: Annotated[GroupName | None, Option(help="The group whose labels are the classes.")] = None
    label: Annotated[
        LabelName | None, Option(help="A label that is one class; what is said not to have it is the other.")
    ] = None
    accept_from: Annotated[
        tuple[str, ...],
        Option(
            choices=SOURCES,
            help="Also take labels on this word; without it, those of people and imports. Several times.",
        ),
    ] = ()
    link: Annotated[
        str,
        Option(
            choices=("copy", "hard", "symbolic"),
            help="How files come in: as copies, or as hard or symbolic links, which share what they hold with yours.",
        ),
    ] = "copy"
    no_split: Annotated[bool, Option(help="Leave out which side of the split items are on.")] = False
    encoding: Annotated[
        Word | None, Option(help="With --format table: the encoding of texts. [default: that of the table]")
    ] = None
    encoder: Annotated[
        EncoderRef | None,
        Option("-e", help="With vectors: whose they are. [default: the encoder of the medium]"),
    ] = None
    items: Annotated[ItemSet, Option()] = ItemSet()


EXPORTED = Table(
    "exported",
    "Exported",
    (
        Column("side", "train, val or test; null without a split"),
        Column("label", "the class; null where there are none"),
        Column("items", "how many items were exported", "integer"),
    ),
)


def plan(context: Context, params: ExportParams) -> Iterator[Output]:
    """The folder, then what is in it."""
    from .records import Records

    spec = _format(context, params)
    if not spec.files and params.link != "copy":
        raise BadInput(f"{spec.name} brings in no files: leave out --link {params.link}")
    if not spec.encodes and params.encoding is not None:
        raise BadInput(f"{spec.name} is written in UTF-8: leave out --encoding {params.encoding}")
    if not spec.vectors and params.encoder is not None:
        raise BadInput(f"{spec.name} holds no vectors: leave out -e {params.encoder}")
    records = Records(context, params, spec)
    context.export(ExporterName(spec.name), records)

    def fill(folder: Folder) -> None:
        context.export(ExporterName(spec.name), records, folder)

    about = f"{spec.name} by {records.of}" if records.of else spec.name
    yield FolderArtifact(params.folder, fill, cast(Link, params.link), about)
    records.tell()
    for (side, label), items in records.counts():
        yield Finding("exported", {"side": side, "label": label, "items": items})
    if records.changed_tables:
        many = len(records.changed_tables)
        raise SomeItemsFailed(f"{many:,} {'table' if many == 1 else 'tables'} could not be exported")
    if records.failed:
        raise SomeItemsFailed(f"{records.failed:,} of {records.of_all:,} items could not be exported")


def _format(context: Context, params: ExportParams) -> ExporterSpec:
    known = {spec.name: spec for spec in context.exporters()}
    if params.format is None:
        told = "; ".join(f"{name} ({spec.summary})" for name, spec in sorted(known.items()))
        raise BadInput(f"name a format with --format: {told}")
    if params.format not in known:
        raise NotFound.named("format", params.format, known, "", "`curator export FOLDER` lists them")
    return known[params.format]


@hookimpl
def register_actions() -> Iterable[ActionSpec]:
    """The command `export`."""
    return [
        ActionSpec(
            "export",
            "Write items as a dataset that other programs open.",
            ExportParams,
            plan,
            (EXPORTED,),
            example="curator export dataset --format imagefolder --by kind\n"
            "curator export reviews --format jsonl --media text\n"
            "curator export photos --format vectors --media image",
            labels=False,
        )
    ]
