"""A question that only a person can answer: put when a plan has ended, which is then made again with the answers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from curator.api import ActionSpec, Ask, Finding, FittedHead
from curator.registry.validation import Breach
from curator.running.dialogue import Dialogue, row_of
from curator.running.effects.effect import Effect, Work


class Questions(Effect[Ask]):
    """Puts them to the asker; where there is none, those of the first plan are rows."""

    of = Ask

    def __init__(self, work: Work) -> None:
        super().__init__(work)
        self._round: list[Ask] = []
        self._dialogue: Dialogue | None = None
        if work.asker is not None and work.spec.asks:
            journal, labels = work.journal, work.parts.labels
            self._dialogue = Dialogue(work.asker, work.most, journal, labels, journal.give_turn)

    @staticmethod
    def check(output: Ask, spec: ActionSpec) -> None:
        """It is one that an answer can be kept of."""
        if not spec.asks:
            raise Breach("gave an Ask; its spec does not say asks")
        if bool(output.choices) != (output.target.kind == "group"):
            raise Breach(
                f"asks about {str(output.target)!r:.60} with {len(output.choices)} choices: a group has some, "
                "a label none"
            )
        if output.probability is not None and not 0 <= output.probability <= 1:
            raise Breach(f"asks with a probability of {output.probability!r:.60}")

    def apply(self, output: Ask) -> Iterable[Finding]:
        """Keep it until the plan has ended."""
        self._round.append(output)
        return ()

    def goes_on(self, head: FittedHead | None) -> bool:
        """Put the new ones, until the person has enough or nothing new is asked."""
        dialogue = self._dialogue
        if dialogue is None:
            return False
        dialogue.measure(head)
        self._round = [ask for ask in self._round if ask.item.id not in dialogue.asked]
        if dialogue.full or not self._round or not dialogue.hold(self._round):
            return False
        self.work.asked, self._round = dialogue.asked, []
        return True

    def finish(self) -> Iterator[Finding]:
        """Those that nobody was there to answer, as rows."""
        if self._dialogue is None:
            yield from (Finding("question", row_of(ask)) for ask in self._round[: self.work.most])

    def summary(self) -> Iterator[str]:
        """How many were answered, and what that changed."""
        dialogue = self._dialogue
        if self.work.spec.asks and not self._round and not (dialogue and dialogue.full):
            yield "nothing is left to ask" if dialogue and dialogue.asked else "there is nothing to ask"
        if dialogue and dialogue.asked:
            yield dialogue.told()
