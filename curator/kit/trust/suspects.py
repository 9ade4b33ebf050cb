"""Labels that are probably wrong. Public, like `curator.api`.

Three kinds, in this order. *Contradictions*: copies that are labelled otherwise. *Unbelieved*
ones, by confident learning over what heads said of held-out items (Northcutt, Jiang & Chuang 2021, "Confident learning:
estimating uncertainty in dataset labels"): each class has a threshold, the mean probability that its own items have for
it. The confident joint counts the items that reach the threshold of a class, by label and by that class; scaled to all
items, its off-diagonal says how many labels are wrong. These are taken to be the ones least believed, as in the paper's
pruning by class, but over all classes at once: on grocery photos with turned labels that found more than the
off-diagonal items themselves (benchmarks/README.md). *Outliers*: what lies far from all others of its class, perhaps of
a kind that no class is for; beyond the upper fence of Tukey 1977, "Exploratory data analysis".
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from curator.api import Context, FittedHead, HeldOut
from curator.errors import NotReady

__all__ = [
    "CONTRADICTION",
    "OUTLIER",
    "UNBELIEVED",
    "Suspect",
    "find_suspects",
    "outliers",
    "suspects",
    "unbelieved",
    "wrong_labels",
]

CONTRADICTION = "copy labelled otherwise"
UNBELIEVED = "like another class"
OUTLIER = "unlike its class"

NEAREST = 3
"""How far an item is from its class: the mean distance to so many of its others that are nearest."""

FENCE, FEWEST = 1.5, 20
"""Outliers lie so many interquartile ranges above the third quartile of such distances, of so many items or more.

Of 2 % from another source that were labelled at random it found all among photos of groceries and of hands and half
among questions; of 2 % of other kinds of the same source 7 in 8 groceries, 1 in 5 hands, 1 in 10 questions. Where there
were none it named 2 % of the groceries, 6 % of the hands and no more than 1 in 600 questions. Tried later on what it
was not chosen by: of 30 headlines among 1,500 questions it found all, of 30 questions among 1,500 headlines, whose
n-grams hardly overlap, none, nor any of other kinds of headlines; and it named none where there were none.
"""

BLOCK = 1024

MOST = 5_000
"""Others of a class that are compared with, evenly: of a hundred thousand all would take minutes."""


@dataclass(frozen=True, slots=True)
class Suspect:
    """Row `index` is labelled as one class and rather is another, or none of them; `suspicion`: how little the label is
    believed, 0 to 1; `why` is one of the three reasons.
    """

    index: int
    label: int
    rather: int | None
    suspicion: float
    why: str


def find_suspects(context: Context, head: FittedHead) -> tuple[HeldOut, list[Suspect]]:
    """What was held out from a head, and which rows of that are suspicious; raises `NotReady` where nothing was."""
    held_out = context.held_out(head)
    if not held_out.items:
        raise NotReady("no items could be held out, so no label can be judged: label more items")
    _, vectors = context.vectors(head.model, held_out.items)  # a head rests on items that have one
    originals = context.originals(held_out.items, head.model)
    copies = _copies(context, held_out, originals)
    any_kind = (0,) if head.target.kind == "label" else ()
    return held_out, suspects(held_out.probabilities, held_out.targets, vectors, originals, copies, any_kind)


def _copies(context: Context, held_out: HeldOut, originals: NDArray[np.int64]) -> NDArray[np.int64]:
    """Numbers, (n,), the same for copies. Only among versions of one original that are labelled otherwise.

    Another version is no contradiction: a shirt in another colour, a sentence with a "not" in it.
    """
    torn = [rows for rows in _parts(originals) if len(np.unique(held_out.targets[rows])) > 1]
    found = np.arange(len(originals))
    if torn:
        rows = np.concatenate(torn)
        numbers = context.copies([held_out.items[row] for row in rows])
        _, first, which = np.unique(numbers, return_index=True, return_inverse=True)
        found[rows] = rows[first[which]]
    return found


def suspects(
    probabilities: NDArray[np.float32],
    targets: NDArray[np.int64],
    vectors: NDArray[np.float32],
    originals: NDArray[np.int64],
    copies: NDArray[np.int64],
    any_kind: Collection[int] = (),
) -> list[Suspect]:
    """Each suspicious row once, in the order of the three kinds, the most suspicious of each first.

    `probabilities` (n, classes) of rows while they were held out, their `targets` (n,), unit `vectors` (n, dim), and
    `originals` (n,), the same number for versions of one photo or text, as `copies` (n,) for copies. `any_kind`:
    classes that have no outliers, such as what a label is not.
    """
    said = 1 - probabilities[np.arange(len(targets)), targets]
    found = contradictions(probabilities, targets, copies)
    known = {suspect.index for suspect in found}
    found += [suspect for suspect in unbelieved(probabilities, targets) if suspect.index not in known]
    known = {suspect.index for suspect in found}
    far = [row for row in outliers(vectors, targets, originals, any_kind) if row not in known]
    return [*found, *(Suspect(row, int(targets[row]), None, float(said[row]), OUTLIER) for row in far)]


def contradictions(
    probabilities: NDArray[np.float32], targets: NDArray[np.int64], copies: NDArray[np.int64]
) -> list[Suspect]:
    """Copies that are labelled otherwise than most of them, or than is believed where as many say so.

    The less believed of them first.
    """
    found = []
    for rows in _parts(copies):
        if len(np.unique(targets[rows])) > 1:
            counts = np.bincount(targets[rows], minlength=probabilities.shape[1])
            best = int(np.lexsort((probabilities[rows].mean(axis=0), counts))[-1])
            others = rows[targets[rows] != best]
            found += [_suspect(probabilities, targets, int(row), best, CONTRADICTION) for row in others]
    return sorted(found, key=lambda suspect: (-suspect.suspicion, suspect.index))


def unbelieved(probabilities: NDArray[np.float32], targets: NDArray[np.int64]) -> list[Suspect]:
    """As many rows as `wrong_labels` counts at most, the least believed first."""
    if not len(targets):
        return []
    own = probabilities[np.arange(len(targets)), targets]
    rather = probabilities.argmax(axis=1)
    order = np.lexsort((np.arange(len(targets)), own))
    order = order[rather[order] != targets[order]][: wrong_labels(probabilities, targets)]
    return [_suspect(probabilities, targets, int(row), int(rather[row]), UNBELIEVED) for row in order]


def _suspect(
    probabilities: NDArray[np.float32], targets: NDArray[np.int64], row: int, rather: int, why: str
) -> Suspect:
    label = int(targets[row])
    return Suspect(row, label, rather, 1 - float(probabilities[row, label]), why)


def wrong_labels(probabilities: NDArray[np.float32], targets: NDArray[np.int64]) -> int:
    """How many labels are wrong, estimated from the confident joint."""
    rows, classes = np.arange(len(targets)), probabilities.shape[1]
    counts = np.bincount(targets, minlength=classes)
    own = np.bincount(targets, probabilities[rows, targets], classes)
    # A class of which nothing was held out can be nobody's.
    thresholds = np.divide(own, counts, out=np.full(classes, np.inf), where=counts > 0)
    confident = np.where(probabilities >= thresholds - 1e-6, probabilities, -1.0)
    sure = confident.max(axis=1) >= 0
    joint = np.zeros((classes, classes))
    np.add.at(joint, (targets[sure], confident[sure].argmax(axis=1)), 1)
    of_label = joint.sum(axis=1)
    scale = np.divide(counts, of_label, out=np.zeros(classes), where=of_label > 0)
    return round(float(((of_label - np.diag(joint)) * scale).sum()))


def outliers(
    vectors: NDArray[np.float32],
    targets: NDArray[np.int64],
    originals: NDArray[np.int64],
    any_kind: Collection[int] = (),
) -> list[int]:
    """Rows that are unlike all others of their class, the farthest first; versions of one original count as one."""
    distances = np.full(len(targets), np.nan)
    for rows in _parts(targets):
        if int(targets[rows[0]]) not in any_kind and len(np.unique(originals[rows])) > NEAREST:
            some = rows[:: -(-len(rows) // MOST)]
            distances[rows] = _from_others(vectors[rows], originals[rows], vectors[some], originals[some])
    measured = np.flatnonzero(np.isfinite(distances))
    if len(measured) < FEWEST:
        return []
    low, high = np.quantile(distances[measured], (0.25, 0.75))
    far = measured[distances[measured] > high + FENCE * (high - low)]
    return [int(row) for row in far[np.argsort(-distances[far], kind="stable")]]


def _from_others(
    vectors: NDArray[np.float32],
    originals: NDArray[np.int64],
    others: NDArray[np.float32],
    of_others: NDArray[np.int64],
) -> NDArray[np.float64]:
    """(n,): how far each unit row is from the nearest of the others that are of other originals."""
    found = np.zeros(len(vectors))
    for start in range(0, len(vectors), BLOCK):
        stop = start + BLOCK
        cosines = vectors[start:stop] @ others.T
        cosines[originals[start:stop, None] == of_others[None]] = -np.inf
        nearest = np.partition(cosines, -NEAREST, axis=1)[:, -NEAREST:].astype(np.float64)
        found[start:stop] = np.sqrt(np.maximum(0, 2 - 2 * nearest)).mean(axis=1)
    return found


def _parts(numbers: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """The rows of each number."""
    order = np.argsort(numbers, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(numbers[order])) + 1) if len(order) else []
