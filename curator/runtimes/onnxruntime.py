"""ONNX Runtime: 78 MB, with wheels for all systems; it comes with curator."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from curator.runtimes.calls import in_rows, told
from curator.runtimes.runtime import FULL, VECTOR, Network, Unrunnable

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from curator.runtimes.runtime import Floats

ERRORS_ALONE = 4
"""Of its levels of logging: what it has to say comes as an exception, too."""


class OnnxRuntime:
    """Runs forms on the processor. There is room for other execution providers; none was tried."""

    name: ClassVar[str] = "onnxruntime"
    package: ClassVar[str] = "onnxruntime"
    install: ClassVar[str] = "pip install onnxruntime"
    providers: ClassVar[tuple[str, ...]] = ("CPUExecutionProvider",)

    def precisions(self) -> tuple[str, ...]:
        """float32: shorter numbers are no quicker with it on a processor."""
        _library()
        return (FULL,)

    def load(self, form: Path | bytes, precision: str = FULL, briefly: bool = False) -> Network:
        """As `Runtime.load`."""
        if precision != FULL:
            raise Unrunnable(f"{self.name} does not compute in {precision} here")
        library = _library()
        options = library.SessionOptions()
        options.log_severity_level = ERRORS_ALONE
        # Threads that wait for work by looking for it again and again take the cores from those that decode.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        if briefly:  # weights stay as they are mapped, and only what is needed of them is read
            options.graph_optimization_level = library.GraphOptimizationLevel.ORT_DISABLE_ALL
            options.add_session_config_entry("session.disable_prepacking", "1")
        try:
            given = str(form) if isinstance(form, Path) else form
            return _Session(library.InferenceSession(given, options, providers=list(self.providers)))
        except Exception as error:
            raise told(self.name, "load it", error) from error


class _Session:
    def __init__(self, session: Any) -> None:
        self.session = session
        (self.given,) = session.get_inputs()[:1]
        self.outputs = tuple(output.name for output in session.get_outputs())
        first = self.given.shape[0] if self.given.shape else None
        self.rows = first if isinstance(first, int) else None

    def run(self, given: NDArray[Any], output: str = VECTOR) -> Floats:
        """As `Network.run`."""
        asked = [output if output in self.outputs else self.outputs[0]]
        try:
            return in_rows(given, self.rows, lambda rows: self.session.run(asked, {self.given.name: rows})[0])
        except Unrunnable:
            raise
        except Exception as error:
            raise told(OnnxRuntime.name, "run it", error) from error

    def close(self) -> None:
        """Free it."""
        self.session = None


@functools.cache
def _library() -> Any:
    try:
        import onnxruntime
    except Exception as error:
        raise Unrunnable(f"onnxruntime cannot be imported ({error!s:.100})") from error
    onnxruntime.set_default_logger_severity(ERRORS_ALONE)
    return onnxruntime
