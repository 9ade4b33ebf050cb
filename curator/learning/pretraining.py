"""Pretraining: an encoder learns from texts, and what it learnt becomes a model of the workspace.

It learns in a folder of its own below `pretraining/`, so that whoever stops it goes on there with the same command. The
workspace stays free meanwhile: only keeping the model takes its turn.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import math
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from curator.api import EncoderSpec, Look, Model
from curator.catalog.places import expand_path
from curator.embedding.models import Models
from curator.errors import BadInput, NotFound, NotReady
from curator.history.journal import Journal
from curator.media.content import decode_text
from curator.media.files import BadContent, reason
from curator.registry.packages import hold_installed
from curator.registry.parameters import bind
from curator.reporter import SHARES, Reporter, count, figure, shares
from curator.store.paths import held, held_tree
from curator.store.private import file_mode, made_for_readers, make_folder

FOLDER = "pretraining"

FEW = 100
"""Fewer texts than this teach next to nothing."""


@dataclass(frozen=True, slots=True)
class Pretrained:
    """What pretraining gave. `looks` are what it measured on the way, `seconds` those of learning; `whole`: it was
    not interrupted."""

    model: Model
    texts: int
    looks: tuple[Look, ...]
    seconds: float
    whole: bool

    @property
    def best(self) -> Look | None:
        """The look at which the weights that are kept were reached; None where they come from before."""
        best = (look for look in self.looks if look.best and math.isfinite(look.held_out))
        return min(best, key=lambda look: look.held_out, default=None)


class Pretraining:
    """Lets encoders learn."""

    def __init__(self, workspace: Path, models: Models, reporter: Reporter) -> None:
        self.workspace = workspace
        self.models = models
        self.reporter = reporter

    def run(
        self, journal: Journal, encoder: str, texts: Sequence[str], options: Mapping[str, Any], start: str | None = None
    ) -> Pretrained:
        """Let an encoder learn from texts, and keep what it learnt as a new model, which its name means from then on.

        Interrupted, it keeps the best until then; where there is nothing yet, the `KeyboardInterrupt` goes on.
        """
        spec = self._spec(encoder)
        parent = None if start is None else self._start(spec, start)
        texts = self._enough([text for text in texts if text.strip()])
        with self.models.registry.guard(spec, "taking the options of"):
            params = bind(spec.pretrain_params, options)
        with self._alone(spec):
            folder = held(self.workspace, f"{FOLDER}/{spec.name}-{_digest(texts, params, parent)}")
            make_folder(folder, self.workspace)
            held_tree(folder)
            begin = time.monotonic()
            looks, whole = self._learn(spec, texts, folder, params, self.models.weights(parent) if parent else None)
            seconds = time.monotonic() - begin
            model = self.models.keep(spec, folder, parent, journal)
            if whole:
                shutil.rmtree(folder)
        return Pretrained(model, len(set(texts)), looks, seconds, whole)

    def _spec(self, name: str) -> EncoderSpec:
        """The encoder of that name, if it learns here; raises `BadInput` if it does not."""
        registry = self.models.registry
        spec = registry.get(EncoderSpec, name)
        if spec.pretrain is None:
            able = [other.name for other in registry.all(EncoderSpec) if other.pretrain is not None]
            raise BadInput(f"{spec.name} is not pretrained here; encoders that are: {', '.join(able) or 'none'}")
        hold_installed(spec, "pretraining")
        return spec

    def _start(self, spec: EncoderSpec, reference: str) -> Model:
        found = self.models.find(reference)
        if found is not None and found.encoder != spec.name:
            raise BadInput(f"{spec.name} goes on from a model of its own, which {found.name} is not")
        if found is None:
            raise NotFound(f"{reference} has not been pretrained yet, so there is nothing to continue from")
        return found

    def _enough(self, texts: Sequence[str]) -> Sequence[str]:
        if not texts:
            raise NotReady("no texts to learn from: `curator add` some, or give files of them with --corpus")
        different = len(set(texts))
        if different < FEW:
            few = count(different, "different text")
            self.reporter.say(f"note: {few} to learn from: what an encoder makes of fewer than {FEW} is poor")
        return texts

    def _learn(
        self, spec: EncoderSpec, texts: Sequence[str], folder: Path, params: Any, start: Path | None
    ) -> tuple[tuple[Look, ...], bool]:
        looks: list[Look] = []
        assert spec.pretrain is not None
        with self.reporter.progress(f"pretraining {spec.name}", SHARES) as advance:
            try:
                with self.models.registry.guard(spec, "pretraining"), made_for_readers(self.workspace):
                    spec.pretrain(texts, folder, params, start, _watch(looks, advance, self.reporter))
            except KeyboardInterrupt:
                if not self.models.usable(spec, folder):
                    raise
                return tuple(looks), False
        return tuple(looks), True

    @contextlib.contextmanager
    def _alone(self, spec: EncoderSpec) -> Iterator[None]:
        from filelock import FileLock, Timeout

        name = held(self.workspace, f"{FOLDER}/.{spec.name}.lock")
        make_folder(name.parent, self.workspace)
        lock = FileLock(name, mode=file_mode(self.workspace))
        try:
            lock.acquire(timeout=0)
        except Timeout:
            raise NotReady(f"{spec.name} is being pretrained here by another curator: wait until it ends") from None
        try:
            yield
        finally:
            lock.release()


def lines_of(files: Sequence[str | Path]) -> list[str]:
    """The lines of text files, without empty ones; raises `NotFound` and `BadInput`, naming the file."""
    texts: list[str] = []
    for name in files:
        path = expand_path(name)
        if not path.is_file():
            raise (BadInput if path.exists() else NotFound)(f"no file {name!r} to learn from")
        try:
            texts += [line for line in map(str.strip, decode_text(path.read_bytes()).splitlines()) if line]
        except BadContent as error:
            raise BadInput(f"{name!r} cannot be learnt from: {error}") from error
        except OSError as error:
            raise BadInput(f"{name!r} cannot be read: {reason(error)}") from error
    return texts


def _watch(looks: list[Look], advance: Callable[[int], None], reporter: Reporter) -> Callable[[Look], None]:
    """What an encoder tells on the way: kept, and shown as a share of the whole and as a line.

    Nothing that it tells can fail: what is no `Look` is passed over, and of one only what can be shown is taken.
    """
    share = shares(advance)

    def watch(told: object) -> None:
        if not isinstance(told, Look):
            return
        look = Look(share(told.done), figure(told.held_out), figure(told.best) == 1)
        if isinstance(told.unit, str) and told.unit.isprintable():
            look = dataclasses.replace(look, unit=told.unit)
        looks.append(look)
        known = f"{look.held_out:.3f} {look.unit}" if math.isfinite(look.held_out) else "unknown"
        best = "" if look.best else " (not better)"
        reporter.say(f"{look.done:4.0%}  held out: {known}{best}")

    return watch


def _digest(texts: Sequence[str], params: Any, start: Model | None) -> str:
    """What makes one pretraining another than the next: only the same one goes on."""
    found = hashlib.sha256(json.dumps(dataclasses.asdict(params), sort_keys=True).encode())
    found.update((start.fingerprint if start else "").encode())
    for text in sorted(set(texts)):
        found.update(hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest())
    return found.hexdigest()[:16]
