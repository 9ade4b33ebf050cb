"""What a plan may yield, and what it yields, held to its declaration."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any

from curator.api import ActionSpec, Context, Finding, Listing, Output
from curator.registry.validation import Breach, validate
from curator.running.effects.artifact import Artifacts
from curator.running.effects.ask import Questions
from curator.running.effects.effect import Effect
from curator.running.effects.finding import Findings
from curator.running.effects.folder import Folders
from curator.running.effects.label import LabelChanges
from curator.running.effects.set_aside import FilesSetAside
from curator.running.effects.set_row_aside import RowsSetAside
from curator.running.effects.side import SideChanges
from curator.running.shown import Shown

if TYPE_CHECKING:
    from curator.registry.loader import Registry

EFFECTS: list[type[Effect[Any]]] = [
    Findings,
    LabelChanges,
    SideChanges,
    Artifacts,
    Folders,
    Questions,
    RowsSetAside,
    FilesSetAside,
]
"""Every kind, in the order in which they are brought to an end and told of."""


def outputs(
    registry: Registry, spec: ActionSpec, context: Context, params: Any, shown: Shown | None = None
) -> Iterator[Output]:
    """What a plan yields, one by one; what the plugin raises names it, what it yields is checked.

    In place of a `Listing` come its findings; without `shown` all of them.
    """
    with registry.guard(spec, "planning"):
        plan = iter(spec.plan(context, params))
    for output in _guarded(registry, spec, plan):
        yield from _rows(registry, spec, output, shown) if isinstance(output, Listing) else (output,)


def _rows(registry: Registry, spec: ActionSpec, rows: Listing, shown: Shown | None) -> Iterator[Output]:
    """As many as are looked at."""
    table = next((table for table in spec.tables if table.kind == rows.kind), None)
    cut = shown is not None and table is not None and not (table.whole or table.counted)
    most = rows.count if shown is None or shown.most is None or not cut else min(rows.count, shown.most)
    if shown is not None:
        shown.totals[rows.kind] = rows.count
    found = (Finding(rows.kind, values) for values in islice(rows.values, most))
    number = 0
    for finding in _guarded(registry, spec, found):
        number += 1
        yield finding
    with registry.guard(spec, "planning"):
        if number < most:
            raise Breach(f"gave {number:,} rows of kind {rows.kind!r}, and said that there are {rows.count:,}")


def _guarded(registry: Registry, spec: ActionSpec, plan: Iterator[Output]) -> Iterator[Output]:
    while True:
        with registry.guard(spec, "planning"):
            try:
                output = next(plan)
            except StopIteration:
                return
            if isinstance(output, Listing):
                if validate(Listing, output).count < 0:
                    raise Breach(f"gave a listing of {output.count:,} rows")
            else:
                effect = effect_of(output)
                effect.check(validate(effect.of, output), spec)
        yield output


def effect_of(output: object) -> type[Effect[Any]]:
    """What becomes of an output. What is of no kind is taken for a finding, and so is told what it is not."""
    return next((effect for effect in EFFECTS if isinstance(output, effect.of)), Findings)
