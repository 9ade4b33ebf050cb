"""OpenVINO: 180 MB, quicker on many processors, and in shorter numbers where those know them; the extra `fast`."""

from __future__ import annotations

import functools
import platform
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from curator.runtimes.calls import in_rows, told
from curator.runtimes.runtime import FULL, VECTOR, Network, Unrunnable

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from curator.runtimes.runtime import Floats

DEVICE = "CPU"

SHORT = {"bfloat16": "bf16", "float16": "f16", FULL: "f32"}
"""Its names of precisions."""


class OpenVino:
    """Runs forms on the processor."""

    name: ClassVar[str] = "openvino"
    package: ClassVar[str] = "openvino"
    install: ClassVar[str] = "pip install 'curator-agent[fast]'"

    def precisions(self) -> tuple[str, ...]:
        """float32, and what the processor has instructions for."""
        able = _core().get_property(DEVICE, "OPTIMIZATION_CAPABILITIES")
        if "BF16" in able:
            return (FULL, "bfloat16")
        # Others than ARM's keep numbers of 16 bits and compute with 32.
        arm = platform.machine().lower() in ("arm64", "aarch64")
        return (FULL, "float16") if arm and "FP16" in able else (FULL,)

    def load(self, form: Path | bytes, precision: str = FULL, briefly: bool = False) -> Network:
        """As `Runtime.load`."""
        if precision not in self.precisions():
            raise Unrunnable(f"{self.name} does not compute in {precision} here")
        core = _core()
        # One batch at a time on all cores: its other way keeps several on the way, for which nobody waits here.
        options = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": SHORT[precision]}
        try:
            model = core.read_model(str(form)) if isinstance(form, Path) else core.read_model(form)
            return _Compiled(core.compile_model(model, DEVICE, options))
        except Exception as error:
            raise told(self.name, "load it", error) from error


class _Compiled:
    def __init__(self, model: Any) -> None:
        self.request = model.create_infer_request()
        first = model.input(0).get_partial_shape()[0]
        self.rows = first.get_length() if first.is_static else None
        self.by_name = {name: output for output in model.outputs for name in output.get_names()}
        self.first = model.output(0)
        self.outputs = tuple(self.by_name)

    def run(self, given: NDArray[Any], output: str = VECTOR) -> Floats:
        """As `Network.run`."""
        asked = self.by_name.get(output, self.first)
        try:
            return in_rows(given, self.rows, lambda rows: self._run(rows, asked))
        except Unrunnable:
            raise
        except Exception as error:
            raise told(OpenVino.name, "run it", error) from error

    def _run(self, rows: NDArray[Any], output: Any) -> Any:
        # What it gives is memory of its own, which the next batch fills anew.
        return self.request.infer({0: rows}, share_inputs=True)[output].copy()

    def close(self) -> None:
        """Free it."""
        self.request = None


@functools.cache
def _core() -> Any:
    try:
        import openvino

        return openvino.Core()
    except Exception as error:
        raise Unrunnable(f"openvino cannot be used ({error!s:.100})") from error
