"""Find, load and isolate plugins.

Every plugin is loaded alone: its import, its hooks and what they return are guarded together, and it is
taken whole or skipped whole with the reason. pluggy's own loading stops at the first failing entry point
and one raising hook discards every result; so each plugin gets a plugin manager of its own, which makes
isolation a matter of construction.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import re
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator
from importlib import metadata
from pathlib import Path
from typing import Any, TypeVar

import pluggy

from curator import hookspecs
from curator.api import ActionSpec, EncoderSpec, HeadSpec, ReaderSpec
from curator.errors import CuratorError, NotFound, PluginError
from curator.parameters import parameters

GROUP = "curator"
OWN_DISTRIBUTION = "curator-agent"
NAME = re.compile(r"[a-z0-9][a-z0-9_.-]*")

CORE_COMMANDS = frozenset(
    [
        "add",
        "encode",
        "encoders",
        "heads",
        "init",
        "label",
        "log",
        "ls",
        "plugins",
        "show",
        "status",
        "train",
        "backup",
        "check",
        "undo",
        "quarantine",
    ]
)
"""Names that no action may take: the core's own commands, and those that it will have."""

HOOKS: dict[str, type] = {
    "register_encoders": EncoderSpec,
    "register_heads": HeadSpec,
    "register_actions": ActionSpec,
    "register_readers": ReaderSpec,
}

Spec = EncoderSpec | HeadSpec | ActionSpec | ReaderSpec
S = TypeVar("S", EncoderSpec, HeadSpec, ActionSpec, ReaderSpec)


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
    """A plugin that was taken, with its offer."""

    origin: Origin
    specs: tuple[Spec, ...]


@dataclasses.dataclass(frozen=True, slots=True)
class Failed:
    """A plugin that was skipped, and why."""

    origin: Origin
    reason: str
    traceback: str


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
            known = [spec.name for spec in self.all(kind)]
            raise NotFound.named(noun, name, known, hint="`curator plugins` lists what is installed") from None

    def default(self, kind: type[S], suits: Callable[[S], bool]) -> S | None:
        """The first spec offered as a default that suits; first-party ones before others."""
        return next((spec for spec in self._in_order(kind) if getattr(spec, "default", False) and suits(spec)), None)

    def origin(self, spec: Spec) -> Origin:
        """The plugin that offers a spec."""
        return self._specs[type(spec), spec.name][1]

    def guard(self, spec: Spec, doing: str) -> contextlib.AbstractContextManager[None]:
        """A block in which the plugin's own code runs: what it raises names the plugin."""
        return _blamed(self.origin(spec), f"{doing} {spec.name}")

    def take(self, plugin: Loaded) -> None:
        """Add a plugin's whole offer, or raise `ValueError` if a name of it is taken or reserved."""
        for spec in plugin.specs:
            held = self._specs.get((type(spec), spec.name))
            noun = type(spec).__name__.removesuffix("Spec").lower()
            if held:
                raise ValueError(f"offers the {noun} {spec.name!r}, which {held[1]} already offers")
            if isinstance(spec, ActionSpec) and spec.name in CORE_COMMANDS:
                raise ValueError(f"offers the action {spec.name!r}, a name that curator reserves for its own command")
        for spec in plugin.specs:
            self._specs[type(spec), spec.name] = (spec, plugin.origin)
        self.plugins.append(plugin)

    def _in_order(self, kind: type[S]) -> Iterator[S]:
        for (of, _), (spec, _) in self._specs.items():
            if of is kind:
                yield spec  # type: ignore[misc]


def _by_name(entry: tuple[tuple[type, str], Any]) -> tuple[str, str]:
    (kind, name), _ = entry
    return kind.__name__, name


def load_plugins(entry_points: Iterable[metadata.EntryPoint] | None = None) -> Registry:
    """Load every installed plugin: our own first, so that their names are reserved, then by entry point name."""
    if entry_points is None:
        entry_points = metadata.entry_points(group=GROUP)
    registry = Registry()
    for entry_point, origin in sorted(((e, _origin(e)) for e in set(entry_points)), key=_load_order):
        try:
            with _contained():
                registry.take(Loaded(origin, _offer(entry_point.load())))
        except (Exception, SystemExit) as error:
            registry.failures.append(Failed(origin, _reason(error), traceback.format_exc()))
    return registry


def _origin(entry_point: metadata.EntryPoint) -> Origin:
    dist = entry_point.dist
    name, version = (dist.name, dist.version) if dist else ("unknown distribution", "?")
    return Origin(entry_point.name, entry_point.value, name, version)


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
        for offered in getattr(manager.hook, hook)():
            specs += [_checked(hook, kind, spec) for spec in offered]
    return tuple(specs)


def _refuse_unknown_hooks(manager: pluggy.PluginManager, plugin: object) -> None:
    callers = manager.get_hookcallers(plugin) or []
    if not callers:
        raise ValueError(f"implements no hook: mark a function such as {next(iter(HOOKS))} with @hookimpl")
    for caller in callers:
        if not caller.has_spec():
            raise ValueError(str(NotFound.named("hook", caller.name, HOOKS)))


def _checked(hook: str, kind: Any, spec: Any) -> Any:
    if not isinstance(spec, kind):
        raise TypeError(f"{hook} returned {type(spec).__name__} {spec!r:.80}, not {kind.__name__}")
    if not (isinstance(spec.name, str) and NAME.fullmatch(spec.name)):
        raise ValueError(f"{hook}: name {spec.name!r} is not lower-case letters, digits, '-', '_' or '.'")
    for field in dataclasses.fields(spec):
        value = getattr(spec, field.name)
        if "Callable" in str(field.type) and not callable(value):
            raise TypeError(f"{kind.__name__} {spec.name!r}: {field.name} is {type(value).__name__}, not callable")
    for modality in getattr(spec, "modalities", ()):
        if modality not in ("image", "text"):
            raise ValueError(f"{kind.__name__} {spec.name!r}: unknown modality {modality!r}")
    if hasattr(spec, "params"):
        parameters(spec.params)
    return spec


def _reason(error: BaseException) -> str:
    text = str(error).splitlines()[0] if str(error) else ""
    if isinstance(error, SystemExit):
        return f"called sys.exit({text})"
    if isinstance(error, pluggy.PluginValidationError):
        return " ".join(str(error).split())
    return f"{type(error).__name__}: {text}" if not isinstance(error, ValueError | TypeError) or not text else text


@contextlib.contextmanager
def _contained() -> Iterator[None]:
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
def _blamed(origin: Origin, doing: str) -> Iterator[None]:
    try:
        with _contained():
            yield
    except CuratorError:
        raise
    except (Exception, SystemExit) as error:
        raise PluginError(f"{origin} failed at {doing}: {_reason(error)}") from error
