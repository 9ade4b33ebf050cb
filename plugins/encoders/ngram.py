"""The default for texts: hashed character and word n-grams, projected. Stateless, no weights, no labels.

A text is the set of its characters, pairs of characters and words (a Chinese character counts as a word,
Latin words of one or two letters are left out), each present or absent, hashed to 2 x 2^18 features
(Weinberger et al. 2009, "Feature hashing for large scale multitask learning"). A fixed sparse random matrix
reduces them to 2,048 numbers and roughly preserves cosines (Kane & Nelson 2014, "Sparser
Johnson-Lindenstrauss transforms").
"""

from __future__ import annotations

import functools
import operator
import re
import unicodedata
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from curator.api import EncoderSpec, ImageBatch, Resolved, TextBatch, hookimpl
from curator.errors import BadInput

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

DIM = 2048
SIGNS = 4
SEED = 0
FEATURES = 2**18  # per block

# A CJK character carries about what an English word does. Words of one or two letters are mostly function
# words: leaving them out stands in for an IDF, which would need a corpus. Marks such as 《》 are a cue.
CJK = "\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af"
WORD = rf"[{CJK}]|[^\W{CJK}]{{3,}}|[^\w\s]"


def _characters(text: str) -> set[str]:
    """The characters and pairs of characters, each once: all of a long text would take a hundred times its memory."""
    text = re.sub(r"\s\s+", " ", text)
    return {*text, *map(operator.add, text, text[1:])}


def _words(text: str) -> set[str]:
    return {match[0] for match in re.finditer(WORD, text)}


@functools.cache
def _blocks() -> Sequence[Any]:
    import numpy as np
    from sklearn.feature_extraction.text import HashingVectorizer

    # Binary: repeats of a common letter would swamp the rest. No alternating sign: `binary` would drop it,
    # and the projection has signs of its own. Short n-grams: a long one is rarely shared by two texts, so
    # after the projection it is mostly noise.
    common = {
        "n_features": FEATURES,
        "binary": True,
        "alternate_sign": False,
        "lowercase": False,
        "norm": "l2",
        "dtype": np.float32,
    }
    return (
        HashingVectorizer(analyzer=_characters, **common),
        HashingVectorizer(analyzer=_words, **common),
    )


@functools.cache
def projection() -> Any:
    """The sparse random matrix, (2 * FEATURES, DIM): in each row one random sign in each of SIGNS bands."""
    import numpy as np
    import scipy.sparse as sparse

    rows, band = 2 * FEATURES, DIM // SIGNS
    # The raw stream of a bit generator is promised to stay; that of numpy's Generator methods is not.
    raw = np.random.PCG64(SEED).random_raw(rows * SIGNS).reshape(rows, SIGNS)
    column = ((raw & np.uint64(2**63 - 1)) % np.uint64(band)).astype(np.int32)
    column += np.arange(SIGNS, dtype=np.int32) * band
    sign = np.where(raw >> np.uint64(63), 1, -1).astype(np.float32) / np.float32(SIGNS**0.5)
    starts = np.arange(rows + 1, dtype=np.int32) * SIGNS
    return sparse.csr_array((sign.ravel(), column.ravel(), starts), shape=(rows, DIM))


class Ngram:
    """The encoder; holds nothing."""

    def encode(self, batch: ImageBatch | TextBatch) -> NDArray[np.float32]:
        """(n, 2048) float32; a text without any feature is a row of zeros."""
        import numpy as np
        import scipy.sparse as sparse

        assert isinstance(batch, TextBatch)
        folded = [unicodedata.normalize("NFKC", text).lower() for text in batch.texts]
        hashed = sparse.csr_array(sparse.hstack([block.transform(folded) for block in _blocks()], format="csr"))
        return np.asarray((hashed @ projection()).toarray(), dtype=np.float32)

    def close(self) -> None:
        """Nothing to free."""


def resolve(variant: str | None, weights: Path | None) -> Resolved:
    """There is one variant, and nothing to load."""
    if variant or weights:
        raise BadInput("ngram has neither variants nor weights")
    return Resolved(
        DIM, config={"signs": SIGNS, "seed": SEED, "features": FEATURES, "word": WORD, "characters": [1, 2]}
    )


def load(resolved: Resolved, device: str) -> Ngram:
    """Nothing to load."""
    return Ngram()


@hookimpl
def register_encoders() -> Iterable[EncoderSpec]:
    """The ngram encoder."""
    summary = "hashed character and word n-grams, projected; no weights, works at once for any language"
    return [EncoderSpec("ngram", ("text",), summary, resolve, load, default=True, batch_size=512)]
