"""The questions of one round."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from curator.api import Ask, Context, EncoderRef, FittedHead, HeldOut, Item, Modality, Model, TargetRef
from curator.errors import NotReady
from curator.kit.listing import ids_of, items_at, of_media
from curator.kit.trust.suspects import CONTRADICTION, Suspect

from . import choosing

EXAMPLES = 50
"""How many positives are looked for the like of, at most."""
SAMPLE = 2_000
"""Among how many items, taken evenly, typical ones are looked for."""


@dataclass(frozen=True)
class Round:
    """Makes questions about a target, `batch` of them at most."""

    context: Context
    target: TargetRef
    batch: int

    def conflict_question(self, item: Item) -> Ask:
        """Of which two things are said that exclude each other."""
        return self._ask(item, None, "two things are said of it", self._labels)

    def by_head(self, head: FittedHead, items: Sequence[Item]) -> list[Ask]:
        """The least sure, spread out."""
        predicted = self.context.predict(head, of_media(items, head.model.modalities))
        if not predicted.items:
            return []
        probabilities = predicted.probabilities
        unsure = choosing.unsureness(probabilities)
        first = choosing.shortlist(unsure, self.batch)
        present, vectors = self.context.vectors(head.model, items_at(predicted.items, first.tolist()))
        assert len(present) == len(first)  # predictions are made from vectors
        rows = first[choosing.spread(vectors, unsure[first], self.batch)]
        chosen = items_at(predicted.items, rows.tolist())
        return [self._unsure(item, head, probabilities[row]) for item, row in zip(chosen, rows, strict=True)]

    def _unsure(self, item: Item, head: FittedHead, probabilities: NDArray[np.float32]) -> Ask:
        """Of which a head gives these probabilities."""
        best = 1
        choices: tuple[str, ...] = ()
        if not self._of_label:
            order = [int(column) for column in (-probabilities).argsort(kind="stable")]
            best, choices = order[0], self._choices(head, order)
        return self._ask(item, float(probabilities[best]), "among the least sure", choices)

    def suspect_question(self, head: FittedHead, held_out: HeldOut, suspect: Suspect) -> Ask:
        """Of which somebody said something that is probably wrong; what it rather is comes first."""
        said = held_out.probabilities[suspect.index]
        best, choices = 1, tuple[str, ...]()
        if not self._of_label:
            order = [int(column) for column in (-said).argsort(kind="stable") if column != suspect.rather]
            order = order if suspect.rather is None else [suspect.rather, *order]
            best, choices = order[0], self._choices(head, order)
        why = f"labelled {held_out.classes[suspect.label]}, but {_but(held_out, suspect)}"
        return self._ask(held_out.items[suspect.index], float(said[best]), why, choices)

    def without_head(self, encoder: EncoderRef | None, items: Sequence[Item], reason: str) -> list[Ask]:
        """What is like the positives and what is not, or else typical; raises `NotReady` for a group without labels."""
        labels = self._labels
        if not (self._of_label or labels):
            raise NotReady(reason)
        model = self._model(encoder, items)
        items = of_media(items, model.modalities)
        positives, negatives = self._examples(model)
        if self._of_label and positives:
            how, found = "by likeness", self._by_likeness(model, items, positives, negatives)
        else:
            how, found = "for what is typical", self._typical(model, items)
        if found:
            self.context.note(f"asking {how} until a head can be fitted: {reason}")
        return [self._ask(item, None, why, labels) for item, why in found]

    def _by_likeness(
        self, model: Model, items: Sequence[Item], positives: Sequence[Item], negatives: int
    ) -> list[tuple[Item, str]]:
        """The nearest, spread out; while negative examples are few, half of them from all over the rest."""
        _, examples = self.context.vectors(model, positives)
        present, cosines = self.context.cosines(examples, model, items)
        if not present or not len(examples):
            return []
        likeness = (1 + cosines.max(axis=1)) / 2
        far = 0 if negatives >= 2 else self.batch // 2
        # No deeper, even where they are near-copies: what comes after is less and less like the examples.
        first = choosing.shortlist(likeness, self.batch)[: choosing.POOL * (self.batch - far)]
        _, vectors = self.context.vectors(model, items_at(present, first.tolist()))
        near = first[choosing.spread(vectors, likeness[first], self.batch - far)]
        rest = np.setdiff1d((-likeness).argsort(kind="stable"), near, assume_unique=True)
        others = rest[_evenly(len(rest), far + 1)[1:]] if far and len(rest) > far else rest[:far]
        return [(item, "like the examples") for item in items_at(present, near.tolist())] + [
            (item, "for a negative example") for item in items_at(present, others.tolist())
        ]

    def _typical(self, model: Model, items: Sequence[Item]) -> list[tuple[Item, str]]:
        present, vectors = self.context.vectors(model, items_at(items, _evenly(len(items), SAMPLE).tolist()))
        if not present:
            return []
        return [(present[row], "typical of many") for row in choosing.typical(vectors, self.batch)]

    # --- what is known ---

    def without_none(self, items: Sequence[Item]) -> Sequence[Item]:
        """Those that are not said to be none of the labels there are."""
        denied = zip(ids_of(items), self.context.denied(self.target, items), strict=True)
        return self.context.of_ids(id_ for id_, names in denied if not names or names < {*self._labels})

    def _choices(self, head: FittedHead, order: Sequence[int]) -> tuple[str, ...]:
        """The classes of a head in an order, then the labels that were too rare to be learnt."""
        others = (name for name in self._labels if name not in head.classes)
        return (*(head.classes[column] for column in order), *others)

    @property
    def _of_label(self) -> bool:
        return self.target.kind == "label"

    @cached_property
    def _labels(self) -> tuple[str, ...]:
        """The labels of a group that some item has; none for a label."""
        if self._of_label:
            return ()
        said = self.context.said(self.target, self.context.items())
        return tuple(sorted({name for name in said if name}))

    def _examples(self, model: Model) -> tuple[list[Item], int]:
        """Some items that are said to be the label, and how many are said not to be it."""
        items = self.context.items(modalities=model.modalities)
        said = self.context.said(self.target, items)
        positives = [place for place, word in enumerate(said) if word == self.target.name]
        negatives = sum(bool(word) for word in said) - len(positives)
        return items_at(items, positives[:EXAMPLES]), negatives

    def _model(self, encoder: EncoderRef | None, items: Sequence[Item]) -> Model:
        """The one named, else the default for what most items are."""
        images, every = len(of_media(items, ["image"])), len(items)
        modality: Modality = "image" if 2 * images >= every else "text"
        return self.context.model(encoder, modality)

    def _ask(self, item: Item, probability: float | None, why: str, choices: tuple[str, ...]) -> Ask:
        name = self.target.full_name
        question = f"is it {name}?" if self._of_label else f"which {name} is it?"
        return Ask(item, self.target, question, choices, probability, why)


def _but(held_out: HeldOut, suspect: Suspect) -> str:
    if suspect.rather is None:
        return suspect.why
    rather = held_out.classes[suspect.rather]
    return f"a copy of it {rather}" if suspect.why == CONTRADICTION else f"it looks like {rather}"


def _evenly(many: int, k: int) -> NDArray[np.int64]:
    """Up to k indices from the first to the last of many, evenly spaced."""
    return np.unique(np.linspace(0, max(many - 1, 0), min(k, many)).round().astype(np.int64))
