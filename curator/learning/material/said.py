"""What a head says of items, some at a time: of a million their vectors take more memory than there is."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from curator.api import Item, Model
from curator.embedding.embedder import Embedder

AT_ONCE = 2_000

Floats = NDArray[np.float32]


class Said:
    """What one head says; what it said before is kept in the cache under its `name`."""

    def __init__(self, encoding: Embedder, name: str, columns: int, predict: Callable[[Floats], Floats]) -> None:
        self.encoding = encoding
        self.name = name
        self.columns = columns
        self.predict = predict

    def of(self, model: Model, items: Sequence[Item]) -> tuple[list[Item], Floats]:
        """The items that have a vector, and what is said of them, (n, columns)."""
        present: list[Item] = []
        said = [np.zeros((0, self.columns), np.float32)]
        for start in range(0, len(items), AT_ONCE):
            some = list(items[start : start + AT_ONCE])
            known = self._known(model, some)
            some = [item for item in some if item.hash in known]
            present += some
            said.append(np.frombuffer(b"".join(known[item.hash] for item in some), "<f4").reshape(-1, self.columns))
        return present, np.concatenate(said)

    def _known(self, model: Model, items: Sequence[Item]) -> dict[str, bytes]:
        """By hash, of those that have a vector."""
        derived = self.encoding.derived
        kept = derived.predictions(self.name, [item.hash for item in items])
        known = {hash_: values for hash_, values in kept if _are_probabilities(values, self.columns)}
        fresh, vectors = self.encoding.matrix(model, [item for item in items if item.hash not in known])
        if fresh:
            said = self.predict(vectors)
            made = {item.hash: row.astype("<f4").tobytes() for item, row in zip(fresh, said, strict=True)}
            if not derived.database.read_only:
                derived.put_predictions(self.name, made.items())
            known |= made
        return known


def _are_probabilities(values: bytes, columns: int) -> bool:
    """Whether what a cache holds may be what a head said; if not, it is asked again."""
    if len(values) != 4 * columns:
        return False
    said = np.frombuffer(values, "<f4")
    return bool((said >= 0).all() and abs(float(said.sum()) - 1) < 1e-2)
