"""What a cluster may be called: what most of its labelled items are, and which words tell its texts from the others.

Words are weighed by class-based TF-IDF (Grootendorst 2022, "BERTopic: neural topic modeling with a class-based TF-IDF
procedure"): a word's share in the cluster, times log(1 + A / f), where f is how often it stands in all texts and A how
many words a cluster has on average. It needs no list of words such as "how" for each language. The square root of the
share, an option there, takes words that stand in a cluster once or twice.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.feature_extraction.text import CountVectorizer

WORDS = 4
"""So many for each cluster."""
READ = 2_000
"""So many characters of a text are looked at."""
MOST = 1_000
"""So many texts of a cluster, evenly: which words tell it from the others, more do not say better."""
CANDIDATES = 30

UNSPACED = "\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
"""Kana and Chinese characters, between which no space says where a word ends."""
LETTER = f"[^\\W\\d_{UNSPACED}]"
RUN = re.compile(f"([{UNSPACED}]+)|({LETTER}+(?:['’]{LETTER}+)*)")
SHORTEST = 3
PIECES = (2, 3, 4)
"""Of runs without spaces, pieces of so many characters stand for words."""


def majority(labels: Sequence[Sequence[str]]) -> tuple[str | None, float | None, int]:
    """The commonest label of items, how many of the labelled ones have it (0 to 1), and how many are labelled."""
    labelled = [names for names in labels if names]
    if not labelled:
        return None, None, 0
    counts = Counter(name for names in labelled for name in names)
    label = min(counts, key=lambda name: (-counts[name], name))
    return label, counts[label] / len(labelled), len(labelled)


def looked_at(numbers: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """The items, by index, whose texts say what clusters 1 to `count` are about: of each some, evenly."""
    return np.sort(np.concatenate([evenly(np.flatnonzero(numbers == number)) for number in range(count + 1)]))


def words(texts: Sequence[str], numbers: NDArray[np.int64], count: int) -> list[list[str]]:
    """For each cluster, 1 to `count`, up to four words that its texts have and others have not, best first.

    A word stands in two texts at least. What is in no cluster (0) counts among the others.
    """
    vectorizer = CountVectorizer(analyzer=terms, min_df=min(2, len(texts)))
    try:
        table = vectorizer.fit_transform(texts)
    except ValueError:  # scikit-learn's for "no word stands in two texts"
        return [[] for _ in range(count)]
    known = vectorizer.get_feature_names_out()
    sums = np.vstack([np.asarray(table[numbers == number].sum(axis=0)).ravel() for number in range(count + 1)])
    parts = sums[sums.sum(axis=1) > 0]
    weights = np.log1p(parts.sum() / len(parts) / parts.sum(axis=0))
    return [_best(known, mine, mine * weights) for mine in sums[1:]]


def evenly(rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """At most `MOST` of them, at even distances."""
    return rows if len(rows) <= MOST else rows[np.linspace(0, len(rows) - 1, MOST).astype(np.int64)]


def terms(text: str) -> Iterator[str]:
    """The words of a text in lower case, three letters or longer; of Chinese and Japanese all short pieces."""
    for unspaced, word in RUN.findall(text[:READ].lower()):
        if len(word) >= SHORTEST:
            yield word
        for size in PIECES:
            yield from (unspaced[at : at + size] for at in range(len(unspaced) - size + 1))


def _best(known: Any, counts: NDArray[np.int64], scores: NDArray[np.float64]) -> list[str]:
    """The words of the highest scores. Of pieces of Chinese words only the longest is taken, and none twice."""
    order = [int(at) for at in np.argsort(-scores, kind="stable")[:CANDIDATES] if scores[at] > 0]
    kept: list[str] = []
    for at in order:
        word = str(known[at])
        # Most often it stands there as a part of a longer one.
        part = any(
            word in known[other] and word != known[other] and counts[other] > 0.8 * counts[at] for other in order
        )
        again = any(word in other or other in word for other in kept)
        if not (part or again):
            kept.append(word)
    return kept[:WORDS]
