"""What a runtime is: it loads a form of an encoder, an ONNX model, and runs batches."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from curator.errors import PluginError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

FULL = "float32"

VECTOR, MAP = "vector", "map"
"""What the outputs of a form are called: (n, dim), and where the vector is its mean over h and w, (n, dim, h, w)."""


class Unrunnable(PluginError):
    """A runtime cannot be used, or cannot run what it was given; the message says why in a few words."""


class Network(Protocol):
    """A form that is loaded, for one thread at a time. `outputs`: their names."""

    outputs: tuple[str, ...]

    def run(self, given: NDArray[Any], output: str = VECTOR) -> Floats:
        """(n, ...) float32 of a batch, (n, ...) as the form takes it. Raises `Unrunnable` or `Shortage`.

        Of a form that does not call its output so, the first one is the vector.
        """
        ...

    def close(self) -> None:
        """Free it."""
        ...


class Runtime(Protocol):
    """A library that runs forms. Making one imports nothing."""

    name: ClassVar[str]
    package: ClassVar[str]
    """By which pip knows it."""
    install: ClassVar[str]
    """What brings it, for a message."""

    def precisions(self) -> tuple[str, ...]:
        """The number formats in which it is quick on this machine, float32 first. Raises `Unrunnable`."""
        ...

    def load(self, form: Path | bytes, precision: str = FULL, briefly: bool = False) -> Network:
        """Load a form, by its file or as it is; a path is read by the runtime itself.

        Computes in `precision`, whatever the form's weights are kept in. `briefly`: for few items, as a query: it is
        there sooner, and slower then. Raises `Unrunnable` or `Shortage`.
        """
        ...
