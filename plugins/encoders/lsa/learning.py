"""Learning from texts, and embedding by what was learnt."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sparse
from numpy.typing import NDArray
from sklearn.preprocessing import normalize
from sklearn.utils.extmath import randomized_svd
from threadpoolctl import threadpool_limits

from curator.errors import NotReady

from .pieces import FEATURES, counts

MOST_TEXTS = 20_000
"""More teach hardly more, and take longer: of a larger catalogue so many are drawn."""

MOST_PIECES = 2**16
"""The most frequent are kept. With 768 directions they take 100 MB."""

HELD_OUT = 20
"""One in so many texts is not learnt from, but measured on."""

LEAST = 1e-4
"""Directions weaker than this share of the strongest are rounding errors, as where texts are few or alike."""


@dataclass(frozen=True, eq=False)
class Learnt:
    """`columns` (p,) int32 rising are the pieces that are known, as `pieces.counts` numbers them; `rarity` (p,) float32
    are their weights (IDF), `directions` (p, dim) float32 orthonormal, but for rounding."""

    columns: NDArray[np.int32]
    rarity: NDArray[np.float32]
    directions: NDArray[np.float32]

    def vectors(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """(n, dim) float32, no longer than 1."""
        return np.asarray(weighted(counts(texts), self.columns, self.rarity) @ self.directions, dtype=np.float32)


def weighted(counted: Any, columns: NDArray[np.int32], rarity: NDArray[np.float32]) -> Any:
    """(n, p) sparse float32, rows of unit length: TF-IDF of the known pieces, characters and words in equal parts."""
    known = sparse.csr_array(counted[:, columns])
    known.data *= rarity[known.indices]
    edge = int(np.searchsorted(columns, FEATURES))
    both = [
        normalize(part) for part in (known[:, :edge], known[:, edge:]) if part.shape[1]
    ]  # few texts may share no word
    return sparse.csr_array(normalize(sparse.hstack(both, format="csr")))


def learn(texts: Sequence[str], dimensions: int) -> tuple[Learnt, float]:
    """What recurs in texts, and the share of the weight of held-out texts that is lost; NaN if none could be held out.

    The same texts and dimensions give the same. Raises `NotReady` where nothing recurs.
    """
    different = sorted(set(texts))
    drawn = random.Random(0).sample(different, min(len(different), MOST_TEXTS))
    held_out = len(drawn) // HELD_OUT
    counted = counts(drawn[held_out:])
    occurs = np.bincount(counted.indices, minlength=counted.shape[1])
    # Of those that are as frequent, the first; one that occurs once says nothing of what goes together.
    most = np.argsort(-occurs, kind="stable")[:MOST_PIECES]
    columns = np.sort(most[occurs[most] > 1]).astype(np.int32)
    if not len(columns):
        raise NotReady("lsa learns from what several texts have in common, and these have nothing")
    rarity = (np.log((1 + counted.shape[0]) / (1 + occurs[columns])) + 1).astype(np.float32)
    seen = weighted(counted, columns, rarity)
    with threadpool_limits(limits=1):  # as for clusters: the same each time
        _, strengths, directions = randomized_svd(
            seen, min(dimensions, *seen.shape), n_iter=2, power_iteration_normalizer="QR", random_state=0
        )
    # Stored as float16, and so used at once: half the room, and no vector moves by more than a thousandth.
    kept = directions[strengths > LEAST * strengths[0]].T.astype(np.float16).astype(np.float32)
    model = Learnt(columns, rarity, np.ascontiguousarray(kept))
    return model, _lost(model, drawn[:held_out])


def _lost(model: Learnt, texts: Sequence[str]) -> float:
    """The mean share of the squared length of texts, 1 each, that the directions do not hold."""
    if not texts:
        return float("nan")
    return max(0.0, float(1 - np.square(model.vectors(texts)).sum(axis=1).mean()))
