"""A multi-layer perceptron of one or two hidden layers (torch)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from curator.api import HeadSpec, Option, hookimpl
from curator.errors import BadInput

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

BATCH = 256
SMALL = 1_000_000  # numbers in all examples together


@dataclass(frozen=True)
class MlpParams:
    """Sizes of the network and how long it learns."""

    hidden: Annotated[int, Option(min=1, max=65_536, help="units in each hidden layer")] = 256
    layers: Annotated[int, Option(min=1, max=2, help="hidden layers")] = 1
    dropout: Annotated[float, Option(min=0, max=0.95, help="share of hidden units left out while learning")] = 0.3
    epochs: Annotated[int, Option(min=1, help="times that every example is seen")] = 60
    weight_decay: Annotated[float, Option(min=0, help="AdamW's decay of the weights")] = 0.01


class Mlp:
    """Unit vector, standardised -> (linear, ReLU, dropout) x layers -> linear -> softmax."""

    def __init__(self, params: MlpParams) -> None:
        self.params = params
        self.arrays: dict[str, NDArray[Any]] = {}

    def fit(self, vectors: NDArray[np.float32], targets: NDArray[np.int64], classes: int, seed: int) -> None:
        """Learn from (n, dim) unit rows: AdamW on class-balanced cross-entropy, one-cycle learning rate."""
        import numpy as np
        import torch

        if classes < 2 or len(np.unique(targets)) < classes:
            raise BadInput("an mlp head needs examples of at least two classes")
        # Components of a unit vector are about 1/sqrt(dim); one common scale brings them to about 1 and keeps
        # directions, where a scale per component would blow up those that hardly vary in a few examples.
        mean, scale = vectors.mean(axis=0), np.float32(max(float(vectors.std(axis=0).mean()), 1e-6))
        inputs = torch.from_numpy((vectors - mean) / scale)
        wanted = torch.from_numpy(targets)
        counts = np.bincount(targets, minlength=classes)
        balance = torch.tensor(len(targets) / (classes * counts), dtype=torch.float32)
        threads = torch.get_num_threads()
        # Steps on a few hundred small rows are over before a second thread has started, and waiting for it costs
        # ten times the work where the machine is busy.
        torch.set_num_threads(1 if inputs.numel() < SMALL else threads)
        try:
            with torch.random.fork_rng(devices=[]):  # the caller's random numbers are not ours to use up
                torch.manual_seed(seed)
                network = self._network(vectors.shape[1], classes)
                self._learn(network, inputs, wanted, balance)
        finally:
            torch.set_num_threads(threads)
        self.arrays = {"mean": mean, "scale": np.asarray([scale], dtype=np.float32)}
        for index, layer in enumerate(module for module in network if isinstance(module, torch.nn.Linear)):
            self.arrays[f"weights{index}"] = layer.weight.detach().numpy().copy()
            self.arrays[f"bias{index}"] = layer.bias.detach().numpy().copy()

    def _network(self, dim: int, classes: int) -> Any:
        from torch import nn

        modules: list[nn.Module] = []
        width = dim
        for _ in range(self.params.layers):
            modules += [nn.Linear(width, self.params.hidden), nn.ReLU(), nn.Dropout(self.params.dropout)]
            width = self.params.hidden
        return nn.Sequential(*modules, nn.Linear(width, classes))

    def _learn(self, network: Any, inputs: Any, wanted: Any, balance: Any) -> None:
        import torch

        batches = -(-len(inputs) // BATCH)
        optimizer = torch.optim.AdamW(network.parameters(), lr=1e-3, weight_decay=self.params.weight_decay)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 2e-3, total_steps=self.params.epochs * batches + 1)
        network.train()
        for _ in range(self.params.epochs):
            for chosen in torch.split(torch.randperm(len(inputs)), BATCH):
                optimizer.zero_grad()
                logits = network(inputs[chosen])
                loss: Any = torch.nn.functional.cross_entropy(logits, wanted[chosen], weight=balance)
                loss.backward()
                optimizer.step()
                schedule.step()

    def predict(self, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        """(n, classes) probabilities. In numpy, so that using a head needs no torch."""
        import numpy as np
        from scipy.special import softmax

        *_, logits = self._layers(vectors)
        return np.asarray(softmax(logits.astype(np.float64), axis=1), dtype=np.float32)

    def gradients(self, vectors: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Logits, and their gradients by back-propagation; a unit at exactly zero counts as off."""
        import numpy as np

        *hidden, logits = self._layers(vectors)
        last = len(hidden)
        slopes = np.broadcast_to(self.arrays[f"weights{last}"], (len(vectors), *self.arrays[f"weights{last}"].shape))
        for index in reversed(range(last)):
            slopes = (slopes * (hidden[index] > 0)[:, None]) @ self.arrays[f"weights{index}"]
        return logits, slopes / self.arrays["scale"]

    def _layers(self, vectors: NDArray[np.float32]) -> Iterator[NDArray[np.float32]]:
        """What comes out of each hidden layer, then the logits."""
        import numpy as np

        if not self.arrays:
            raise BadInput("this head has not been fitted")
        values = (vectors - self.arrays["mean"]) / self.arrays["scale"]
        for index in range(self.params.layers):
            values = np.maximum(values @ self.arrays[f"weights{index}"].T + self.arrays[f"bias{index}"], 0)
            yield values
        yield values @ self.arrays[f"weights{self.params.layers}"].T + self.arrays[f"bias{self.params.layers}"]

    def state(self) -> Mapping[str, NDArray[Any]]:
        """`mean`, `scale`, and `weights` and `bias` of each layer."""
        if not self.arrays:
            raise BadInput("this head has not been fitted")
        return dict(self.arrays)

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Take up a state of the same number of layers."""
        self.arrays = dict(state)


@hookimpl
def register_heads() -> Iterable[HeadSpec]:
    """The MLP head."""
    return [
        HeadSpec(
            "mlp", "one or two hidden layers; for more examples, or classes that no line separates", Mlp, MlpParams
        )
    ]
