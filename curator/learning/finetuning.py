"""Fine-tuning: an encoder learns the labels, and becomes another model.

Some of the labelled items are held back from it, so that there is something to measure it on afterwards. Which items it
saw is kept with the model: figures of heads on it never rest on them. Copies are kept or seen together.
"""

from __future__ import annotations

import json
import math
import tempfile
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from curator.api import EncoderSpec, Item, Labelled, Model, Resolved, Tried
from curator.catalog.items import Items
from curator.catalog.labels import Examples
from curator.embedding.models import Models
from curator.embedding.reference import Reference
from curator.embedding.trained_weights import SEEN
from curator.errors import BadInput, NotReady
from curator.history.journal import Journal
from curator.kit.devices import choose_device
from curator.kit.finetuning import split
from curator.learning.labelled_pictures import Decoded, decode_pictures
from curator.registry.packages import hold_installed
from curator.reporter import SHARES, Reporter, count, figure, shares

HELD_OUT = 0.2
"""The share of each class that is kept from the encoder."""

SEED = 0

HEAD = "head"
"""The depth at which nothing of any encoder learns, only the head on it."""


class FineTuning:
    """Lets encoders learn labels."""

    def __init__(self, models: Models, items: Items, reporter: Reporter) -> None:
        self.models = models
        self.items = items
        self.reporter = reporter

    def depth(self, reference: str, depth: str | bool) -> str:
        """What an encoder calls how much of it learns, of what was asked for: True is its default.

        Raises `BadInput`, naming those that there are, for one that it does not have or that cannot be fine-tuned, and
        `NotReady` where a package for it is not installed.
        """
        spec = self.models.registry.get(EncoderSpec, Reference.parse(reference).name)
        if depth == HEAD:
            return HEAD
        if spec.fine_tune is None:
            able = [other.name for other in self.models.registry.all(EncoderSpec) if other.fine_tune is not None]
            raise BadInput(f"{reference} cannot be fine-tuned; encoders that can: {', '.join(able) or 'none'}")
        depths = spec.fine_tune_depths
        if depth is not True and depth not in depths:
            known = f"take {', '.join((HEAD, *depths[:-1]))} or {depths[-1]}" if depths else "it learns in one way"
            raise BadInput(f"{spec.name} has no depth {depth!r} for --fine-tune: {known}")
        hold_installed(spec, "fine-tuning")
        return next(iter(depths), "") if depth is True else str(depth)

    def run(
        self,
        journal: Journal,
        model: Model,
        examples: Examples,
        depth: str,
        kin_of: Callable[[Sequence[Item]], NDArray[np.int64]],
    ) -> Model:
        """A further version of a model that was fine-tuned on four fifths of the examples; its name stays with the old.

        The model itself where nothing that it tried was better. `depth`: as `depth()` gives it. `kin_of` gives items of
        one original the same number. Raises `NotReady` for too few examples.
        """
        spec = self.models.registry.get(EncoderSpec, model.encoder)
        start = self.models.settled(model)
        items, targets = self._examples(spec, examples)
        # Windows removes no open file: the one with the pictures is closed before its folder goes.
        with tempfile.TemporaryDirectory(prefix="curator-") as name, tempfile.TemporaryFile(dir=name) as file:
            folder = Path(name, "model")
            folder.mkdir()
            data, targets, items = self._labelled_data(spec, start, items, targets, examples.classes, file)
            whole = Labelled(data, targets, len(examples.classes), kin_of(items))
            learnt, kept = split(whole.targets, whole.kin, HELD_OUT, SEED, least=2)
            noun = spec.modalities[0]
            how = f" ({depth})" if depth else ""
            are = "is" if len(kept) == 1 else "are"
            self.reporter.say(
                f"fine-tuning {model.name}{how} on {count(len(learnt), noun)}, {len(kept):,} {are} held back from it"
            )
            self._learn(spec, start, folder, _some(whole, learnt), depth)
            if not any(folder.iterdir()):
                return model
            (folder / SEEN).write_text(json.dumps(sorted(items[index].hash for index in learnt)))
            return self.models.keep(spec, folder, model, journal, current=False)

    def _examples(self, spec: EncoderSpec, examples: Examples) -> tuple[list[Item], NDArray[np.int64]]:
        """The labelled items that the encoder reads, and their classes."""
        wanted = dict(zip(examples.items, examples.targets, strict=True))
        items = [item for item in self.items.by_ids(examples.items) if item.modality == spec.modalities[0]]
        targets = np.asarray([wanted[item.id] for item in items], dtype=np.int64)
        _refuse_few(targets, examples.classes, spec.modalities[0])
        return items, targets

    def _labelled_data(
        self,
        spec: EncoderSpec,
        start: Resolved,
        items: list[Item],
        targets: NDArray[np.int64],
        classes: Sequence[str],
        file: IO[bytes],
    ) -> tuple[Sequence[str] | Decoded, NDArray[np.int64], list[Item]]:
        """What there is to learn from, its classes, and the items of it: those that can be read."""
        if spec.modalities[0] == "text":
            return [item.text or "" for item in items], targets, items
        assert start.preprocess is not None
        pictures, present, failed = decode_pictures(items, self.items.places, start.preprocess, file, self.reporter)
        if failed:
            first = f"{failed[0][0].path}: {failed[0][1]}"
            more = f", and {len(failed) - 1:,} more" if len(failed) > 1 else ""
            self.reporter.say(f"note: {count(len(failed), 'labelled image')} left out ({first}{more})")
        ids = {item.id for item in present}
        targets = targets[np.asarray([item.id in ids for item in items], dtype=bool)]
        _refuse_few(targets, classes, "image")
        return pictures, targets, present

    def _learn(self, spec: EncoderSpec, start: Resolved, folder: Path, labelled: Labelled, depth: str) -> None:
        assert spec.fine_tune is not None
        with self.reporter.progress(f"fine-tuning {spec.name}", SHARES) as advance:
            share = shares(advance)

            def watch(told: object) -> None:
                if not isinstance(told, Tried):
                    return  # it is only shown: nothing may fail for it
                done, accuracy = share(told.done), figure(told.accuracy)
                right = f"{accuracy:.1%}" if math.isfinite(accuracy) else "unknown how much is"
                better = "" if figure(told.best) == 1 else " (not better)"
                self.reporter.say(f"{done:4.0%}  {right} right of what it holds out itself{better}")

            try:
                device = choose_device(self.models.device)
                with self.models.registry.guard(spec, "fine-tuning"):
                    spec.fine_tune(start, folder, labelled, depth, device, watch)
            except KeyboardInterrupt:
                if not self.models.usable(spec, folder):
                    raise
                self.reporter.say("stopped: the best so far is kept")


def _some(whole: Labelled, wanted: NDArray[np.int64]) -> Labelled:
    """These of what is labelled."""
    pictures, indices = whole.items, wanted.tolist()
    items = pictures.some(indices) if isinstance(pictures, Decoded) else [str(pictures[index]) for index in indices]
    return Labelled(items, whole.targets[wanted], whole.classes, whole.kin[wanted])


def _refuse_few(targets: NDArray[np.int64], classes: Sequence[str], noun: str) -> None:
    few = [name for index, name in enumerate(classes) if (targets == index).sum() < 3]
    if few:
        named = ", ".join(few[:5]) + (f" and {len(few) - 5:,} more" if len(few) > 5 else "")
        raise NotReady(f"fine-tuning takes three or more {noun}s of each class; there are fewer of {named}")


def comparison_sentence(
    before: Mapping[str, float], after: Mapping[str, float], kept: Sequence[int], frozen: str, tuned: str
) -> str:
    """A sentence on the figures of a head on the frozen model and on the fine-tuned one, of items of these classes."""
    items = int(min(before["items"], after["items"]))
    if not items:
        return f"too few items were held back from it to tell whether {tuned} is better than {frozen}"
    one, other = before["balanced accuracy"], after["balanced accuracy"]
    counts = Counter(kept)
    # The standard error of the difference of two means over the classes, of shares of about one half.
    chance = (0.5 * sum(1 / many for many in counts.values())) ** 0.5 / len(counts)
    verdict = "better" if other > one else "not better: stay with the frozen one"
    unsure = ", though of so few that may be chance" if 0 < other - one < chance else ""
    return (
        f"of {count(items, 'item')} that were held back from it, each class counting the same, {one:.1%} are right "
        f"with {frozen}, {other:.1%} with {tuned}: {verdict}{unsure}"
    )
