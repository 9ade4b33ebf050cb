"""A head that is linear in the vector: a subclass says how weights and bias are learnt, and the rest is done here.

Public, like `curator.api`. Nothing heavy is imported with it, so that the subclass may stand at the top of a plugin's
module.

    class Mean(LinearHead[NoParams]):
        '''The class whose mean is most alike.'''

        name = "mean"

        def learn(self, vectors, targets, classes, seed):
            means = np.stack([vectors[targets == target].mean(axis=0) for target in range(classes)])
            return means, -(means**2).sum(axis=1) / 2
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from curator.errors import BadInput

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["LinearHead"]

_Params = TypeVar("_Params")


class LinearHead(Generic[_Params]):
    """Logits are `vectors @ weights.T + bias`, and probabilities their softmax.

    `name` is that of the spec, for what is said to people; `params` are the options that the head was made with.
    """

    name: str

    def __init__(self, params: _Params) -> None:
        self.params = params
        self.weights: NDArray[np.float32] | None = None
        self.bias: NDArray[np.float32] | None = None

    def learn(
        self, vectors: NDArray[np.float32], targets: NDArray[np.int64], classes: int, seed: int
    ) -> tuple[NDArray[Any], NDArray[Any]]:
        """Weights (classes, dim) and bias (classes,), from (n, dim) unit rows with examples of each class.

        Each class should weigh the same in all. What a subclass says.
        """
        raise NotImplementedError(f"{type(self).__name__} does not say how it learns")

    def fit(self, vectors: NDArray[np.float32], targets: NDArray[np.int64], classes: int, seed: int) -> None:
        """Learn from (n, dim) unit rows; raises `BadInput` without examples of at least two classes, and of each."""
        import numpy as np

        if classes < 2 or len(np.unique(targets)) < classes:
            article = "an" if self.name[:1] in "aeiou" else "a"
            raise BadInput(f"{article} {self.name} head needs examples of at least two classes")
        weights, bias = self.learn(vectors, targets, classes, seed)
        self.weights, self.bias = np.asarray(weights, dtype=np.float32), np.asarray(bias, dtype=np.float32)

    def predict(self, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        """(n, classes) probabilities by softmax."""
        import numpy as np
        from scipy.special import softmax

        weights, bias = self.linear()
        return np.asarray(softmax(vectors.astype(np.float64) @ weights.T + bias, axis=1), dtype=np.float32)

    def linear(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Weights (classes, dim) and bias (classes,)."""
        if self.weights is None or self.bias is None:
            raise BadInput("this head has not been fitted")
        return self.weights, self.bias

    def state(self) -> Mapping[str, NDArray[Any]]:
        """`weights` and `bias`."""
        weights, bias = self.linear()
        return {"weights": weights, "bias": bias}

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Take up `weights` and `bias`."""
        self.weights, self.bias = state["weights"], state["bias"]
