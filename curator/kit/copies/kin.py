"""Examples that are copies of one another, so that none is learnt from while another measures what was learnt.

Quicker and coarser than what proves that a file may go: to keep two apart that are only alike costs little here.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from curator.api import Pictures
from curator.kit.copies.vectors import linked

__all__ = ["kin_of_pictures", "kin_of_texts"]

SIDE, BITS = 16, 24
"""Of 16 x 16 differences of brightness between neighbours, so many may differ between near-copies."""


def kin_of_pictures(pictures: Pictures) -> NDArray[np.int64]:
    """(n,) numbers, the same for near-copies: saved anew, resized, lighter or darker; photos of one scene are none.

    By the signs of differences between neighbours in a small grey picture (dHash; N. Krawetz 2013, "Kind of like
    that"), and whatever is linked by such pairs.
    """

    def signs(picture: NDArray[np.uint8]) -> NDArray[np.bool_]:
        small = Image.fromarray(picture).convert("L").resize((SIDE + 1, SIDE), Image.Resampling.BOX)
        return (np.diff(np.asarray(small, dtype=np.int16), axis=1) > 0).ravel()

    rows = np.stack([signs(pictures[index]) for index in range(len(pictures))])
    # Of two rows of ones and minus ones the product is their length, less two for each place in which they differ.
    return linked(2 * rows.astype(np.float32) - 1, rows.shape[1] - 2 * BITS)


def kin_of_texts(texts: Sequence[str]) -> NDArray[np.int64]:
    """(n,) numbers, the same for texts of the same words: case, punctuation and spaces do not count."""
    numbers: dict[str, int] = {}
    words = (" ".join(re.findall(r"\w+", text.casefold())) or text for text in texts)
    return np.asarray([numbers.setdefault(text, len(numbers)) for text in words], dtype=np.int64)
