"""The commands `plugins`, `plugins new` and `plugins check`."""

from __future__ import annotations

import contextlib
import re
import shlex
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from curator.cli.names import PLUGIN
from curator.cli.shared import Command, json_option, registry
from curator.cli.tables import CHECKS, MADE, PLUGINS
from curator.errors import BadInput, NotFound, PluginError

if TYPE_CHECKING:
    from curator.cli.render import Output
    from curator.registry.loader import Failed, Loaded
    from curator.testing import Check, Outcome


class Listing(Command, click.Group):
    """A command that does something by itself, with others below it."""


@click.group(
    cls=Listing,
    invoke_without_command=True,
    subcommand_metavar="[COMMAND] [ARGS]...",
    rows=(PLUGINS,),
    example="curator plugins\ncurator plugins --traceback my-encoder\ncurator plugins new my-encoder --kind encoder",
)
@click.option("--traceback", type=PLUGIN, metavar="PLUGIN", help="Show where a plugin failed.")
@json_option
@click.pass_context
def plugins(context: click.Context, traceback: str | None, as_json: bool) -> None:
    """List plugins: what each offers, where it comes from, and why any failed."""
    from curator.cli.render import Output

    if context.invoked_subcommand is not None:
        if traceback or as_json:
            raise click.UsageError(f"options of {context.invoked_subcommand!r} stand behind it", context)
    elif traceback:
        click.echo(_traceback(traceback))
    else:
        Output(as_json).table(PLUGINS, _rows())


def _rows() -> Iterator[dict[str, Any]]:
    loaded = registry()
    for plugin in loaded.plugins:
        offers = [f"{type(spec).__name__.removesuffix('Spec').lower()} {spec.name}" for spec in plugin.specs]
        yield _row(plugin, offers, None)
    for failure in loaded.failures:
        yield _row(failure, [], failure.reason)


def _row(plugin: Loaded | Failed, offers: list[str], failure: str | None) -> dict[str, Any]:
    return {
        "plugin": plugin.origin.entry_point,
        "distribution": plugin.origin.distribution,
        "version": plugin.origin.version,
        "import_ms": round(1000 * plugin.seconds),
        "offers": offers,
        "failure": failure,
    }


def _traceback(name: str) -> str:
    from curator.cli.text import printable

    failures = {failure.origin.entry_point: failure for failure in registry().failures}
    if name not in failures:
        raise NotFound.named("failed plugin", name, failures, hint="every plugin loaded")
    return "\n".join(printable(line) for line in failures[name].traceback.splitlines())


@plugins.command(
    cls=Command,
    rows=(MADE,),
    example="curator plugins new my-encoder --kind encoder\ncurator plugins new my-reader --kind reader --folder ~",
)
@click.argument("name")
@click.option("--kind", required=True, metavar="encoder|head|action|metric|reader", help="What it is to offer.")
@click.option("--folder", type=click.Path(), default=".", metavar="FOLDER", help="Where to make it. [default: here]")
@json_option
def new(name: str, kind: str, folder: str, as_json: bool) -> None:
    """Make a plugin of your own in a folder NAME.

    It is working code to go on from, with tests and all that publishing needs. Nothing is written over.
    """
    from curator.catalog.places import expand_path
    from curator.cli.render import Output
    from curator.cli.text import short_path
    from curator.scaffold import create

    _refuse_taken(name, kind)
    where = expand_path(folder)
    made = create(name, kind, where)
    output = Output(as_json)
    output.table(MADE, ({"path": path} for path in made))
    place = short_path(where / name)
    place = shlex.quote(place if Path(place).is_absolute() else f"./{place}")
    output.line(f"next: pip install -e {place}")
    output.line(f"then: curator plugins check {name}")


def _refuse_taken(name: str, kind: str) -> None:
    """Raise for a name with which the new plugin would be skipped, or mistaken for another."""
    from curator.registry.loader import CORE_COMMANDS, load_plugins

    if kind == "action" and name in CORE_COMMANDS:
        raise BadInput(f"{name!r} is a command of curator itself: choose another name")
    for plugin in load_plugins().plugins:
        offers = {spec.name for spec in plugin.specs if type(spec).__name__ == f"{kind.capitalize()}Spec"}
        if name in {plugin.origin.entry_point, *offers}:
            raise BadInput(f"{plugin.origin} has the name {name!r} already: choose another one")


@plugins.command(
    cls=Command,
    rows=(CHECKS,),
    example="curator plugins check my-encoder\ncurator plugins check my-encoder --variant large --weights large.pth",
)
@click.argument("name", type=PLUGIN, metavar="PLUGIN|PACKAGE")
@click.option("--variant", metavar="VARIANT", help="The variant of an encoder. [default: its own]")
@click.option("--weights", type=click.Path(), metavar="FILE", help="A file or folder with an encoder's weights.")
@json_option
def check(name: str, variant: str | None, weights: str | None, as_json: bool) -> None:
    """Check an installed plugin against curator's plugin contract.

    The name of a package stands for all its plugins. Each check comes with the reason that it matters or, where it
    failed, with what was seen. Nothing is downloaded.
    """
    from curator.catalog.places import expand_path, missing_path
    from curator.cli.render import Output
    from curator.testing import checks

    file = None if weights is None else expand_path(weights)
    if file is not None and not file.exists():
        raise missing_path(file)
    wanted = _find_plugins(name)
    found = [one for plugin in wanted for one in checks(plugin, variant=variant, weights=file)]
    states = _show(Output(as_json), found)
    if states["failed"]:
        of = ", ".join(str(plugin.origin) for plugin in wanted)
        raise PluginError(f"{states['failed']} of {states.total()} checks failed: {of}")


def _find_plugins(name: str) -> list[Loaded]:
    """The plugins that are meant; raises where one of them was skipped, since there is nothing to check then."""
    # Not the registry that the commands share: it tells of every plugin that was skipped, and one is asked about here.
    from curator.registry.loader import load_plugins

    loaded = load_plugins()
    for failure in loaded.failures:
        if _goes_by(failure, name):
            hint = f"curator plugins --traceback {failure.origin.entry_point}"
            raise PluginError(f"{failure.origin} was skipped: {failure.reason} ({hint})")
    found = [plugin for plugin in loaded.plugins if _goes_by(plugin, name)]
    if not found:
        origins = [plugin.origin for plugin in loaded.plugins] + [failure.origin for failure in loaded.failures]
        known = {known for origin in origins for known in (origin.entry_point, origin.distribution)}
        raise NotFound.named("plugin", name, known, hint="`curator plugins` lists what is installed")
    return found


def _goes_by(plugin: Loaded | Failed, name: str) -> bool:
    """Whether a plugin, or the package that it comes in, has this name."""
    return name == plugin.origin.entry_point or _normal(name) == _normal(plugin.origin.distribution)


def _normal(name: str) -> str:
    """The name of a package, of which `My_Encoder` and `my-encoder` are two ways to write it."""
    return re.sub("[-_.]+", "-", name).lower()


def _show(output: Output, checks: list[Check]) -> Counter[str]:
    """Run checks and show what comes of each; returns how many there were of each state."""
    from curator.testing import examine

    stdout, states = sys.stdout, Counter[str]()
    rows: list[dict[str, Any]] = []
    with _bar(output, len(checks)) as advance:
        for outcome in _redirect_prints(examine(checks)):
            advance(1)
            states[outcome.state] += 1
            rows.append(_outcome_row(outcome))
            if output.mode != "rich":  # there columns are as wide as their widest cell, so all rows have to be known
                with contextlib.redirect_stdout(stdout):  # past the bar, which takes what is printed to its own stream
                    output.table(CHECKS, [rows.pop()])
    for of, some in groupby(rows, key=lambda row: row["of"]):
        output.table(replace(CHECKS, title=of.capitalize()), [{**row, "of": None} for row in some])
    output.line(", ".join(f"{count} {state}" for state, count in states.items()))
    return states


def _bar(output: Output, total: int) -> contextlib.AbstractContextManager[Callable[[int], None]]:
    """Progress on stderr; none where rows come one by one on the same terminal."""
    from curator.cli.render import Terminal

    if output.mode != "rich" and sys.stdout.isatty():
        return contextlib.nullcontext(lambda done: None)
    return Terminal().progress("checking", total)


def _redirect_prints(outcomes: Iterable[Outcome]) -> Iterator[Outcome]:
    """Each as it comes; what a plugin prints meanwhile goes to stderr, since stdout may be somebody's JSON."""
    coming = iter(outcomes)
    while True:
        with contextlib.redirect_stdout(sys.stderr):
            outcome = next(coming, None)
        if outcome is None:
            return
        yield outcome


def _outcome_row(outcome: Outcome) -> dict[str, Any]:
    return {
        "of": outcome.check.of,
        "check": outcome.check.name.removeprefix("check_").replace("_", " "),
        "state": outcome.state,
        "why": outcome.seen or outcome.check.why,
    }
