"""`curator plugins`, `plugins new` and `plugins check`."""

from __future__ import annotations

import contextlib
import re
import shlex
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from curator.api import Argument, Column, FileName, FolderName, Option, PluginName, Table, Word
from curator.commands.spec import Call, CommandSpec
from curator.errors import BadInput, NotFound, PluginError

if TYPE_CHECKING:
    from curator.registry.loader import Failed, Loaded
    from curator.testing import Check, Outcome

PLUGINS = Table(
    "plugin",
    "Plugins",
    (
        Column("plugin", "its entry point"),
        Column("distribution", "the installed package it comes from"),
        Column("version", "of that package"),
        Column("import_ms", "milliseconds that importing it and asking what it offers took", "integer"),
        Column("offers", "encoders, heads, metrics, actions and readers", type="strings"),
        Column("failure", "why it was skipped"),
    ),
    whole=True,
)

TRACEBACK = Table(
    "traceback",
    "Where it failed",
    (Column("plugin", "its entry point"), Column("traceback", "the Python traceback", type="strings")),
)

MADE = Table(
    "made",
    "Made",
    (Column("path", "a file", "path"),),
    whole=True,
)

CHECKS = Table(
    "check",
    "Checks",
    (
        Column(
            "of",
            "what was checked: the plugin, or something that it offers",
        ),
        Column("check", "what was checked of it"),
        Column("state", "passed, failed or not applicable"),
        Column("why", "what was seen where it failed, what it would need where it does not apply, else why it matters"),
    ),
    whole=True,
)


@dataclass(frozen=True, slots=True)
class PluginsParams:
    """All, or where one failed."""

    traceback: Annotated[PluginName | None, Option(help="Show the traceback of a plugin that failed.")] = None


@dataclass(frozen=True, slots=True)
class NewParams:
    """What to make, and where."""

    name: Annotated[Word, Argument()]
    kind: Annotated[
        str,
        Option(
            choices=("encoder", "head", "action", "metric", "reader", "check", "exporter"),
            help="What the plugin offers.",
        ),
    ]
    folder: Annotated[FolderName | None, Option(help="The parent folder. [default: here]")] = None


@dataclass(frozen=True, slots=True)
class CheckParams:
    """Which plugin, and what of it."""

    name: Annotated[PluginName, Argument(metavar="PLUGIN|PACKAGE")]
    variant: Annotated[
        Word | None, Option(metavar="VARIANT", help="The variant of an encoder. [default: the encoder's own]")
    ] = None
    weights: Annotated[FileName | None, Option(help="The file or folder with an encoder's weights.")] = None


def plugins(call: Call, params: PluginsParams) -> None:
    """A plugin a row; what is called otherwise than it calls itself is told of."""
    if params.traceback is not None:
        _show_traceback(call, params.traceback)
        return
    call.table(PLUGINS, _rows(call))
    for plugin in call.registry.plugins:
        for name in plugin.renamed:
            new = f"{plugin.origin.entry_point}.{name}"
            call.say(f"{plugin.origin} offers the action {name!r}, a name that curator keeps: it is {new} here")


def _rows(call: Call) -> Iterator[dict[str, Any]]:
    loaded = call.registry
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


def _show_traceback(call: Call, name: str) -> None:
    failures = {failure.origin.entry_point: failure for failure in call.registry.failures}
    if name not in failures:
        raise NotFound.named("failed plugin", name, failures, hint="every plugin loaded")
    lines = failures[name].traceback.splitlines()
    call.record(TRACEBACK, [{"plugin": name, "traceback": lines}])
    for line in lines:
        call.line(line)


def new(call: Call, params: NewParams) -> None:
    """Make it, and tell how to go on."""
    from curator.catalog.places import expand_path
    from curator.reporter import short_path
    from curator.scaffold import create

    _refuse_taken(call, params.name, params.kind)
    where = expand_path(params.folder or ".")
    made = create(params.name, params.kind, where)
    call.table(MADE, ({"path": path} for path in made))
    place = short_path(where / params.name)
    place = shlex.quote(place if Path(place).is_absolute() else f"./{place}")
    call.line(f"next: pip install -e {place}")
    call.line(f"then: curator plugins check {params.name}")


def _refuse_taken(call: Call, name: str, kind: str) -> None:
    """Raise for a name with which the new plugin would be skipped, or mistaken for another."""
    if kind == "action" and name in call.core:
        raise BadInput(f"{name!r} is a command of curator itself: choose another name")
    for plugin in call.plugins.plugins:
        offers = {spec.name for spec in plugin.specs if type(spec).__name__ == f"{kind.capitalize()}Spec"}
        if name in {plugin.origin.entry_point, *offers}:
            raise BadInput(f"{plugin.origin} has the name {name!r} already: choose another one")


def check(call: Call, params: CheckParams) -> None:
    """Check it, and tell what failed."""
    from curator.catalog.places import expand_path, missing_path
    from curator.testing import checks

    file = None if params.weights is None else expand_path(params.weights)
    if file is not None and not file.exists():
        raise missing_path(file)
    wanted = _find_plugins(call, params.name)
    found = [one for plugin in wanted for one in checks(plugin, variant=params.variant, weights=file)]
    states = _show(call, found)
    if states["failed"]:
        of = ", ".join(str(plugin.origin) for plugin in wanted)
        raise PluginError(f"{states['failed']} of {states.total()} checks failed: {of}")


def _find_plugins(call: Call, name: str) -> list[Loaded]:
    """The plugins that are meant; raises where one of them was skipped, since there is nothing to check then."""
    loaded = call.plugins  # of which nothing is told: one is asked about here
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


def _show(call: Call, checks: list[Check]) -> Counter[str]:
    """Run checks and show what comes of each; returns how many there were of each state."""
    from curator.testing import examine

    stdout, states = sys.stdout, Counter[str]()
    rows: list[dict[str, Any]] = []
    with call.progress("checking", len(checks)) as advance:
        for outcome in _redirect_prints(examine(checks)):
            advance(1)
            states[outcome.state] += 1
            rows.append(_outcome_row(outcome))
            if call.mode != "rich":  # there columns are as wide as their widest cell, so all rows have to be known
                with contextlib.redirect_stdout(stdout):  # past the bar, which takes what is printed to its own stream
                    call.table(CHECKS, [rows.pop()])
    for of, some in groupby(rows, key=lambda row: row["of"]):
        call.table(replace(CHECKS, title=of.capitalize()), [{**row, "of": None} for row in some])
    call.line(", ".join(f"{count} {state}" for state, count in states.items()))
    return states


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


NEW = CommandSpec(
    name="new",
    summary="""Create a plugin of your own in a folder NAME.

    It is working code to start from, with tests and everything needed for publishing. Nothing is overwritten.
    """,
    params=NewParams,
    run=new,
    tables=(MADE,),
    example="curator plugins new my-encoder --kind encoder\ncurator plugins new my-reader --kind reader --folder ~",
    effects=("writes",),
    workspace="none",
)

CHECK = CommandSpec(
    name="check",
    summary="""Check an installed plugin against curator's plugin contract.

    The name of a package stands for all its plugins. Each check says why it matters or, if it failed, what was seen.
    Nothing is downloaded.
    """,
    params=CheckParams,
    run=check,
    tables=(CHECKS,),
    example="curator plugins check my-encoder\ncurator plugins check my-encoder --variant large --weights large.pth",
    effects=("reads", "streams"),
    workspace="none",
)

COMMAND = CommandSpec(
    name="plugins",
    summary="List plugins: what each offers, and why any failed.",
    params=PluginsParams,
    run=plugins,
    tables=(PLUGINS, TRACEBACK),
    example="curator plugins\ncurator plugins --traceback my-encoder\ncurator plugins new my-encoder --kind encoder",
    workspace="none",
    commands=(NEW, CHECK),
)
