"""The nearest-prototype head: a class is the mean of its examples, and one example is a mean.

Snell, Swersky and Zemel 2017, "Prototypical networks for few-shot learning", without the network, since vectors are
frozen here: softmax of the negative squared distances to the class means. Nothing is fitted but the means, so it works
from one example of each class, and has nothing with which it could adapt to a few odd ones.

The distances are multiplied by (sharpness + log(classes - 1)) / D, where D is the mean squared distance between two
prototypes. So whatever the encoder spreads its vectors over, an item that lies on a prototype, with the others all at
that distance, is of its class with the log-odds `sharpness`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from curator.api import HeadSpec, Option, hookimpl
from curator.kit.linear_head import LinearHead

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True)
class PrototypeParams:
    """`sharpness` decides how sure it is, never which class it takes."""

    sharpness: Annotated[float, Option(min=0, max=100, help="log-odds of a class for an item just like it")] = 4.0


class Prototype(LinearHead[PrototypeParams]):
    """Linear in the unit vector, as squared distances to fixed points differ."""

    name = "prototype"

    def learn(
        self, vectors: NDArray[np.float32], targets: NDArray[np.int64], classes: int, seed: int
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """From the mean of each class. There is no chance in it: the seed has no effect."""
        import numpy as np

        rows = vectors.astype(np.float64)
        means = np.stack([rows[targets == target].mean(axis=0) for target in range(classes)])
        # The mean over all pairs: their sum is twice the number of classes times the spread about the common mean.
        apart = 2 * ((means - means.mean(axis=0)) ** 2).sum() / (classes - 1)
        scale = (self.params.sharpness + np.log(classes - 1)) / apart if apart > 1e-12 else 0.0
        return 2 * scale * means, -scale * (means**2).sum(axis=1)


@hookimpl
def register_heads() -> Iterable[HeadSpec]:
    """The prototype head."""
    summary = "the nearest class mean; works from one example of each class"
    return [HeadSpec(Prototype.name, summary, Prototype, PrototypeParams, least=1)]
