"""What is looked for: a picture or text, or what several have in common, less what others have.

Several become one direction by Rocchio's rule ("Relevance feedback in information retrieval", in The SMART Retrieval
System, 1971): the mean of the unit vectors of what is wanted, less a share of the mean of what is not.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from curator.api import Context, ItemSet, LabelName, Modality, Model, Query, TargetRef
from curator.errors import BadInput, NotReady

Floats: TypeAlias = NDArray[np.float32]

AWAY = 0.25
"""The share. Of those from 0.15 to 1 it found most photos of the class among ten for 1, 3 and 5 photos of groceries,
less one or three photos of another class, or one or three wrong results; 0.35 is as good, 1 finds nearly nothing."""
BLOCK = 2_000
"""Vectors of a label that are held at once."""
NOTHING = 1e-3
"""A direction as short as that is what rounding left of two that are equal."""


@dataclass(frozen=True, slots=True)
class Side:
    """Queries and labels that are looked for, or that are not."""

    queries: Sequence[Query]
    labels: Sequence[TargetRef]

    @classmethod
    def of(cls, context: Context, queries: Sequence[Query], labels: Sequence[LabelName]) -> Side:
        """Each content and label counts once."""
        return cls(
            [*{query.hash: query for query in queries}.values()],
            [*dict.fromkeys(context.target(label, None) for label in labels)],
        )

    @property
    def parts(self) -> int:
        """How many they are."""
        return len(self.queries) + len(self.labels)

    @property
    def media(self) -> set[Modality]:
        """What it takes an encoder of; labels have what it knows of."""
        return {query.modality for query in self.queries}

    def names(self) -> dict[object, str]:
        """What each part is called, by what it is known by."""
        names: dict[object, str] = {label: str(label) for label in self.labels}
        return names | {query.hash: str(query.item or query.path or repr(query.text)) for query in self.queries}

    def mean(self, context: Context, model: Model) -> Floats:
        """That of the unit vectors of all parts, (dim,)."""
        rows = [context.embed(query, model) for query in self.queries]
        rows += [_mean_of(context, model, label) for label in self.labels]
        middle: Floats = np.asarray(rows).mean(axis=0)
        return middle


def media_of(context: Context, *sides: Side) -> set[Modality]:
    """What an encoder is needed of; where only labels are given, what their first items are."""
    labels = [label for side in sides for label in side.labels]
    media = {modality for side in sides for modality in side.media}
    return media or {item.modality for label in labels for item in context.items(ItemSet(label=label))[:1]}


def hold_together(wanted: Side, unwanted: Side, model: Model) -> None:
    """Raise `BadInput` for what contradicts itself, or what the encoder does not encode."""
    names = wanted.names()
    both = [names[part] for part in unwanted.names() if part in names]
    if both:
        raise BadInput(f"{both[0]} is looked for and is what results must not be like: give it once")
    other = sorted((wanted.media | unwanted.media) - {*model.modalities})
    if other:
        raise BadInput(
            f"{model.name} does not encode {other[0]}s: name an encoder of images and texts with -e "
            "(`curator encoders` lists them)"
        )


def direction(context: Context, model: Model, wanted: Side, unwanted: Side) -> Floats:
    """The unit vector, (dim,), that neighbours are looked for of. Raises `BadInput` where nothing is left of it."""
    vector = wanted.mean(context, model)
    if wanted.parts == 1 and not unwanted.parts:
        return vector
    if unwanted.parts:
        vector = vector - AWAY * unwanted.mean(context, model)
    length = np.linalg.norm(vector)
    if length < NOTHING:
        raise BadInput("what is looked for cancels out: leave a part of it away")
    found: Floats = vector / length
    return found


def _mean_of(context: Context, model: Model, label: TargetRef) -> Floats:
    """The direction, (dim,), in which the items of a label lie."""
    total, count = np.zeros(model.dim), 0
    for vectors in _vectors_of(context, model, label):
        total += vectors.sum(axis=0, dtype=np.float64)
        count += len(vectors)
    length = np.linalg.norm(total)
    if length < NOTHING * max(count, 1):
        raise NotReady(f"no item of {label} has a vector in {model.name}: label some, or leave it out")
    found: Floats = (total / length).astype(np.float32)
    return found


def _vectors_of(context: Context, model: Model, label: TargetRef) -> Iterator[Floats]:
    items = context.items(ItemSet(label=label), modalities=model.modalities)
    for start in range(0, len(items), BLOCK):
        yield context.vectors(model, items[start : start + BLOCK])[1]
