"""Which way embeds what comes next: the one that was quickest here, or the exact one where that is not known.

A way in shorter numbers serves a medium only after it found what the reference finds, and so does another runtime than
the one whose vectors are stored. What was measured is remembered for each machine, so that the choice does not vary.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable

from curator.api import Compilable, CompilableText, Encoder, ImageBatch, Modality, TextBatch
from curator.embedding.ways.agreement import APART, Floats, distance
from curator.embedding.ways.forms import REFERENCE_WAY
from curator.embedding.ways.opened import Opened
from curator.embedding.ways.trial import SLOWER, Runner, Trial
from curator.embedding.ways.way import AUTO, LOADED, TORCH, Wanted, Way
from curator.errors import CuratorError, NotReady, PluginError, Shortage
from curator.runtimes.machine import machine
from curator.runtimes.runtime import Unrunnable
from curator.store.form_files import Measured

Batch = ImageBatch | TextBatch
Run = Callable[[Encoder, Batch], Floats]
Stored = Callable[[Modality], tuple[Batch, Floats] | None]

STRANGE = "makes other vectors than those that are stored"


class Quickest:
    """Embeds batches of one model, each medium in the way that is chosen for it."""

    def __init__(
        self, opened: Opened, run: Run, stored: Stored, say: Callable[[str], None], wanted: Wanted, many: bool
    ) -> None:
        """`run` encodes and raises `PluginError`; `stored` gives some items of before and their vectors.

        `many`: whether there is enough to embed for measuring ways.
        """
        self.opened = opened
        self.run = run
        self.stored = stored
        self.say = say
        self.wanted = wanted
        self.many = many
        self.files = opened.forms.files
        self.machine = machine(opened.device)
        self._chosen: dict[Modality, Runner] = {}
        self._trials: dict[Modality, Trial] = {}
        self._compiled: set[Modality] = set()

    def encode(self, batch: Batch) -> tuple[Floats, Runner]:
        """Vectors, (n, dim), and what made them."""
        medium = _medium(batch)
        if medium not in self._chosen and medium not in self._trials:
            if self._lacks_form(medium):
                return self._compile(medium, batch)
            self._begin(medium)
        if medium in self._trials:
            return self._try(medium, batch)
        runner = self._chosen[medium]
        try:
            return self.run(runner.encoder, batch), runner
        except (PluginError, Shortage):  # as by an overflow; the reference has the last word
            reference = self._reference(medium)
            if runner.way == reference.way:
                raise
            self._chosen[medium] = reference
            return self.run(reference.encoder, batch), reference

    # --- compiling ---

    def _lacks_form(self, medium: Modality) -> bool:
        """Whether a form could be made that is not there yet, and there is enough to do for it."""
        if not self.many or self.wanted.runtime == TORCH or self.opened.device != "cpu" or medium in self._compiled:
            return False
        if (
            self._measured(medium)
            or self.opened.has_form(medium)
            or not self.opened.forms.lacks(self.opened.model, medium)
        ):
            return False
        return isinstance(self.opened.loaded(), Compilable if medium == "image" else CompilableText)

    def _compile(self, medium: Modality, batch: Batch) -> tuple[Floats, Runner]:
        """The encoder itself makes the first vectors, and a form is made of it and held against these."""
        self._compiled.add(medium)
        runner = Runner(LOADED, self.opened.loaded())
        vectors = self.run(runner.encoder, batch)
        self.opened.compile((batch.pixels, vectors) if isinstance(batch, ImageBatch) else None, self.run)
        return vectors, runner

    # --- choosing ---

    def _begin(self, medium: Modality) -> None:
        """Choose a way, or begin to measure."""
        known = self._measured(medium)
        serving = [way for row in known if row.agrees and self.wanted.allows(way := Way(row.runtime, row.precision))]
        if not self.many and self.wanted.runtime != TORCH:  # to load the encoder costs more than it gains
            serving = [way for way in serving if way.runtime != TORCH]
        measured = any(row.rate is not None and self.wanted.allows(Way(row.runtime, row.precision)) for row in known)
        if measured or not self.many:
            for way in serving:
                if self._take(medium, way):
                    return
        if self.many and not measured:
            self._begin_trial(medium)
        else:
            self._take_reference(medium, known)

    def _measured(self, medium: Modality) -> list[Measured]:
        return self.files.measured(self.opened.model.fingerprint, medium, self.machine)

    def _take(self, medium: Modality, way: Way) -> bool:
        """Choose a way, if it can be had: what was measured may be gone since."""
        if way.runtime != TORCH and not self.opened.has_form(medium):
            return False
        try:
            self._chosen[medium] = Runner(way, self.opened.at(way, medium))
        except (PluginError, Shortage, NotReady) as error:
            self.say(f"note: embedding goes on without {way}: {error}")
            return False
        return True

    def _take_reference(self, medium: Modality, known: list[Measured]) -> None:
        """The exact way, where nothing is known and there is too little to do for finding out."""
        refused = [Way(row.runtime, row.precision) for row in known if not row.agrees]
        way = Way(self.wanted.runtime) if self.wanted.runtime != AUTO else REFERENCE_WAY
        if way.runtime != TORCH and self.opened.has_form(medium) and way not in refused and self._take(medium, way):
            agrees = self._mixes(medium, self._chosen[medium])
            self._remember(medium, [Measured(way.runtime, way.precision, None, agrees)])
            if agrees:
                return
            self.say(f"note: embedding goes on without {way}: it {STRANGE}")
        elif self.wanted.runtime not in (AUTO, TORCH):
            raise self._impossible()
        self._chosen[medium] = Runner(LOADED, self.opened.loaded())

    def _impossible(self) -> NotReady:
        name = self.opened.model.name
        return NotReady(
            f"{name} has no form that {self.wanted.runtime} could run as it does: name another encoder with -e, or "
            "leave --runtime out"
        )

    def _reference(self, medium: Modality) -> Runner:
        """What has the last word."""
        if self.wanted.runtime != TORCH and not self.opened.is_loaded and self.opened.has_form(medium):
            with contextlib.suppress(Unrunnable):
                return Runner(REFERENCE_WAY, self.opened.at(REFERENCE_WAY, medium))
        return Runner(LOADED, self.opened.loaded())

    # --- measuring ---

    def _begin_trial(self, medium: Modality) -> None:
        if self.wanted.runtime == TORCH:
            self.opened.loaded()
        runners: list[Runner] = []
        for way in self.opened.ways(medium):
            try:
                runners.append(Runner(way, self.opened.at(way, medium)))
            except (PluginError, Shortage) as error:
                if way == LOADED:
                    raise
                self.say(f"note: embedding goes on without {way}: {error}")
        if not runners and self.wanted.runtime == AUTO:
            runners.append(Runner(LOADED, self.opened.loaded()))
        if not any(self.wanted.runtime in (AUTO, runner.way.runtime) for runner in runners):
            raise self._impossible()
        if len(runners) == 1:
            self._chosen[medium] = runners[0]
        else:
            self._trials[medium] = Trial(runners, self.run)

    def _try(self, medium: Modality, batch: Batch) -> tuple[Floats, Runner]:
        trial = self._trials[medium]
        vectors, runner = trial.take(batch)
        if trial.is_over:
            del self._trials[medium]
            self._chosen[medium] = self._decided(medium, trial)
        return vectors, runner

    def _decided(self, medium: Modality, trial: Trial) -> Runner:
        """The quickest that agrees, with one line about it."""
        ordered = trial.verdict()
        for runner in ordered:
            if not runner.out and not self._mixes(medium, runner):
                runner.out = STRANGE
            if runner.out and runner.out != SLOWER:
                self.say(f"note: embedding goes on without {runner.way}: it {runner.out}")
        rows = [
            Measured(runner.way.runtime, runner.way.precision, 1 / max(runner.seconds, 1e-9), not runner.out)
            for runner in ordered
        ]
        self._remember(medium, rows)
        serving = [runner for runner in ordered if not runner.out and self.wanted.allows(runner.way)]
        if not serving and self.wanted.runtime != AUTO:
            raise self._impossible()
        chosen = serving[0] if serving else trial.runners[0]
        full = next((runner for runner in trial.runners if runner.way == LOADED), trial.runners[0])
        if chosen is not full:
            ratio = full.seconds / max(chosen.seconds, 1e-9)
            self.say(
                f"embedding goes on with {chosen.way}, {ratio:.1f} times as fast as {full.way}, and finds the same"
            )
        return chosen

    def _mixes(self, medium: Modality, runner: Runner) -> bool:
        """Whether what it makes of items of before is what is stored of them, perhaps by another machine."""
        found = self.stored(medium)
        if found is None:
            return True
        batch, vectors = found
        try:
            return distance(self.run(runner.encoder, batch), vectors) <= APART
        except CuratorError:
            return False

    def _remember(self, medium: Modality, rows: list[Measured]) -> None:
        self.files.put_measured(self.opened.model.fingerprint, medium, self.machine, rows)


def _medium(batch: Batch) -> Modality:
    return "image" if isinstance(batch, ImageBatch) else "text"
