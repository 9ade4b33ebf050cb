"""Find, load and isolate plugins.

Every plugin is loaded alone: its import, its hooks and what they return are guarded together, and it is
taken whole or skipped whole with the reason. pluggy's own loading stops at the first failing entry point
and one raising hook discards every result; so each plugin gets a plugin manager of its own, which makes
isolation a matter of construction.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import os
import re
import sys
import time
import traceback
from collections.abc import Callable, Container, Iterable, Iterator
from importlib import metadata
from pathlib import Path
from typing import Any, TypeVar

import pluggy

from curator.api import ActionSpec, CheckSpec, EncoderSpec, ExporterSpec, HeadSpec, MetricSpec, ReaderSpec
from curator.errors import (
    BadInput,
    CuratorError,
    NotFound,
    NotReady,
    PluginError,
    Shortage,
    absent,
    is_interrupt,
    lacking,
)
from curator.registry import hookspecs
from curator.registry.parameters import parameters
from curator.registry.validation import Breach, validate

GROUP = "curator"
OWN_DISTRIBUTION = "curator-agent"
UNKNOWN = "unknown distribution"
NAME = re.compile(r"[a-z0-9][a-z0-9_.-]*")

CORE_OPTIONS = frozenset(
    [
        "action",
        "apply",
        "asker",
        "max_pixels",
        "may_encode",
        "no_images",
        "self",
        "--apply",
        "--count",
        "--encode",
        "--force",
        "--help",
        "--json",
        "--labelled",
        "--limit",
        "--media",
        "--max-pixels",
        "--memory",
        "--no-images",
        "--text",
        "--under",
        "--unlabelled",
        "--where",
        "--workspace",
        "-h",
        "-w",
    ]
)
"""Options that curator adds to the commands of actions, and what it calls them where that is another name.

Also the names of what `Workspace.run` takes beside an action's own parameters.
"""

HOOKS: dict[str, type] = {
    "register_encoders": EncoderSpec,
    "register_heads": HeadSpec,
    "register_metrics": MetricSpec,
    "register_actions": ActionSpec,
    "register_readers": ReaderSpec,
    "register_quality_checks": CheckSpec,
    "register_exporters": ExporterSpec,
}

Spec = EncoderSpec | HeadSpec | MetricSpec | ActionSpec | ReaderSpec | CheckSpec | ExporterSpec
S = TypeVar("S", EncoderSpec, HeadSpec, MetricSpec, ActionSpec, ReaderSpec, CheckSpec, ExporterSpec)


@dataclasses.dataclass(frozen=True, slots=True)
class Origin:
    """Where a plugin comes from."""

    entry_point: str
    module: str
    distribution: str
    version: str

    def __str__(self) -> str:
        return f"plugin {self.entry_point!r} ({self.distribution} {self.version})"


@dataclasses.dataclass(frozen=True, slots=True)
class Loaded:
    """A plugin that was taken, with its offer. `seconds`: how long importing it and asking its hooks took.

    `renamed`: the actions that it calls as curator calls a command of its own; they go by `PLUGIN.NAME`.
    """

    origin: Origin
    specs: tuple[Spec, ...]
    seconds: float = 0.0
    renamed: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True, slots=True)
class Failed:
    """A plugin that was skipped, and why, after how long."""

    origin: Origin
    reason: str
    traceback: str
    seconds: float = 0.0


class Registry:
    """What all plugins together offer, by kind and name."""

    def __init__(self) -> None:
        self.plugins: list[Loaded] = []
        self.failures: list[Failed] = []
        self._specs: dict[tuple[type, str], tuple[Spec, Origin]] = {}

    def all(self, kind: type[S]) -> list[S]:
        """Every spec of a kind, by name."""
        return [spec for (of, _), (spec, _) in sorted(self._specs.items(), key=_by_name) if of is kind]  # type: ignore[misc]

    def get(self, kind: type[S], name: str) -> S:
        """The spec of that name; raises `NotFound` with the nearest."""
        try:
            return self._specs[kind, name][0]  # type: ignore[return-value]
        except KeyError:
            noun = kind.__name__.removesuffix("Spec").lower()
            if not name.strip():
                raise BadInput(f"{name!r} is no {noun}: it needs a name") from None
            known = [spec.name for spec in self.all(kind)]
            raise NotFound.named(noun, name, known, hint="`curator plugins` lists what is installed") from None

    def names(self, kind: type[S]) -> list[str]:
        """What the specs of a kind are called."""
        return [spec.name for spec in self.all(kind)]

    def default(self, kind: type[S], suits: Callable[[S], bool]) -> S | None:
        """The first spec offered as a default that suits; first-party ones before others."""
        return next((spec for spec in self._in_order(kind) if getattr(spec, "default", False) and suits(spec)), None)

    def origin(self, spec: Spec) -> Origin:
        """The plugin that offers a spec."""
        return self._specs[type(spec), spec.name][1]

    def release(self, spec: Spec) -> str:
        """The package and version that a spec comes in; empty for our own, where what is made says when it is old."""
        origin = self.origin(spec)
        return "" if origin.distribution == OWN_DISTRIBUTION else f"{origin.distribution} {origin.version}"

    def guard(self, spec: Spec, doing: str) -> contextlib.AbstractContextManager[None]:
        """A block in which the plugin's own code runs: what it raises names the plugin."""
        return _attribute_errors(self.origin(spec), f"{doing} {spec.name}")

    def take(self, plugin: Loaded) -> None:
        """Add a plugin's whole offer, or raise `Breach` if a name of it is taken."""
        offer: dict[tuple[type, str], tuple[Spec, Origin]] = {}
        for spec in plugin.specs:
            key, noun = (type(spec), spec.name), type(spec).__name__.removesuffix("Spec").lower()
            if key in self._specs:
                raise Breach(f"offers the {noun} {spec.name!r}, which {self._specs[key][1]} already offers")
            if key in offer:
                raise Breach(f"offers the {noun} {spec.name!r} twice")
            offer[key] = (spec, plugin.origin)
        self._specs |= offer
        self.plugins.append(plugin)

    def _in_order(self, kind: type[S]) -> Iterator[S]:
        for (of, _), (spec, _) in self._specs.items():
            if of is kind:
                yield spec  # type: ignore[misc]


def _by_name(entry: tuple[tuple[type, str], Any]) -> tuple[str, str]:
    (kind, name), _ = entry
    return kind.__name__, name


def load_plugins(entry_points: Iterable[metadata.EntryPoint] | None = None, reserved: Container[str] = ()) -> Registry:
    """Load every installed plugin: our own first, so that their names are taken, then by entry point name.

    An action of a `reserved` name goes by `PLUGIN.NAME`.
    """
    registry = Registry()
    if entry_points is None:
        entry_points, registry.failures = installed_entry_points()
    for entry_point, origin in sorted(_with_origins(entry_points), key=_load_order):
        begin = time.perf_counter()
        with _contain_side_effects():  # around the reason too: to tell an error, its own code runs
            try:
                offer = _offer(entry_point.load())
                registry.take(_set_apart(Loaded(origin, offer, time.perf_counter() - begin), reserved))
            except KeyboardInterrupt:
                raise
            except BaseException as error:  # also sys.exit, and what extension modules raise when they panic
                seconds = time.perf_counter() - begin
                registry.failures.append(Failed(origin, _reason(error), traceback.format_exc(), seconds))
    return registry


def _set_apart(plugin: Loaded, reserved: Container[str]) -> Loaded:
    """The same, with other names for actions of reserved ones: a release may reserve the name of an older action."""
    if plugin.origin.distribution == OWN_DISTRIBUTION:
        return plugin  # some of what is reserved is an action of our own
    taken = [spec for spec in plugin.specs if isinstance(spec, ActionSpec) and spec.name in reserved]
    named = (
        dataclasses.replace(spec, name=f"{plugin.origin.entry_point}.{spec.name}") if spec in taken else spec
        for spec in plugin.specs
    )
    return dataclasses.replace(plugin, specs=tuple(named), renamed=tuple(spec.name for spec in taken))


def installed_entry_points() -> tuple[list[metadata.EntryPoint], list[Failed]]:
    """The entry points of all distributions, and the distributions of which they cannot be read."""
    try:
        return list(metadata.entry_points(group=GROUP)), []
    except Exception:  # one unreadable file of anybody costs them all; whose it is shows only one by one
        return _one_by_one()


def _one_by_one() -> tuple[list[metadata.EntryPoint], list[Failed]]:
    found: list[metadata.EntryPoint] = []
    failures: list[Failed] = []
    seen: set[str] = set()
    for distribution in metadata.distributions():
        name, version = _name_and_version(distribution)
        key = re.sub("[-_.]+", "-", name).lower()
        if key in seen and name != UNKNOWN:  # as for importlib: the first on the path hides others of its name
            continue
        seen.add(key)
        try:
            found += distribution.entry_points.select(group=GROUP)
        except Exception as error:
            reason = f"its entry_points.txt cannot be read, so nothing of it is loaded: {_reason(error)}"
            failures.append(Failed(Origin(name, "", name, version), reason, traceback.format_exc()))
    return found, failures


def _name_and_version(distribution: metadata.Distribution | None) -> tuple[str, str]:
    """The name and version of a distribution, as far as its metadata tells."""
    name: str | None = None
    version: str | None = None
    with contextlib.suppress(Exception):  # metadata that a half-removed distribution left behind
        if distribution:
            read = distribution.metadata  # once: it parses the whole file, a long description too
            name, version = read["Name"], read["Version"]
    return name or UNKNOWN, version or "?"


def _with_origins(entry_points: Iterable[metadata.EntryPoint]) -> Iterator[tuple[metadata.EntryPoint, Origin]]:
    named = functools.cache(_name_and_version)  # a distribution of many plugins is read once
    for entry_point in set(entry_points):
        yield entry_point, Origin(entry_point.name, entry_point.value, *named(entry_point.dist))


def _load_order(pair: tuple[metadata.EntryPoint, Origin]) -> tuple[bool, str, str]:
    origin = pair[1]
    return origin.distribution != OWN_DISTRIBUTION, origin.entry_point, origin.distribution


def _offer(plugin: object) -> tuple[Spec, ...]:
    """The specs that a plugin's hooks return; raises where the plugin breaks the contract."""
    manager = pluggy.PluginManager("curator")
    manager.add_hookspecs(hookspecs)
    manager.register(plugin)
    _refuse_unknown_hooks(manager, plugin)
    specs: list[Spec] = []
    for hook, kind in HOOKS.items():
        caller = getattr(manager.hook, hook)
        offers = caller()
        if len(offers) < len(caller.get_hookimpls()):  # pluggy leaves None out
            raise Breach(f"{hook} returned None, not a list of {kind.__name__}")
        for offered in offers:
            if not isinstance(offered, Iterable):
                raise Breach(f"{hook} returned {type(offered).__name__}, not a list of {kind.__name__}")
            specs += [_validate_spec(hook, kind, spec) for spec in offered]
    return tuple(specs)


def _refuse_unknown_hooks(manager: pluggy.PluginManager, plugin: object) -> None:
    callers = manager.get_hookcallers(plugin) or []
    if not callers:
        raise Breach(f"implements no hook: mark a function such as {next(iter(HOOKS))} with @hookimpl")
    for caller in callers:
        if not caller.has_spec():
            raise Breach(str(NotFound.named("hook", caller.name, HOOKS)))


def _validate_spec(hook: str, kind: Any, spec: Any) -> Any:
    name = getattr(spec, "name", None)
    try:
        validate(kind, spec)
        if type(spec) is not kind:  # it would be found under no kind, and could change after it was checked
            raise Breach(f"gave a subclass of {kind.__name__}, not {kind.__name__}")
        if not NAME.fullmatch(spec.name):
            raise Breach("a name is lower-case letters, digits, '-', '_' and '.'")
        if not getattr(spec, "modalities", True):
            raise Breach("modalities is empty")
        if getattr(spec, "batch_size", 1) < 1:
            raise Breach("batch_size is less than 1")
        if getattr(spec, "least", 1) < 1:
            raise Breach("least is less than 1")
        if any(column.name == "kind" for table in getattr(spec, "tables", ()) for column in table.columns):
            raise Breach("a column is called 'kind', as is what tells the rows of one table from those of another")
        if hasattr(spec, "params"):
            _refuse_core_options(spec)
    except (Breach, TypeError) as error:
        raise Breach(f"{hook}: {name!r}: {error}" if name is not None else f"{hook} {error}") from error
    return spec


def _refuse_core_options(spec: ActionSpec | HeadSpec) -> None:
    for parameter in parameters(spec.params):
        taken = CORE_OPTIONS & {*parameter.flags, *parameter.old_names.values(), parameter.name, f"--{parameter.name}"}
        if taken and isinstance(spec, ActionSpec):
            raise Breach(f"field {parameter.name!r} takes {min(taken)}, which curator keeps for itself")


def _reason(error: BaseException) -> str:
    try:
        lines = str(error).split("\n") if not isinstance(error, pluggy.PluginValidationError) else [str(error)]
        text = " ".join(next((line for line in lines if line.strip()), "").split())
    except BaseException:  # as an error's own code may raise anything
        text = "its message cannot be read"
    if isinstance(error, SystemExit):
        return f"called sys.exit({text})"
    if isinstance(error, Breach | pluggy.PluginValidationError):
        return text
    if lacks := absent(error):
        return lacks
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


@contextlib.contextmanager
def _contain_side_effects() -> Iterator[None]:
    """What a plugin prints goes to stderr (stdout may be somebody's JSON), and its chdir is undone."""
    try:
        here: Path | None = Path.cwd()
    except FileNotFoundError:  # somebody removed the folder under our feet; there is nothing to go back to
        here = None
    try:
        with contextlib.redirect_stdout(sys.stderr):
            yield
    finally:
        if here:
            with contextlib.suppress(OSError):
                os.chdir(here)


@contextlib.contextmanager
def _attribute_errors(origin: Origin, doing: str) -> Iterator[None]:
    try:
        with _contain_side_effects():
            yield
    except (CuratorError, KeyboardInterrupt, GeneratorExit):
        raise
    except BaseException as error:
        if is_interrupt(error):
            raise KeyboardInterrupt from error
        short = lacking(error)
        if short is not None:
            raise Shortage(f"{doing}: {short}") from error
        lacks = absent(error)
        if lacks is not None:
            raise NotReady(f"{doing}: {lacks}") from error
        raise PluginError(f"{origin} failed at {doing}: {_reason(error)}") from error
