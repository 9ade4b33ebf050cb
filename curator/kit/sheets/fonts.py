"""Setting any text with what fonts there are: each word in the first font that has all of it, escapes where none has.

Pillow's own font is the first, so that plain text looks the same everywhere; it knows ASCII alone. For what else
a text holds, fonts of the system are found: by fontconfig where it is installed, else in the usual folders.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import unicodedata
from collections.abc import Iterable, Iterator
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from PIL import ImageDraw, ImageFont

    Font: TypeAlias = ImageFont.FreeTypeFont

# Han, kana, Hangul and full-width signs stand alone; other letters look right only beside their like.
WORDS = re.compile(
    r"[\u1100-\u11ff\u2e80-\ua4cf\uac00-\ud7ff\uf900-\ufaff\ufe30-\uffef\U00020000-\U0003ffff]|\s|[^\W_]+|."
)

FOLDERS = {
    "darwin": ("/System/Library/Fonts", "/Library/Fonts", "~/Library/Fonts"),
    "win32": (r"%WINDIR%\Fonts", r"%LOCALAPPDATA%\Microsoft\Windows\Fonts"),
}.get(sys.platform, ("/usr/share/fonts", "/usr/local/share/fonts", "~/.local/share/fonts", "~/.fonts"))

# The usual fonts of wide coverage, the better looking first, as their files begin.
USUAL = (
    *("notosanscjk", "notosanssc", "sourcehansans", "pingfang", "hiragino sans gb", "stheiti", "msyh", "yugoth"),
    *("applesdgothic", "malgun", "wqy", "droidsansfallback", "simsun", "arial unicode", "uming", "notosans-regular"),
    *("dejavusans.", "segoeui.", "seguisym", "helvetica", "arial.", "liberationsans-regular", "unifont"),
)

FRUITLESS = 8
"""After so many questions in a row that found no font, the rest is taken to have none either."""


class Fonts:
    """The fonts that a number of texts need; `missing` holds the characters that none of them has."""

    def __init__(self, texts: Iterable[str]) -> None:
        """Find fonts for all characters of the texts that Pillow's own does not have."""
        from PIL import ImageFont

        self._files: list[tuple[str, int] | None] = [None]
        self._sized: dict[tuple[int, int], Font] = {}
        self._first: dict[str, int | None] = {}
        self._load = ImageFont
        wanted = sorted({character for text in texts for character in single_line(text)})
        self.missing = {character for character in wanted if not self._has(0, character)}
        for file in _files(self.missing):
            self._take(file)
            if not self.missing:
                break

    def runs(self, text: str, size: int) -> Iterator[tuple[str, Font]]:
        """A text in pieces, each with its font; what no font has as an escape, in Pillow's own."""
        pieces: list[tuple[str, int]] = []
        for word in WORDS.findall(single_line(text)):
            # A space goes with the word before it: a run of Arabic has to be whole to be set from the right.
            pieces += [(word, pieces[-1][1])] if word == " " and pieces else self._parts(word)
        for number, group in groupby(pieces, key=lambda piece: piece[1]):
            yield "".join(piece for piece, _ in group), self._font(number, size)

    def width(self, text: str, size: int) -> float:
        """How wide a text is, in pixels."""
        return sum(font.getlength(run) for run, font in self.runs(text, size))

    def draw(self, draw: ImageDraw.ImageDraw, at: tuple[float, float], text: str, size: int, colour: str) -> None:
        """Write a text; `at` is the left end of its base line."""
        x, y = at
        for run, font in self.runs(text, size):
            draw.text((x, y), run, fill=colour, font=font, anchor="ls")
            x += font.getlength(run)

    def elided(self, text: str, size: int, width: float) -> str:
        """A text that fits, cut in the middle if need be: how a name begins and ends tells most."""
        text = single_line(text)
        if self.width(text, size) <= width:
            return text
        low, high = 0, len(text)
        while low < high:
            middle = (low + high + 1) // 2
            low, high = (middle, high) if self.width(_cut_middle(text, middle), size) <= width else (low, middle - 1)
        return _cut_middle(text, low)

    def wrapped(self, text: str, size: int, width: float, lines: int) -> list[str]:
        """A text in at most so many lines, broken between words where it can be; the last says that more follows."""
        found, line = [], ""
        for word in WORDS.findall(single_line(text)):
            for part in self._narrow(word, size, width):
                if line and self.width(line + part.rstrip(), size) > width:
                    found.append(line.rstrip())
                    line = ""
                    if len(found) == lines:
                        found[-1] = self._open_end(found[-1], size, width)
                        return found
                line += part if line or part.strip() else ""
        return [*found, line] if line else found

    def _narrow(self, word: str, size: int, width: float) -> Iterator[str]:
        """A word, in pieces if it is wider than a line."""
        piece = ""
        for character in word:
            if piece and self.width(piece + character, size) > width:
                yield piece
                piece = ""
            piece += character
        yield piece

    def _open_end(self, line: str, size: int, width: float) -> str:
        while line and self.width(line + " ...", size) > width:
            line = line[:-1]
        return f"{line.rstrip()} ..."

    def _parts(self, word: str) -> Iterator[tuple[str, int]]:
        number = self._of(word)
        if number is not None:
            yield word, number
        elif len(word) > 1:
            for character in word:
                yield from self._parts(character)
        else:
            yield escape(word), 0

    def _of(self, word: str) -> int | None:
        if word not in self._first:
            numbers = range(len(self._files))
            self._first[word] = next((n for n in numbers if all(self._has(n, part) for part in word)), None)
        return self._first[word]

    def _font(self, number: int, size: int) -> Font:
        if (number, size) not in self._sized:
            file = self._files[number]
            made = self._load.load_default(size) if file is None else self._load.truetype(file[0], size, file[1])
            self._sized[number, size] = made  # type: ignore[assignment]
        return self._sized[number, size]

    def _take(self, file: tuple[str, int]) -> None:
        """Keep a font that has something of what is missing."""
        self._files.append(file)
        number = len(self._files) - 1
        try:
            had = {character for character in self.missing if self._has(number, character)}
        except OSError:  # damaged, or of pictures in fixed sizes only, as fonts of emoji are
            had = set()
        if not had:
            self._files.pop()
            self._sized.pop((number, 16), None)
        self.missing -= had

    def _has(self, number: int, character: str) -> bool:
        """Whether a font draws a character otherwise than one that no font has, and not as nothing."""
        if character == " ":
            return True
        if not character.isprintable():
            return False
        font = self._font(number, 16)
        return bytes(font.getmask(character)) not in (b"", bytes(font.getmask("\U0010ffff")))


def single_line(text: str) -> str:
    """A text in one line: composed characters, and white space as single spaces."""
    return " ".join(unicodedata.normalize("NFC", text).split())


def escape(character: str) -> str:
    """A character in ASCII; bytes of a name that is not UTF-8 as `\\xff`."""
    code = ord(character)
    return f"\\x{code - 0xDC00:02x}" if 0xDC80 <= code <= 0xDCFF else ascii(character)[1:-1]


def _cut_middle(text: str, kept: int) -> str:
    # More of the end: that is where numbers and endings are.
    head = kept * 2 // 5
    return f"{text[:head]}...{text[len(text) - (kept - head) :]}"


def _files(missing: set[str]) -> Iterator[tuple[str, int]]:
    """Fonts (file, number in the file) that may have what is still missing, the best first."""
    printable = {character for character in missing if character.isprintable()}
    if shutil.which("fc-match"):
        asked: set[str] = set()
        fruitless = 0
        while fruitless < FRUITLESS and (left := sorted((missing & printable) - asked)):
            asked.add(left[0])
            before = len(missing)
            yield from _fontconfig_match(left[0])
            fruitless = fruitless + 1 if len(missing) == before else 0
    if missing & printable:
        yield from _usual()


@cache
def _fontconfig_match(character: str) -> tuple[tuple[str, int], ...]:
    """The font that fontconfig takes for a character. Han is set as in China where a text does not say otherwise."""
    language = ":lang=zh-cn" if ord(character) >= 0x2E80 else ""
    pattern = f"sans-serif{language}:charset={ord(character):x}:scalable=true:color=false"
    command = ["fc-match", "-f", "%{file}\t%{index}\n", pattern]
    try:
        done = subprocess.run(command, capture_output=True, check=False, timeout=10)
    except (OSError, subprocess.SubprocessError):
        return ()
    file, _, index = os.fsdecode(done.stdout).strip().partition("\t")
    # The upper half of the number names an instance of a variable font, which Pillow does not choose by number.
    return ((file, int(index) & 0xFFFF),) if file and index.isdigit() else ()


@cache
def _usual() -> tuple[tuple[str, int], ...]:
    """Well-known fonts in the folders of this system."""
    ranked = []
    for folder in FOLDERS:
        for path in Path(os.path.expandvars(folder)).expanduser().rglob("*.[tToO][tT][fFcC]"):
            rank = next((n for n, name in enumerate(USUAL) if path.name.lower().startswith(name)), None)
            if rank is not None:
                ranked.append((rank, str(path)))
    return tuple((path, 0) for _, path in sorted(ranked))
