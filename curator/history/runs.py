"""Runs: alone in the workspace while they write, journalled, and closed with how they ended."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from curator.errors import is_interrupt
from curator.history.journal import Journal, UnderWay
from curator.history.lock import Hold, Turn
from curator.store.sqlite import Database


class Runs:
    """Begins the runs of an open workspace. One may begin between two steps of another, as between two findings."""

    def __init__(self, database: Database, turn: Turn, abandon: Callable[[bool], None]) -> None:
        """`abandon`: keep nothing that was cut short; called with whether the turn is ours."""
        self.database = database
        self.turn = turn
        self.abandon = abandon
        self.under_way = UnderWay()

    @contextlib.contextmanager
    def begin(self, command: str, arguments: Mapping[str, Any], reads_first: bool = False) -> Iterator[Journal]:
        """A run: alone in the workspace from the start or its first write, journalled, closed with how it ended."""
        hold = self.turn.begin()
        journal = Journal(self.database, command, arguments, hold.take, hold.give_back, self.under_way)
        self.under_way.journals.append(journal)
        try:
            if not reads_first:
                hold.take()
            yield journal
            journal.finish("done")
        except GeneratorExit:  # nobody iterates any more what this run is a part of; it was between two steps
            journal.finish("interrupted")
            raise
        except BaseException as error:
            interrupted = is_interrupt(error)
            self._cut_short(journal, hold, interrupted)
            journal.finish("interrupted" if interrupted else "failed")
            raise
        finally:
            self.under_way.journals.remove(journal)
            hold.end()

    def _cut_short(self, journal: Journal, hold: Hold, interrupted: bool) -> None:
        """End what was left open, wherever an interrupt came: also a run that nobody noticed to begin."""
        self.abandon(hold.needed)
        if hold.needed and interrupted:
            others = [other.run for other in self.under_way.journals if other is not journal]
            journal.runs.interrupt_all_but([run for run in others if run is not None])

    def close(self) -> None:
        """End what is still under way, as findings that nobody iterates any more."""
        self.abandon(False)
        for journal in self.under_way.journals:
            journal.end("interrupted")
        self.turn.close()
