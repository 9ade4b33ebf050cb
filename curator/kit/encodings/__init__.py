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
import unicodedata
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import BinaryIO

from .familiar import LATIN
from .told import OLDER, Lines

__all__ = ["ERRORS", "UNDECODED", "Encoding", "encoding_named", "encoding_of"]

ERRORS = "curator-undecoded"
"""For `open(errors=...)`: what cannot be decoded becomes `UNDECODED`, which no text in these encodings can hold."""
UNDECODED = "\udcff"


def _undecoded(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return UNDECODED, error.end


codecs.register_error(ERRORS, _undecoded)

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
        lines = Lines(file)
    doubtful = lines.doubtful if lines.utf8 else lines.unsure
    utf8 = Encoding("utf-8-sig", min([lines.first_foreign, *doubtful]), frozenset(doubtful))
    if start.startswith(codecs.BOM_UTF8) or lines.utf8 > lines.foreign:
        return utf8 if lines.readable + lines.damaged > lines.foreign else None
    older = lines.older() or lines.latin()
    if older is not None:
        codec, bad = older
        return Encoding(codec, min(bad, default=0), bad)
    return utf8 if lines.readable > lines.foreign + lines.damaged else None


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
