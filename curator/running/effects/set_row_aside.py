"""A row of a table to set aside: marked when the plan has ended, and only where that was asked for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from curator.api import ActionSpec, Finding, SetRowAside
from curator.quarantine.rows_aside import RowsAside
from curator.registry.validation import Breach
from curator.reporter import count, say_failed, them
from curator.running.effects.effect import Effect, Work


class RowsSetAside(Effect[SetRowAside]):
    """Marks them; without `--apply` it only says how many there are."""

    of = SetRowAside

    def __init__(self, work: Work) -> None:
        super().__init__(work)
        self._changes: list[SetRowAside] = []
        self._failed: list[tuple[str, str]] | None = None

    @staticmethod
    def check(output: SetRowAside, spec: ActionSpec) -> None:
        """The command has `--apply`, and it is a row."""
        if not spec.moves_files:
            raise Breach("gave a SetRowAside; its spec does not say moves_files")
        if output.place.whole:
            raise Breach(f"gave a SetRowAside of {str(output.place.path)!r:.60}, which is a file: that is a SetAside")

    def apply(self, output: SetRowAside) -> Iterable[Finding]:
        """Keep it until the plan has ended."""
        self._changes.append(output)
        return ()

    def finish(self) -> Iterable[Finding]:
        """Mark them, all in one transaction."""
        work = self.work
        if self._changes and work.may_move:
            work.journal.take_turn()  # before a transaction that would keep out whoever has it
            self._failed = RowsAside(work.parts.items.places).set_aside(work.journal, self._changes)
        return ()

    def summary(self) -> Iterator[str]:
        """How many rows went or would go, and which did not."""
        if self._changes and self._failed is None:
            rows = count(len(self._changes), "row of a table", "rows of tables")
            yield f"{rows} would be set aside: --apply marks {them(len(self._changes))}, and edits no table"
        if self._failed is None:
            return
        if done := len(self._changes) - len(self._failed):
            rows = count(done, "row of a table", "rows of tables")
            yield f"{rows} set aside, no table edited; `curator undo` brings {them(done)} back"
        say_failed(self.work.parts.reporter, self._failed, len(self._changes), "set aside")
