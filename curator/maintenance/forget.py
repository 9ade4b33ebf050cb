"""Forgetting: all that is kept of items goes for good, from the catalogue, its history, the cache and quarantine.

People's own files are not touched, and what was learnt from the items stays as it is.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from curator.catalog.added import WITHIN
from curator.errors import BadInput, NotReady, SomeItemsFailed
from curator.history.journal import Journal
from curator.media.files import reason
from curator.parts import Parts
from curator.reporter import count
from curator.store.forgetting import ForgetStore, Traces
from curator.store.paths import held

GONE = "(forgotten)"


@dataclass(frozen=True, slots=True)
class Forgotten:
    """How many items, rows of the catalogue, results in the cache and files in quarantine went.

    `runs`: those that cannot be undone any more, since they changed other things from or to what is gone.
    """

    items: int = 0
    rows: int = 0
    cached: int = 0
    files: int = 0
    runs: tuple[int, ...] = ()


class Forget:
    """Forgets items."""

    def __init__(self, parts: Parts) -> None:
        self.parts = parts
        self.store = ForgetStore(parts.database)

    def forget(self, references: Sequence[str | Path | int], yes: bool) -> Forgotten:
        """Forget them, after asking. Raises `NotReady` where nobody can be asked."""
        items = list(dict.fromkeys(self.parts.items.by_reference(reference).id for reference in references))
        if not items:
            raise BadInput("name what to forget: files, or items by id:N")
        traces = self.store.traces(items)
        if not self._may(len(items), len(self._files(traces)), yes):
            return Forgotten()
        arguments: dict[str, Any] = {"items": items, "broken": []}
        with self.parts.begin("forget", arguments) as journal:
            run = journal.start()
            database = self.parts.database
            with database.overwriting():
                files = self._remove_files(journal, self.store.traces(items))
                traces = self.store.traces(items)  # now that nobody else writes, and with what was just recorded
                cached = self.parts.derived.forget(sorted(traces.hashes))
                with database.transaction():
                    self._forget_words(traces)
                    rows, broken = self.store.remove(run, traces)
                    self.store.set_arguments(run, {"items": items, "broken": broken})
            for each in (database, self.parts.derived.database):
                each.without_traces()
        return Forgotten(len(items), rows, cached, files, tuple(broken))

    def _may(self, items: int, files: int, yes: bool) -> bool:
        if yes:
            return True
        what = count(items, "item") + (f" and {count(files, 'file')} in quarantine" if files else "")
        answer = self.parts.reporter.confirm(f"forget {what} for good? It cannot be undone", default=False)
        if answer is None:
            raise NotReady(f"no terminal to confirm on: --yes forgets {what} for good")
        return answer

    # --- quarantine ---

    def _files(self, traces: Traces) -> list[Path]:
        quarantine = self.parts.moves.quarantine
        found = (held(quarantine.parent, f"{quarantine.name}/{inside}") for inside in sorted(traces.inside))
        return [path for path in found if os.path.lexists(path)]

    def _remove_files(self, journal: Journal, traces: Traces) -> int:
        """First, so that a file that cannot be removed is still on record; each with its row, as a purge does it."""
        removed = self._files(traces)
        listed = {file.stored: file for file in self.parts.quarantine.all()}
        for path in removed:
            try:
                if path in listed:
                    self.parts.quarantine.erase(journal, listed[path])
                else:
                    path.unlink()
            except OSError as error:
                raise SomeItemsFailed(f"{path}: cannot be removed: {reason(error)}; nothing was forgotten") from error
        return len(removed)

    # --- what runs were called with ---

    def _forget_words(self, traces: Traces) -> None:
        """Paths, as they were typed, and texts among the arguments of runs."""
        names = "|".join(re.escape(os.path.basename(path)) for path in traces.paths)
        named = re.compile(rf"(?<![\w.-])({names})(?![\w.-])") if names else None
        bodies = {item.text for item in self.parts.items.by_ids(sorted(traces.items)) if item.text}

        def names_it(word: str) -> bool:
            return word in bodies or bool(named and named.search(word))

        for run, said in self.store.arguments():
            exact = {WITHIN: _without(said.pop(WITHIN), traces.paths.__contains__)} if WITHIN in said else {}
            now = {**_without(said, names_it), **exact}
            self.store.set_arguments(run, now)


def _without(value: Any, forgotten: Callable[[str], bool]) -> Any:
    """JSON in which such words are replaced."""
    if isinstance(value, str):
        return GONE if forgotten(value) else value
    if isinstance(value, dict):
        return {name: _without(inner, forgotten) for name, inner in value.items()}
    return [_without(inner, forgotten) for inner in value] if isinstance(value, list) else value
