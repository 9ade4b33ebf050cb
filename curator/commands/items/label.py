"""`curator label`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from curator.api import Argument, Column, GroupName, ItemRef, LabelName, Option, Table
from curator.commands.spec import Call, CommandSpec
from curator.errors import BadInput

LABELLED = Table(
    "labelled",
    "Labelled",
    (
        Column("id", "the item", "integer"),
        Column("path", "where it is", "path"),
        Column("label", "the label"),
        Column("now", "positive, negative, or empty for neither"),
        Column("before", "the same before; also conflict"),
        Column("row", "the id of its row, where path is a table with a column of ids", "json", "string"),
    ),
)

RENAMED = Table(
    "renamed",
    "Renamed",
    (
        Column("old", "the label's name until now"),
        Column("new", "its name now"),
        Column("items", "items that were positive or negative for it", "integer"),
        Column("both", "those that were also positive or negative for a label of the new name", "integer"),
        Column("merged", "whether that label existed: the two are one now", type="boolean"),
    ),
)


@dataclass(frozen=True, slots=True)
class LabelParams:
    """What is said of which items, or which label is renamed."""

    name: Annotated[LabelName | None, Argument()] = None
    items: Annotated[tuple[ItemRef, ...], Argument(metavar="FILE|id:N|-")] = ()
    negative: Annotated[bool, Option(help="Make the items negative examples of NAME.")] = False
    remove: Annotated[bool, Option(help="Remove the label NAME from the items.")] = False
    group: Annotated[
        GroupName | None,
        Option(help="The group of the label, if the label is new or several groups have one of that name."),
    ] = None
    rename: Annotated[
        tuple[LabelName, LabelName] | None,
        Option(help="Rename a label; if NEW exists, the two are merged.", metavar="OLD NEW"),
    ] = None


def label(call: Call, params: LabelParams) -> None:
    """Say it, and tell what was said before."""
    if params.rename is not None:
        if params.name is not None or params.negative or params.remove or params.group is not None:
            raise BadInput("--rename takes the two names of a label and nothing else")
        _rename(call, *params.rename)
        return
    if params.name is None or not params.items:
        missing = "NAME" if params.name is None else "FILE|id:N|-"
        raise BadInput(f"Missing argument '{missing}'. (curator label --help)")
    if params.negative and params.remove:
        raise BadInput("--negative and --remove exclude each other")
    _say(call, params, params.name)


def _say(call: Call, params: LabelParams, typed: LabelName) -> None:
    from curator.catalog.label_names import composed, full_name
    from curator.reporter import count

    name, group, labels = composed(typed), params.group, call.workspace.labels
    known, is_new = labels.names(), labels.find_label(name, group) is None
    value = None if params.remove else not params.negative
    said = call.workspace.label(name, list(call.names(params.items)), value, group)
    now = "" if params.remove else "negative" if params.negative else "positive"
    if call.mode == "json":
        rows = (
            {"id": item.id, "path": item.path, "label": name, "now": now, "before": before, "row": item.row}
            for item, before in said
        )
        call.record(LABELLED, rows)
        return
    if not said:
        call.line("nothing to label: name some items")
        return
    new = f" (a new label{_nearest(name, known)})" if is_new and not params.remove else ""
    meant = labels.find_label(name, group)
    # What was typed may be a number, or say no group.
    called = name if meant is None or (group is None and meant.name == name) else full_name(meant.name, meant.group)
    call.line(f"{count(len(said), 'item')}: {now or 'nothing said'} for {called}{new}")
    for item, before in said:
        if before not in ("", now):
            call.say(f"  {item} was {before} before")


def _rename(call: Call, old: str, new: str) -> None:
    from dataclasses import asdict

    from curator.reporter import count

    done = call.workspace.rename_label(old, new)
    call.record(RENAMED, [asdict(done)])
    call.line(f"{done.old} is {done.new} now: {count(done.items, 'item')}" + ", one with that label" * done.merged)
    if done.both:
        call.line(f"of {count(done.both, 'item')} both were said: the last word counts, and imports may contradict it")


def _nearest(name: str, known: list[str]) -> str:
    """A label that may be meant, also where a target was pasted as rows have it (`label:NAME`)."""
    import difflib

    near = difflib.get_close_matches(name.removeprefix("label:"), known, n=1, cutoff=0.8)
    return f"; there is also {near[0]}" if near else ""


COMMAND = CommandSpec(
    name="label",
    summary="""Label items as NAME, or rename a label.

    `-` reads the items from standard input, one per line.
    """,
    params=LabelParams,
    run=label,
    tables=(LABELLED, RENAMED),
    example="curator label ultraman a.jpg b.jpg\n"
    "curator label ultraman --negative id:17\n"
    "find new -name '*.jpg' | curator label ultraman -\n"
    "curator label --rename Ultraman ultraman",
    effects=("writes", "labels"),
)
