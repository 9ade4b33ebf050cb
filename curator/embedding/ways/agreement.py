"""Whether two ways to embed find the same, by the vectors that they make of the same items."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from curator.embedding.codes import unit

Floats = NDArray[np.float32]

CLOSE = 1e-3
"""So far, relative to its length, a vector in float32 may be from the encoder's own."""

APART = 0.1
"""So far the vectors of a sample may be from the reference's, relative to how far those are from their mean.

bfloat16 was at 0.03 to 0.05 with EfficientNet-Lite0, ResNet-50 and CLIP's ViT-B-32.
"""

NEIGHBOURS, SHARED = 5, 0.97
"""So large a share of the nearest of each item of a sample has to be the same."""

SAMPLE = 128
"""Items on which that is looked at. Of fewer the shares say too little, and what is not in float32 is not taken."""


def furthest(vectors: Floats, reference: Floats) -> float:
    """How far the vector that differs most is from the reference's, relative to the length of that."""
    lengths = np.maximum(np.linalg.norm(reference, axis=1), 1e-12)
    return float((np.linalg.norm(vectors - reference, axis=1) / lengths).max(initial=0.0))


def distance(vectors: Floats, reference: Floats) -> float:
    """How far vectors, (n, dim), are from others of the same items, relative to how far those are from their mean.

    What all vectors have in common tells nothing apart, and would make any two encoders seem to agree.
    """
    wide = reference.astype(np.float64)
    spread = float(np.linalg.norm(wide - wide.mean(axis=0)))
    return float(np.linalg.norm(vectors - wide)) / max(spread, 1e-12)


def shared(vectors: Floats, reference: Floats) -> float:
    """The share of the nearest of each item that is the same by both; of 2 items at least."""
    one, other = _nearest(vectors), _nearest(reference)
    same = (one[:, :, None] == other[:, None, :]).any(axis=2)
    return float(same.mean())


def _nearest(vectors: Floats) -> NDArray[np.int64]:
    rows = unit(vectors)
    cosines = rows @ rows.T
    np.fill_diagonal(cosines, -2)
    return np.argsort(-cosines, axis=1, kind="stable")[:, : min(NEIGHBOURS, len(rows) - 1)]


def disagreement(vectors: Floats, reference: Floats) -> str:
    """Why shorter numbers do not serve, in a few words; empty where they do."""
    apart = distance(vectors, reference)
    if not apart <= APART:
        return f"differs by {apart:.0%} of the vectors' spread"
    same = shared(vectors, reference)
    return "" if same >= SHARED else f"finds {same:.3f} of the same {NEIGHBOURS} nearest, and not {SHARED}"
