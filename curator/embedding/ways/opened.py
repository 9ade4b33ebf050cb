"""What embeds with one model here, each part opened when it is first asked for, and all closed with the block."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from curator.api import Encoder, EncoderSpec, ImageBatch, Modality, Model, ReducedPrecision, TextBatch
from curator.embedding.ways.agreement import Floats
from curator.embedding.ways.forms import REFERENCE_WAY, Forms
from curator.embedding.ways.way import FULL, LOADED, TORCH, Way
from curator.errors import CuratorError, PluginError, Shortage
from curator.kit.devices import choose_device
from curator.kit.onnx_encoder import OnnxEncoder
from curator.runtimes.known import REFERENCE, installed, named
from curator.runtimes.runtime import Unrunnable

if TYPE_CHECKING:
    from types import TracebackType

    from curator.embedding.models import Models


class Opened:
    """The encoder of a model, its quicker form, and its ONNX model in whichever runtimes."""

    def __init__(self, model: Model, models: Models, forms: Forms) -> None:
        self.model = model
        self.models = models
        self.forms = forms
        self.spec = models.registry.get(EncoderSpec, model.encoder)
        self.resolved = models.settled(model)
        self.device = choose_device(models.device)
        self._closing = contextlib.ExitStack()
        self._loaded: Encoder | None = None
        self._reduced: tuple[Way, Encoder] | None = None
        self._asked_to_reduce = False
        self._in_runtime: dict[tuple[Modality, Way], Encoder] = {}

    def __enter__(self) -> Opened:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.__exit__(kind, error, trace)

    @property
    def is_loaded(self) -> bool:
        """Whether the encoder itself is."""
        return self._loaded is not None

    def ran(self, way: Way) -> Way:
        """What ran the encoder that embeds in a way: the one that is loaded may need no torch."""
        return REFERENCE_WAY if way == LOADED and isinstance(self._loaded, OnnxEncoder) else way

    def loaded(self) -> Encoder:
        """The encoder itself."""
        if self._loaded is None:
            self._loaded = self._closing.enter_context(self.models.opened(self.spec, self.resolved, self.device))
        return self._loaded

    def has_form(self, medium: Modality) -> bool:
        """Whether there is an ONNX model of it, written down now where its spec can do that."""
        if self.device != "cpu":
            return False
        if medium == "image" and self.spec.form is not None and self.forms.files.can_write:
            try:
                self.forms.written(self.spec, self.resolved, self.model.fingerprint)
            except CuratorError as error:
                self.forms.say(f"note: {self.model.name} is loaded, as its form cannot be had: {error}")
                return False
        return self.forms.file(self.model, medium) is not None

    def at(self, way: Way, medium: Modality) -> Encoder:
        """What embeds in that way. Raises `Unrunnable` or what loading the encoder raises."""
        if way.runtime == TORCH:
            return self.loaded() if way.is_full else self._quicker(way)
        key = medium, way
        if key not in self._in_runtime:
            opened = self.forms.load(self.model, medium, named(way.runtime), way.precision)
            self._closing.callback(opened.close)
            self._in_runtime[key] = opened
        return self._in_runtime[key]

    def ways(self, medium: Modality) -> Sequence[Way]:
        """Those that can be had: in runtimes where there is a form, by the encoder where that is loaded, the first one.

        The first is the reference: the form where there is one, which was held against the encoder or stands for it.
        """
        found = [REFERENCE_WAY] if self.has_form(medium) else []
        for runtime in installed() if found else []:
            try:
                found += [Way(runtime.name, precision) for precision in runtime.precisions()]
            except Unrunnable as error:
                self.forms.say(f"note: embedding goes on without {runtime.name}: {error}")
                if runtime is REFERENCE:
                    found.remove(REFERENCE_WAY)
        if self._loaded is not None or not found:
            self.loaded()
            found.append(LOADED)
            try:
                found += [reduced[0]] if (reduced := self.reduced()) else []
            except (PluginError, Shortage) as error:
                self.forms.say(f"note: embedding goes on in {FULL}: {error}")
        return list(dict.fromkeys(found))

    def compile(
        self, seen: tuple[Floats, Floats] | None, run: Callable[[Encoder, ImageBatch | TextBatch], Floats]
    ) -> None:
        """Make the forms that are not there yet, where the encoder is loaded; `seen`: as for `Forms.make`."""
        if self._loaded is None:
            return
        encoder = self._loaded
        for what, problem in self.forms.make(self.model, encoder, seen, lambda batch: run(encoder, batch)):
            self.forms.say(f"note: new {what}s are embedded the slow way: {problem}")

    def reduced(self) -> tuple[Way, Encoder] | None:
        """The encoder's own quicker form. Raises `PluginError`."""
        encoder = self.loaded()
        if not self._asked_to_reduce and isinstance(encoder, ReducedPrecision):
            self._asked_to_reduce = True
            guard = self.models.registry.guard
            with guard(self.spec, "reducing the precision of"):
                found = encoder.reduced()
            if found is not None:
                precision, quick = found

                def close() -> None:
                    with guard(self.spec, "closing"):
                        quick.close()

                self._closing.callback(close)
                self._reduced = Way(TORCH, precision), quick
        return self._reduced

    def _quicker(self, way: Way) -> Encoder:
        found = self.reduced()
        if found is None or found[0] != way:
            raise Unrunnable(f"{self.model.name} does not compute in {way.precision} here")
        return found[1]
