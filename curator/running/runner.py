"""One command of an action: its plan, in as many rounds as there are questions, and what becomes of what it yields."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from curator.api import ActionSpec, Artifact, Ask, Finding, SetAside
from curator.history.journal import Journal
from curator.parts import Parts
from curator.quarantine.set_aside import SettingAside
from curator.reporter import Reporter, Silent, count, say_failed, size, them
from curator.running.artifacts import Targets
from curator.running.context import ActionContext
from curator.running.dialogue import Asker, Dialogue, row_of
from curator.running.outputs import apply, make, outputs


class ActionRunner:
    """Carries out what an action's plan yields, within one run."""

    def __init__(
        self,
        parts: Parts,
        spec: ActionSpec,
        params: Any,
        targets: Targets,
        journal: Journal,
        may_encode: bool,
    ) -> None:
        self.parts = parts
        self.spec = spec
        self.params = params
        self.targets = targets
        self.journal = journal
        self.may_encode = may_encode
        self.reporter = parts.reporter
        self._aside: list[SetAside] = []

    def findings(self, apply: bool, asker: Asker | None, most: int | None) -> Iterator[Finding]:
        """The findings as they come; files are moved at the end. Without an asker, questions are findings too."""
        if asker is not None and self.spec.asks:
            yield from self._rounds(Dialogue(asker, most, self.journal, self.parts.labels, self.journal.give_turn))
        else:
            asks: list[Ask] = []
            yield from self._round(self._context(), asks)
            if self.spec.asks and not asks:
                self.reporter.say("there is nothing to ask")
            yield from (Finding("question", row_of(ask)) for ask in asks[:most])
        self._set_aside(apply)

    def _rounds(self, dialogue: Dialogue) -> Iterator[Finding]:
        """Plan, ask, and plan again, until the person has enough or nothing new is asked."""
        first = True
        while True:
            # What the head says of its data was said in the first round.
            context = self._context(self.reporter if first else Silent(), dialogue.asked)
            asks: list[Ask] = []
            yield from self._round(context, asks)
            dialogue.measure(context.head_used)
            new = [ask for ask in asks if ask.item.id not in dialogue.asked]
            if dialogue.full or not new or not dialogue.hold(new):
                break
            first = False
        if not (dialogue.full or new):
            self.reporter.say("nothing is left to ask" if dialogue.asked else "there is nothing to ask")
        if dialogue.asked:
            self.reporter.say(dialogue.told())

    def _context(self, reporter: Reporter | None = None, asked: frozenset[int] = frozenset()) -> ActionContext:
        # What only reads is no run: what it works out on the way, as a head, is written beside the run.
        return ActionContext(self.parts, self.journal.off_record(), self.may_encode, reporter, asked)

    def _round(self, context: ActionContext, asks: list[Ask]) -> Iterator[Finding]:
        """What one plan yields: findings are passed on, questions collected, the rest is carried out."""
        registry = self.parts.registry
        for output in outputs(registry, self.spec, context, self.params):
            if isinstance(output, Finding):
                yield output
            elif isinstance(output, Ask):
                asks.append(output)
            elif isinstance(output, SetAside):
                self._aside.append(output)
            elif isinstance(output, Artifact):
                self.reporter.say(f"wrote {make(registry, self.spec, self.targets, output)}")
            else:
                self.journal.take_turn()  # before a transaction that would keep out whoever has it
                with registry.guard(self.spec, "applying the changes of"):
                    apply(self.journal, self.parts.labels, output)

    def _set_aside(self, apply: bool) -> None:
        if not self._aside:
            return
        setting_aside = SettingAside(self.parts.items.places, self.parts.moves)
        goes, stays = setting_aside.parted(self._aside)
        if stays:
            others = f"{count(len(stays), 'file')} outside of what was added (a link or a row of a table led there)"
            self.reporter.say(f"{others} will not be moved: {stays[0].path}" + (" and others" if stays[1:] else ""))
        if goes and not apply:
            self.reporter.say(f"{count(len(goes), 'file')} would go to quarantine: --apply moves {them(len(goes))}")
        if not (goes and apply):
            return
        moves = self.parts.moves
        moves.trust.require((str(change.path), str(moves.quarantine)) for change in goes)
        self.journal.take_turn()
        taken = setting_aside.take_out_all(self.journal, goes, self.reporter)
        if taken.files:
            along = f" with {taken.along:,} beside {them(taken.files)}" if taken.along else ""
            back = f"`curator undo` brings {them(taken.files + taken.along)} back"
            self.reporter.say(f"{count(taken.files, 'file')} moved to quarantine{along} ({size(taken.size)}); {back}")
        say_failed(self.reporter, taken.failed, len(goes), "moved")
