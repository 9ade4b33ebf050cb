"""One command of an action: its plan, made again while the answers to its questions change it, and its effects."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from curator.api import Finding
from curator.reporter import Reporter, Silent
from curator.running.context import ActionContext
from curator.running.effects.effect import Effect, Work
from curator.running.outputs import EFFECTS, effect_of, outputs
from curator.running.shown import Shown


class ActionRunner:
    """Carries out what an action's plan yields, within one run."""

    def __init__(self, work: Work, params: Any, may_encode: bool, shown: Shown | None = None) -> None:
        self.work = work
        self.params = params
        self.may_encode = may_encode
        self.shown = shown
        self.effects: dict[type[Effect[Any]], Effect[Any]] = {kind: kind(work) for kind in EFFECTS}

    def findings(self) -> Iterator[Finding]:
        """The findings as they come; what has to wait for the end of the plan, as moves of files, comes last."""
        reporter: Reporter = self.work.parts.reporter
        going = True
        while going:
            # What only reads is no run: what it works out on the way, as a head, is written beside the run.
            context = ActionContext(
                self.work.parts,
                self.work.journal.off_record(),
                self.may_encode,
                reporter,
                self.work.asked,
                self.work.spec.name,
            )
            yield from self._carried_out(context)
            wanted = [effect.goes_on(context.head_used) for effect in self.effects.values()]
            going = any(wanted)
            reporter = Silent()  # what a head says of its data was said in the first round
        for effect in self.effects.values():
            yield from effect.finish()
            for line in effect.summary():
                self.work.parts.reporter.say(line)

    def _carried_out(self, context: ActionContext) -> Iterator[Finding]:
        """What is to be shown of one plan, each output being carried out as it comes."""
        for output in outputs(self.work.parts.registry, self.work.spec, context, self.params, self.shown):
            yield from self.effects[effect_of(output)].apply(output)
