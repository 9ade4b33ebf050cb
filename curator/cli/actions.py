"""From the spec of an action to its command."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from curator.api import (
    ActionSpec,
    Argument,
    EncoderRef,
    Finding,
    GroupName,
    HeadName,
    ItemSet,
    LabelName,
    MetricName,
    NewFile,
    Option,
    Query,
    Table,
)
from curator.cli import names
from curator.cli.asking import asker_for
from curator.cli.items import selection_options
from curator.cli.names import Place
from curator.cli.render import Output
from curator.cli.shared import (
    Command,
    Text,
    apply_option,
    count_option,
    decoding_options,
    encode_option,
    force_option,
    json_option,
    limit_option,
    no_images_option,
    workspace_option,
)
from curator.cli.tables import QUESTIONS
from curator.cli.text import say
from curator.registry.parameters import Parameter, parameters

if TYPE_CHECKING:
    from curator.workspace import Workspace

TYPES: dict[Any, click.ParamType[Any]] = {
    int: click.INT,
    float: click.FLOAT,
    str: Text(),
    NewFile: Place(),
    LabelName: names.LABEL,
    GroupName: names.GROUP,
    HeadName: names.HEAD,
    MetricName: names.METRIC,
    EncoderRef: names.ENCODER,
}

METAVARS: dict[Any, str] = {
    int: "N",
    float: "X",
    LabelName: "LABEL",
    GroupName: "GROUP",
    HeadName: "KIND",
    MetricName: "NAME[:KIND]",
    EncoderRef: "NAME[:VARIANT][@VERSION]",
    NewFile: "FILE",
}


def command_of(spec: ActionSpec) -> click.Command:
    """A command with an argument or option for each parameter."""

    def run(workspace: Workspace, as_json: bool, limit: int | None, **values: Any) -> None:
        output = Output(as_json, limit, pictures=not values.pop("no_images", False))
        _run(spec, workspace, output, values)

    # What is applied last stands first in the help: the action's own options.
    body: Any = limit_option(json_option(workspace_option()(run)))
    if spec.embeds:
        body = encode_option(decoding_options(body))
    if spec.moves_files:
        body = apply_option(body)
    tables = spec.tables
    if spec.asks:
        body, tables = count_option(body), (*tables, QUESTIONS)
    known = parameters(spec.params)
    if any(column.style == "picture" for table in tables for column in table.columns):
        body = no_images_option(body)
    if any(parameter.type is NewFile for parameter in known):
        body = force_option(body)
    if any(parameter.type is ItemSet for parameter in known):
        body = selection_options(body)
    for parameter in reversed(known):
        for decorator in _decorators(parameter):
            body = decorator(body)
    return click.command(spec.name, cls=Command, help=spec.summary, example=spec.example, rows=tables)(body)


def _decorators(parameter: Parameter) -> Iterator[Any]:
    how, name = parameter.how, parameter.name
    if parameter.type is ItemSet:
        return
    if isinstance(how, Argument):
        if parameter.type is Query:
            if how.text:
                text = "A text to look for, instead of a file."
                yield click.option("--text", type=Text(), metavar="TEXT", help=text)
            yield click.argument(name, type=Place(), required=False, metavar="[FILE|id:N]")
        else:
            yield click.argument(name, type=TYPES.get(parameter.type), required=parameter.required)
        return
    flags = parameter.flags
    shown = None if parameter.required or parameter.default in (None, False, ()) else parameter.default
    if parameter.many and shown:
        shown = ", ".join(shown)
    help_text = how.help + (f" [default: {shown}]" if shown is not None else "")
    if parameter.type is bool:
        yield click.option(*flags, name, is_flag=True, default=None, help=help_text)
    else:
        yield click.option(
            *flags,
            name,
            type=_type(parameter, how),
            metavar=METAVARS.get(parameter.type),
            required=parameter.required,
            multiple=parameter.many,
            help=help_text,
        )
    for old, flag in parameter.old_names.items():
        yield click.option(flag, old, type=_type(parameter, how), multiple=parameter.many, default=None, hidden=True)


def _type(parameter: Parameter, how: Option) -> click.ParamType[Any]:
    if how.choices and parameter.type is not NewFile:
        return click.Choice(how.choices)
    if parameter.type is int and (how.min is not None or how.max is not None):
        least = None if how.min is None else int(how.min)
        most = None if how.max is None else int(how.max)
        return click.IntRange(least, most)
    if parameter.type is float and (how.min is not None or how.max is not None):
        return click.FloatRange(how.min, how.max)
    return TYPES.get(parameter.type, click.STRING)


def _run(spec: ActionSpec, workspace: Workspace, output: Output, values: dict[str, Any]) -> None:
    text, may_encode, apply = values.pop("text", None), values.pop("may_encode", False), values.pop("apply", False)
    for parameter in parameters(spec.params):
        if parameter.type is ItemSet:
            options = {"media": "media", "under": "under", "labelled": "label", "unlabelled": "unlabelled"}
            values[parameter.name] = {field: values.pop(option) for option, field in options.items()}
        for old, flag in parameter.old_names.items():
            if values[old] not in (None, ()) and values[parameter.name] in (None, ()):  # both are an error of their own
                say(f"{flag} is called {parameter.flags[-1]} now")
    if spec.asks:
        values["asker"], values["count"] = asker_for(spec.name, output), values["count"] or None
    findings = workspace.findings(spec.name, text=text, may_encode=may_encode, apply=apply, **values)
    shown = 0
    for table, rows in by_kind(spec, findings):
        shown += output.table(table, rows)
    if not (shown or spec.asks):
        output.line("nothing found")


def by_kind(spec: ActionSpec, findings: Iterator[Finding]) -> Iterator[tuple[Table, Iterator[Any]]]:
    """Runs of findings of one kind, each with its table; rows come as the plan yields them."""
    from itertools import groupby

    tables = {table.kind: table for table in (*spec.tables, QUESTIONS)}
    for kind, run in groupby(findings, key=lambda finding: finding.kind):
        yield tables[kind], (finding.values for finding in run)
