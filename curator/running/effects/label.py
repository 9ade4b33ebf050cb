"""A change of what an item is labelled as: journalled at once."""

from __future__ import annotations

from collections.abc import Iterable

from curator.api import ActionSpec, Finding, SetLabel, TargetRef
from curator.registry.validation import Breach
from curator.running.effects.effect import Effect


class LabelChanges(Effect[SetLabel]):
    """Says of items that they are a label, are not, or are no longer said to be."""

    of = SetLabel

    @staticmethod
    def check(output: SetLabel, spec: ActionSpec) -> None:
        """The spec says so, and a target is that of a label."""
        if not spec.labels:
            raise Breach("gave a SetLabel; its spec says that it does not label")
        if isinstance(output.label, TargetRef) and output.label.kind != "label":
            raise Breach(f"gave a SetLabel of {str(output.label)!r:.60}, which is not a label")

    def apply(self, output: SetLabel) -> Iterable[Finding]:
        """On the word of what the change says itself."""
        work = self.work
        work.journal.take_turn()  # before a transaction that would keep out whoever has it
        with work.parts.registry.guard(work.spec, "applying the changes of"):
            work.parts.labels.change(work.journal, output)
        return ()
