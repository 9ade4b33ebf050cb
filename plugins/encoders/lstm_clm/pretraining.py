"""Pretraining: predict the next piece of every text, until the held-out texts are predicted no better.

AdamW (Loshchilov & Hutter 2019) with a one-cycle learning rate (a rise, then a half cosine; Smith & Topin 2018),
clipped gradients, and truncated backpropagation: a long text goes on from the state of its window before.

What resuming needs is written at every look at the held-out texts, which always falls between two batches. Whoever
resumes goes on from there, loses at most the steps since, and ends with the same weights.
"""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from curator.errors import BadInput

from . import corpus as corpora
from . import folder as folders
from . import learning, network, pooling, vocabulary
from .config import LAYERS, Shape
from .corpus import Corpus
from .network import Carried, Rates, Weights

CHECK = 200  # steps between two looks at the held-out texts, where an epoch has more
SAMPLE = 2_000  # texts that vectors are standardised by
TRIAL = 20  # steps, after which `minutes` are turned into epochs


@dataclass(frozen=True, slots=True)
class Options:
    """How the model is built and how long it learns. `vocabulary`: None follows the size of the corpus."""

    layers: int = 1
    width: int = 512
    embedding: int = 256
    vocabulary: int | None = None
    epochs: int = 12
    rows: int = 32  # texts in a batch
    window: int = 64  # pieces through which a gradient goes back
    rate: float = 3e-3  # the highest learning rate
    decay: float = 0.1
    dropout: float = 1.0  # a factor of all rates of `network.Rates`
    patience: int = 4  # epochs without a better held-out loss
    seed: int = 0
    minutes: float | None = None  # about how long it may take; fewer epochs then, and another result each time
    precision: str = "auto"  # of the products while learning: auto, fp32 or bf16

    def __post_init__(self) -> None:
        if not 1 <= self.layers <= LAYERS:
            raise BadInput(f"layers must be 1 to {LAYERS}, not {self.layers}")
        for name in ("width", "embedding", "epochs", "rows", "window"):
            if getattr(self, name) < 1:
                raise BadInput(f"{name} must be at least 1, not {getattr(self, name)}")
        if self.precision not in ("auto", "fp32", "bf16"):
            raise BadInput(f"precision is auto, fp32 or bf16, not {self.precision!r}")


@dataclass(frozen=True, slots=True)
class Progress:
    """Where pretraining stands at one look at the held-out texts. Losses are nats per piece."""

    step: int
    steps: int
    epoch: float
    epochs: int
    seconds: float
    train_loss: float
    held_out_loss: float
    bits_per_character: float
    best: bool


@dataclass(frozen=True, slots=True)
class Outcome:
    """A finished model. `texts` were learnt from and `held_out` only measured; `seconds` are those of learning."""

    folder: Path
    texts: int
    held_out: int
    bits_per_character: float
    epochs: float
    seconds: float
    resumed: bool = False


@dataclass
class State:
    """All that changes while learning, and that resuming needs."""

    weights: Weights
    best: Weights
    generator: torch.Generator
    optimizer: torch.optim.AdamW
    epoch: int = 0
    batch: int = 0  # of the epoch, the next one
    step: int = 0
    steps: int = 0
    seconds: float = 0.0
    lowest: float = math.inf
    best_step: int = 0
    curve: list[dict[str, float]] = field(default_factory=list)

    NUMBERS = ("epoch", "batch", "step", "steps", "seconds", "lowest", "best_step", "curve")

    def state_dict(self) -> dict[str, Any]:
        """Tensors and plain values alone."""
        return {
            "weights": {name: value.detach() for name, value in self.weights.items()},
            "best": self.best,
            "generator": self.generator.get_state(),
            "optimizer": self.optimizer.state_dict(),
            **{name: getattr(self, name) for name in self.NUMBERS},
        }

    def take(self, packed: dict[str, Any]) -> None:
        """Go on from what `state_dict` gave."""
        with torch.no_grad():
            for name, value in self.weights.items():
                value.copy_(packed["weights"][name])
        self.best = packed["best"]
        self.generator.set_state(packed["generator"])
        self.optimizer.load_state_dict(packed["optimizer"])
        for name in self.NUMBERS:
            setattr(self, name, packed[name])


def pretrain(
    texts: Sequence[str],
    folder: Path,
    options: Options | None = None,
    start: Path | None = None,
    report: Callable[[Progress], None] | None = None,
) -> Outcome:
    """Learn from `texts` and leave a model in `folder`.

    Where the folder holds an unfinished state of the same texts and options, it goes on from there and ends as if it
    had never stopped; a finished one is left as it is. `start` is the folder of an earlier model, whose weights and
    vocabulary are taken over; its sizes then count, not those of `options`. `report` is called at each look at the
    held-out texts. A KeyboardInterrupt leaves the best model so far in the folder, and goes on to the caller.
    """
    options = options or Options()
    distinct = corpora.distinct(texts)
    digest = corpora.digest(distinct)
    split = {"digest": digest, "split": corpora.SPLIT}
    key = {**split, "options": dataclasses.asdict(options), "start": folders.fingerprint(start)}
    done = folders.finished_facts(folder, key)
    if done:
        return Outcome(folder, **done, resumed=True)
    folder.mkdir(parents=True, exist_ok=True)
    with learning.one_core_each():
        return _Pretraining(distinct, folder, options, start, key).run(report or (lambda progress: None))


class _Pretraining:
    """One run."""

    def __init__(
        self, texts: Sequence[str], folder: Path, options: Options, start: Path | None, key: dict[str, Any]
    ) -> None:
        self.folder, self.options, self.key = folder, options, key
        learnt, held_out = corpora.split(texts)
        generator = torch.Generator().manual_seed(options.seed)
        if start:
            self.shape, weights, self.vocabulary, _ = folders.read(start)
            weights = {name: value for name, value in weights.items() if name not in (pooling.MEAN, pooling.SCALE)}
        else:
            characters = sum(map(len, learnt))
            self.vocabulary = vocabulary.train(learnt, options.vocabulary or vocabulary.size_for(characters))
            self.shape = Shape(self.vocabulary.size, options.layers, options.width, options.embedding)
        self.learnt, self.held_out = Corpus(learnt, self.vocabulary), Corpus(held_out, self.vocabulary)
        if not start:
            weights = network.fresh(self.shape, generator, self.learnt.counts(self.shape.vocabulary))
        self.sample = learnt[:: math.ceil(len(learnt) / SAMPLE)]
        self.rates = Rates().times(options.dropout)
        self.dtype = torch.bfloat16 if learning.uses_bf16(options.precision) else torch.float32
        for value in weights.values():
            value.requires_grad_()
        self.state = State(weights, {}, generator, learning.optimizer([list(weights.values())], options.decay))
        self.state.steps = options.epochs * self.learnt.steps(options.rows, options.window)
        an_epoch = self.state.steps // options.epochs
        self.check = math.ceil(an_epoch / math.ceil(an_epoch / CHECK))
        self.resumed = False

    def run(self, report: Callable[[Progress], None]) -> Outcome:
        """Learn, with what was learnt kept whatever happens."""
        unfinished = folders.unfinished_state(self.folder, self.key)
        if unfinished:
            self.state.take(unfinished)
            self.resumed = True
        try:
            with learning.workers() as pool:
                self._learn(pool, report)
        except KeyboardInterrupt:
            if self.state.best:
                self._write(complete=False)
            raise
        return Outcome(self.folder, **self._write(complete=True), resumed=self.resumed)

    def _learn(self, pool: ThreadPoolExecutor, report: Callable[[Progress], None]) -> None:
        state, options, began = self.state, self.options, time.perf_counter() - self.state.seconds
        total, pieces, looked = 0.0, 0, state.step
        while state.step < state.steps and not self._stale():
            batches = self.learnt.shuffled_batches(options.rows, options.seed, state.epoch)
            for chosen in batches[state.batch :]:
                for lost, count in self._windows(pool, chosen):
                    total, pieces = total + lost, pieces + count
                    if options.minutes and state.step == TRIAL:
                        self._fit_in(time.perf_counter() - began, options.minutes)
                    if state.step >= state.steps:
                        break  # within a batch of several windows: the rate has come down to nothing by now
                state.batch += 1
                if state.step - looked >= self.check or state.step >= state.steps or state.batch == len(batches):
                    if state.batch == len(batches):
                        state.epoch, state.batch = state.epoch + 1, 0
                    state.seconds = time.perf_counter() - began
                    progress = self._look(pool, total / pieces)
                    folders.keep(self.folder, self.key, state.state_dict())
                    total, pieces, looked = 0.0, 0, state.step
                    report(progress)
                    if state.step >= state.steps or self._stale():
                        break

    def _windows(self, pool: ThreadPoolExecutor, chosen: Sequence[int]) -> Iterator[tuple[float, int]]:
        """One step for each window of a batch; yields the loss in nats and the number of pieces."""
        carried: Carried | None = None
        for pieces, targets in self.learnt.batch(chosen).windows(self.options.window):
            rows = pieces.shape[1]
            if carried:
                carried = [(hidden[:rows], cell[:rows]) for hidden, cell in carried]
            masks = network.draw(self.shape, rows, self.rates, self.state.generator)
            lost, carried = learning.predict(pool, self.state.weights, (pieces, targets), carried, masks, self.dtype)
            rate = self.options.rate * learning.one_cycle(self.state.step / self.state.steps)
            learning.step(self.state.optimizer, [rate])
            self.state.step += 1
            count = int((targets != network.PAD).sum())
            yield lost * count, count

    def _look(self, pool: ThreadPoolExecutor, train_loss: float) -> Progress:
        """Measure on the held-out texts, and keep the weights if they are the best."""
        state = self.state
        lost = learning.measure(pool, state.weights, self.held_out, self.options.window)
        found = lost / len(self.held_out)
        best = found < state.lowest
        if best:
            state.lowest, state.best_step = found, state.step
            state.best = {name: value.detach().clone() for name, value in state.weights.items()}
        per_character = network.bits(lost) / max(1, self.held_out.characters)
        epoch = state.step / (state.steps / self.options.epochs)
        progress = Progress(
            state.step,
            state.steps,
            epoch,
            self.options.epochs,
            state.seconds,
            train_loss,
            found,
            per_character,
            best,
        )
        state.curve.append({name: getattr(progress, name) for name in folders.CURVE})
        return progress

    def _stale(self) -> bool:
        """Whether the held-out loss has not got better for `patience` epochs."""
        waited = (self.state.step - self.state.best_step) / (self.state.steps / self.options.epochs)
        return math.isfinite(self.state.lowest) and waited >= self.options.patience

    def _fit_in(self, seconds: float, minutes: float) -> None:
        """Fewer steps, where all would take longer than it may."""
        self.state.steps = max(TRIAL + 1, min(self.state.steps, int(TRIAL * minutes * 60 / seconds)))

    def _write(self, complete: bool) -> dict[str, Any]:
        """The best model, into the folder; gives the facts of an `Outcome`."""
        state = self.state
        best = next(point for point in state.curve if point["step"] == state.best_step)
        facts = {
            "texts": self.learnt.texts,
            "held_out": self.held_out.texts,
            "bits_per_character": best["bits_per_character"],
            "epochs": best["epoch"],
            "seconds": state.seconds,
        }
        weights = pooling.standard(state.best, self.vocabulary.encode(self.sample))
        folders.write(self.folder, weights, self.vocabulary)
        folders.describe(self.folder, self.shape, self.key, facts, state.curve, complete)
        return facts
