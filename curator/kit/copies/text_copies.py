"""Near copies of texts: equal once folded, or almost the same shingles; with the same numbers and denials.

Candidates come from MinHash signatures in bands (Broder, "On the resemblance and containment of documents", 1997;
Leskovec, Rajaraman and Ullman, "Mining of Massive Datasets", chapter 3); each is verified on the shingles themselves.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from curator.kit.copies.numbers import numbers
from curator.kit.copies.stars import spokes

__all__ = [
    "ALIKE",
    "Resemblance",
    "TextCopies",
    "denials",
    "fold",
    "likely_pairs",
    "resemble",
    "shingle_sets",
    "shingles",
]

Hashes: TypeAlias = NDArray[np.uint64]

SHORT = 12
"""Characters, folded: below this, two texts are near only if they are equal; one character more may say all."""
ALIKE = 0.8
"""Jaccard similarity of the shingles."""
BANDS, ROWS = 24, 3
"""Two texts of similarity 0.8 share a band with a probability of 1 - (1 - 0.8 ** 3) ** 24 > 0.9999999."""
WIDE, NARROW = 5, 3
"""Characters in a shingle: of an alphabet, and of a script whose characters are words or syllables."""


DENIAL = re.compile(
    r"""
    (?: \b(?:not|no|never|none|nobody|nothing|nowhere|neither|nor|without|cannot|hardly
        |(?:ai|are|ca|could|did|do|does|had|has|have|is|might|must|need|should|was|were|wo|would)n'?t
        |nicht|kein\w*|nie|niemals|ohne|pas|jamais|sans|nunca|sin|non)\b [^\w]* (?P<alphabet>[^\W\u2e80-\U0003ffff]*)
    | [不没沒無无未非别別勿莫] \W* (?P<character>\w?) )
    """,
    re.VERBOSE,
)
"""Words that deny what comes next: English, and what is most frequent of some other languages; and Chinese."""


def _forms() -> dict[int, str]:
    """What a typographic form, a ligature or a character of another width is a form of."""
    found = {code: mark for codes, mark in MARKS.items() for code in map(ord, codes)}
    for code in (0x3000, *range(0xFB00, 0xFB07), *range(0xFF01, 0xFFEF)):
        if unicodedata.decomposition(chr(code)).startswith(("<wide>", "<narrow>", "<compat>")):
            found[code] = unicodedata.normalize("NFKC", chr(code))
    return found


MARKS = {"‘’‚‛": "'", "“”„‟": '"', "‐‑‒–—―−": "-", "…": "..."}
"""Typographic forms of one mark."""
FORMS = _forms()
LINE_END = re.compile(r"\r\n|\r|\n")


@dataclass(frozen=True, slots=True)
class Resemblance:
    """How two texts agree: `folded`, equal but for case, width, space and punctuation; else `jaccard`, 0 to 1."""

    folded: bool
    jaccard: float


class TextCopies:
    """Texts made ready to be compared, in the order in which they should stay."""

    def __init__(self, bodies: Sequence[str]) -> None:
        self.bodies = bodies
        self.folded, self.shingles = shingle_sets(bodies)
        # Two texts that differ in a number say two things: "iPhone 5" and "iPhone 6", up 1 % and up 2 %.
        # So do "1.5 kg" and "15 kg", which are equal once folded.
        # A "not" more turns it round.
        self.telling = [(numbers(body), denials(body)) for body in bodies]

    def candidates(self) -> list[tuple[int, int]]:
        """Pairs that are likely to be near."""
        # With the numbers as part of the key, so that those of equal numbers find each other among many that are not.
        return likely_pairs(self.folded, self.shingles, self.telling)

    def match(self, one: int, other: int) -> Resemblance | None:
        """How two of them agree, if they are near."""
        if self.telling[one] != self.telling[other]:
            return None
        return resemble(one, other, self.folded, self.shingles)

    def same(self, one: int, other: int) -> bool:
        """Whether nothing tells two of them apart but how spaces and marks are typed."""
        return typed(self.bodies[one]) == typed(self.bodies[other])

    def differing(self, one: int, other: int) -> str:
        """In what two that are equal once folded differ all the same: "case and space"."""
        parts = zip(
            ("case", "punctuation or signs", "space"), _parts(self.bodies[one]), _parts(self.bodies[other]), strict=True
        )
        return " and ".join(name for name, mine, theirs in parts if mine != theirs) or "the form of characters"


def shingle_sets(bodies: Sequence[str]) -> tuple[list[str], list[Hashes]]:
    """Texts folded, and the shingles of each."""
    folded = [fold(body) for body in bodies]
    return folded, [shingles(text) for text in folded]


def likely_pairs(
    folded: Sequence[str], sets: Sequence[Hashes], telling: Sequence[Hashable] | None = None
) -> list[tuple[int, int]]:
    """Pairs of texts that are likely to resemble each other; only of those that are equal in `telling`, if given."""
    told = telling or [None] * len(folded)
    pairs = spokes(list(zip(folded, told, strict=True)))
    long = [number for number, text in enumerate(folded) if len(text) >= SHORT]
    signatures = _minhashes([sets[number] for number in long])
    for band in range(BANDS):
        keys = np.ascontiguousarray(signatures[:, band * ROWS : (band + 1) * ROWS])
        of_band = [(row.tobytes(), told[number]) for row, number in zip(keys, long, strict=True)]
        pairs += [(long[a], long[b]) for a, b in spokes(of_band)]
    return pairs


def resemble(one: int, other: int, folded: Sequence[str], sets: Sequence[Hashes]) -> Resemblance | None:
    """How two of these texts agree, if they are almost the same, whatever numbers and denials they hold."""
    if folded[one] == folded[other]:
        return Resemblance(True, 1.0) if folded[one] else None
    if min(len(folded[one]), len(folded[other])) < SHORT:
        return None
    a, b = sets[one], sets[other]
    shared = len(np.intersect1d(a, b, assume_unique=True))
    jaccard = shared / (len(a) + len(b) - shared)
    return Resemblance(False, jaccard) if jaccard >= ALIKE else None


def typed(text: str) -> str:
    """With one form of what is typed in several: line ends, runs of spaces within a line, blanks at the ends, width,
    and typographic marks. How lines are indented counts, but for a text of one line.
    """
    lines = LINE_END.split(unicodedata.normalize("NFC", text).translate(FORMS))
    lines = [line[: len(line) - len(line.lstrip())] + " ".join(line.split()) if line.strip() else "" for line in lines]
    found = "\n".join(lines).strip("\n")
    return found if "\n" in found else found.strip()


def _parts(text: str) -> tuple[str, str, str]:
    """Its capitals, its signs, and how its words are spaced: in what texts that are equal once folded may differ."""
    text = typed(text)
    signs = "".join(one for one in text if not one.isspace() and unicodedata.category(one)[0] in "PSC")
    rest = "".join(one for one in text if one.isspace() or unicodedata.category(one)[0] not in "PSC")
    return "".join(one for one in rest if one != one.casefold()), signs, rest.casefold().strip(" ")


def denials(text: str) -> tuple[str, ...]:
    """What a text denies: the word, in Chinese the character, behind each "not", "without" or 不, in order."""
    plain = unicodedata.normalize("NFKC", text).casefold().replace("’", "'")
    return tuple(found["alphabet"] or found["character"] or "" for found in DENIAL.finditer(plain))


def fold(text: str) -> str:
    """Without what does not tell texts apart: case, width (NFKC), white space, punctuation and other signs.

    A text of signs alone, as `+1` or `:-)`, keeps them.
    """
    text = unicodedata.normalize("NFKC", text).casefold()
    kept = "".join(character for character in text if unicodedata.category(character)[0] not in "PZC")
    return kept or "".join(text.split())


def shingles(folded: str) -> Hashes:
    """Hashes of all runs of some characters, each once, in order; how many characters depends on the script."""
    if not folded:
        return np.zeros(0, np.uint64)
    codes = np.frombuffer(folded.encode("utf-32-le", "surrogatepass"), "<u4").astype(np.uint64)
    wide = min(len(codes), WIDE if np.mean(codes < 0x2E80) > 0.5 else NARROW)
    hashes = np.zeros(len(codes) - wide + 1, np.uint64)
    for place in range(wide):
        hashes = _splitmix64(hashes ^ codes[place : len(codes) - wide + 1 + place])
    return np.unique(hashes)


def _splitmix64(values: Hashes) -> Hashes:
    """A 64-bit hash of each number (splitmix64)."""
    values = values + np.uint64(0x9E3779B97F4A7C15)
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


def _minhashes(sets: Sequence[Hashes]) -> Hashes:
    """The least hash of each set under each of many functions: (n, BANDS * ROWS)."""
    signatures = np.zeros((len(sets), BANDS * ROWS), np.uint64)
    if not sets:
        return signatures
    ends = np.cumsum([len(one) for one in sets])
    every = np.concatenate(sets)
    for number in range(BANDS * ROWS):
        salt = _splitmix64(np.asarray([number + 1], np.uint64))
        signatures[:, number] = np.minimum.reduceat(_splitmix64(every ^ salt), ends - [len(one) for one in sets])
    return signatures
