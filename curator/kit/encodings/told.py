"""What the lines of a text show of the older encoding that it is in: not part of what is public."""

from __future__ import annotations

import re
from array import array
from collections import Counter, defaultdict
from collections.abc import Iterable

from .familiar import CYRILLIC, HANGUL, JAPANESE, KANA, SIMPLIFIED, TRADITIONAL, Beside, latin_codec

__all__ = ["OLDER", "Lines"]

OLDER: dict[str, frozenset[str]] = {
    "gb18030": SIMPLIFIED | TRADITIONAL,
    "big5": TRADITIONAL,
    "cp932": JAPANESE,
    "euc_jp": JAPANESE,
    "cp949": HANGUL,
    "koi8_r": CYRILLIC,
    "cp1251": CYRILLIC,
}
"""The codecs that are tried, each with the characters that make up most of a text in it."""

COMMON = {
    "gb18030": re.compile(rb"[\xb0-\xd7][\xa1-\xfe]"),
    "big5": re.compile(rb"[\xa4-\xc6][\x40-\x7e\xa1-\xfe]"),
    "cp932": re.compile(rb"[\x82\x83\x88-\x98][\x40-\xfc]|\x81[\x58\x5b]|[\xa6-\xdf]"),
    "euc_jp": re.compile(rb"[\xa4\xa5\xb0-\xcf][\xa1-\xfe]|\xa1[\xb9\xbc]|\x8e[\xa6-\xdf]"),
    "cp949": re.compile(rb"[\xb0-\xc8][\xa1-\xfe]"),
}
"""The common characters of codecs of two bytes: the first of the two levels of their standards, without which there are
few words in their languages."""

# A byte or two within a word of ASCII letters, as the accents and apostrophes of Latin-1 and its kin are.
IN_A_WORD = re.compile(
    rb"(?<=[A-Za-z])[\x80-\xff](?=[A-Za-z])|(?<![\x80-\xff])[\x80-\xff](?=[A-Za-z]{2})"
    rb"|(?<=[A-Za-z]{2})[\xc0-\xff]{2}(?=[A-Za-z])|(?<=[A-Za-z])[\xc0-\xff]{2}(?=[A-Za-z]{2})"
)
# What a word or two of Chinese in GB18030, which may be UTF-8 by chance, do not show: characters of three bytes, long
# words of two each (Russian, Greek), and accents within words of ASCII letters.
SURE_UTF8 = re.compile(
    rb"[\xe1-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}|(?:[\xc2-\xdf][\x80-\xbf]){5}"
    rb"|[A-Za-z][\xc3-\xc5][\x80-\xbf]|[\xc3-\xc5][\x80-\xbf][A-Za-z]"
)
# Characters of three and four bytes, which Chinese in GB18030 has by chance one in fifty times.
LONG_UTF8 = re.compile(rb"[\xe1-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}")
ASCII = bytes(range(128))
BEYOND_ASCII = re.compile(rb"([A-Za-z])?([\x80-\xff])(?=([A-Za-z\x80-\xff])?)")
AT_A_WORD = re.compile(rb"(?<=[A-Za-z])[\x80-\xff]{1,2}(?![\x80-\xff])|(?<![\x80-\xff])[\x80-\xff]{1,2}(?=[A-Za-z])")
CYRILLIC_WORD = re.compile("[А-Яа-яЁёІіЇїЄєҐґ]+")
MIXED_WORD = re.compile("[A-Za-z][А-Яа-я]|[А-Яа-я][A-Za-z]")
# What no Russian word and few of its kin hold, and other encodings read as this one do: what stands for a large letter
# in those of Macintosh and DOS; and Hebrew, of which each letter is one here.
MARK_IN_A_WORD = re.compile(
    r"[\u2010-\u20ff\u2122][а-я]|[²÷√≈≤≥⌠⌡][А-Яа-я]|[а-я][А-ЯЁ]|[Ђ-ЏЎђѓљњќћџўѕј]|ъ\b|\bй[^еоі\W]|щ[бвгджзйклмпстфхцчшщъ]"
)

IN_WORDS = "’‘´·–—…/\u00ad"
"""What stands in words beside letters, or between two that are written without a blank."""

PLAUSIBLE = 0.4
"""The share of a line's letters that are familiar, at least: of Chinese headlines 999 of 1,000 have so many, of wrong
readings some have a tenth."""
CLEARLY = 0.2
"""By so much the share is above that of any other reading."""
ENOUGH = 4
"""Letters in lines that are clearly in an encoding: fewer tell nothing of a file."""
ENOUGH_TOGETHER = 10
"""Likewise in all lines of a file together, where none is long enough to be clear."""
MOST = 0.5
"""The share of the lines beyond ASCII that must be clearly in the encoding of a file."""


class Lines:
    """What the lines of a file that is not all UTF-8 show, counted."""

    def __init__(self, file: Iterable[bytes]) -> None:
        self.readable = 0  # in ASCII, or in UTF-8
        self.utf8 = 0  # with characters beyond ASCII, surely in UTF-8, be it that a few bytes are damaged
        self.damaged = 0  # those of them that are
        self.foreign = 0  # with bytes that are not UTF-8, or NULs
        self.first_foreign = 0
        self.unsure: list[int] = []  # in UTF-8, be it by chance
        self.doubtful: list[int] = []  # those of them that are clearly in an older encoding, too
        self.of: defaultdict[str, list[int]] = defaultdict(list)  # beyond ASCII, by the older codec they are clearly in
        self.leaning: defaultdict[str, list[int]] = defaultdict(list)  # those that are in another one nearly as well
        self.letters: Counter[str] = Counter()
        self.common: defaultdict[str, list[int]] = defaultdict(list)  # words that show nothing, by what they may be in
        self.pooled: defaultdict[str, Counter[str]] = defaultdict(Counter)  # of all lines together, by codec
        self.beyond: Counter[Beside] = Counter()  # bytes beyond ASCII of lines that are not UTF-8
        self.holding: defaultdict[Beside, array[int]] = defaultdict(lambda: array("q"))  # lines with such in a word
        self.in_words = 0  # those of them that stand at a letter of ASCII, one or two together
        for number, line in enumerate(file, 1):
            self._count(number, line)

    def _count(self, number: int, line: bytes) -> None:
        if line.isascii():
            self.readable += b"\0" not in line
            self.foreign += b"\0" in line
            return
        is_utf8 = _decodes(line, "utf-8")
        sure = is_utf8 and bool(SURE_UTF8.search(line))
        codec, letters, clear = (NONE, 0, False) if sure else self._read(number, line)
        self.unsure += [number] * (is_utf8 and not sure)
        self.doubtful += [number] * (is_utf8 and clear)
        if not clear:
            self.leaning[codec] += [number] * (letters >= ENOUGH)
            codec = NONE
        self.of[codec].append(number)
        self.letters[codec] += letters
        if is_utf8:
            self.utf8 += sure or not _decodes(line, "gb18030")
            self.readable += 1
            return
        self.first_foreign = self.first_foreign or number
        # Counted one by one: all pieces of a line of ten megabytes would take a gigabyte.
        if 2 * sum(len(match[0]) for match in LONG_UTF8.finditer(line)) > len(line.translate(None, ASCII)):
            self.utf8 += 1
            self.damaged += 1
            return
        self.foreign += 1
        if clear:
            return
        self.in_words += sum(len(match[0]) for match in AT_A_WORD.finditer(line))
        for match in BEYOND_ASCII.finditer(line):
            before, byte, after = match.groups()
            in_word = before is not None and after is not None
            beside = Beside(byte[0], in_word=in_word, after_small=before is not None and before.islower())
            self.beyond[beside] += 1
            if (in_word or beside.after_small) and self.holding[beside][-1:] != array("q", [number]):
                self.holding[beside].append(number)

    def _read(self, number: int, line: bytes) -> tuple[str, int, bool]:
        """The older codec in which a line shows most familiar letters, how many, and whether it clearly is that."""
        if 4 * sum(1 for _ in IN_A_WORD.finditer(line)) > len(line.translate(None, ASCII)):
            return NONE, 0, False
        counts = {codec: _familiar(line, codec) for codec in OLDER}
        for codec, (familiar, letters) in counts.items():
            self.pooled[codec].update(familiar=familiar, letters=letters, lines=letters > 0)
        found = sorted(((_share(*count), count[1], codec) for codec, count in counts.items()), reverse=True)
        (best, letters, codec), (second, _, _) = found[:2]
        clear = best >= PLAUSIBLE and best >= second + CLEARLY
        if not clear or letters < ENOUGH:
            for other in OLDER:
                self.common[other] += [number] * _is_common(line, other)
        return (NONE, 0, False) if best < PLAUSIBLE else (codec, letters, clear)

    def older(self) -> tuple[str, frozenset[int]] | None:
        """The older codec that most of them are in, and the numbers of those that are not."""
        told = [codec for codec in self.of if codec in OLDER]
        codec = max(told, key=lambda codec: len(self.of[codec]), default=None)
        beyond_ascii = sum(map(len, self.of.values()))
        if codec is None or self.letters[codec] < ENOUGH or len(self.of[codec]) <= MOST * beyond_ascii:
            codec = self._together(beyond_ascii)
        if codec is None:
            return None
        bad = frozenset(number for other, numbers in self.of.items() if other != codec for number in numbers)
        bad -= frozenset(self.leaning[codec]) | frozenset(self.common[codec])
        return (codec, bad) if 2 * len(bad) < beyond_ascii else None

    def _together(self, beyond_ascii: int) -> str | None:
        """The older codec that the letters of all lines show, where no line has enough of them."""
        shares = {codec: _share(count["familiar"], count["letters"]) for codec, count in self.pooled.items()}
        (best, codec), (second, _) = sorted(((share, codec) for codec, share in shares.items()), reverse=True)[:2] or (
            [(0.0, NONE)] * 2
        )
        count = self.pooled[codec]
        clear = best >= PLAUSIBLE and best >= second + CLEARLY and count["letters"] >= ENOUGH_TOGETHER
        return codec if clear and count["lines"] > MOST * beyond_ascii else None

    def latin(self) -> tuple[str, frozenset[int]] | None:
        """Likewise the one for Latin letters."""
        if 4 * self.in_words < 3 * self.beyond.total():
            return None  # letters of ASCII are most of any text in Latin ones
        codec = latin_codec(self.beyond)
        seen = bytes({beside.byte for beside in self.beyond})
        foreign = frozenset(number for other in self.of if other != NONE for number in self.of[other])
        if codec is None or not _decodes(seen, codec) or self.utf8:
            return None
        odd = (numbers for beside, numbers in self.holding.items() if _is_odd(beside, codec))
        bad = foreign.union(self.unsure, *odd)
        if len(bad) > (1 - MOST) * self.foreign:
            return None
        return codec, bad


NONE = ""


def _is_odd(beside: Beside, codec: str) -> bool:
    """Whether a codec makes of a byte what stands in no word at that place: the line is in another one."""
    character = bytes([beside.byte]).decode(codec)
    return (beside.after_small and character.isupper()) or (
        beside.in_word
        and (not (character.islower() or character.isupper() or character in IN_WORDS) or character in "ﬁﬂ")
    )


def _is_common(line: bytes, codec: str) -> bool:
    """Whether all letters of a line beyond ASCII are common ones in a codec."""
    try:
        text = line.decode(codec)
    except UnicodeError:
        return False
    letters = {letter for letter in text if letter >= "\x80" and (letter.isalpha() or letter >= "\ue000")}
    if codec not in COMMON:
        return all("А" <= letter <= "ї" for letter in letters) and not _is_no_russian(text) and _may_be_russian(text)
    return all(COMMON[codec].fullmatch(letter.encode(codec)) for letter in letters)


def _familiar(line: bytes, codec: str) -> tuple[int, int]:
    """How many of the letters beyond ASCII are familiar ones, and how many letters there are."""
    try:
        text = line.decode(codec)
    except UnicodeError:
        return 0, 0
    if OLDER[codec] is CYRILLIC:
        return _cyrillic(text)
    letters = familiar = kana = 0
    for character in text:
        if character >= "\x80" and (character.isalpha() or character >= "\ue000"):
            letters += 1
            familiar += character in OLDER[codec]
            kana += character in KANA
    if OLDER[codec] is not JAPANESE and 5 * kana > letters:
        return 0, letters  # Japanese: its kana are the same bytes in GB 2312, and its other characters are not
    return familiar, letters


def _share(familiar: int, letters: int) -> float:
    """One less of each: a single character tells nothing, and two of four may be by chance."""
    return max(0, familiar - 1) / (letters - 1) if letters > 1 else 0


def _cyrillic(text: str) -> tuple[int, int]:
    """As `_familiar`; a word is in small letters but for the first, which wrong readings mix."""
    letters = sum(character >= "\x80" and character.isalpha() for character in text)
    small = sum(map(str.islower, text))
    if _is_no_russian(text) or 2 * small < letters or letters < ENOUGH:
        return 0, letters
    familiar = sum(
        character in CYRILLIC for word in CYRILLIC_WORD.finditer(text) if len(word[0]) > 2 for character in word[0]
    )
    return familiar, letters


def _may_be_russian(text: str) -> bool:
    """Whether a text that is not clearly Russian, as one in capitals, has its letters; of a word or two none tells."""
    letters = [letter for letter in text if letter >= "\x80" and letter.isalpha()]
    if MIXED_WORD.search(text):
        return False
    return len(letters) < ENOUGH_TOGETHER or sum(map(CYRILLIC.__contains__, letters)) >= PLAUSIBLE * len(letters)


def _is_no_russian(text: str) -> bool:
    return bool(MARK_IN_A_WORD.search(text)) or not BOXES.isdisjoint(text)


BOXES = frozenset(map(chr, range(0x2500, 0x25A1)))
"""What KOI8-R holds besides letters, and no text."""


def _decodes(line: bytes, codec: str) -> bool:
    try:
        line.decode(codec)
    except UnicodeError:
        return False
    return True
