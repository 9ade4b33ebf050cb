"""Find what is there more than once, and propose what may go.

This module only describes the action; the work is done by the others of the package, which are imported when it runs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Annotated

from curator.api import (
    ActionSpec,
    Column,
    Context,
    EncoderRef,
    ItemSet,
    NewFile,
    Option,
    Output,
    Table,
    hookimpl,
)
from curator.kit import sheets

KEEP_HELP = (
    "Which copy to keep: largest (most pixels, or characters), oldest, newest or path:PATTERN (path:originals/*); "
    "repeat it in order of preference. Ties are broken by labels, captions and sidecar files, by folder and file name, "
    "then by largest, oldest, most bytes and path."
)


INCLUDED = {"copy": ("copy",), "edited": ("edited",), "near": ("copy", "edited")}
"""What `--include` lets go beside `exact` and `same picture`. `near` is what it was called before it was two."""


@dataclass(frozen=True)
class DedupeParams:
    """What to compare, which copy stays, and what may go."""

    keep: Annotated[tuple[str, ...], Option(help=KEEP_HELP)] = ()
    reference: Annotated[
        tuple[str, ...],
        Option(metavar="FOLDER", help="Keep everything in FOLDER; look for duplicates of it elsewhere."),
    ] = ()
    include: Annotated[
        tuple[str, ...],
        Option(
            choices=tuple(INCLUDED),
            help="Also propose to remove these, which are otherwise only shown: copy (re-saved, resized, cropped by up "
            "to 3 %), edited (mirrored, rotated, cropped, recoloured, overlaid, altered; drawings, pages and codes "
            "that have much in common), or near for both. Rows of tables are marked as set aside; no table is edited.",
        ),
    ] = ()
    despite: Annotated[
        bool,
        Option(help="Also let copies go if their labels or sidecar files contradict those of the file that stays."),
    ] = False
    similar: Annotated[bool, Option(help="Also show what is merely similar; it never goes.")] = False
    threshold: Annotated[float, Option(min=0, max=1, help="With --similar: the lowest cosine similarity to show.")] = (
        0.9
    )
    encoder: Annotated[EncoderRef | None, Option("-e", help="The encoder that finds candidates.")] = None
    items: Annotated[ItemSet, Option()] = ItemSet()
    sheet: Annotated[
        NewFile | None, Option(help="Write the groups to FILE (PNG, JPEG, WebP or PDF).", choices=sheets.ENDINGS)
    ] = None


DUPLICATES = Table(
    "duplicate",
    "Duplicates",
    (
        Column("group", "files of one group are copies of the one that is kept", "integer"),
        Column(
            "match",
            "exact: the same bytes; same picture: the same pixels, as they are shown, in another file; copy: saved"
            " again, scaled or cut a little; edited: much of it the same, but changed; similar",
        ),
        Column(
            "do",
            "keep; go: may be moved to quarantine, or a row be set aside; stay: a copy that does not go",
        ),
        Column("path", "where it is", "picture"),
        Column("why", "why it is kept, what shows that it is a copy of the one kept, or why it stays"),
        Column("row", "the id of its row, where path is a table with a column of ids"),
        Column("text", "the body of a text"),
        Column("id", "the item", "json", "integer"),
        Column("size", "bytes of the file", "json", "integer"),
        Column(
            "evidence",
            "what was measured against the one kept. Copies and edited images: mirrored, turned (degrees), scale,"
            " keypoints that agree, blocks with texture, the part of them agreeing, their median correlation, overlap"
            " (part), bits (of 64 hash bits that differ), placement (for thumbnails), outlines (blocks are nine fields,"
            " of which these alone agree); copies also: worst and tint"
            " (differences, by what saving again makes), unresolved (part), bare (by their numbers alone, as one lacks"
            " its profile). Texts: folded (equal but for signs) and"
            " jaccard. Similar: cosine, model",
            "json",
        ),
        Column(
            "companions", "files beside it that belong to it; with one that may go, they go, too", "json", "strings"
        ),
    ),
)

TOTALS = Table(
    "total",
    "In all",
    (
        Column("match", "the kind of copies"),
        Column("groups", "how many", "integer"),
        Column("copies", "files besides those kept", "integer"),
        Column("go", "how many of them may go", "integer"),
        Column("bytes", "the size of those", "integer"),
    ),
    whole=True,
)


def plan(context: Context, params: DedupeParams) -> Iterator[Output]:
    """Groups of copies, each with the one to keep; then how many, and how much they hold."""
    from .finding import COPY, EDITED, EXACT, SAME, find
    from .judging import Judge
    from .keeping import Preference
    from .knowing import Knowledge
    from .measuring import Measures
    from .showing import rows, sheet, totals

    knowledge = Knowledge()
    proposed = {EXACT, SAME}.union(*(INCLUDED[level] for level in params.include))
    preference = Preference(params.keep, knowledge, Measures(context))
    judge = Judge(preference, knowledge, proposed, params.despite)
    judgements = judge.judge(find(context, params, preference, knowledge, judge.may_go))
    yield from rows(judgements, judge)
    yield from totals(judgements)
    copies = [(one.group.kind, verdict.copy.file) for one in judgements for verdict in one.copies]
    left = {kind for kind, file in copies if file.may_go} - proposed
    if COPY in left:
        context.note("copies stay where they are: --include copy lets them go")
    elif EDITED in left:
        context.note("edited versions stay where they are")
    if params.sheet is not None and judgements:
        yield sheets.artifact(context, params.sheet, sheet(judgements))
    elif params.sheet is not None:
        context.note("no sheet was made: there are no copies")


@hookimpl
def register_actions() -> Iterable[ActionSpec]:
    """The command `dedupe`."""
    return [
        ActionSpec(
            "dedupe",
            "Find duplicates, and propose which files may go. It finds exact, same-pixel, re-saved and edited copies.",
            DedupeParams,
            plan,
            (DUPLICATES, TOTALS),
            example="curator dedupe --keep 'path:originals/*' --keep largest",
            moves_files=True,
        )
    ]
