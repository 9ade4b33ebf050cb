"""Runs: alone in the workspace while they write, journalled, and closed with how they ended."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

from curator.errors import is_interrupt
from curator.history.journal import Journal, UnderWay
from curator.history.lock import Turn
from curator.store.sqlite import Database


class Runs:
    """Begins the runs of an open workspace. One may begin between two steps of another, as between two findings."""

    def __init__(self, database: Database, turn: Turn) -> None:
        self.database = database
        self.turn = turn
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
        except BaseException as error:
            interrupted = isinstance(error, GeneratorExit) or is_interrupt(error)
            journal.finish("interrupted" if interrupted else "failed")
            raise
        else:
            journal.finish("done")
        finally:
            self.under_way.journals.remove(journal)
            hold.end()

    def close(self) -> None:
        """End what is still under way, as findings that nobody iterates any more."""
        for journal in self.under_way.journals:
            journal.end("interrupted")
        self.turn.close()
