"""`curator describe`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from curator.api import ActionSpec, Argument, Column, CommandName, Table
from curator.commands import common, schema
from curator.commands.spec import EFFECTS, EXIT_CODES, Call, CommandSpec, Spec
from curator.errors import NotFound

COMMANDS = Table(
    "command",
    "Commands",
    (
        Column("name", "what to type after `curator`"),
        Column("summary", "what it does"),
        Column("effects", "what it may do, of " + ", ".join(EFFECTS), type="strings"),
        Column("workspace", "needed, made where there is none, optional, or none", "json"),
        Column("plugin", "the plugin whose action it is; null for a command of curator itself", "json", "string"),
        Column(
            "parameters", "what it takes, as JSON Schema; `flags` or `positional` say how it is typed", "json", "object"
        ),
        Column("rows", "each kind of row that it gives with --json, as JSON Schema, by kind", "json", "object"),
        Column("exit_codes", "what each means", "json", "object"),
        Column("example", "how it is typed", "json", "string"),
    ),
    whole=True,
)

# What people see instead of the schemas.
PARAMETERS = Table(
    "parameter",
    "Takes",
    (
        Column("parameter", "the option or argument"),
        Column("type", "what its value is"),
        Column("help", "what it says"),
    ),
    whole=True,
)

ROWS = Table(
    "key",
    "Gives",
    (
        Column("row", "its kind"),
        Column("key", "its key"),
        Column("type", "what its value is"),
        Column("help", "what it says"),
    ),
    whole=True,
)


@dataclass(frozen=True, slots=True)
class DescribeParams:
    """Which command."""

    command: Annotated[tuple[CommandName, ...], Argument()] = ()


def describe(call: Call, params: DescribeParams) -> None:
    """All of them in a list, or one with what it takes and gives."""
    every = dict(_named(call.commands))
    if not params.command:
        call.table(COMMANDS, (description(name, spec, call) for name, spec in every.items()))
        return
    name = " ".join(params.command)
    if name not in every:
        raise NotFound.named("command", name, every, hint="`curator describe` lists them")
    spec = every[name]
    if call.mode == "json":
        call.record(COMMANDS, [description(name, spec, call)])
        return
    _show(call, name, spec)


def _named(specs: Mapping[str, Spec], above: str = "") -> Iterator[tuple[str, Spec]]:
    """Every command that does something, with those below others, by the words that name it."""
    for name in sorted(specs):
        spec = specs[name]
        if isinstance(spec, ActionSpec) or spec.run is not None:
            yield f"{above}{name}", spec
        if isinstance(spec, CommandSpec):
            yield from _named({inner.name: inner for inner in spec.commands}, f"{above}{name} ")


def description(name: str, spec: Spec, call: Call) -> dict[str, Any]:
    """A command as a row."""
    summary, _, _ = spec.summary.partition("\n\n")
    plugin = call.registry.origin(spec).entry_point if isinstance(spec, ActionSpec) else None
    return {
        "name": name,
        "summary": " ".join(summary.split()),
        "effects": list(common.effects_of(spec)),
        "workspace": "needed" if isinstance(spec, ActionSpec) else spec.workspace,
        "plugin": plugin,
        "parameters": schema.of_parameters(common.parameters_of(spec)),
        "rows": {table.kind: schema.of_rows(table) for table in common.tables_of(spec)},
        "exit_codes": {str(code): meaning for code, meaning in EXIT_CODES.items()},
        "example": spec.example,
    }


def _show(call: Call, name: str, spec: Spec) -> None:
    call.line(f"curator {name}: {description(name, spec, call)['summary']}")
    effects = common.effects_of(spec)
    call.line("; ".join(EFFECTS[effect] for effect in effects))
    found = common.parameters_of(spec)
    call.table(
        PARAMETERS,
        ({"parameter": schema.word_of(one), "type": schema.type_of(one), "help": one.how.help} for one in found),
    )
    call.table(
        ROWS,
        (
            {"row": table.kind, "key": column.name, "type": column.holds, "help": column.help}
            for table in common.tables_of(spec)
            for column in table.columns
        ),
    )
    call.line("exit codes: " + "; ".join(f"{code} {meaning}" for code, meaning in EXIT_CODES.items()))


COMMAND = CommandSpec(
    name="describe",
    summary="""Describe commands for programs: parameters, rows, effects.

    With --json, parameters and rows are given as JSON Schema (draft 2020-12), for programs that call curator.
    """,
    params=DescribeParams,
    run=describe,
    tables=(COMMANDS,),
    example="curator describe\ncurator describe classify\ncurator describe plugins check --json",
    workspace="none",
)
