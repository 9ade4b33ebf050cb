"""The parts of an open workspace. Those that need heavy libraries are made, and imported, when first asked for.

So rooms such as `learning` import what they need at their top, and a command that only lists items pays for none of it.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from curator.catalog.items import Items
from curator.catalog.labels import Labels
from curator.catalog.pairs import Pairs
from curator.catalog.sides import Sides
from curator.catalog.where.keeping import SavedSelections
from curator.embedding.coverage import Coverage
from curator.embedding.models import Models
from curator.embedding.trained_weights import Trained
from curator.history.file_moves import Moves
from curator.history.journal import Journal
from curator.history.lock import Presence, Turn
from curator.history.runs import Runs
from curator.quarantine.quarantine import Quarantine
from curator.reporter import Reporter
from curator.store.catalogue import open_catalogue
from curator.store.catalogue.changes import ChangeStore
from curator.store.catalogue.integrity import users
from curator.store.catalogue.runs import RunStore
from curator.store.derived import Derived
from curator.store.objects import Objects

if TYPE_CHECKING:
    from curator.embedding.embedder import Embedder
    from curator.importing.vector_import import VectorImport
    from curator.learning.attribution import Attribution
    from curator.learning.pretraining import Pretraining
    from curator.learning.similarity import LearnedMetrics
    from curator.learning.training import Training
    from curator.registry.loader import Registry


class Parts:
    """Everything that works on one workspace, opened together and closed together."""

    def __init__(self, folder: Path, registry: Registry, reporter: Reporter) -> None:
        """Open the workspace in `folder`. Raises `WorkspaceError`."""
        self.folder = folder
        self.registry = registry
        self.reporter = reporter
        self._presence = Presence(folder, self._wait_for_the_end)
        with contextlib.ExitStack() as opened:
            opened.callback(self._presence.leave)
            self._presence.enter()
            self.database = open_catalogue(folder, self._presence.alone)
            opened.callback(self.database.close)
            self.derived = Derived(folder, self.reporter.say, self._presence.alone)
            opened.pop_all()
        self.objects = Objects(folder / "objects")
        self.items = Items(self.database, self.reporter.say)
        self.labels = Labels(self.database)
        self.pairs = Pairs(self.database)
        self.sides = Sides(self.database)
        trained = Trained(self.objects, folder / "models")
        self.models = Models(self.database, registry, trained, self.derived, reporter.say)
        self.coverage = Coverage(self.derived, self.models, self.reporter)
        self.moves = Moves(self.database, folder.absolute())
        self._turn = Turn(folder / ".lock", self.database.read_only, self._wait, self._recover)
        self._runs = Runs(self.database, self._turn, self._abandon)
        self.quarantine = Quarantine(self.items.places, self.moves, self.reporter, self.begin)
        self.selections = SavedSelections(self.database, self.begin)
        self._recover_if_alone()

    @functools.cached_property
    def encoding(self) -> Embedder:
        """Embeds items, and reads their vectors."""
        from curator.embedding.embedder import Embedder

        return Embedder(
            self.database, self.derived, self.models, self.reporter, self._turn.take, self._turn.take_if_free
        )

    @functools.cached_property
    def training(self) -> Training:
        """Fits heads, finds saved ones, and predicts."""
        from curator.learning.training import Training

        return Training(self.database, self.derived, self.objects, self.registry, self.encoding, self.reporter)

    @functools.cached_property
    def similarity(self) -> LearnedMetrics:
        """Fits metrics on marked pairs, and finds what was fitted."""
        from curator.learning.similarity import LearnedMetrics

        return LearnedMetrics(self.encoding, self.training)

    @functools.cached_property
    def attribution(self) -> Attribution:
        """What explanations rest on."""
        from curator.learning.attribution import Attribution

        return Attribution(self.encoding, self.training)

    @functools.cached_property
    def pretraining(self) -> Pretraining:
        """Lets encoders learn from texts."""
        from curator.learning.pretraining import Pretraining

        return Pretraining(self.folder, self.models, self.reporter)

    @functools.cached_property
    def vectors(self) -> VectorImport:
        """Takes vectors that were made elsewhere."""
        from curator.importing.vector_import import VectorImport

        return VectorImport(self.items, self.derived, self.coverage, self.begin)

    def begin(
        self, command: str, arguments: Mapping[str, Any], reads_first: bool = False
    ) -> AbstractContextManager[Journal]:
        """A run of the history, as `curator.history.runs.Runs.begin`."""
        return self._runs.begin(command, arguments, reads_first)

    def close(self) -> None:
        """End what is still under way, as findings that nobody iterates any more, and close the databases."""
        self._runs.close()
        self.derived.close()
        self.database.close()
        self._presence.leave()

    def _recover(self) -> None:
        """Now that the turn is ours: whatever is half moved was left so by a run that was killed."""
        if self.moves.planned():
            self.moves.recover(self.reporter)

    def _abandon(self, is_ours: bool) -> None:
        """Keep nothing that a run was in the midst of: no transaction, and no object whose row never came to be.

        `is_ours`: whether the turn is, without which nobody keeps or removes objects.
        """
        self.database.abandon()
        self.derived.database.abandon()
        if is_ours and self.objects.put_here:
            named = users(self.database)
            for name in self.objects.put_here:
                if name not in named and not ChangeStore(self.database).holds_removed_object(name):
                    self.objects.remove(self.objects.path(name))

    def _recover_if_alone(self) -> None:
        """At the start, so that also what only reads finds every file where the catalogue says."""
        if not self.database.read_only and self.moves.planned() and self._turn.take_if_free():
            self._turn.give_back()

    def _wait_for_the_end(self) -> None:
        self.reporter.say(f"waiting for another curator to close the databases of {self.folder}")

    def _wait(self) -> None:
        run = RunStore(self.database).running()
        what = "" if run is None else f" ({run.command}, started {run.started[11:19]} UTC)"
        self.reporter.say(f"waiting for another curator to finish in {self.folder}{what}")
