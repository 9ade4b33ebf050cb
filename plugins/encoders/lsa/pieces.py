"""What is counted in a text: characters up to three in a row, words and pairs of words, hashed.

Both kinds, as neither suits all: of Chinese, characters say most, of English, words. A CJK character is a word, too.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import scipy.sparse as sparse
from sklearn.feature_extraction import FeatureHasher

LONGEST = 3  # characters in a row

FEATURES = 2**18  # of each kind

CJK = "\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af"
WORD = re.compile(rf"[{CJK}]|[^\W{CJK}]+|[^\w\s]")


def _characters(text: str) -> Iterator[str]:
    for length in range(1, LONGEST + 1):
        for at in range(len(text) - length + 1):
            yield text[at : at + length]


def _words(text: str) -> Iterator[str]:
    yield from WORD.findall(text)
    for pair in pairwise(match[0] for match in WORD.finditer(text)):
        yield " ".join(pair)


def counts(texts: Sequence[str]) -> Any:
    """(n, 2 * FEATURES) sparse float32: 1 + log of how often each piece occurs, those of characters first.

    Case, width and the length of white space do not matter.
    """
    folded = [re.sub(r"\s+", " ", unicodedata.normalize("NFKC", text).lower()) for text in texts]
    # Counted before they are hashed, as all pieces of a long text would take a hundred times its memory.
    hasher = FeatureHasher(FEATURES, input_type="dict", dtype=np.float32, alternate_sign=False)
    blocks = [hasher.transform(Counter(pieces(text)) for text in folded) for pieces in (_characters, _words)]
    found = sparse.csr_array(sparse.hstack(blocks, format="csr"))
    found.data = 1 + np.log(found.data)
    return found
