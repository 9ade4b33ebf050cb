"""The projection metric: the cosine after a linear map near the identity, learnt from pairs.

A vector x becomes x + B'WBx at unit length, and how alike two items are is the cosine of what theirs become: two equal
branches compared by their cosine (Bromley et al. 1993, "Signature verification using a Siamese time delay neural
network"), each a single linear map, which makes it a Mahalanobis distance on the sphere (Weinberger and Saul 2009,
"Distance metric learning for large margin nearest neighbor classification"; Davis et al. 2007, "Information-theoretic
metric learning", which stays near a given one as this stays near the plain cosine).

The rows of B, (k, dim), are the main directions of the vectors in the pairs, at most `DIRECTIONS`; in all others a
vector stays as it is. W, (k, k), minimises the logistic loss of alike or not over `SCALE` * cosine + shift, the shift
fitted with it, plus `PULL` / 2 times the sum of its squares. That pull towards the plain cosine does not grow with the
pairs, so six of them change little, and hundreds as much as they agree on. Pairs that are alike weigh as much in all as
those that are not. L-BFGS from W = 0; there is no chance in it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from curator.api import MetricSpec, hookimpl
from curator.errors import BadInput

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]
    Doubles = NDArray[np.float64]

DIRECTIONS = 64
SCALE, PULL = 10.0, 10.0
STEPS = 200


class Projection:
    """`basis` is B and `change` is W, both float32; None until it is fitted."""

    def __init__(self) -> None:
        self.basis: Floats | None = None
        self.change: Floats | None = None

    def fit(self, left: Floats, right: Floats, alike: NDArray[np.bool_], seed: int) -> None:
        """Learn from (n, dim) unit rows. There is no chance in it: the seed has no effect."""
        import numpy as np
        from scipy.optimize import minimize

        if alike.all() or not alike.any():
            raise BadInput("a projection metric needs pairs that are alike and pairs that are not")
        one, other = left.astype(np.float64), right.astype(np.float64)
        basis = _directions(np.concatenate([one, other]))
        loss = _Loss(one, other, alike, basis)
        found = minimize(loss, loss.start, jac=True, method="L-BFGS-B", options={"maxiter": STEPS})
        self.basis = basis.astype(np.float32)
        self.change = found.x[:-1].reshape(len(basis), len(basis)).astype(np.float32)

    def transform(self, vectors: Floats) -> Floats:
        """(n, dim) unit rows for (n, dim) unit rows; zero rows stay zero."""
        import numpy as np

        state = self.state()
        # Not as a product of matrices: BLAS would give equal rows results that differ by where they stand.
        inner = np.einsum("ij,kj->ik", vectors, state["basis"])
        moved = vectors + np.einsum("ik,kj->ij", inner, state["change"].T @ state["basis"])
        lengths = np.linalg.norm(moved, axis=1, keepdims=True)
        return np.asarray(moved / np.where(lengths > 0, lengths, 1), dtype=np.float32)

    def state(self) -> Mapping[str, NDArray[Any]]:
        """`basis` and `change`."""
        if self.basis is None or self.change is None:
            raise BadInput("this metric has not been fitted")
        return {"basis": self.basis, "change": self.change}

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Take up `basis` and `change`."""
        self.basis, self.change = state["basis"], state["change"]


class _Loss:
    """The loss of W and the shift, one flat array, with its gradient.

    Only what lies in the directions of B changes, so of the rest it keeps lengths and inner products.
    """

    def __init__(self, left: Doubles, right: Doubles, alike: NDArray[np.bool_], basis: Doubles) -> None:
        import numpy as np

        self.left, self.right = left @ basis.T, right @ basis.T
        self.inner = _dots(left, right) - _dots(self.left, self.right)
        self.lengths = (
            _dots(left, left) - _dots(self.left, self.left),
            _dots(right, right) - _dots(self.right, self.right),
        )
        self.signs = np.where(alike, 1.0, -1.0)
        self.weights = len(alike) / 2 / np.where(alike, alike.sum(), (~alike).sum())
        self.identity = np.eye(len(basis))
        cosines = _dots(left, right)
        between = (cosines[alike].mean() + cosines[~alike].mean()) / 2
        self.start = np.append(np.zeros(len(basis) ** 2), -SCALE * between)

    def __call__(self, values: Doubles) -> tuple[float, Doubles]:
        """The loss, and how it grows with each value."""
        import numpy as np
        from scipy.special import expit

        change, shift = values[:-1], values[-1]
        move = self.identity + change.reshape(self.identity.shape)
        left, right = self.left @ move.T, self.right @ move.T
        squares = [_dots(some, some) + rest for some, rest in zip((left, right), self.lengths, strict=True)]
        long, wide = np.sqrt(np.maximum(squares, 1e-12))  # a vector may be all zeros
        cosines = (_dots(left, right) + self.inner) / (long * wide)
        margins = self.signs * (SCALE * cosines + shift)
        loss = self.weights @ np.logaddexp(0, -margins) + PULL / 2 * (change @ change)
        of_logit = -self.weights * self.signs * expit(-margins)
        of_cosine = (SCALE * of_logit)[:, None]
        both = (long * wide)[:, None]
        of_left = of_cosine * (right / both - left * (cosines / long**2)[:, None])
        of_right = of_cosine * (left / both - right * (cosines / wide**2)[:, None])
        of_change = (of_left.T @ self.left + of_right.T @ self.right).ravel() + PULL * change
        return float(loss), np.append(of_change, of_logit.sum())


def _directions(rows: Doubles) -> Doubles:
    """The main directions of (n, dim) rows, orthonormal, (k, dim), the strongest first."""
    import numpy as np

    _, sizes, found = np.linalg.svd(np.linalg.qr(rows, mode="r"), full_matrices=False)
    directions: Doubles = found[:DIRECTIONS][sizes[:DIRECTIONS] > 1e-6 * sizes[0]]
    return directions


def _dots(one: Doubles, other: Doubles) -> Doubles:
    import numpy as np

    found: Doubles = np.einsum("ij,ij->i", one, other)
    return found


@hookimpl
def register_metrics() -> Iterable[MetricSpec]:
    """The projection metric."""
    return [MetricSpec("projection", "the cosine after a linear map that stays near the identity", Projection, True)]
