"""Fine-tuning: an encoder that learnt here learns the labels too, and becomes another model.

Some of the labelled items are kept from it, so that there is something to measure it on afterwards. Which items it saw
is kept with the model: figures of heads on it never rest on them.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from curator.api import EncoderSpec, Item, Model, Tried
from curator.contract import held
from curator.core.changes import Journal
from curator.core.labels import Examples
from curator.core.models import Models
from curator.core.reporting import SHARES, Reporter, count, shares
from curator.core.selection import Items
from curator.core.trained import SEEN
from curator.errors import BadInput, NotReady

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

HELD_OUT = 0.2
"""The share of each class that is kept from the encoder."""

SEED = 0


class FineTuning:
    """Lets encoders learn labels."""

    def __init__(self, models: Models, items: Items, reporter: Reporter) -> None:
        self.models = models
        self.items = items
        self.reporter = reporter

    def run(self, journal: Journal, model: Model, examples: Examples) -> Model:
        """A further version of a model that was fine-tuned on four fifths of the examples; its name stays with the old.

        Raises `BadInput` for an encoder that cannot be fine-tuned, `NotReady` for too few examples.
        """
        spec = self.models.registry.get(EncoderSpec, model.encoder)
        start = self.models.weights(model)
        if spec.fine_tune is None or start is None:
            able = [other.name for other in self.models.registry.all(EncoderSpec) if other.fine_tune is not None]
            raise BadInput(f"{model.name} cannot be fine-tuned; encoders that can: {', '.join(able) or 'none'}")
        items, targets = self._examples(spec, examples)
        learnt = learning_part(targets)
        given = [items[index] for index in learnt]
        say = f"fine-tuning {model.name} on {count(len(given), 'text')}, {len(items) - len(given):,} are kept from it"
        self.reporter.say(say)
        with tempfile.TemporaryDirectory(prefix="curator-") as name:
            folder = Path(name)
            self._learn(spec, start, folder, given, targets[learnt], len(examples.classes))
            (folder / SEEN).write_text(json.dumps(sorted(item.hash for item in given)))
            return self.models.keep(spec, folder, model, journal, current=False)

    def _examples(self, spec: EncoderSpec, examples: Examples) -> tuple[list[Item], NDArray[np.int64]]:
        """The labelled texts and their classes."""
        import numpy as np

        wanted = dict(zip(examples.items, examples.targets, strict=True))
        items = [item for item in self.items.by_ids(examples.items) if item.modality in spec.modalities]
        targets = np.asarray([wanted[item.id] for item in items], dtype=np.int64)
        few = [examples.classes[index] for index in range(len(examples.classes)) if (targets == index).sum() < 3]
        if few:
            raise NotReady(f"fine-tuning takes three or more texts of each class; there are fewer of {', '.join(few)}")
        return items, targets

    def _learn(
        self,
        spec: EncoderSpec,
        start: Path,
        folder: Path,
        items: Sequence[Item],
        targets: NDArray[np.int64],
        classes: int,
    ) -> None:
        assert spec.fine_tune is not None
        with self.reporter.progress(f"fine-tuning {spec.name}", SHARES) as advance:
            share = shares(advance)

            def watch(tried: Tried) -> None:
                share(held(Tried, tried).done)
                better = "" if tried.best else " (not better)"
                self.reporter.say(f"{tried.done:4.0%}  {tried.accuracy:.1%} right of what it holds out itself{better}")

            try:
                with self.models.registry.guard(spec, "fine-tuning"):
                    spec.fine_tune(start, folder, [item.text or "" for item in items], targets, classes, watch)
            except KeyboardInterrupt:
                if not self.models.usable(spec, folder):
                    raise
                self.reporter.say("stopped: the best until now is kept")


def learning_part(targets: NDArray[np.int64]) -> NDArray[np.int64]:
    """Indices of those to learn from, in order: all but a fifth of each class, and of each at least one."""
    import numpy as np

    chance = np.random.default_rng(SEED)
    kept: list[int] = []
    for target in np.unique(targets):
        indices = chance.permutation(np.flatnonzero(targets == target))
        kept += indices[: max(1, round(HELD_OUT * len(indices)))].tolist()
    return np.setdiff1d(np.arange(len(targets)), kept)
