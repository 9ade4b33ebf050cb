"""`curator add`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Annotated

from curator.api import Argument, Column, GroupName, ItemRef, LabelName, Option, ReaderName, Table, Word
from curator.commands.problems import PROBLEMS, say_problems
from curator.commands.spec import Call, CommandSpec

if TYPE_CHECKING:
    from curator.ingest.options import AddReport

ADDED = Table(
    "added",
    "Added",
    (
        *(
            Column(name, text, "integer")
            for name, text in (
                ("found", "files of a kind that curator reads"),
                ("rows", "rows of tables"),
                ("added", "new content"),
                ("copies", "further places of known content"),
                ("changed", "other content at a known place"),
                ("moved", "known content whose old place is gone"),
                ("unchanged", "known and not read again"),
                ("same_file", "other names of files that are known (links)"),
                ("missing", "known places where the file or row is gone"),
                ("labelled", "labels set, positive or negative"),
                ("captions", "captions linked"),
                ("sidecars", "texts beside an image of the same name, not linked as captions"),
                ("loose", "files in no folder that could label them"),
                ("decoded", "files that were read"),
                ("encoded", "items embedded"),
                ("failed", "files and rows that could not be used"),
            )
        ),
        Column("read_as", "encodings guessed from the characters alone, each with the number of files in it"),
        Column("notes", "what may have been misunderstood: labels called NaN, folders called train"),
    ),
)


@dataclass(frozen=True, slots=True)
class AddParams:
    """What to add, and how it is read."""

    sources: Annotated[tuple[ItemRef, ...], Argument(metavar="FOLDER|FILE|PATTERN|TABLE")]
    label: Annotated[tuple[LabelName, ...], Option(help="Label everything found as LABEL.")] = ()
    not_label: Annotated[tuple[LabelName, ...], Option(help="Make everything found a negative example of LABEL.")] = ()
    labels_from_folders: Annotated[bool, Option(help="Label each file by its subfolder of FOLDER.")] = False
    label_level: Annotated[
        int,
        Option(
            min=1,
            help="With --labels-from-folders: the level of that subfolder; train, val and test are no labels.",
        ),
    ] = 1
    group: Annotated[
        GroupName | None,
        Option(
            help="The group of the labels, which are mutually exclusive. [default: the name of FOLDER, or of the "
            "label column]"
        ),
    ] = None
    captions: Annotated[
        bool, Option(help="Use a .txt file with the same name as an image beside it as its caption.")
    ] = False
    hidden: Annotated[bool, Option(help="Include hidden files, and trash and system folders.")] = False
    verify: Annotated[bool, Option(help="Read every file again, even if its size, time and inode are unchanged.")] = (
        False
    )
    text_column: Annotated[Word | None, Option(metavar="COLUMN", help="The column of TABLE with the texts.")] = None
    image_column: Annotated[
        Word | None,
        Option(metavar="COLUMN", help="The column with paths of images, relative to the folder of TABLE."),
    ] = None
    caption_column: Annotated[Word | None, Option(metavar="COLUMN", help="The column with captions of the images.")] = (
        None
    )
    label_column: Annotated[
        Word | None,
        Option(metavar="COLUMN", help="The column with labels, for the row's image, else for its text."),
    ] = None
    label_separator: Annotated[
        Word | None,
        Option(metavar="TEXT", help="Split a cell into several labels at TEXT ('|'); they belong to no group."),
    ] = None
    na: Annotated[bool, Option(help="Treat NaN, None, N/A and null as no label.")] = False
    id_column: Annotated[
        Word | None,
        Option(metavar="COLUMN", help="The column with a stable row id, so that an edited row is updated, not added."),
    ] = None
    no_header: Annotated[bool, Option(help="TABLE has no header row; its columns are called 1, 2 and so on.")] = False
    encoding: Annotated[
        Word | None,
        Option(metavar="NAME", help="The character encoding of texts and tables, such as cp1252. [default: detected]"),
    ] = None
    reader: Annotated[
        ReaderName | None, Option(help="Read with this reader (`curator plugins` lists them), whatever the extension.")
    ] = None
    no_encode: Annotated[bool, Option(help="Do not embed now; `curator encode` does it later.")] = False


def add(call: Call, params: AddParams) -> None:
    """Look first whether it can be added so, since a workspace would be made for nothing; then add it."""
    from curator.errors import SomeItemsFailed

    options = asdict(params)
    sources, encode = tuple(call.names(options.pop("sources"))), not options.pop("no_encode")
    _look_for(call, sources, params)
    report = call.workspace.add(*sources, encode=encode, **options)
    call.record(ADDED, [_counts(report)])
    call.record(PROBLEMS, ({"path": path, "reason": reason} for path, reason in report.problems))
    if call.mode != "json":
        for line in _report_lines(report):
            call.line(line)
        say_problems(call, report.problems)
    if report.problems:
        failed = len(report.problems)
        raise SomeItemsFailed(f"{failed:,} of {_all(report, failed)} could not be used: curator status --problems")


def _look_for(call: Call, sources: tuple[str, ...], params: AddParams) -> None:
    """Raise for a source that does not exist, or cannot be added so."""
    from curator.ingest.options import AddOptions
    from curator.ingest.sources import chosen
    from curator.workspace_path import is_workspace

    given = {name: value for name, value in asdict(params).items() if name in AddOptions.__dataclass_fields__}
    options = AddOptions(params.label, params.not_label, **given)
    options.check()
    chosen(call.registry, sources, options, options.reading(is_workspace))


def _counts(report: AddReport) -> dict[str, int | str]:
    apart = ("failed", "read_as", "notes")
    counts = {column.name: getattr(report, column.name) for column in ADDED.columns if column.name not in apart}
    return {
        **counts,
        "failed": len(report.problems),
        "read_as": "; ".join(_read_as(report)),
        "notes": "; ".join(_notes(report)),
    }


def _read_as(report: AddReport) -> Iterator[str]:
    return (f"{words} ({number:,})" for words, number in report.read_as.most_common())


def _notes(report: AddReport) -> Iterator[str]:
    """What may not be meant as it was taken."""
    from curator.catalog.label_names import are_splits
    from curator.reporter import count

    for taken, then in ((False, ": --na takes them as none"), (True, ", taken as none")):
        found = [(label, number) for (label, na), number in report.no_labels.most_common() if na == taken]
        if found:
            names = ", ".join(f"{label!r} ({number:,})" for label, number in found)
            yield f"{count(sum(number for _, number in found), 'label')} called {names}{then}"
    if are_splits(report.folder_labels):
        names = ", ".join(sorted(report.folder_labels))
        yield f"labels from the folders {names}, which are parts of a data set: --label-level 2 takes those below"


def _all(report: AddReport, failed: int = 0) -> str:
    from curator.reporter import count

    if not report.rows:
        return count(max(report.found, failed), "file")
    rows = count(report.rows, "row")
    return f"{rows} and {count(report.found, 'file')}" if report.found else rows


def _report_lines(report: AddReport) -> Iterator[str]:
    from curator.reporter import count, them

    parts = [
        count(report.added, "new item"),
        *(
            words
            for number, words in (
                (report.copies, count(report.copies, "copy of known content", "copies of known content")),
                (report.changed, f"{report.changed:,} changed"),
                (report.moved, f"{report.moved:,} moved or renamed"),
                (report.unchanged, f"{report.unchanged:,} unchanged"),
                (report.same_file, count(report.same_file, "link to a known file", "links to known files")),
            )
            if number
        ),
    ]
    if report.rows or report.found:
        yield f"{_all(report)}: " + ", ".join(parts)
    else:
        yield "nothing to add: no image, no .txt and no row there"
    if report.missing:
        gone = count(report.missing, *(("row or file", "rows or files") if report.rows else ("file",)))
        were = "it was" if report.missing == 1 else "they were"
        yield f"{gone} gone from where {were}; items and labels are kept"
    if report.labelled:
        yield f"{count(report.labelled, 'label')} added"
    if report.captions:
        yield count(report.captions, "caption") + " linked"
    if report.sidecars:
        links = f"--captions links {them(report.sidecars)}"
        yield f"{count(report.sidecars, 'text')} beside an image of the same name: {links}"
    if report.loose:
        yield f"{count(report.loose, 'file')} in no folder below the source, so without a label"
    for reason, number in report.left_out.most_common():
        yield f"left out: {number:,} ({reason})"
    for words in _read_as(report):
        yield f"{words}: --encoding NAME where that is wrong"
    yield from _notes(report)
    if report.encoded:
        yield count(report.encoded, "item") + " embedded"


COMMAND = CommandSpec(
    name="add",
    summary="""Add images, texts and tables, and embed them.

    FOLDER is searched for images and .txt files; a row of a TABLE (CSV, TSV, JSON, JSON Lines, Parquet) is a text or
    an image. Running it again reads only what is new or changed. Ctrl-C is safe: run it again to continue.
    """,
    params=AddParams,
    run=add,
    tables=(ADDED, PROBLEMS),
    example="curator add ./photos\n"
    "curator add ./ultraman --label ultraman\n"
    "curator add questions.csv --text-column question --label-column topic",
    effects=("writes", "labels", "network"),
    workspace="made",
    decodes=True,
)
