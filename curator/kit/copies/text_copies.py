"""Near copies of texts: equal once folded, or almost the same shingles; with the same numbers and denials.

Candidates come from MinHash signatures in bands (Broder, "On the resemblance and containment of documents", 1997;
Leskovec, Rajaraman and Ullman, "Mining of Massive Datasets", chapter 3); each is verified on the shingles themselves.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from curator.api import Item
from curator.kit.copies.neighbours import as_keys, of_keys
from curator.kit.copies.numbers import numbers
from curator.kit.copies.stars import spokes_of
from curator.kit.listing import items_at

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
AT_ONCE, HELD = 2_000, 8_000
"""Texts that are made ready together, and that are held."""
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


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """A text made ready to be compared: its body, folded, its shingles, and what tells it from others."""

    body: str
    folded: str
    shingles: Hashes
    telling: tuple[Hashable, Hashable]

    @classmethod
    def of(cls, body: str) -> Prepared:
        """That of a body."""
        folded = fold(body)
        # Two texts that differ in a number say two things: "iPhone 5" and "iPhone 6", up 1 % and up 2 %.
        # So do "1.5 kg" and "15 kg", which are equal once folded.
        # A "not" more turns it round.
        return cls(body, folded, shingles(folded), (numbers(body), denials(body)))


class TextCopies:
    """Texts, in the order in which they should stay.

    Of all of them only keys are in memory, 200 bytes of each, while `candidates` looks for pairs; the rest is made of a
    number of texts at a time (`prepare`).
    """

    def __init__(self, bodies: Sequence[str]) -> None:
        self._begin(len(bodies), lambda numbers: [bodies[number] for number in numbers])

    @classmethod
    def of_items(cls, items: Sequence[Item]) -> TextCopies:
        """Those of items, which are read as they are wanted."""
        found = cls.__new__(cls)
        found._begin(len(items), lambda numbers: [item.text or "" for item in items_at(items, numbers)])
        return found

    def _begin(self, count: int, read: Callable[[Sequence[int]], list[str]]) -> None:
        self.count = count
        self._read = read
        self._held: OrderedDict[int, Prepared] = OrderedDict()

    def candidates(self) -> list[tuple[int, int]]:
        """Pairs that are near, the lower first, in order; of many that are alike not all."""
        # With the numbers as part of the key, so that those of equal numbers find each other among many that are not.
        keys = _Keys(self.count)
        for start in range(0, self.count, AT_ONCE):
            some = [Prepared.of(body) for body in self._read(range(start, min(start + AT_ONCE, self.count)))]
            keys.put([one.folded for one in some], [one.shingles for one in some], [one.telling for one in some])
        pairs, found = keys.pairs(), list[tuple[int, int]]()
        for start in range(0, len(pairs), AT_ONCE):
            chunk = [(one, other) for one, other in pairs[start : start + AT_ONCE].tolist()]
            self.prepare(chunk)
            found += [pair for pair in chunk if self.match(*pair) is not None]
        return found

    def prepare(self, pairs: Sequence[tuple[int, int]]) -> None:
        """Have the texts of these pairs in memory, and drop what was not wanted for longest.

        Only for the thread that runs the plan.
        """
        wanted = sorted({number for pair in pairs for number in pair})
        missing = [number for number in wanted if number not in self._held]
        for number in wanted:
            if number in self._held:
                self._held.move_to_end(number)
        while self._held and len(self._held) + len(missing) > max(HELD, len(wanted)):
            self._held.popitem(last=False)
        self._held.update(zip(missing, map(Prepared.of, self._read(missing)), strict=True))

    def match(self, one: int, other: int) -> Resemblance | None:
        """How two of them agree, if they are near."""
        mine, theirs = self._text(one), self._text(other)
        if mine.telling != theirs.telling:
            return None
        return _resemblance((mine.folded, theirs.folded), (mine.shingles, theirs.shingles))

    def same(self, one: int, other: int) -> bool:
        """Whether nothing tells two of them apart but how spaces and marks are typed."""
        return typed(self._text(one).body) == typed(self._text(other).body)

    def differing(self, one: int, other: int) -> str:
        """In what two that are equal once folded differ all the same: "case and space"."""
        parts = zip(
            ("case", "punctuation or signs", "space"),
            _parts(self._text(one).body),
            _parts(self._text(other).body),
            strict=True,
        )
        return " and ".join(name for name, mine, theirs in parts if mine != theirs) or "the form of characters"

    def _text(self, number: int) -> Prepared:
        return self._held.get(number) or Prepared.of(*self._read([number]))


def shingle_sets(bodies: Sequence[str]) -> tuple[list[str], list[Hashes]]:
    """Texts folded, and the shingles of each."""
    folded = [fold(body) for body in bodies]
    return folded, [shingles(text) for text in folded]


def likely_pairs(folded: Sequence[str], sets: Sequence[Hashes]) -> list[tuple[int, int]]:
    """Pairs of texts that are likely to resemble each other, the lower first, each once, in order."""
    keys = _Keys(len(folded))
    for start in range(0, len(folded), AT_ONCE):
        some = slice(start, start + AT_ONCE)
        keys.put(folded[some], sets[some], [None] * len(folded[some]))
    return [(one, other) for one, other in keys.pairs().tolist()]


class _Keys:
    """What texts have in common that are likely to resemble each other: numbers, of which one is equal.

    Two that have none in common may share one by chance, one in 2 ** 64 pairs: whoever asks for likely pairs looks
    closer.
    """

    def __init__(self, count: int) -> None:
        self.count, self.known = count, 0
        self.of_folded = np.zeros(count, np.uint64)
        self.of_bands = np.zeros((BANDS, count), np.uint64)
        self.long = np.zeros(count, bool)

    def put(self, folded: Sequence[str], sets: Sequence[Hashes], telling: Sequence[Hashable]) -> None:
        """The next texts: folded, their shingles, and what else must be equal."""
        some = slice(self.known, self.known + len(folded))
        self.known = some.stop
        self.of_folded[some] = [_hash(one) for one in zip(folded, telling, strict=True)]
        self.long[some] = long = np.asarray([len(text) >= SHORT for text in folded], bool)
        told = np.asarray([_hash(one) for one in telling], np.uint64)[long]
        signatures = _minhashes([one for one, is_long in zip(sets, long, strict=True) if is_long])
        for band in range(BANDS):
            keys = told
            for row in range(band * ROWS, (band + 1) * ROWS):
                keys = _splitmix64(keys ^ signatures[:, row])
            self.of_bands[band, some][long] = keys

    def pairs(self) -> NDArray[np.int64]:
        """Pairs of one key, (m, 2), the lower first, each once: each with the first of its key and the one before."""
        found, long = as_keys(spokes_of(self.of_folded), self.count), np.flatnonzero(self.long)
        for keys in self.of_bands:
            found = np.union1d(found, as_keys(long[spokes_of(keys[long])], self.count))
        return of_keys(found, self.count)


def _hash(key: Hashable) -> int:
    """The same number in every process, of what has a plain form."""
    return int.from_bytes(hashlib.blake2b(repr(key).encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little")


def resemble(one: int, other: int, folded: Sequence[str], sets: Sequence[Hashes]) -> Resemblance | None:
    """How two of these texts agree, if they are almost the same, whatever numbers and denials they hold."""
    return _resemblance((folded[one], folded[other]), (sets[one], sets[other]))


def _resemblance(folded: tuple[str, str], sets: tuple[Hashes, Hashes]) -> Resemblance | None:
    if folded[0] == folded[1]:
        return Resemblance(True, 1.0) if folded[0] else None
    if min(map(len, folded)) < SHORT:
        return None
    shared = len(np.intersect1d(*sets, assume_unique=True))
    jaccard = shared / (len(sets[0]) + len(sets[1]) - shared)
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
