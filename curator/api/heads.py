"""Heads: small models on stored vectors."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, runtime_checkable

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats: TypeAlias = NDArray[np.float32]
    Integers: TypeAlias = NDArray[np.int64]


class Head(Protocol):
    """A small model on stored vectors."""

    def fit(self, vectors: Floats, targets: Integers, classes: int, seed: int) -> None:
        """Learn from (n, dim) unit rows with (n,) int64 targets in 0..classes-1, each class present.

        Classes weigh the same whatever their sizes. Fitting again forgets; the same seed gives the same.
        """
        ...

    def predict(self, vectors: Floats) -> Floats:
        """(n, classes) float32 probabilities for (n, dim) unit rows; each row sums to 1."""
        ...

    def state(self) -> Mapping[str, NDArray[Any]]:
        """Everything that `restore` needs, as arrays and nothing else."""
        ...

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Take up a state; afterwards `predict` gives what it gave when the state was taken."""
        ...


@runtime_checkable
class LinearHead(Head, Protocol):
    """A head whose logits are linear in the vector. Optional; what speaks for a class can then be shown exactly."""

    def linear(self) -> tuple[Floats, Floats]:
        """Weights (classes, dim) and bias (classes,), float32: `predict` is the softmax of vectors @ weights.T + bias.

        Two classes have two rows, like any other number. What the head does to vectors first is folded in.
        """
        ...


@runtime_checkable
class DifferentiableHead(Head, Protocol):
    """A head that is not linear, and can say how its logits grow with the vector. Optional, for the same use."""

    def gradients(self, vectors: Floats) -> tuple[Floats, Floats]:
        """Of (n, dim) unit rows the logits, (n, classes), and the gradient of each, (n, classes, dim); float32.

        `predict` is the softmax of the logits.
        """
        ...


@dataclass(frozen=True, slots=True)
class NoParams:
    """The parameters of something that has none."""


@dataclass(frozen=True, slots=True)
class HeadSpec:
    """A kind of head. `params` is a frozen dataclass of annotated fields, as for an action.

    `load(params)` makes a head that is not fitted. `default` offers the kind as the one taken where none is named.
    `least` is how many examples of each class it takes, 1 or more; curator fits it on no fewer. With 1, nothing can be
    held out where a class has no more, and curator says so.
    """

    name: str
    summary: str
    load: Callable[[Any], Head]
    params: type = NoParams
    default: bool = False
    least: int = 2
