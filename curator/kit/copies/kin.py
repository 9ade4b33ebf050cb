"""What is of one original: texts in almost the same words, pictures of one capture, whatever was done to them.

One relation for folds, for what fine-tuning keeps back, and for `dedupe`, which goes on from it: there, numbers and
denials tell texts apart, and a file is laid over another before it may go. Here they do not: who has read "5 mg" has
read "6 mg" all but for a character.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from curator.kit.copies.text_copies import likely_pairs, resemble, shingle_sets
from curator.kit.copies.vectors import join

__all__ = ["TELLING", "kin_of_texts", "large_group"]

TELLING = 10
"""Of so many items, one group may hold one: more are told of, as figures then rest on few different ones."""


def kin_of_texts(texts: Sequence[str]) -> NDArray[np.int64]:
    """(n,) numbers, the same for texts of almost the same words, and whatever hangs together by such pairs.

    Case, width, punctuation and spaces do not count. Of pictures, pairs for which `ImageCopies.match` gives an
    agreement are what such texts are: `vectors.join` makes numbers of pairs.
    """
    folded, shingles = shingle_sets(texts)
    pairs = likely_pairs(folded, shingles)
    return join(np.arange(len(texts)), pairs=[pair for pair in pairs if resemble(*pair, folded, shingles) is not None])


def large_group(groups: NDArray[np.int64]) -> int:
    """The size of the largest group if it holds more than a tenth of all, and more than two; else 0."""
    most = int(np.unique(groups, return_counts=True)[1].max(initial=0))
    return most if most > max(2, len(groups) / TELLING) else 0
