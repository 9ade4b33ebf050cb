"""From a description to a command: the same way for those of curator itself and for the actions of plugins."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import click

from curator.api import ActionSpec, ItemSet, NewFile, Option, Query
from curator.cli.actions import run_action
from curator.cli.call import Call
from curator.cli.names import BARE, METAVARS, TYPES, OrBare, Place, Text, Words
from curator.cli.text import printable, say
from curator.commands.common import Common, common_of, parameters_of, tables_of
from curator.commands.spec import CommandSpec, Spec
from curator.registry.loader import CORE_OPTIONS
from curator.registry.parameters import Parameter, parameters

if TYPE_CHECKING:
    from curator.api import Table


def command_of(spec: Spec) -> click.Command:
    """A command with an argument or option for each parameter, and those below it."""

    @click.pass_context
    def run(context: click.Context, /, **values: Any) -> None:
        if context.invoked_subcommand is None:
            _call(spec, context, values)
        elif any(value for value in values.values()):
            raise click.UsageError(f"options of {context.invoked_subcommand!r} stand behind it", context)

    below = [command_of(inner) for inner in spec.commands] if isinstance(spec, CommandSpec) else []
    if isinstance(spec, CommandSpec) and spec.run is None:
        return click.Group(spec.name, commands=below, help=spec.summary)
    whole: dict[str, Any] = {
        "callback": run,
        "help": spec.summary,
        "example": spec.example,
        "rows": tables_of(spec),
        "params": [*map(_argument_or_option, parameters_of(spec)), *_old_options(spec)],
    }
    if below:
        whole |= {"commands": below, "invoke_without_command": True, "subcommand_metavar": "[COMMAND] [ARGS]..."}
    return (Listing if below else Command)(spec.name, **whole)


def _call(spec: Spec, context: click.Context, values: dict[str, Any]) -> None:
    root: Any = context.find_root().command
    added = {name: values.pop(name) for name in common_of(spec)}
    common = Common(**{name: value for name, value in added.items() if value is not None})
    chosen = {
        "media": common.media,
        "under": common.under,
        "label": common.labelled,
        "unlabelled": common.unlabelled,
        "where": common.where,
    }
    for parameter in parameters(spec.params):
        for old, flag in parameter.old_names.items():
            if values[old] not in (None, (), "") and not values[parameter.name]:  # what is empty, and both, are errors
                say(f"{flag} is called {parameter.flags[-1]} now")
        if parameter.type is ItemSet:
            values[parameter.name] = chosen
    creates = isinstance(spec, CommandSpec) and spec.workspace == "made"
    call = Call(common, root.known, creates)
    with call.going_on():
        if isinstance(spec, ActionSpec):
            run_action(call, spec, values)
        elif spec.run is not None:
            spec.run(call, spec.params(**dict(_given(spec, values))))


def _given(spec: CommandSpec, values: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """What was typed, as click has converted and bounded it."""
    from curator.running.binding import item_set

    for parameter in parameters(spec.params):
        value = values[parameter.name]
        if value not in (None, ()):
            yield parameter.name, item_set(**value) if parameter.type is ItemSet else value


def _argument_or_option(parameter: Parameter) -> click.Parameter:
    how = parameter.how
    if isinstance(how, Option):
        return _option(parameter, how)
    required = parameter.required and parameter.type is not Query  # for which there is --text, too
    word = how.metavar or (METAVARS[Query] if parameter.type is Query else parameter.name.upper())
    shown = (word if required else f"[{word}]") + "..." * parameter.many
    kind = TYPES[parameter.type]
    return click.Argument([parameter.name], type=kind, required=required, nargs=-parameter.many or 1, metavar=shown)


def _option(parameter: Parameter, how: Option) -> click.Option:
    shown = None if parameter.required or parameter.default in (None, False, ()) else parameter.default
    if parameter.many and shown:
        shown = ", ".join(shown)
    names = [*parameter.flags, parameter.name]
    help_text = how.help + (f" [default: {shown}]" if shown is not None else "")
    if parameter.type is bool:
        return click.Option(names, is_flag=True, default=None, help=help_text)
    bare: dict[str, Any] = {"is_flag": False, "flag_value": BARE} if parameter.bare else {}
    return click.Option(
        names,
        type=_type(parameter, how),
        metavar=how.metavar or (None if how.words else METAVARS.get(parameter.type)),
        required=parameter.required,
        multiple=parameter.many,
        nargs=2 if parameter.two else 1,
        is_eager=parameter.name == "workspace",  # so that a shell that completes the others knows it
        help=help_text,
        **bare,
    )


def _old_options(spec: Spec) -> Iterator[click.Option]:
    """Hidden ones, by the names that options had before."""
    for parameter in parameters(spec.params):
        if isinstance(parameter.how, Option):
            for old, flag in parameter.old_names.items():
                kind, many = _type(parameter, parameter.how), parameter.many
                yield click.Option([flag, old], type=kind, multiple=many, default=None, hidden=True)


def _type(parameter: Parameter, how: Option) -> click.ParamType[Any]:
    if parameter.bare:
        return OrBare()
    if how.words:
        return Words()
    if how.choices and parameter.type is not NewFile:
        return click.Choice(how.choices)
    if parameter.type is int and (how.min is not None or how.max is not None):
        least = None if how.min is None else int(how.min)
        most = None if how.max is None else int(how.max)
        return click.IntRange(least, most)
    if parameter.type is float and (how.min is not None or how.max is not None):
        return click.FloatRange(how.min, how.max)
    return TYPES[parameter.type]


class Command(click.Command):
    """A command whose help ends with an example; `rows` are the tables that it shows, for the documentation.

    What names or places something must not be empty, as a shell's unset variable is: that would mean "here" or "all".
    """

    def __init__(self, *args: Any, example: str = "", rows: tuple[Table, ...] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.example = example
        self.rows = rows

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """As click does; refuses what is empty, and what is given twice where one of them would be dropped silently."""
        given_as = [*args]
        rest = super().parse_args(ctx, args)
        if not ctx.resilient_parsing:
            _refuse_twice(ctx, self.make_parser(ctx).parse_args(given_as)[2])
        for parameter in self.params:
            given = ctx.params.get(parameter.name or "")
            for value in given if isinstance(given, tuple) else (given,):
                if isinstance(value, str):
                    _refuse_undecodable(ctx, parameter, value)
                    _refuse_empty(ctx, parameter, value)
        return rest

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The example, as it would be typed."""
        if self.example:
            with formatter.section("Example"):
                for line in self.example.splitlines():
                    formatter.write_text(line)


def _refuse_twice(ctx: click.Context, given: Sequence[click.Parameter]) -> None:
    """Of options that curator has itself the last counts, so that an alias may name some."""
    for parameter, times in Counter(given).items():
        one = isinstance(parameter, click.Option) and not (parameter.multiple or parameter.is_flag or parameter.count)
        if one and times > 1 and not CORE_OPTIONS.intersection(parameter.opts):
            raise click.UsageError(f"{parameter.opts[0]} is given {times} times, and takes one value", ctx)


class Listing(Command, click.Group):
    """A command that does something by itself, with others below it."""


def _refuse_undecodable(ctx: click.Context, parameter: click.Parameter, value: str) -> None:
    """Raise a usage error for words that are no text; a path may be of any bytes."""
    if isinstance(parameter.type, Place):
        return
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        message = (
            f"{printable(value)} is not valid UTF-8: is the terminal, or the file it is from, in another encoding?"
        )
        raise click.BadParameter(message, ctx, parameter) from None


def _refuse_empty(ctx: click.Context, parameter: click.Parameter, value: str) -> None:
    """Raise a usage error for no name at all; a path may be of blanks."""
    if isinstance(parameter.type, Text):
        return
    of_path = isinstance(parameter.type, Place)
    if not (value if of_path else value.strip()):
        none = "no encoder" if "VARIANT" in (parameter.metavar or "") else "none"
        message = (
            f"it needs a {'path' if of_path else 'name'}, and {value!r} is {none}; is a variable of the shell empty?"
        )
        raise click.BadParameter(message, ctx, parameter)
