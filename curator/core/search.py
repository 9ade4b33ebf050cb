"""Exact search by cosine, in blocks: memory does not grow with the number of items."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from curator.api import Item, Model
from curator.core.encoding import Encoding

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

BLOCK = 10_000


def nearest(
    encoding: Encoding, vector: NDArray[np.float32], model: Model, items: Sequence[Item], k: int
) -> list[tuple[Item, float]]:
    """The `k` items of highest cosine with the unit vector, best first; ties go to the lower id.

    Items without a vector are left out; fewer than `k` come back where there are no more.
    """
    import numpy as np

    best: list[tuple[Item, float]] = []
    for start in range(0, len(items), BLOCK):
        present, rows = encoding.matrix(model, items[start : start + BLOCK])
        # BLAS gives equal rows scores that differ in the last bit, by where in the matrix they stand.
        scores = np.einsum("ij,j->i", rows, vector)
        # Copies share a score; leaving the cut to argpartition would choose among them by chance.
        threshold = _kth(scores, k)
        best += [(item, float(score)) for item, score in zip(present, scores, strict=True) if score >= threshold]
        best = sorted(best, key=lambda pair: (-pair[1], pair[0].id))[:k]
    return best


def _kth(scores: NDArray[np.float32], k: int) -> float:
    import numpy as np

    return float(np.partition(scores, -k)[-k]) if len(scores) > k else -2.0
