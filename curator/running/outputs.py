"""What a plan may yield, and what it yields, held to its declaration."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from curator.api import ActionSpec, Context, Output
from curator.registry.validation import validate
from curator.running.effects.artifact import Artifacts
from curator.running.effects.ask import Questions
from curator.running.effects.effect import Effect
from curator.running.effects.finding import Findings
from curator.running.effects.folder import Folders
from curator.running.effects.label import LabelChanges
from curator.running.effects.set_aside import FilesSetAside
from curator.running.effects.set_row_aside import RowsSetAside
from curator.running.effects.side import SideChanges

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


def outputs(registry: Registry, spec: ActionSpec, context: Context, params: Any) -> Iterator[Output]:
    """What a plan yields, one by one; what the plugin raises names it, what it yields is checked."""
    with registry.guard(spec, "planning"):
        plan = iter(spec.plan(context, params))
    while True:
        with registry.guard(spec, "planning"):
            try:
                output = next(plan)
            except StopIteration:
                return
            effect = effect_of(output)
            effect.check(validate(effect.of, output), spec)
        yield output


def effect_of(output: object) -> type[Effect[Any]]:
    """What becomes of an output. What is of no kind is taken for a finding, and so is told what it is not."""
    return next((effect for effect in EFFECTS if isinstance(output, effect.of)), Findings)
