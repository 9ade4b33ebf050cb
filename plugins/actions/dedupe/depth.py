"""How many bits the colours of a picture really have: one of 8 bits that was saved with 16 has no more than before."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from curator.kit.copies.planes import deep_numbers
from curator.kit.images import bits, deep, opened, room_for, whole
from curator.kit.reading import Unreadable


@dataclass(frozen=True, slots=True)
class Depth:
    """`bits` of each colour; `unseen`: pictures are compared by the first 8 of them alone."""

    bits: int = 8
    unseen: bool = False


def depth(path: Path) -> Depth:
    """That of a file; the usual 8 bits where it cannot be read."""
    found = Depth()
    try:
        with opened(path) as image:
            found = Depth(bits(image), deep(image))
            if found.bits <= 8:
                return found
            with room_for(image, None):
                values = deep_numbers(path) if found.unseen else np.asarray(whole(image))
    except Unreadable:
        return found
    return Depth() if _is_widened(values) else found


def _is_widened(values: Any) -> bool:
    """Whether 16 bits were made of 8, by zeros or by each byte twice."""
    if values.dtype != np.uint16:
        return False
    return not (values & 255).any() or bool(np.array_equal(values >> 8, values & 255))
