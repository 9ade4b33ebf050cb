"""Clusters of vectors: k-means, or by density.

K-means (Lloyd's, started by k-means++: Arthur and Vassilvitskii 2007) on unit vectors, where the squared distance is
2 - 2 cosine. By density: HDBSCAN (Campello, Moulavi and Sander 2013) on the leading principal components, brought back
to unit length: in all dimensions most distances are nearly the same, and it takes ten times as long. The leaves of its
tree are taken: the most stable clusters, its usual choice, were a few that held most of the photos or texts.
Both are scikit-learn's. benchmarks/README.md has the figures.
"""

from __future__ import annotations

import functools
import hashlib
import math
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import HDBSCAN, KMeans
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning
from threadpoolctl import threadpool_limits

from curator.api import Context, EncoderRef, Item, ItemSet, Model
from curator.errors import BadInput, NotReady
from curator.kit.listing import ids_of

SEED = 0
STARTS = 4
"""Of so many k-means the best is taken. On 1,608 photos a tenth start changed nothing after the third."""
SAMPLE, PER_CLUSTER, ROUNDS = 10_000, 200, 5
"""Of more rows so many, or so many for each cluster, find the means, which all rows then move for so many rounds."""
MANY = 100_000
"""So many rows are held at once; of more, read some at a time, see `many`."""
COMPONENTS, OF_STARTS = 50, 64
"""So many principal components of rows are parted by density, and so many of a sample are where its means are found.

Of 40,000 rows between groceries, questions or headlines, 5, 20 and 60 clusters then had the sum of squares that starts
in all dimensions led to (0.995 to 1.003 of it), in a half to a seventh of the time.
"""
NEIGHBOURS = 3
"""An item with so many others (itself among them) close by lies in a dense place: HDBSCAN's `min_samples`."""


@dataclass(frozen=True, slots=True)
class Way:
    """How to part: into `k` clusters, or by density where that is None. A number of 0: as many as suits the items."""

    k: int | None
    min_size: int

    @classmethod
    def of(cls, by: str, k: int | None, min_size: int | None) -> Way:
        """The way that was asked for; raises `BadInput` for what does not go together."""
        if by == "density":
            if k is not None:
                raise BadInput("--by density finds how many clusters there are: leave -k out, or --by density")
            return cls(None, min_size or 0)
        if min_size is not None:
            raise BadInput("--min-size is for --by density; k-means takes -k")
        return cls(k or 0, 0)

    def least(self, items: int) -> int:
        """The fewest items of a dense cluster."""
        return self.min_size or min(10, max(5, items // 20))

    def many(self, items: int) -> int:
        """How many clusters."""
        return self.k or max(2, min(20, math.isqrt(items)))

    @property
    def name(self) -> str:
        """Its name."""
        return "density" if self.k is None else "k-means"


@dataclass(frozen=True)
class Clusters:
    """`items[i]` is in the cluster `numbers[i]`, 1 to `count`, or in none (0).

    `scores[i]` is its cosine with the mean of the cluster, (n,) float32; of no meaning where it is in none.
    """

    items: Sequence[Item]
    numbers: NDArray[np.int64]
    scores: NDArray[np.float32]

    @property
    def count(self) -> int:
        """How many clusters there are."""
        return int(self.numbers.max(initial=0))

    def members(self, number: int) -> NDArray[np.int64]:
        """The items of a cluster by index, the most typical first; of those in none (0) as they come."""
        found = np.flatnonzero(self.numbers == number)
        return found[np.argsort(-self.scores[found], kind="stable")] if number else found

    @functools.cached_property
    def code(self) -> str:
        """Six digits that are others as soon as any item is in another cluster, or there are others."""
        if len(self.items) > MANY:  # by their ids, as these need not be looked up
            said = np.asarray(ids_of(self.items), "<i8").tobytes() + self.numbers.astype("<i8").tobytes()
            return hashlib.sha256(said).hexdigest()[:6]
        lines = "".join(f"{item.hash} {number}\n" for item, number in zip(self.items, self.numbers, strict=True))
        return hashlib.sha256(lines.encode()).hexdigest()[:6]


def model_and_items(context: Context, encoder: EncoderRef | None, selection: ItemSet) -> tuple[Model, Sequence[Item]]:
    """The model, and the items of one medium: of what most of the selection is; says which where there are two.

    One at a time, also where one encoder has both: in the space of CLIP pictures lie nearer to any picture than to any
    text.
    """
    items = context.items(selection)
    if not items:
        raise NotReady("no item matches: `curator ls` lists the items")
    images, texts = context.items(selection, ["image"]), context.items(selection, ["text"])
    model = None if encoder is None else context.model(encoder, "image")
    able = [part for part in (images, texts) if part and (model is None or part[0].modality in model.modalities)]
    if not able:
        assert model is not None
        raise BadInput(f"{model.name} encodes {' and '.join(model.modalities)}s, and there are only {_of(items)}")
    taken = max(able, key=len)
    if images and texts:
        other = "text" if taken is images else "image"
        context.note(
            f"taking the {_of(taken)}; --media {other} takes the other {_of(texts if taken is images else images)}"
        )
    return model or context.model(None, taken[0].modality), taken


def _of(items: Sequence[Item]) -> str:
    return f"{len(items):,} {items[0].modality}{'' if len(items) == 1 else 's'}"


def find_clusters(context: Context, model: Model, items: Sequence[Item], way: Way) -> Clusters:
    """The clusters of the items that have a vector, all of which are held; of more than `MANY`, see `many`.

    The same items and vectors give the same, numbers and all.
    """
    present, rows = context.vectors(model, items)
    say_what_is_left_out(context, model, items, present)
    refuse_too_few(present, rows, way)
    # With several threads, sums come in an order that nobody knows, and an item halfway between two clusters may move.
    with threadpool_limits(limits=1):
        found = dense(rows, way.least(len(rows))) if way.k is None else _nearest_mean(rows, way.many(len(rows)))
    clusters = Clusters(present, numbers_by_size(found), np.zeros(len(rows), np.float32))
    say_how_it_went(context, clusters, way)
    for number in range(1, clusters.count + 1):
        mine = clusters.numbers == number
        clusters.scores[mine] = rows[mine] @ unit(rows[mine].mean(axis=0))
    return clusters


def unit(mean: NDArray[np.float32]) -> NDArray[np.float32]:
    """Of unit length, or zeros, but for rounding."""
    row: NDArray[np.float32] = mean / max(float(np.linalg.norm(mean)), 1e-12)
    return row


def say_what_is_left_out(context: Context, model: Model, items: Sequence[Item], present: Sequence[Item]) -> None:
    """Raise `NotReady` where nothing is left."""
    if not present:
        raise NotReady(f"none of the {_of(items)} has a vector in {model.name}: `curator status --problems` says why")
    if len(present) < len(items):
        context.note(f"{len(items) - len(present):,} of the {_of(items)} left out: without a vector in {model.name}")


def refuse_too_few(items: Sequence[Item], rows: Iterable[NDArray[np.float32]], way: Way) -> None:
    """Raise `BadInput` for items that cannot be parted: too few, or too many of them alike."""
    wanted = max(2, way.many(len(items)) if way.k is not None else way.least(len(items)))
    if len(items) < wanted:
        give = "give a smaller -k" if way.k is not None else "give a smaller --min-size"
        raise BadInput(f"{_of(items)} cannot be divided into clusters: that takes {wanted:,} or more, or {give}")
    distinct: set[bytes] = set()
    for row in rows:
        distinct.add(hashlib.sha256(row.tobytes()).digest())
        if len(distinct) > max(1, way.k or 0):
            return
    if len(distinct) == 1:
        raise BadInput(f"all of the {_of(items)} have the same vector: nothing tells them apart")
    if way.k and len(distinct) < way.k:
        raise BadInput(
            f"the {_of(items)} have {len(distinct):,} different vectors: there cannot be {way.k:,} clusters; "
            f"give -k {len(distinct)} or less"
        )


def _nearest_mean(rows: NDArray[np.float32], k: int) -> NDArray[np.int64]:
    """(n,) int64: the cluster of each of n unit rows."""
    most = sampled(k)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # rows that all but coincide: fewer clusters, which is said
        if len(rows) <= most:
            return np.asarray(KMeans(k, n_init=STARTS, random_state=SEED).fit_predict(rows), np.int64)
        means = means_of_some(rows[drawn(len(rows), most)], k)
        # Without a copy, which would be as large as all vectors; they are put back but for rounding.
        found = KMeans(k, init=means, n_init=1, max_iter=ROUNDS, copy_x=False).fit_predict(rows)
    return np.asarray(found, np.int64)


def sampled(k: int) -> int:
    """So many rows find the means of k clusters."""
    return max(SAMPLE, PER_CLUSTER * k)


def drawn(of: int, many: int) -> NDArray[np.int64]:
    """So many of them, the same each time."""
    return np.random.default_rng(SEED).choice(of, many, replace=False)


def means_of_some(rows: NDArray[np.float32], k: int) -> NDArray[np.float32]:
    """The means of k clusters, (k, dim), of a sample of rows."""
    space = PCA(min(OF_STARTS, rows.shape[1]), svd_solver="randomized", random_state=SEED)
    starts = KMeans(k, n_init=STARTS, random_state=SEED).fit(space.fit_transform(rows))
    means: NDArray[np.float32] = space.inverse_transform(starts.cluster_centers_)
    return means


def dense(rows: NDArray[np.float32], least: int) -> NDArray[np.int64]:
    """By density, (n,) int64: the cluster of each of n unit rows, or -1."""
    few = min(COMPONENTS, len(rows) - 1, rows.shape[1])
    reduced = PCA(few, random_state=SEED).fit_transform(rows)
    reduced /= np.maximum(np.linalg.norm(reduced, axis=1, keepdims=True), 1e-12)
    finder = HDBSCAN(least, min_samples=min(NEIGHBOURS, least), cluster_selection_method="leaf", copy=False)
    return np.asarray(finder.fit_predict(reduced), np.int64)


def numbers_by_size(found: NDArray[np.int64]) -> NDArray[np.int64]:
    """Clusters by size, 1 the largest, of equals that of the earliest item; 0 for negative ones, which are none."""
    names, first, sizes = np.unique(found, return_index=True, return_counts=True)
    order = [at for at in np.lexsort((first, -sizes)) if names[at] >= 0]
    numbers = np.zeros(len(found), np.int64)
    for number, at in enumerate(order, 1):
        numbers[found == names[at]] = number
    return numbers


def say_how_it_went(context: Context, clusters: Clusters, way: Way) -> None:
    """What a reader of the clusters should know."""
    if way.k and clusters.count < way.k:
        context.note(
            f"only {clusters.count:,} of {way.k:,} clusters {'holds' if clusters.count == 1 else 'hold'} anything: the "
            "other vectors are almost identical"
        )
    if way.k is None:
        least, alone = way.least(len(clusters.items)), int((clusters.numbers == 0).sum())
        lie = "lies" if alone == 1 else "lie"
        context.note(f"{alone:,} of the {_of(clusters.items)} {lie} in no cluster of {least:,} or more")
    if not clusters.count:
        context.note("there is no cluster: give a smaller --min-size, or -k without --by density")
