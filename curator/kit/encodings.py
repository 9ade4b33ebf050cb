"""Which encoding a text is in: told by every line of it, with the lines that are in another one.

UTF-8 comes first, then UTF-8 but for single lines, and only then GB18030, in which most bytes are some text: one line
of Latin-1 would else turn the whole of a file in UTF-8 into other characters, and nobody would hear of it.

Public, like `curator.api`.
"""

from __future__ import annotations

import codecs
import io
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO

__all__ = ["ERRORS", "UNDECODED", "Encoding", "encoding_of"]

ERRORS = "curator-undecoded"
"""For `open(errors=...)`: what cannot be decoded becomes `UNDECODED`, which no text in these encodings can hold."""
UNDECODED = "\udcff"


def _undecoded(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return UNDECODED, error.end


codecs.register_error(ERRORS, _undecoded)

NAMES = {"utf-8-sig": "UTF-8", "utf-16": "UTF-16", "gb18030": "GB18030"}

READ = 1 << 20

# The characters of a line in GB18030: of four bytes; frequent (punctuation, level 1 of GB 2312); others; no character.
UNITS = re.compile(
    rb"[\x81-\xfe][0-9][\x81-\xfe][0-9]|([\xa1-\xa3\xb0-\xd7][\xa1-\xfe])"
    rb"|[\x81-\xfe][\x40-\x7e\x80-\xfe]|[\x80-\xff]"
)
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

STRAY = 10
"""Of so many lines in GB18030 one may be damaged: that encoding is never told but by most of what is there."""
FREQUENT = 0.8
"""The share of the frequent characters in a Chinese text, at least; other scripts read as GB18030 show rare ones."""


@dataclass(frozen=True, slots=True)
class Encoding:
    """A codec of Python's, and the number of the first line that is not in it (0: all are)."""

    codec: str
    first_bad: int = 0

    @property
    def name(self) -> str:
        """As people write it."""
        return NAMES[self.codec]


def encoding_of(opened: Callable[[], BinaryIO]) -> Encoding | None:
    """The encoding of what `opened` gives, each time from its beginning; None where most of it is in none.

    UTF-16 and UTF-8 by their marks; else UTF-8, also where single lines are not; else GB18030, likewise.
    """
    with opened() as file:
        start = file.read(3)
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return _marked_utf16(opened)
    if _is_all(opened, "utf-8-sig"):
        return Encoding("utf-8-sig")
    with opened() as file:
        lines = _Lines(file)
    utf8 = Encoding("utf-8-sig", lines.first_foreign)
    if start == codecs.BOM_UTF8 or lines.utf8 > lines.foreign:
        return utf8 if lines.readable + lines.damaged > lines.foreign else None
    if lines.are_gb18030():
        return Encoding("gb18030", lines.first_not_gb)
    return utf8 if lines.readable > lines.foreign + lines.damaged else None


class _Lines:
    """What the lines of a file that is not all UTF-8 show, counted."""

    def __init__(self, file: BinaryIO) -> None:
        self.readable = 0  # in ASCII, or in UTF-8
        self.utf8 = 0  # with characters beyond ASCII, surely in UTF-8, be it that a few bytes are damaged
        self.damaged = 0  # those of them that are
        self.foreign = 0  # with bytes that are not UTF-8, or NULs
        self.lines = self.not_gb = 0  # not in ASCII, and those of them that are not GB18030 either
        self.first_foreign = self.first_not_gb = 0
        self.units = self.frequent = self.in_words = 0
        for number, line in enumerate(file, 1):
            self._count(number, line)

    def _count(self, number: int, line: bytes) -> None:
        if line.isascii():
            self.readable += b"\0" not in line
            self.foreign += b"\0" in line
            return
        is_gb = _decodes(line, "gb18030")
        self.lines += 1
        self.not_gb += not is_gb
        self.first_not_gb = self.first_not_gb or (0 if is_gb else number)
        if _decodes(line, "utf-8"):
            self.utf8 += not is_gb or bool(SURE_UTF8.search(line))
            self.readable += 1
            return
        self.first_foreign = self.first_foreign or number
        # Counted one by one: all pieces of a line of ten megabytes would take a gigabyte.
        if 2 * sum(len(match[0]) for match in LONG_UTF8.finditer(line)) > len(line.translate(None, ASCII)):
            self.utf8 += 1
            self.damaged += 1
            return
        self.foreign += 1
        for match in UNITS.finditer(line):
            self.units += 1
            self.frequent += match[1] is not None
        self.in_words += sum(1 for _ in IN_A_WORD.finditer(line))

    def are_gb18030(self) -> bool:
        """Whether all of them are, or most, being Chinese; not where what is not ASCII stands within Latin words."""
        if not self.units or 2 * self.in_words > self.units:
            return False
        if not self.not_gb:
            return True
        return self.not_gb <= max(1, self.lines // STRAY) < self.lines and self.frequent >= FREQUENT * self.units


def _marked_utf16(opened: Callable[[], BinaryIO]) -> Encoding | None:
    good = bad = first_bad = 0
    with io.TextIOWrapper(opened(), "utf-16", ERRORS, newline="") as text:
        for line in text:
            good += UNDECODED not in line
            bad += UNDECODED in line
            first_bad = first_bad or (good + bad) * (UNDECODED in line)
    return Encoding("utf-16", first_bad) if good > bad or not bad else None


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
