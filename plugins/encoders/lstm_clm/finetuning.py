"""Fine-tuning for labels: the states learn to tell the classes apart, and embed texts better for it.

ULMFiT (Howard & Ruder 2018, "Universal language model fine-tuning for text classification"): a linear layer over
pooled states; first it alone learns, then one more layer in each epoch from the top down (gradual unfreezing), with
lower rates for lower layers (discriminative rates, 1 / 2.6 each) and a rate that rises and falls. The linear layer
begins as a logistic regression on the frozen vectors, which is its own optimum (Kumar et al. 2022, "Fine-tuning can
distort pretrained features and underperform out-of-distribution").

Some of the labelled texts are held out, the same share of each class; few texts are split in several ways. How many
epochs is best for what is held out is then how many are learnt from all; where the frozen vectors are best, nothing is
left. Best is the lowest cross-entropy after temperature scaling (Guo et al. 2017, "On calibration of modern neural
networks"): a linear layer that grows too sure of itself costs nothing, since a head is fitted anew on the vectors.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from torch import Tensor
from torch.nn import functional

from curator.errors import BadInput
from curator.kit.finetuning import split

from . import folder as folders
from . import learning, network, pooling
from .config import Shape
from .network import Rates, Weights

POOLING = "concat"
LOWER = 2.6  # a layer's rate over that of the layer below it
LONGEST = 512  # pieces of a text that are learnt from
HEAD = ("head.weight", "head.bias")
C = 10.0  # as of curator's logistic head
SCALES = np.geomspace(1 / 8, 8, 49).tolist()  # of the logits: one over the temperature


@dataclass(frozen=True, slots=True)
class Tuning:
    """How it learns. `epochs`: None follows the number of texts, 40 for the fewest and 8 for the most."""

    epochs: int | None = None
    rows: int = 32
    rate: float = 2e-3  # the highest of the top layer
    head_rate: float = 1e-2
    decay: float = 0.01
    dropout: float = 0.75  # a factor of all rates of `network.Rates`
    held_out: float = 0.2
    splits: int | None = None  # None follows the number of texts, 5 for the fewest and 1 for the most
    refit: int = 3_000  # texts, up to which what was held out is learnt from as well in the end
    patience: int = 6  # epochs without a better held-out loss
    enough: int = 3  # times that all of what is held out is right
    precision: str = "auto"

    def epochs_for(self, texts: int) -> int:
        """How many epochs at most."""
        return self.epochs or max(8, min(40, round(12_000 / texts)))

    def splits_for(self, texts: int) -> int:
        """In how many ways texts are held out."""
        return self.splits or max(1, min(5, 1_000 // texts))


@dataclass(frozen=True, slots=True)
class Tried:
    """One epoch: mean cross-entropy in nats and accuracy on the held-out texts, means over the splits.

    Epoch 0 is the frozen model; `best`: no epoch before it had a lower loss.
    """

    epoch: int
    epochs: int
    seconds: float
    loss: float
    accuracy: float
    best: bool


@dataclass(frozen=True, slots=True)
class Tuned:
    """A finished model. `before` and `after` are held-out loss and accuracy, means over the splits; None where nothing
    could be held out.

    No epochs: the frozen model was best, and nothing was written.
    """

    folder: Path
    epochs: int
    before: tuple[float, float] | None
    after: tuple[float, float] | None
    seconds: float


@dataclass(frozen=True, slots=True)
class Labelled:
    """Texts as numbers of pieces, the class of each, and numbers that are the same for versions of one text."""

    rows: list[list[int]]
    targets: NDArray[np.int64]
    kin: NDArray[np.int64]

    def some(self, chosen: NDArray[np.int64]) -> Labelled:
        """Those with these indices."""
        return Labelled([self.rows[index] for index in chosen], self.targets[chosen], self.kin[chosen])


def finetune(
    source: Path,
    folder: Path,
    texts: Sequence[str],
    targets: Sequence[int],
    classes: int,
    tuning: Tuning | None = None,
    seed: int = 0,
    report: Callable[[Tried], None] | None = None,
    kin: Sequence[int] | None = None,
) -> Tuned:
    """Learn from labelled texts with the model in `source`, and leave another in `folder`.

    `targets` are the classes, 0 to `classes` - 1, of which each has a text; `kin` are numbers, the same for versions of
    one text, which are learnt from or held out together. A KeyboardInterrupt ends it with the best
    so far, and nothing is written where none was better than the frozen model; it goes on to the caller.
    """
    tuning = tuning or Tuning()
    shape, weights, vocabulary, _ = folders.read(source)
    wanted = np.asarray(targets, dtype=np.int64)
    if classes < 2 or len(wanted) != len(texts) or set(np.unique(wanted)) != set(range(classes)):
        raise BadInput("fine-tuning needs texts of at least two classes, and of each that is named")
    # In an order of their own, so that the one in which they come makes no difference.
    order = sorted(range(len(texts)), key=lambda index: (texts[index], wanted[index]))
    related = np.arange(len(texts)) if kin is None else np.asarray(kin, dtype=np.int64)[order]
    texts, wanted = [texts[index] for index in order], wanted[order]
    given = Labelled([ids[:LONGEST] for ids in vocabulary.encode(texts)], wanted, related)
    began = time.perf_counter()
    tuner = _Tuner(shape, weights, tuning, classes, seed, report or (lambda tried: None), began)
    stopped: KeyboardInterrupt | None = None
    with learning.one_core_each(), learning.workers() as pool:
        try:
            best = tuner.choose(pool, given)
            if best and len(texts) <= tuning.refit:
                tuner.refit(pool, given, best)
        except KeyboardInterrupt as interrupt:
            stopped = interrupt
    seconds = time.perf_counter() - began
    if not tuner.best_epoch:
        if stopped:
            raise stopped
        return Tuned(folder, 0, tuner.before, tuner.after, seconds)
    key = {"from": folders.fingerprint(source), "labels": _digest(texts, wanted), "tuning": dataclasses.asdict(tuning)}
    facts = {"epochs": tuner.best_epoch, "before": tuner.before, "after": tuner.after, "seconds": seconds}
    folders.write(folder, tuner.kept, vocabulary)
    folders.describe(folder, shape, {**key, "seed": seed}, facts, tuner.curve, complete=True)
    if stopped:
        raise stopped
    return Tuned(folder, tuner.best_epoch, tuner.before, tuner.after, seconds)


def _digest(texts: Sequence[str], targets: NDArray[np.int64]) -> str:
    pairs = json.dumps([list(texts), targets.tolist()])
    return hashlib.sha256(pairs.encode()).hexdigest()


class _Tuner:
    """The model with its linear layer."""

    def __init__(
        self,
        shape: Shape,
        frozen: Weights,
        tuning: Tuning,
        classes: int,
        seed: int,
        report: Callable[[Tried], None],
        began: float,
    ) -> None:
        self.shape, self.frozen, self.tuning, self.classes, self.seed = shape, frozen, tuning, classes, seed
        self.report, self.began = report, began
        self.dtype = torch.bfloat16 if learning.uses_bf16(tuning.precision) else torch.float32
        self.rates = Rates().times(tuning.dropout)
        self.kept: Weights = frozen
        self.best_epoch, self.curve = 0, list[dict[str, float]]()
        self.before: tuple[float, float] | None = None
        self.after: tuple[float, float] | None = None

    def choose(self, pool: ThreadPoolExecutor, given: Labelled) -> int:
        """The number of epochs after which what is held out is told apart best, on average over the splits.

        All splits go on together, an epoch of each. `kept` is then the first one's model, which has not learnt from
        what was held out from it.
        """
        seeds = range(self.seed, self.seed + self.tuning.splits_for(len(given.rows)))
        parts = [split(given.targets, given.kin, self.tuning.held_out, seed) for seed in seeds]
        epochs = self.tuning.epochs_for(len(given.rows))
        if not all(len(held_out) for _, held_out in parts):
            self.best_epoch = max(1, epochs // 2)
            return self.best_epoch
        runs = [self.learn(pool, given.some(learnt), epochs) for learnt, _ in parts]
        for epoch, models in enumerate(zip(*runs, strict=True)):
            found = [self.measure(pool, model, given.some(part[1])) for model, part in zip(models, parts, strict=True)]
            loss, accuracy = np.mean(found, axis=0).tolist()
            best = self.after is None or loss < self.after[0]
            if best:
                self.after, self.best_epoch = (loss, accuracy), epoch
                self.before = self.before or self.after
                self.kept = self.encoder(models[0])
            tried = Tried(epoch, epochs, time.perf_counter() - self.began, loss, accuracy, best)
            self.curve.append({name: value for name, value in dataclasses.asdict(tried).items() if name != "best"})
            self.report(tried)
            all_right = sum(known["accuracy"] == 1 for known in self.curve)
            if epoch - self.best_epoch >= self.tuning.patience or all_right >= self.tuning.enough:
                break
        return self.best_epoch

    def refit(self, pool: ThreadPoolExecutor, given: Labelled, epochs: int) -> None:
        """Learn from all for so many epochs, at the rates by which the number was chosen, and keep the model."""
        most = self.tuning.epochs_for(len(given.rows))
        self.kept = self.encoder(next(islice(self.learn(pool, given, most), epochs, None)))

    def learn(self, pool: ThreadPoolExecutor, given: Labelled, epochs: int) -> Iterator[Weights]:
        """The weights as they begin, then after each epoch; the same tensors each time."""
        generator = torch.Generator().manual_seed(self.seed)
        weights = {**{name: value.clone() for name, value in self.frozen.items()}, **self._head(given)}
        for value in weights.values():
            value.requires_grad_()
        groups = self._groups()
        optimizer = learning.optimizer([[weights[name] for name in group] for group in groups], self.tuning.decay)
        batches = math.ceil(len(given.rows) / self.tuning.rows)
        yield weights
        for epoch in range(epochs):
            order = torch.randperm(len(given.rows), generator=generator).numpy()
            for number, start in enumerate(range(0, len(order), self.tuning.rows)):
                self._gradients(pool, weights, given.some(order[start : start + self.tuning.rows]), generator)
                share = (epoch * batches + number) / (epochs * batches)
                learning.step(optimizer, self._rates(learning.one_cycle(share), epoch, len(groups)))
            yield weights

    @staticmethod
    def encoder(weights: Weights) -> Weights:
        """A copy of the weights but for the linear layer's."""
        return {name: value.detach().clone() for name, value in weights.items() if name not in HEAD}

    def _head(self, given: Labelled) -> Weights:
        """The linear layer as a logistic regression on the frozen vectors, each class of the same weight."""
        rows = pooling.vectors(self.frozen, given.rows, POOLING) / math.sqrt(len(pooling.PARTS[POOLING]))
        fitted = LogisticRegression(C=C, class_weight="balanced", max_iter=300).fit(rows, given.targets)
        weight, bias = fitted.coef_, fitted.intercept_
        if self.classes == 2:
            weight, bias = np.vstack([-weight / 2, weight / 2]), np.concatenate([-bias / 2, bias / 2])
        return {
            name: torch.tensor(value, dtype=torch.float32) for name, value in zip(HEAD, (weight, bias), strict=True)
        }

    def _groups(self) -> list[list[str]]:
        """The weights that share a rate, from the top down; those of the output predict pieces and stay."""
        layers = [[name for name in self.frozen if name.startswith(f"lstm.{n}.")] for n in range(self.shape.layers)]
        return [list(HEAD), *reversed(layers), ["embedding.weight"]]

    def _rates(self, share: float, epoch: int, groups: int) -> list[float]:
        """Of the groups: the head's, then that of each layer that has its turn by this epoch."""
        layers = [self.tuning.rate / LOWER**number if epoch >= number else 0.0 for number in range(groups - 1)]
        return [share * rate for rate in (self.tuning.head_rate, *layers)]

    def _gradients(
        self, pool: ThreadPoolExecutor, weights: Weights, batch: Labelled, generator: torch.Generator
    ) -> float:
        """Set the gradients for a batch; the mean loss."""
        order = np.argsort([-len(row) for row in batch.rows], kind="stable")
        batch = batch.some(order)
        masks = network.draw(self.shape, len(batch.rows), self.rates, generator)
        targets = torch.from_numpy(batch.targets)

        def work(mine: Weights, rows: slice) -> tuple[Tensor, None]:
            parts = pooling.pooling_parts(mine, batch.rows[rows], masks.rows(rows), self.dtype)
            found = self._logits(mine, pooling.join_parts(mine, parts, POOLING))
            return functional.cross_entropy(found, targets[rows], reduction="sum") / len(batch.rows), None

        return learning.gradients(pool, weights, len(batch.rows), work)[0]

    def _logits(self, weights: Weights, vectors: Tensor) -> Tensor:
        """(n, classes) of joined vectors, whose parts are of unit length."""
        return vectors / math.sqrt(len(pooling.PARTS[POOLING])) @ weights[HEAD[0]].T + weights[HEAD[1]]

    def measure(self, pool: ThreadPoolExecutor, weights: Weights, given: Labelled) -> tuple[float, float]:
        """Mean cross-entropy in nats, at the temperature at which it is lowest, and accuracy."""
        with torch.no_grad():
            vectors = torch.from_numpy(pooling.vectors(weights, given.rows, POOLING))
            found, targets = self._logits(weights, vectors), torch.from_numpy(given.targets)
            accuracy = (found.argmax(1) == targets).float().mean().item()
            scaled = [functional.cross_entropy(found * scale, targets).item() for scale in SCALES]
            return min(scaled), accuracy
