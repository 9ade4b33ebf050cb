"""Metrics: similarities that are learnt from pairs which people marked as alike or not."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats: TypeAlias = NDArray[np.float32]


class Metric(Protocol):
    """A map of stored vectors to others, whose inner product says how alike two items are."""

    def fit(self, left: Floats, right: Floats, alike: NDArray[np.bool_], seed: int) -> None:
        """Learn from pairs: row i of `left` and of `right`, (n, dim) unit rows, are alike where `alike[i]`, (n,) bool.

        There is at least one pair of each kind; which item stands left means nothing. Fitting again forgets; the same
        seed gives the same.
        """
        ...

    def transform(self, vectors: Floats) -> Floats:
        """(n, m) float32 unit rows for (n, dim) unit rows; all-zero rows may stay zero. m is the same for every call.

        Each row depends on its own vector only. The inner product of two rows, -1 to 1, is the learned similarity.
        """
        ...

    def state(self) -> Mapping[str, NDArray[Any]]:
        """Everything that `restore` needs, as arrays and nothing else."""
        ...

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Take up a state; afterwards `transform` gives what it gave when the state was taken."""
        ...


@dataclass(frozen=True, slots=True)
class MetricSpec:
    """A kind of metric. `load()` makes one that is not fitted; `default` offers the kind where none is named."""

    name: str
    summary: str
    load: Callable[[], Metric]
    default: bool = False
