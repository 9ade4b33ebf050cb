"""Quality checks of plugins, run for an action: what they find is held to what `curator.api` says of it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from curator.api import CheckSpec, Context, Flaw, Item
from curator.errors import PluginError
from curator.registry.validation import Breach, validate

if TYPE_CHECKING:
    from curator.registry.loader import Registry


def flaws(registry: Registry, name: str, context: Context, items: Sequence[Item]) -> list[Flaw]:
    """What the check of that name has against items of its modalities, worst first.

    Raises `NotFound` with the nearest name, `PluginError` where it gives what is no flaw of these.
    """
    spec = registry.get(CheckSpec, name)
    items = [item for item in items if item.modality in spec.modalities]
    ids = {item.id for item in items}
    found: dict[int, Flaw] = {}
    with registry.guard(spec, "the check"):
        for flaw in spec.look(context, items) if items else ():
            try:
                _hold(flaw, ids, found)
            except Breach as error:
                raise PluginError(f"{registry.origin(spec)}: the check {name} {error}") from error
            found[flaw.item.id] = flaw
    return sorted(found.values(), key=lambda flaw: (-flaw.score, flaw.item.id))


def _hold(flaw: object, ids: set[int], found: dict[int, Flaw]) -> None:
    of = validate(Flaw, flaw)
    if not 0 <= of.score <= 1 or math.isnan(of.score):
        raise Breach(f"gave a score of {of.score}, not one from 0 to 1")
    if not of.why.strip() or "\n" in of.why:
        raise Breach(f"gave {of.why!r} as why, not one line")
    if of.item.id not in ids:
        raise Breach(f"found a flaw in id:{of.item.id}, which it was not given")
    if of.item.id in found:
        raise Breach(f"found two flaws in id:{of.item.id}")
