"""Everything that a head follows from, and the digest by which a saved one is found again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from curator.api import HeadSpec, Model
from curator.learning.material.background import Background, taken_off
from curator.learning.material.labelled import Data

MEASURING = 3
"""Goes up when heads are measured or calibrated in another way, so that they are fitted anew."""

SEED = 0


@dataclass(frozen=True, slots=True)
class Recipe:
    """Everything that a head follows from; `release`: of the plugin that offers its kind, as the registry says it."""

    spec: HeadSpec
    params: Any
    model: Model
    data: Data
    background: Background | None = None
    release: str = ""

    @property
    def columns(self) -> int:
        """How many a head has: one for each class, and one for the background."""
        return len(self.data.examples.classes) + (self.background is not None)

    def taken_off(self, said: NDArray[np.float32]) -> tuple[NDArray[np.float32], Any]:
        """What is said of the classes, and the scores."""
        return taken_off(said, len(self.data.examples.classes), self.data.examples.target.kind == "label")

    def digest(self, background: Sequence[str] | None = None) -> str:
        """SHA-256 over it all; with another background, over that in place of its own."""
        own = self.background.hashes if self.background else ()
        data, hashes = self.data, own if background is None else background
        content = {
            "examples": sorted((item.hash, int(target)) for item, target in zip(data.items, data.targets, strict=True)),
            "classes": data.examples.classes,
            "space": self.model.fingerprint,
            "kind": self.spec.name,
            "options": asdict(self.params),
            "seed": SEED,
            "measuring": MEASURING,
            **({"background": hashes} if hashes else {}),
            **({"release": self.release} if self.release else {}),
        }
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
