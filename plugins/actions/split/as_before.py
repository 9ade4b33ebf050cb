"""What a split was made with, kept by the later ones: who adds items wants them dealt out by the same rules."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from curator.api import Context, GroupName
from curator.errors import NotFound

from .together import FOLDER, SCENE

if TYPE_CHECKING:
    from . import SplitParams

KEPT = ("by", "together")


def as_before(context: Context, params: SplitParams) -> SplitParams:
    """The parameters with those of `KEPT` that are not given as the latest run gave them, up to one that was `anew`."""
    if params.anew:
        return params
    found: dict[str, Any] = {}
    for name in KEPT:
        if not getattr(params, name) and (value := tuple(_usable(context, name, _earlier(context, name)))):
            found[name] = value
    if found:
        told = " ".join(f"--{name} {shlex.quote(one)}" for name, several in found.items() for one in several)
        context.note(f"as before: {told} (--anew forgets that)")
    return replace(params, **found)


def _earlier(context: Context, name: str) -> tuple[str, ...]:
    for given in context.earlier():
        if value := given.get(name):
            return (value,) if isinstance(value, str) else tuple(value)
        if given.get("anew"):
            break
    return ()


def _usable(context: Context, name: str, values: tuple[str, ...]) -> Iterator[Any]:
    """Those that still mean something: a group may be gone since."""
    for value in values:
        try:
            if name == "by" or value not in (FOLDER, SCENE):
                context.target(None, GroupName(value.removeprefix("group:") if name == "together" else value))
        except NotFound as error:
            context.note(f"--{name} {shlex.quote(value)} was kept so far, and is no longer: {error}")
            continue
        yield GroupName(value) if name == "by" else value
