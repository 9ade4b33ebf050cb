"""A network of convolutions written down as an ONNX model without torch: for `form` of an encoder's spec.

    graph = Graph(224, read_arrays(path), epsilon=1e-5)
    seen = graph.relu(graph.convolution(graph.pixels, Convolution("conv1", "bn1", 3, 64, 7, stride=2)))
    ...
    return graph.mean_of(seen)

Public, like `curator.api`. Nothing heavy is imported with it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["Convolution", "Graph", "Shape"]

_OPSET, _IR = 17, 8
"""Of 2022: what any runtime of today reads, and all that is needed here."""


@dataclass(frozen=True, slots=True)
class Shape:
    """What is wanted of a tensor, for `curator.kit.weights.differences`."""

    shape: tuple[int, ...]
    is_meta: ClassVar[bool] = True
    """It has no numbers, as torch says it."""


@dataclass(frozen=True, slots=True)
class Convolution:
    """A convolution without bias and the batch normalisation behind it: the beginnings of their tensors' names.

    `side`: of its square kernel; `inputs` and `outputs`: channels, in `groups`.
    """

    name: str
    norm: str
    inputs: int
    outputs: int
    side: int = 1
    stride: int = 1
    groups: int = 1

    def tensors(self) -> dict[str, Shape]:
        """The names of its tensors, in torch's order, and their shapes."""
        each = Shape((self.outputs,))
        return {
            f"{self.name}.weight": Shape((self.outputs, self.inputs // self.groups, self.side, self.side)),
            **{f"{self.norm}.{part}": each for part in ("weight", "bias", "running_mean", "running_var")},
            f"{self.norm}.num_batches_tracked": Shape(()),
        }


class Graph:
    """A model that is being written. Each layer takes names of what goes in, and gives that of what comes out.

    `state`: the tensors by name, of any kind of numbers; `epsilon`: that of batch normalisation, which is folded into
    the convolution in front of it.
    """

    pixels = "pixels"
    """What goes in, (n, 3, side, side) float32."""

    def __init__(self, side: int, state: Mapping[str, NDArray[Any]], epsilon: float) -> None:
        self.side = side
        self.state = state
        self.epsilon = epsilon
        self._nodes: list[Any] = []
        self._arrays: dict[str, NDArray[np.float32]] = {}

    def convolution(self, given: str, layer: Convolution, before: int | None = None, after: int | None = None) -> str:
        """The layer on a map with so many zeros before and after its rows and columns; if not said, half a kernel."""
        before = layer.side // 2 if before is None else before
        after = before if after is None else after
        self._arrays[f"{layer.name}.weight"], self._arrays[f"{layer.name}.bias"] = self._folded(layer)
        inputs = [given, f"{layer.name}.weight", f"{layer.name}.bias"]
        options = {"pads": [before, before, after, after], "strides": [layer.stride] * 2, "group": layer.groups}
        return self._node("Conv", inputs, **options)

    def relu(self, given: str) -> str:
        """Nothing below 0."""
        return self._node("Relu", [given])

    def relu6(self, given: str) -> str:
        """Nothing below 0 or above 6."""
        import numpy as np

        self._arrays |= {"zero": np.array(0, np.float32), "six": np.array(6, np.float32)}
        return self._node("Clip", [given, "zero", "six"])

    def add(self, one: str, other: str) -> str:
        """The sum of two maps."""
        return self._node("Add", [one, other])

    def max_pool(self, given: str, side: int, stride: int, around: int) -> str:
        """The largest of each square, of a map with so much around it that is never the largest."""
        return self._node("MaxPool", [given], kernel_shape=[side] * 2, strides=[stride] * 2, pads=[around] * 4)

    def mean_of(self, given: str) -> bytes:
        """The model: its first output is the mean of the map that was made last, its second that map."""
        from onnx import TensorProto, helper, numpy_helper

        assert self._nodes[-1].output[0] == given, "a vector is the mean of what was made last"
        self._nodes[-1].output[0] = "map"
        self._node("GlobalAveragePool", ["map"])
        self._nodes.append(helper.make_node("Flatten", [self._nodes[-1].output[0]], ["vector"]))
        n, float32 = "n", TensorProto.FLOAT
        graph = helper.make_graph(
            self._nodes,
            "encoder",
            [helper.make_tensor_value_info(self.pixels, float32, [n, 3, self.side, self.side])],
            [
                helper.make_tensor_value_info("vector", float32, [n, None]),
                helper.make_tensor_value_info("map", float32, [n, None, None, None]),
            ],
            [numpy_helper.from_array(array, name) for name, array in self._arrays.items()],
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", _OPSET)], ir_version=_IR)
        return bytes(model.SerializeToString())

    def _folded(self, layer: Convolution) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Weight and bias of a convolution that does what its normalisation did as well."""
        import numpy as np

        names = list(layer.tensors())[:5]  # all but the count of steps, which some files lack
        weight, gamma, beta, mean, variance = (self.state[name].astype(np.float64) for name in names)
        scale = gamma / np.sqrt(variance + self.epsilon)
        folded = weight * scale[:, None, None, None]
        return folded.astype(np.float32), (beta - mean * scale).astype(np.float32)

    def _node(self, operator: str, inputs: list[str], **options: Any) -> str:
        from onnx import helper

        made = f"{operator}{len(self._nodes)}"
        self._nodes.append(helper.make_node(operator, inputs, [made], **options))
        return made
