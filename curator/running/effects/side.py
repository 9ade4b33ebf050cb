"""A change of which side of the split an item is on: journalled when the plan has ended, all at once."""

from __future__ import annotations

from collections.abc import Iterable

from curator.api import SIDES, ActionSpec, Finding, SetSide, Side
from curator.registry.validation import Breach
from curator.running.effects.effect import Effect, Work


class SideChanges(Effect[SetSide]):
    """Puts items on sides."""

    of = SetSide

    def __init__(self, work: Work) -> None:
        super().__init__(work)
        self._sides: dict[int, Side | None] = {}

    @staticmethod
    def check(output: SetSide, spec: ActionSpec) -> None:
        """The spec says so, and there is such a side."""
        if not spec.splits:
            raise Breach("gave a SetSide; its spec does not say splits")
        if output.side not in (*SIDES, None):
            raise Breach(f"gave a SetSide of {output.side!r:.60}; the sides are {', '.join(SIDES)}")

    def apply(self, output: SetSide) -> Iterable[Finding]:
        """Keep it until the plan has ended: a split is whole or not at all."""
        self._sides[output.item] = output.side
        return ()

    def finish(self) -> Iterable[Finding]:
        """Write all of them in one transaction."""
        if self._sides:
            work = self.work
            work.journal.take_turn()  # before a transaction that would keep out whoever has it
            with work.parts.registry.guard(work.spec, "applying the changes of"):
                work.parts.sides.put(work.journal, self._sides)
        return ()
