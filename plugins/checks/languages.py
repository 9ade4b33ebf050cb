"""Texts in another language than the others.

Told by py3langid, a naive Bayes classifier over pieces of bytes (Lui & Baldwin 2012, "langid.py: an off-the-shelf
language identification tool"), whose model comes with it.
"""

from __future__ import annotations

import collections
import functools
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from curator.api import CheckSpec, Context, Flaw, Item, Signature, hookimpl
from curator.kit.trust.flaws import FLAGGED, above

FEWEST = 20
"""Texts, of fewer of which nothing is said to be usual."""
SURE, NAMED = 0.98, 0.25
"""How probable it must be that a text is not in the usual language, and that it is in the one that is named."""
MOST, RARE = 0.5, 0.1
"""The share of the texts that the usual language has, and one beyond which another is no exception."""
LENGTH, LETTERS = 2_000, 12
"""Characters that are looked at, and bytes of letters (in UTF-8: four of Chinese) of fewer of which nothing is said."""
LEAST = 0.005
KIN = {"wuu": "zh", "yue": "zh"}
"""Written as another, or nearly, so that they are taken for one."""


def told(text: str) -> dict[str, float]:
    """How probable each language is (ISO 639, from `LEAST` on); none of a text with too few letters."""
    letters = "".join(character for character in text[:LENGTH] if character.isalpha())
    if len(letters.encode(errors="replace")) < LETTERS:
        return {}
    found: dict[str, float] = collections.defaultdict(float)
    for name, probability in _identifier().rank(text[:LENGTH]):
        found[KIN.get(name, name)] += probability
    return {name: probability for name, probability in found.items() if probability >= LEAST}


@functools.cache
def _identifier() -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)


def _packed(text: str) -> bytes:
    return " ".join(f"{name}:{probability:.4f}" for name, probability in told(text).items()).encode()


def _unpacked(value: bytes) -> dict[str, float]:
    pairs = (pair.split(":") for pair in value.decode().split())
    return {name: float(probability) for name, probability in pairs}


def _whole(value: bytes) -> bool:
    return _FORM.fullmatch(value) is not None


_FORM = re.compile(rb"(?:[a-z]+:[01]\.[0-9]{4} ?)*")
TOLD = Signature("quality.language/1", "text", _packed, whole=_whole)


def _other_language(context: Context, items: Sequence[Item]) -> Iterator[Flaw]:
    if len(items) < FEWEST:
        return
    found = [(item, said) for item, value in context.signatures(TOLD, items) if (said := _unpacked(value))]
    counts = collections.Counter(_first(said) for _, said in found)
    if counts.total() < FEWEST:
        return
    usual, most = counts.most_common(1)[0]
    if most < MOST * counts.total():
        return
    for item, said in found:
        name = _first(said)
        if name == usual or said[name] < NAMED:
            continue
        sure = 1 - said.get(usual, 0.0)
        share = counts[name] / counts.total()
        score = min(above(sure, SURE, 1), 1 - FLAGGED * share / RARE)
        if score > 0:
            why = f"in {name!r} and not in {usual!r} as most, with {sure:.1%}"
            yield Flaw(item, score, f"{why}; one of {counts[name]:,} such among {counts.total():,} texts")


def _first(said: Mapping[str, float]) -> str:
    return max(said, key=lambda name: said[name])


@hookimpl
def register_quality_checks() -> Iterable[CheckSpec]:
    """That of languages."""
    return [CheckSpec("other-language", "texts in another language than most", ("text",), _other_language)]
