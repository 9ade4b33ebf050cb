"""What a way to embed is, and what may be asked for. Light: the command line names ways, too."""

from __future__ import annotations

from dataclasses import dataclass

FULL = "float32"

AUTO, TORCH = "auto", "torch"

RUNTIMES = (AUTO, TORCH, "onnxruntime", "openvino")
"""What `--runtime` takes: the quickest; the encoder as it is loaded, mostly by torch; and what runs its form."""


@dataclass(frozen=True, slots=True)
class Way:
    """What runs an encoder, and the number format that it computes in.

    `runtime`: "torch" for the encoder as it is loaded, whatever that is made of.
    """

    runtime: str = TORCH
    precision: str = FULL

    def __str__(self) -> str:
        """As it is kept with each vector; earlier releases knew no other runtime."""
        return self.precision if self.runtime == TORCH else f"{self.runtime} {self.precision}"

    @property
    def is_full(self) -> bool:
        """Whether it computes in float32."""
        return self.precision == FULL


LOADED = Way()


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which ways may be taken: of one runtime alone, or in float32 alone (`exact`)."""

    runtime: str = AUTO
    exact: bool = False

    def allows(self, way: Way) -> bool:
        """Whether a way may be taken."""
        return self.runtime in (AUTO, way.runtime) and (way.is_full or not self.exact)
