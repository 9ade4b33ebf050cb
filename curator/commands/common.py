"""What curator adds to commands by itself, actions too, by what their descriptions say."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

from curator.api import (
    ActionSpec,
    ByteCount,
    Column,
    FolderName,
    ItemSet,
    LabelName,
    NewFile,
    NewFolder,
    Option,
    PixelCount,
    Table,
    Where,
)
from curator.commands.spec import CommandSpec, Effect, Spec
from curator.kit.listing import ITEM
from curator.registry.parameters import Parameter, parameters

LIMIT = 20
"""Rows that are shown on a terminal unless `--limit` says otherwise."""


@dataclass(frozen=True, slots=True)
class Common:
    """The options that are the same for all commands that have them, in the order in which their help lists them."""

    text: Annotated[str | None, Option(help="Search for this text instead of a file.")] = None
    media: Annotated[tuple[str, ...], Option(choices=("image", "text"), help="Only images, or only texts.")] = ()
    under: Annotated[tuple[FolderName, ...], Option(help="Only items in FOLDER and its subfolders.")] = ()
    labelled: Annotated[tuple[LabelName, ...], Option(help="Only items labelled LABEL.")] = ()
    unlabelled: Annotated[bool, Option(help="Only items without any label, positive or negative.")] = False
    where: Annotated[
        tuple[Where, ...],
        Option(help="Only items that meet a condition, such as 'label:hat width>=1000'; see docs/selection.md."),
    ] = ()
    force: Annotated[bool, Option(help="Overwrite an existing file.")] = False
    no_images: Annotated[bool, Option(help="Show no thumbnails. [default: shown where the terminal can]")] = False
    count: Annotated[int, Option(min=0, help="Stop after N answers (0 = when nothing is left to ask).")] = 20
    apply: Annotated[bool, Option(help="Move the files to quarantine; without it, only show what would go.")] = False
    encode: Annotated[bool, Option(help="Embed missing items first, however long it takes.")] = False
    memory: Annotated[
        ByteCount | None,
        Option(help="Memory for decoding pictures, such as 512M. [default: 1G, or a quarter of free memory if less]"),
    ] = None
    max_pixels: Annotated[
        PixelCount | None,
        Option(help="Refuse pictures of more than N pixels, such as 300M. [default: 179M]"),
    ] = None
    limit: Annotated[
        int | None,
        Option(
            min=0,
            help=f"Show at most N rows (0 = all). [default: {LIMIT} on a terminal, all when piped or with --json]",
        ),
    ] = None
    json: Annotated[bool, Option(help="Print one JSON object per line.")] = False
    shared: Annotated[
        bool, Option(help="Make a new workspace readable by the group of its folder. [default: only by you]")
    ] = False
    workspace: Annotated[
        FolderName | None,
        Option(
            "-w",
            help="The workspace folder. [default: $CURATOR_WORKSPACE, else the nearest workspace/ here or in a "
            "parent folder, else ./workspace]",
        ),
    ] = None


COMMON = {parameter.name: parameter for parameter in parameters(Common)}
CHOOSING = ("media", "under", "labelled", "unlabelled", "where")
"""What an `ItemSet` becomes."""

QUESTIONS = Table(
    "question",
    "Questions",
    (
        *ITEM,
        Column("question", "what to ask a person"),
        Column("choices", "for a group its labels, the most probable first; empty for yes or no", type="strings"),
        Column(
            "probability",
            "the head's probability of yes, or of the first choice, 0 to 1; null without a head",
            "percent",
        ),
        Column("why", "why this item is asked about"),
        Column(
            "target",
            "label:NAME or group:NAME, what it is about; `curator label` takes NAME without the prefix",
            "json",
            "string",
        ),
    ),
)
"""What an action asks, where nobody is there to answer."""


def tables_of(spec: Spec) -> tuple[Table, ...]:
    """The rows that a command may show."""
    return (*spec.tables, QUESTIONS) if isinstance(spec, ActionSpec) and spec.asks else spec.tables


def effects_of(spec: Spec) -> tuple[Effect, ...]:
    """What a command may do; of an action what its spec says."""
    if isinstance(spec, CommandSpec):
        return spec.effects
    makes = any(parameter.type in (NewFile, NewFolder) for parameter in parameters(spec.params))
    labels = (
        spec.labels or spec.asks or spec.moves_files
    )  # what is said of a file that goes is said of the one that stays
    writes = labels or makes or spec.splits
    said: dict[Effect, bool] = {
        "reads": not writes,
        "writes": writes,
        "labels": labels,
        "moves files": spec.moves_files,
        "asks": spec.asks,
        "network": spec.embeds,
    }
    return tuple(effect for effect, holds in said.items() if holds)


def parameters_of(spec: Spec) -> tuple[Parameter, ...]:
    """All that a command takes, in the order of its help: its own, then what is added."""
    added = [COMMON[name] for name in COMMON if name in common_of(spec)]
    own: list[Parameter] = []
    for parameter in parameters(spec.params):
        if parameter.is_question:
            own += [one for one in added if one.name == "text"]
        if parameter.type is not ItemSet:
            own.append(parameter)
        elif isinstance(spec, CommandSpec):
            own += [one for one in added if one.name in CHOOSING]
    return (*own, *(one for one in added if one not in own))


def common_of(spec: Spec) -> frozenset[str]:
    """The names of what is added to a command."""
    added = _added_to_action(spec) if isinstance(spec, ActionSpec) else _added_to_command(spec)
    return frozenset([*added, *_choosing(spec)])


def _choosing(spec: Spec) -> Iterator[str]:
    """Of a selection of one medium alone, that is not asked for."""
    for parameter in parameters(spec.params):
        if parameter.type is ItemSet:
            of_one = isinstance(parameter.how, Option) and len(parameter.how.choices) == 1
            yield from CHOOSING[1:] if of_one else CHOOSING


def _added_to_action(spec: ActionSpec) -> Iterator[str]:
    yield from ("limit", "json", "workspace")
    known = parameters(spec.params)
    if any(parameter.is_question and getattr(parameter.how, "text", True) for parameter in known):
        yield "text"
    if any(parameter.type in (NewFile, NewFolder) for parameter in known):
        yield "force"
    if any(column.style == "picture" for table in tables_of(spec) for column in table.columns):
        yield "no_images"
    if spec.asks:
        yield "count"
    if spec.moves_files:
        yield "apply"
    if spec.embeds:
        yield from ("encode", "memory", "max_pixels")


def _added_to_command(spec: CommandSpec) -> Iterator[str]:
    if spec.limited:
        yield "limit"
    if spec.tables:
        yield "json"
    if spec.decodes:
        yield from ("memory", "max_pixels")
    if spec.workspace == "made":
        yield "shared"
    if spec.workspace != "none":
        yield "workspace"
