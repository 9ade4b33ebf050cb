"""Which items to ask about: those in whose case a head is least sure, and not twenty near-copies of one.

Methods. *Uncertainty* is the margin between the two most probable classes (Settles 2009, "Active learning literature
survey", section 3.1). The least sure alone are often one scene many times, whose answers all say the same: as in
Zhdanov 2019 ("Diverse mini-batch active learning"), a few times as many as are wanted are taken by uncertainty, and of
those a batch that is spread out. Where he clusters them by k-means, here the next one is always that of the largest
product of uncertainty and distance to those chosen (greedy k-centre, Sener and Savarese 2018, weighted), which did
better and needs no seed. Without examples the *typical* ones of different clusters are asked about (Hacohen, Dekel and
Weinshall 2022, "Active learning on a budget"). `benchmarks/review.py` measures it beside random choice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import KMeans

if TYPE_CHECKING:
    Floats = NDArray[np.float32]
    Indices = NDArray[np.int64]

POOL = 3
"""How many candidates by uncertainty there are for each question; more of them dilute it (measured: 2 to 10)."""
LOOK = 40
"""Among how many for each question those are found that are no near-copies of each other."""
ALIKE = 0.1
"""Near-copies are nearer than this share of the median distance of candidates, as encoders differ in their cosines."""
SAMPLE = 500
"""Among how many of the candidates the median is taken."""
SEED = 0


def unsureness(probabilities: Floats) -> Floats:
    """One less the margin between the two most probable classes, (n,), 0 to 1, of rows of (n, classes)."""
    best = np.partition(probabilities, -2, axis=1)[:, -2:]
    return np.asarray(1 - (best[:, 1] - best[:, 0]), dtype=np.float32)


def shortlist(worth: Floats, k: int) -> Indices:
    """The items that `spread` looks at for k questions: those of most worth, best first, ties by place."""
    return (-worth).argsort(kind="stable")[: LOOK * k]


def spread(vectors: Floats, worth: Floats, k: int) -> Indices:
    """Up to k of n items of much worth (0 to 1) that are far apart; `vectors` are unit rows, in order of worth."""
    pool = _apart(vectors, POOL * k)
    rows, weights = vectors[pool], np.asarray(worth, np.float64)[pool] + 1e-6  # so that distance decides among zeros
    distance = np.ones(len(pool))
    chosen: list[int] = []
    for _ in range(min(k, len(pool))):
        score = weights * distance
        score[chosen] = -1
        chosen.append(int(score.argmax()))
        distance = np.minimum(distance, np.clip(1 - rows @ rows[chosen[-1]], 0, 1))
    return pool[chosen]


def typical(vectors: Floats, k: int) -> Indices:
    """Up to k items, each the nearest to the middle of one of k clusters of unit rows; the largest cluster first."""
    kinds = len(np.unique(vectors, axis=0))
    clusters = KMeans(min(k, kinds), n_init=1, random_state=SEED).fit(vectors)
    distances = clusters.transform(vectors)
    found = []
    for cluster in (-np.bincount(clusters.labels_)).argsort(kind="stable"):
        members = np.flatnonzero(clusters.labels_ == cluster)
        found.append(members[distances[members, cluster].argmin()])
    return np.asarray(found, np.int64)


def _apart(vectors: Floats, most: int) -> Indices:
    """The first of the rows, in order, that are no near-copies of each other; where they are too few, copies too."""
    some = vectors[:SAMPLE]
    limit = ALIKE * float(np.median(1 - some @ some.T)) if len(some) else 0
    kept: list[int] = []
    copies: list[int] = []
    for row, vector in enumerate(vectors):
        if len(kept) == most:
            break
        near = kept and 1 - (vectors[kept] @ vector).max() <= limit
        (copies if near else kept).append(row)
    return np.asarray([*kept, *copies][:most], np.int64)
