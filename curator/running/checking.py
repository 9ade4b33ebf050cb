"""Quality checks of plugins, run for an action: what they find is held to what `curator.api` says of it."""

from __future__ import annotations

import math
from array import array
from bisect import bisect_left
from collections.abc import Sequence
from typing import TYPE_CHECKING

from curator.api import CheckSpec, Context, Flaw, Item
from curator.catalog.selection import ids_of, of_media
from curator.errors import PluginError
from curator.registry.validation import Breach, validate

if TYPE_CHECKING:
    from curator.registry.loader import Registry


def flaws(registry: Registry, name: str, context: Context, items: Sequence[Item], least: float = 0.0) -> list[Flaw]:
    """What the check of that name has against items of its modalities, worst first, from a score of `least` on.

    Raises `NotFound` with the nearest name, `PluginError` where it gives what is no flaw of these.
    """
    spec = registry.get(CheckSpec, name)
    items = of_media(items, spec.modalities)
    ids = array("q", sorted(ids_of(items)))
    seen, found = bytearray(len(ids)), list[Flaw]()
    with registry.guard(spec, "the check"):
        for flaw in spec.look(context, items) if items else ():
            try:
                _hold(flaw, ids, seen)
            except Breach as error:
                raise PluginError(f"{registry.origin(spec)}: the check {name} {error}") from error
            if flaw.score >= least:
                found.append(flaw)
    return sorted(found, key=lambda flaw: (-flaw.score, flaw.item.id))


def _hold(flaw: object, ids: Sequence[int], seen: bytearray) -> None:
    of = validate(Flaw, flaw)
    if not 0 <= of.score <= 1 or math.isnan(of.score):
        raise Breach(f"gave a score of {of.score}, not one from 0 to 1")
    if not of.why.strip() or "\n" in of.why:
        raise Breach(f"gave {of.why!r} as why, not one line")
    at = bisect_left(ids, of.item.id)
    if at == len(ids) or ids[at] != of.item.id:
        raise Breach(f"found a flaw in id:{of.item.id}, which it was not given")
    if seen[at]:
        raise Breach(f"found two flaws in id:{of.item.id}")
    seen[at] = True
