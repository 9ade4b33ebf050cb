"""Which encoding a text is in: told by every line of it, with the lines that are in another one.

UTF-8 comes first, then UTF-8 but for single lines, and only then older encodings, in most of which nearly any bytes are
some text. So none of them is believed because it can be decoded: its characters must be those that make up most of any
text in their script, and those of no other reading as much. A word alone shows no encoding; it is read in that of the
other lines where it is common characters in it, else the line is bad.

Public, like `curator.api`.
"""

from __future__ import annotations

import codecs
import io
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass
from typing import BinaryIO

from .familiar import CYRILLIC, HANGUL, JAPANESE, KANA, LATIN, SIMPLIFIED, TRADITIONAL, Beside, latin_codec

__all__ = ["ERRORS", "UNDECODED", "Encoding", "encoding_named", "encoding_of"]

ERRORS = "curator-undecoded"
"""For `open(errors=...)`: what cannot be decoded becomes `UNDECODED`, which no text in these encodings can hold."""
UNDECODED = "\udcff"


def _undecoded(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return UNDECODED, error.end


codecs.register_error(ERRORS, _undecoded)

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

NAMES = {
    "utf-8-sig": "UTF-8",
    "utf-16": "UTF-16",
    "gb18030": "GB18030",
    "big5": "Big5",
    "cp932": "Shift-JIS",
    "euc_jp": "EUC-JP",
    "cp949": "EUC-KR",
    "koi8_r": "KOI8-R",
    "cp1251": "Windows-1251",
    "utf-16-le": "UTF-16",
    "utf-16-be": "UTF-16",
    "cp1252": "Windows-1252",
    "cp1250": "Windows-1250",
    "cp1254": "Windows-1254",
    "cp1257": "Windows-1257",
    "mac_roman": "Mac Roman",
    "cp850": "DOS 850",
    "cp852": "DOS 852",
    "iso8859_2": "ISO 8859-2",
}

UNMARKED = ("utf-16-le", "utf-16-be")
NO_CHARACTER = ("Cc", "Cn", "Co", "Cs")

READ = 1 << 20

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
# What no Russian word and few of its kin hold, and other encodings read as this one do: what stands for a large letter
# in those of Macintosh and DOS; and Hebrew, of which each letter is one here.
MARK_IN_A_WORD = re.compile(
    r"[\u2010-\u20ff\u2122][а-я]|[а-я][А-ЯЁ]|[Ђ-ЏЎђѓљњќћџўѕј]|ъ\b|\bй[^еоі\W]|щ[бвгджзйклмпстфхцчшщъ]"
)

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


@dataclass(frozen=True, slots=True)
class Encoding:
    """A codec of Python's, the number of the first line that is not in it (0: all are), and those of all such lines,
    where the codec alone would decode them: to other characters.
    """

    codec: str
    first_bad: int = 0
    bad: frozenset[int] = frozenset()

    @property
    def name(self) -> str:
        """As people write it."""
        return NAMES.get(self.codec, self.codec)

    @property
    def is_guessed(self) -> bool:
        """Whether the characters told it, and no mark nor the bytes themselves."""
        return self.codec in OLDER or self.codec in LATIN or self.codec in UNMARKED

    def lines(self, opened: Callable[[], BinaryIO]) -> Generator[str]:
        """The lines of a text, with their ends as they are; one that is in another encoding holds `UNDECODED`."""
        if not self.bad:
            with io.TextIOWrapper(opened(), self.codec, ERRORS, newline="") as text:
                yield from text
            return
        with opened() as file:
            for number, line in enumerate(file, 1):
                text_of_line = line.decode(self.codec, ERRORS)
                if number in self.bad:
                    end = len(text_of_line.rstrip("\r\n"))  # before it, so that no quote at the beginning is hidden
                    text_of_line = text_of_line[:end] + UNDECODED + text_of_line[end:]
                yield from io.StringIO(text_of_line, newline="")


def encoding_named(name: str) -> Encoding:
    """The encoding that a person named; raises `LookupError` where Python knows none of that name for texts."""
    info = codecs.lookup(name.strip())
    "".encode(info.name)  # raises for what is no encoding of texts, as base64 and rot13
    return Encoding(
        {"utf-8": "utf-8-sig", "shift_jis": "cp932", "gbk": "gb18030", "gb2312": "gb18030"}.get(info.name, info.name)
    )


def encoding_of(opened: Callable[[], BinaryIO]) -> Encoding | None:
    """The encoding of what `opened` gives, each time from its beginning; None where most of it is in none.

    UTF-16 and UTF-8 by their marks; UTF-16 by its zeros; else UTF-8, also where single lines are not; else an older
    one, likewise.
    """
    with opened() as file:
        start = file.read(READ)
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return _marked_utf16(opened)
    if b"\0" in start and (codec := _unmarked_utf16(opened)):
        return Encoding(codec)
    if _is_all(opened, "utf-8-sig"):
        return Encoding("utf-8-sig")
    with opened() as file:
        lines = _Lines(file)
    doubtful = lines.doubtful if lines.utf8 else lines.unsure
    utf8 = Encoding("utf-8-sig", min([lines.first_foreign, *doubtful]), frozenset(doubtful))
    if start.startswith(codecs.BOM_UTF8) or lines.utf8 > lines.foreign:
        return utf8 if lines.readable + lines.damaged > lines.foreign else None
    older = lines.older() or lines.latin()
    if older is not None:
        return older
    return utf8 if lines.readable > lines.foreign + lines.damaged else None


class _Lines:
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
            self.beyond[Beside(byte[0], in_word=in_word, after_small=before is not None and before.islower())] += 1

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

    def older(self) -> Encoding | None:
        """The older encoding that most of them are in."""
        told = [codec for codec in self.of if codec in OLDER]
        codec = max(told, key=lambda codec: len(self.of[codec]), default=None)
        beyond_ascii = sum(map(len, self.of.values()))
        if codec is None or self.letters[codec] < ENOUGH or len(self.of[codec]) <= MOST * beyond_ascii:
            codec = self._together(beyond_ascii)
        if codec is None:
            return None
        bad = frozenset(number for other, numbers in self.of.items() if other != codec for number in numbers)
        bad -= frozenset(self.leaning[codec]) | frozenset(self.common[codec])
        return Encoding(codec, min(bad, default=0), bad) if 2 * len(bad) < beyond_ascii else None

    def _together(self, beyond_ascii: int) -> str | None:
        """The older codec that the letters of all lines show, where no line has enough of them."""
        shares = {codec: _share(count["familiar"], count["letters"]) for codec, count in self.pooled.items()}
        (best, codec), (second, _) = sorted(((share, codec) for codec, share in shares.items()), reverse=True)[:2] or (
            [(0.0, NONE)] * 2
        )
        count = self.pooled[codec]
        clear = best >= PLAUSIBLE and best >= second + CLEARLY and count["letters"] >= ENOUGH_TOGETHER
        return codec if clear and count["lines"] > MOST * beyond_ascii else None

    def latin(self) -> Encoding | None:
        """The older encoding for Latin letters that most of them are in."""
        if 4 * self.in_words < 3 * self.beyond.total():
            return None  # letters of ASCII are most of any text in Latin ones
        codec = latin_codec(self.beyond)
        seen = bytes({beside.byte for beside in self.beyond})
        foreign = frozenset(number for other in self.of if other != NONE for number in self.of[other])
        bad = foreign.union(self.unsure)
        if codec is None or not _decodes(seen, codec) or self.utf8 or len(bad) > (1 - MOST) * self.foreign:
            return None
        return Encoding(codec, min(bad, default=0), bad)


NONE = ""


def _is_common(line: bytes, codec: str) -> bool:
    """Whether all letters of a line beyond ASCII are common ones in a codec."""
    try:
        text = line.decode(codec)
    except UnicodeError:
        return False
    letters = {letter for letter in text if letter >= "\x80" and (letter.isalpha() or letter >= "\ue000")}
    if codec not in COMMON:
        return all("А" <= letter <= "ї" for letter in letters) and BOXES.isdisjoint(text)
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
    if MARK_IN_A_WORD.search(text) or not BOXES.isdisjoint(text) or 2 * small < letters or letters < ENOUGH:
        return 0, letters
    familiar = sum(
        character in CYRILLIC for word in CYRILLIC_WORD.finditer(text) if len(word[0]) > 2 for character in word[0]
    )
    return familiar, letters


BOXES = frozenset(map(chr, range(0x2500, 0x25A1)))
"""What KOI8-R holds besides letters, and no text."""


def _marked_utf16(opened: Callable[[], BinaryIO]) -> Encoding | None:
    good = bad = first_bad = 0
    with io.TextIOWrapper(opened(), "utf-16", ERRORS, newline="") as text:
        for line in text:
            good += UNDECODED not in line
            bad += UNDECODED in line
            first_bad = first_bad or (good + bad) * (UNDECODED in line)
    return Encoding("utf-16", first_bad) if good > bad or not bad else None


def _unmarked_utf16(opened: Callable[[], BinaryIO]) -> str:
    """The UTF-16 of a text that holds zeros and no mark; empty for none. In the other order of bytes there are other
    characters, of which some are none, and few of ASCII.
    """
    found = []
    for codec in UNMARKED:
        low, zeros, seen = 0, 0, set[str]()
        try:
            with io.TextIOWrapper(opened(), codec, newline="") as text:
                while part := text.read(READ):
                    seen.update(part)
                    low += len(part.encode("latin-1", "ignore"))
                    zeros += part.encode(codec).count(0)
        except UnicodeError:
            continue
        whole = all(letter in "\t\r\n" or unicodedata.category(letter) not in NO_CHARACTER for letter in seen)
        if whole and 2 * low > zeros:  # each zero is of a letter of Latin-1, not by chance
            found.append((low, codec))
    return max(found, default=(0, ""))[1]


def _is_all(opened: Callable[[], BinaryIO], codec: str) -> bool:
    try:
        with io.TextIOWrapper(opened(), codec, newline="") as text:
            while text.read(READ):
                pass
    except UnicodeError:
        return False
    return True


def _decodes(line: bytes, codec: str) -> bool:
    try:
        line.decode(codec)
    except UnicodeError:
        return False
    return True
