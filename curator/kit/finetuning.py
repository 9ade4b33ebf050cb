"""For encoder plugins that learn labels: what is held out, and the loop in which a torch network of pictures learns.

Public, like `curator.api`. Nothing heavy is imported with it.

The linear layer begins as a logistic regression on the frozen vectors, which is its own optimum, so that its first
gradients do not spoil what the network knows (Kumar et al. 2022, "Fine-tuning can distort pretrained features and
underperform out-of-distribution"). Lower stages learn at lower rates, 1 / 2.6 each, and the rate rises and falls
(Howard & Ruder 2018, "Universal language model fine-tuning for text classification"; the fall is a cosine: Loshchilov &
Hutter 2017, "SGDR"), with AdamW (Loshchilov & Hutter 2019, "Decoupled weight decay regularization"). Each epoch sees
each picture once, as another crop of it, flipped or not, in slightly other colours.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from curator.api import ImageBatch, Labelled, Preprocess, Tried
from curator.errors import NotReady
from curator.kit.devices import one_thread

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["Recipe", "fine_tune", "split"]


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a network learns. `epochs`: None follows the number of pictures, 30 for the fewest and 6 for the most."""

    epochs: int | None = None
    rows: int = 16
    rate: float = 3e-4  # the highest of the top stage
    head_rate: float = 3e-3
    lower: float = 2.6  # a stage's rate over that of the stage below it
    decay: float = 0.01
    warm_up: float = 0.1  # the share of the steps in which the rate rises
    smallest: float = 0.5  # a crop is at least so much of a picture's area
    jitter: float = 0.2  # brightness, contrast and saturation change by up to this share
    held_out: float = 0.2
    patience: int = 5  # epochs without a better one
    enough: int = 3  # times that all of what is held out is right
    c: float = 10.0  # of the logistic regression, as of curator's head
    seed: int = 0

    def epochs_for(self, pictures: int) -> int:
        """How many epochs at most."""
        return self.epochs or max(6, min(30, round(6_000 / pictures)))


def split(
    targets: NDArray[np.int64], kin: NDArray[np.int64], share: float, seed: int, least: int = 1
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Indices to learn from and to hold out, in order: of each class about its `share`, and at least `least`.

    Kin (items of the same number in `kin`) stay together. No class holds out more than half of what it has where that
    is more than its share, and of each one is left to learn from; so a class whose items are all kin holds out none,
    and `least` counts for classes of at least two and a half times as many.
    """
    import numpy as np

    chance = np.random.default_rng(seed)
    sizes = np.bincount(targets)
    wanted = np.maximum(np.rint(share * sizes), np.clip(2 * sizes // 5, 1, least))
    most = np.clip(np.maximum(wanted, sizes // 2), 0, np.maximum(sizes - 1, 0))
    taken = np.zeros(len(sizes))
    held_out = np.zeros(len(targets), bool)
    for target in np.unique(targets):
        for number in chance.permutation(np.unique(kin[targets == target])):
            if taken[target] >= wanted[target]:
                break
            more = np.bincount(targets[(kin == number) & ~held_out], minlength=len(sizes))
            if (taken + more <= most).all():
                held_out |= kin == number
                taken += more
    return np.flatnonzero(~held_out), np.flatnonzero(held_out)


def fine_tune(
    stages: Sequence[Any],
    first: int,
    labelled: Labelled,
    preprocess: Preprocess,
    device: str,
    save: Callable[[], None],
    report: Callable[[Tried], None],
    recipe: Recipe | None = None,
) -> None:
    """Let the upper part of a torch network learn to tell classes of pictures apart; its modules are changed in place.

    `stages` are modules in the order in which they run, (n, 3, crop, crop) float32 into the first and (n, dim) out of
    the last; those from number `first` on learn. `save` is called when the network was never better on what is held
    out, and what it writes is what stays: a KeyboardInterrupt goes through at any time. It is not called where nothing
    is better than the frozen network. `report` is told of the frozen one first, then after each epoch.

    Batch normalisation keeps its running statistics, as in use: those of sixteen pictures of a few classes are noise
    beside those of the million that it was trained on. Its scales and shifts learn. The seed decides, on the CPU to the
    last digit for the same number of threads. Raises `NotReady` where nothing can be held out.
    """
    import torch

    recipe = recipe or Recipe()
    learnt, held_out = split(labelled.targets, labelled.kin, recipe.held_out, recipe.seed)
    if not len(held_out):
        raise NotReady("nothing can be held out: the pictures of each class are copies of one another")
    # What is drawn at random, crops and colours, is drawn on the CPU.
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.seed)
        tuner = _Tuner(stages, first, labelled, preprocess, device, recipe)
        tuner.begin(learnt)
        best = tuner.measure(held_out)
        report(Tried(0.0, best[0], True))
        epochs, last, all_right = recipe.epochs_for(len(learnt)), 0, int(best[0] == 1)
        for epoch in range(1, epochs + 1):
            tuner.learn(learnt, epoch, epochs)
            found = tuner.measure(held_out)
            better = found > best
            if better:
                best, last = found, epoch
                save()
            report(Tried(epoch / epochs, found[0], better))
            all_right += found[0] == 1
            if epoch - last >= recipe.patience or all_right >= recipe.enough:
                break


class _Tuner:
    """A network with its linear layer, in training."""

    def __init__(
        self,
        stages: Sequence[Any],
        first: int,
        labelled: Labelled,
        preprocess: Preprocess,
        device: str,
        recipe: Recipe,
    ) -> None:
        import torch

        self.labelled, self.preprocess, self.device, self.recipe = labelled, preprocess, device, recipe
        order: dict[str, Any] = {"device": device, "memory_format": torch.channels_last}
        self.bottom = torch.nn.Sequential(*stages[:first]).eval().requires_grad_(False).to(**order)
        self.top = torch.nn.Sequential(*stages[first:]).eval().requires_grad_(True).to(**order)
        self.head: Any = None
        self.augment = _augmentation(preprocess, recipe)

    def begin(self, learnt: NDArray[np.int64]) -> None:
        """Fit the linear layer to the frozen vectors, and set up what each part learns with."""
        import numpy as np
        import torch
        from sklearn.linear_model import LogisticRegression

        targets = self.labelled.targets[learnt]
        fitted = LogisticRegression(C=self.recipe.c, class_weight="balanced", max_iter=1000)
        vectors = self.vectors(learnt).cpu().numpy()
        with one_thread():
            fitted.fit(vectors, targets)
        weight, bias = fitted.coef_, fitted.intercept_
        if self.labelled.classes == 2:
            weight, bias = np.vstack([-weight / 2, weight / 2]), np.concatenate([-bias / 2, bias / 2])
        self.head = torch.nn.Linear(weight.shape[1], len(weight), device=self.device)
        self.head.load_state_dict({"weight": torch.as_tensor(weight), "bias": torch.as_tensor(bias)})
        # Ten pictures of a thing stand among hundreds of others: classes count the same, as for curator's heads.
        counts = np.bincount(targets, minlength=self.labelled.classes)
        self.weights = torch.as_tensor(len(targets) / (len(counts) * counts), dtype=torch.float32, device=self.device)
        self.optimizer = torch.optim.AdamW(self._groups())

    def _groups(self) -> list[dict[str, Any]]:
        """What learns, by rate and decay; scales, shifts and biases do not decay."""
        rate, groups = self.recipe.rate, []
        for module, top in [(self.head, self.recipe.head_rate), *((stage, None) for stage in reversed(self.top))]:
            parameters = list(module.parameters())
            if not parameters:
                continue
            for decays in (True, False):
                some = [parameter for parameter in parameters if (parameter.ndim > 1) is decays]
                decay = self.recipe.decay if decays else 0.0
                groups.append({"params": some, "peak": top or rate, "weight_decay": decay})
            rate = rate if top else rate / self.recipe.lower
        return groups

    def learn(self, learnt: NDArray[np.int64], epoch: int, epochs: int) -> None:
        """One epoch."""
        import torch
        from torch.nn import functional

        order = learnt[torch.randperm(len(learnt)).numpy()]
        batches = math.ceil(len(order) / self.recipe.rows)
        for number in range(batches):
            chosen = order[number * self.recipe.rows : (number + 1) * self.recipe.rows]
            with torch.no_grad():
                below = self.bottom(self._augmented_crops(chosen))
            targets = torch.as_tensor(self.labelled.targets[chosen], device=self.device)
            found = self.head(functional.normalize(self.top(below)))
            losses = functional.cross_entropy(found, targets, reduction="none")
            self.optimizer.zero_grad()
            torch.autograd.backward((losses * self.weights[targets]).mean())
            torch.nn.utils.clip_grad_norm_((p for group in self.optimizer.param_groups for p in group["params"]), 1.0)
            share = _schedule(((epoch - 1) * batches + number + 1) / (epochs * batches), self.recipe.warm_up)
            for group in self.optimizer.param_groups:
                group["lr"] = share * group["peak"]
            self.optimizer.step()

    def measure(self, chosen: NDArray[np.int64]) -> tuple[float, float]:
        """Balanced accuracy, and minus the cross-entropy in nats with each class counting the same: more is better."""
        import numpy as np
        import torch
        from torch.nn import functional

        with torch.no_grad():
            found = self.head(self.vectors(chosen)).cpu()
        targets = self.labelled.targets[chosen]
        losses = functional.cross_entropy(found, torch.as_tensor(targets), reduction="none").double().numpy()
        right = found.argmax(1).numpy() == targets
        by_class = [
            (right[targets == target].mean(), losses[targets == target].mean()) for target in np.unique(targets)
        ]
        accuracy, loss = np.mean(by_class, axis=0).tolist()
        return accuracy, -loss

    def vectors(self, chosen: NDArray[np.int64]) -> Any:
        """Unit rows of whole pictures, (n, dim), as they are now."""
        import torch
        from torch.nn import functional

        rows, size = [], self.recipe.rows
        with torch.no_grad():
            for start in range(0, len(chosen), size):
                batch: ImageBatch = self.labelled.items.batch(chosen[start : start + size].tolist())  # type: ignore[union-attr]
                rows.append(functional.normalize(self.top(self.bottom(self._there(torch.from_numpy(batch.pixels))))))
        return torch.cat(rows)

    def _augmented_crops(self, chosen: NDArray[np.int64]) -> Any:
        """(n, 3, crop, crop) float32 of crops."""
        import torch

        pictures = [torch.tensor(self.labelled.items[index]).permute(2, 0, 1) for index in chosen.tolist()]
        return self._there(torch.stack([self.augment(picture) for picture in pictures]))

    def _there(self, pixels: Any) -> Any:
        import torch

        return pixels.to(self.device, memory_format=torch.channels_last)


def _augmentation(preprocess: Preprocess, recipe: Recipe) -> Any:
    """From a resized picture, (3, h, w) uint8, to a crop of it at random, (3, crop, crop) float32."""
    import torch
    from torchvision.transforms import v2

    crop, jitter = preprocess.crop, recipe.jitter

    def padded(picture: Any) -> Any:
        missing = [max(0, crop - side) for side in (picture.shape[2], picture.shape[1])]
        left, top = missing[0] // 2, missing[1] // 2
        return v2.functional.pad(picture, [left, top, missing[0] - left, missing[1] - top], fill=preprocess.fill)

    steps = [
        padded,
        v2.RandomResizedCrop(crop, scale=(recipe.smallest, 1.0), ratio=(0.8, 1.25), antialias=True),
        v2.RandomHorizontalFlip(),
        v2.ColorJitter(jitter, jitter, jitter),
        v2.ToDtype(torch.float32, scale=True),
        v2.Normalize(preprocess.mean, preprocess.std),
    ]
    return v2.Compose(steps)


def _schedule(done: float, warm_up: float) -> float:
    """The factor of all rates after a share of the steps: up in a line, down in half a cosine."""
    if done < warm_up:
        return done / warm_up
    return (1 + math.cos(math.pi * (done - warm_up) / (1 - warm_up))) / 2
