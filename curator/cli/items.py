"""Commands about items: init, add, label, ls, show."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import click

from curator.cli.names import GROUP, LABEL, READER, Place
from curator.cli.shared import (
    Command,
    decoding_options,
    from_stdin,
    how_to_share,
    json_option,
    limit_option,
    registry,
    shared_option,
    workspace_option,
)
from curator.cli.tables import ADDED, FACTS, ITEMS, LABELLED, PROBLEMS, RENAMED
from curator.cli.text import say

if TYPE_CHECKING:
    from curator.api import Item
    from curator.cli.render import Output
    from curator.ingest.options import AddReport
    from curator.workspace import Workspace

PROBLEM_LINES = 10

AT_ONCE = 1000
"""Items whose labels are looked up together; of a list that is cut short, not those of all others."""


@click.command(cls=Command, example="curator init -w ~/photos/workspace")
@click.option(
    "-w", "--workspace", type=click.Path(readable=False), metavar="FOLDER", help="Where. [default: ./workspace]"
)
@shared_option
def init(workspace: str | None, shared: bool) -> None:
    """Make an empty workspace, which only you can read. `curator add` does this by itself."""
    from curator.catalog.places import expand_path
    from curator.workspace import Workspace
    from curator.workspace_path import FOLDER

    folder = expand_path(FOLDER if workspace is None else workspace).absolute()
    made = Workspace.create(folder, shared)
    say(f"made the workspace {folder}" if made else f"{folder} is a workspace already{how_to_share(folder, shared)}")


def _look_for(arguments: dict[str, Any]) -> None:
    """Raise for a source that does not exist, or cannot be added so, before a workspace is made for nothing."""
    from curator.ingest.options import AddOptions
    from curator.ingest.sources import chosen
    from curator.workspace_path import is_workspace

    arguments["sources"] = tuple(from_stdin(arguments["sources"]))
    given = {name: value for name, value in arguments.items() if name in AddOptions.__dataclass_fields__}
    options = AddOptions(arguments["label"], arguments["not_label"], **given)
    options.check()
    chosen(registry(), arguments["sources"], options, options.reading(is_workspace))


@click.command(
    cls=Command,
    rows=(ADDED, PROBLEMS),
    example="curator add ./photos\n"
    "curator add ./ultraman --label ultraman\n"
    "curator add questions.csv --text-column question --label-column topic",
)
@click.argument("sources", type=Place(), nargs=-1, required=True, metavar="FOLDER|FILE|PATTERN|TABLE...")
@click.option("--label", type=LABEL, multiple=True, metavar="LABEL", help="Label everything found.")
@click.option(
    "--not-label", type=LABEL, multiple=True, metavar="LABEL", help="Everything found is a negative example for it."
)
@click.option(
    "--labels-from-folders", is_flag=True, help="The first folder below FOLDER that a file lies in is its label."
)
@click.option(
    "--label-level",
    type=click.IntRange(1),
    default=1,
    metavar="N",
    help="… the Nth folder: 2 where the first ones are train and test. [default: 1]",
)
@click.option(
    "--group",
    type=GROUP,
    metavar="GROUP",
    help="The group of the labels: they exclude each other. [default: the name of FOLDER, or of the label column]",
)
@click.option("--captions", is_flag=True, help="A .txt beside an image of the same stem is its caption.")
@click.option(
    "--hidden", is_flag=True, help="Take hidden files, too, and what lies in trash and a system's own folders."
)
@click.option("--verify", is_flag=True, help="Read every file again, also where size, time and inode did not change.")
@click.option("--text-column", metavar="COLUMN", help="The column of TABLE that holds texts.")
@click.option("--image-column", metavar="COLUMN", help="… that holds paths of images, relative to the folder of TABLE.")
@click.option("--caption-column", metavar="COLUMN", help="… that holds the captions of the images.")
@click.option("--label-column", metavar="COLUMN", help="… that holds labels: of the row's image, else of its text.")
@click.option(
    "--label-separator", metavar="TEXT", help="What stands between several labels in one cell: '|'. They stand alone."
)
@click.option("--na", is_flag=True, help="Labels called NaN, None, N/A or null are none.")
@click.option(
    "--id-column", metavar="COLUMN", help="… with a stable id of each row: an edited row is updated, not added."
)
@click.option("--no-header", is_flag=True, help="TABLE's first row names no columns: they are called 1, 2 and so on.")
@click.option("--encoding", metavar="NAME", help="The encoding of texts and tables, where it does not show: cp1252, …")
@click.option(
    "--reader", type=READER, metavar="NAME", help="Read with this reader, whatever the source's name ends in."
)
@click.option("--no-encode", is_flag=True, help="Only catalogue; `curator encode` embeds later.")
@decoding_options
@json_option
@workspace_option(create=True, prepare=_look_for)
def add(workspace: Workspace, sources: tuple[str, ...], no_encode: bool, as_json: bool, **options: Any) -> None:
    """Catalogue images, texts (.txt) and the rows of tables, and embed them with the default encoders.

    Running it again reads only what is new or changed. Ctrl-C is safe: the same command goes on.
    """
    from curator.cli.render import Output
    from curator.errors import SomeItemsFailed

    report = workspace.add(*sources, encode=not no_encode, **options)
    output = Output(as_json)
    if as_json:
        output.table(ADDED, [_counts(report)])
        output.table(PROBLEMS, ({"path": path, "reason": reason} for path, reason in report.problems))
    else:
        for line in _report_lines(report):
            output.line(line)
        say_problems(report.problems)
    if report.problems:
        failed = len(report.problems)
        raise SomeItemsFailed(f"{failed:,} of {_all(report, failed)} could not be used: curator status --problems")


def say_problems(problems: Sequence[tuple[object, str]]) -> None:
    """The first few, and how many more there are."""
    for what, reason in problems[:PROBLEM_LINES]:
        say(f"  {what}: {reason}")
    if len(problems) > PROBLEM_LINES:
        say(f"  … and {len(problems) - PROBLEM_LINES:,} more")


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


@click.command(
    cls=Command,
    rows=(LABELLED, RENAMED),
    example="curator label ultraman a.jpg b.jpg\n"
    "curator label ultraman --negative id:17\n"
    "find new -name '*.jpg' | curator label ultraman -\n"
    "curator label --rename Ultraman ultraman",
)
@click.argument("name", type=LABEL, required=False)
@click.argument("items", type=Place(), nargs=-1, metavar="[FILE|id:N|-]...")
@click.option("--negative", is_flag=True, help="They are negative examples.")
@click.option("--remove", is_flag=True, help="Remove this label from them.")
@click.option(
    "--group", type=GROUP, metavar="GROUP", help="The group of the label, for a new one or where several have it."
)
@click.option(
    "--rename",
    type=LABEL,
    nargs=2,
    metavar="OLD NEW",
    help="Call a label otherwise; one of that name becomes one with it.",
)
@json_option
@workspace_option()
def label(
    workspace: Workspace,
    name: str | None,
    items: tuple[str, ...],
    negative: bool,
    remove: bool,
    group: str | None,
    rename: tuple[str, str] | None,
    as_json: bool,
) -> None:
    """Label items as NAME, or rename a label."""
    from curator.catalog.label_names import composed, full_name
    from curator.cli.render import Output
    from curator.errors import BadInput
    from curator.reporter import count

    if rename is not None:
        if name is not None or negative or remove or group is not None:
            raise BadInput("--rename takes the two names of a label and nothing else")
        _rename(workspace, *rename, Output(as_json))
        return
    if name is None or not items:
        raise click.UsageError(f"Missing argument '{'NAME' if name is None else 'FILE|id:N|-'}'.")
    if negative and remove:
        raise BadInput("--negative and --remove exclude each other")
    name = composed(name)
    known, is_new = workspace.labels.names(), workspace.labels.find_label(name, group) is None
    value = None if remove else not negative
    said = workspace.label(name, list(from_stdin(items)), value, group)
    now = "" if remove else "negative" if negative else "positive"
    rows = (
        {"id": item.id, "path": item.path, "label": name, "now": now, "before": before, "row": item.row}
        for item, before in said
    )
    output = Output(as_json)
    if as_json:
        output.table(LABELLED, rows)
        return
    if not said:
        output.line("nothing to label: no item was named")
        return
    new = f" (a new label{_nearest(name, known)})" if is_new and not remove else ""
    meant = workspace.labels.find_label(name, group)
    # What was typed may be a number, or say no group.
    called = name if meant is None or (group is None and meant.name == name) else full_name(meant.name, meant.group)
    output.line(f"{count(len(said), 'item')}: {now or 'nothing said'} for {called}{new}")
    for item, before in said:
        if before not in ("", now):
            say(f"  {item} was {before} before")


def _rename(workspace: Workspace, old: str, new: str, output: Output) -> None:
    from dataclasses import asdict

    from curator.reporter import count

    done = workspace.rename_label(old, new)
    if output.mode == "json":
        output.table(RENAMED, [asdict(done)])
        return
    output.line(f"{done.old} is {done.new} now: {count(done.items, 'item')}" + ", one with that label" * done.merged)
    if done.both:
        output.line(
            f"of {count(done.both, 'item')} both were said: the last word counts, and imports may contradict it"
        )


def _nearest(name: str, known: list[str]) -> str:
    import difflib

    near = difflib.get_close_matches(name, known, n=1, cutoff=0.8)
    return f"; there is also {near[0]}" if near else ""


def selection_options(function: Any) -> Any:
    """`--media`, `--under`, `--labelled` and `--unlabelled`."""
    function = part_options(function)
    media = click.Choice(["image", "text"])
    return click.option("--media", type=media, help="Only images, or only texts.")(function)


def part_options(function: Any) -> Any:
    """Those of them that choose among items of one medium."""
    for option in (
        click.option("--unlabelled", is_flag=True, help="Only items of which nothing is said."),
        click.option("--labelled", type=LABEL, metavar="LABEL", help="Only items that are LABEL."),
        click.option("--under", type=Place(folder=True), metavar="FOLDER", help="Only items in a folder and below."),
    ):
        function = option(function)
    return function


@click.command(cls=Command, rows=(ITEMS,), example="curator ls --labelled ultraman --limit 50")
@selection_options
@limit_option
@json_option
@workspace_option()
def ls(workspace: Workspace, labelled: str | None, limit: int | None, as_json: bool, **chosen: Any) -> None:
    """List items."""
    from curator.cli.render import Output
    from curator.running.binding import item_set

    found = workspace.items.select(item_set(label=labelled, **chosen), texts=False)
    Output(as_json, limit).table(ITEMS, item_rows(workspace, found), len(found))


def item_rows(workspace: Workspace, found: list[Item]) -> Iterator[dict[str, Any]]:
    """Rows for the table of items."""
    for start in range(0, len(found), AT_ONCE):
        some = workspace.items.by_ids([item.id for item in found[start : start + AT_ONCE]])  # with their texts
        labels = workspace.labels.with_groups([item.id for item in some])
        for item in some:
            yield {
                "id": item.id,
                "media": item.modality,
                "path": item.path,
                "text": item.text,
                "labels": [name for name, _ in labels.get(item.id, [])],
                "groups": [group for _, group in labels.get(item.id, [])],
                "row": item.row,
            }


@click.command(cls=Command, rows=(FACTS,), example="curator show img.jpg")
@click.argument("item", type=Place(), metavar="FILE|id:N")
@json_option
@workspace_option()
def show(workspace: Workspace, item: str, as_json: bool) -> None:
    """Show all that is known of an item."""
    from curator.cli.render import Output
    from curator.maintenance.item_details import details

    Output(as_json).table(FACTS, ({"fact": fact, "value": value} for fact, value in details(workspace, item)))
