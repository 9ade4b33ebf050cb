"""Text that comes from files, labels and plugins, made safe to show: data, never instructions to a terminal."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Mapping
from typing import Any

import click

BIDI = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c")
"""Marks that reorder what a person reads: 'gpj.exe' must not look like 'exe.jpg'."""

MARKS = frozenset("\u200e\u200f\u061c")
"""Those of one direction, which people write among letters that run from right to left."""

UNSEEN = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff"
    # What Unicode calls ignorable, as nothing is drawn for it: two names that differ by it alone would look the same.
    r"\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f"
    r"\ufeff\uffa0\ufff0-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
"""What a terminal obeys, what is no character, and what nobody sees."""

FLAG = re.compile(
    "\U0001f3f4(\U000e0067\U000e0062(\U000e0065\U000e006e\U000e0067|\U000e0073\U000e0063\U000e0074|\U000e0077\U000e006c\U000e0073)\U000e007f)"
)
"""Those that are spelt with invisible letters: England, Scotland, Wales."""

SPACELESS = ("THAI ", "LAO ", "KHMER ", "MYANMAR ", "TAI ", "JAVANESE ", "BALINESE ")
"""Scripts that part words by nothing, or by a space without width."""

SELECTED = ("CJK ", "IDEOGRAPHIC ", "FULLWIDTH ", "MYANMAR LETTER ")
"""What is drawn in several ways, beside symbols."""


def printable(text: str) -> str:
    """The text with control characters, undecodable bytes, and what is invisible or reorders as visible escapes.

    What is invisible stays where people write it so that the others look right: joiners and selectors of emoji, of
    Arabic and Indic letters; one mark of direction where a text holds letters from right to left. Anywhere else it
    would hide that two names differ, or what a name holds.
    """
    if UNSEEN.search(text) is None:
        return text
    marked = not MARKS.isdisjoint(text) and any(map(_runs_to_the_left, text))
    flags = {at for flag in FLAG.finditer(text) for at in range(*flag.span(1))}
    shown, end, escaped = [], 0, -1
    for found in UNSEEN.finditer(text):
        at = found.start()
        before, after = text[at - 1 : at] if at - 1 != escaped else "", text[at + 1 : at + 2]
        if not (at in flags or (marked and _marks(text, at)) or _belongs(before, found[0], after)):
            shown += [text[end:at], _visible(found[0])]
            end, escaped = at + 1, at
    return "".join([*shown, text[end:]])


def _visible(character: str) -> str:
    if unicodedata.category(character) == "Cs":
        # How Python holds a byte of a file name that is not UTF-8.
        return f"\\x{ord(character) - 0xDC00:02x}" if 0xDC80 <= ord(character) <= 0xDCFF else "\ufffd"
    return character.encode("unicode_escape").decode()


def _runs_to_the_left(character: str) -> bool:
    return unicodedata.bidirectional(character) in ("R", "AL") and character not in MARKS


def _marks(text: str, at: int) -> bool:
    """Whether this is a mark of direction, and the only one there."""
    return text[at] in MARKS and text[at - 1 : at] not in MARKS


def _belongs(before: str, character: str, after: str) -> bool:
    """Whether an invisible character does what it is for; `before` is empty where that is not shown as it is."""
    if not before:
        return character == "\u200d" and _is_arabic(after)  # as a letter is shown by itself
    if character in "\u200c\u200d":
        return _joins(before, character, after)
    if "\ufe00" <= character <= "\ufe0f" or "\U000e0100" <= character <= "\U000e01ef":
        return _selects(before, after)
    if character == "\u200b":
        return _is_of(SPACELESS, before) and _is_of(SPACELESS, after)
    return "\u180b" <= character <= "\u180f" and _is_of(("MONGOLIAN LETTER ",), before)


def _joins(before: str, joiner: str, after: str) -> bool:
    """Whether a joiner stands between two emoji, beside the virama of an Indic letter, or with letters of Arabic."""
    if _is_symbol(before) or before == "\ufe0f":
        return joiner == "\u200d" and _is_symbol(after)
    if any(unicodedata.combining(other) == 9 for other in before + after):
        return True
    sides = [_is_arabic(before), _is_arabic(after)]
    return any(sides) if joiner == "\u200d" else all(sides)


def _selects(before: str, after: str) -> bool:
    """Whether a selector says how a symbol or an ideograph is drawn, or that a digit is one of a telephone's keys."""
    if before in "#*0123456789":
        return after == "\u20e3"
    return _is_symbol(before) or before in "©®\u203c\u2049\u2139" or _is_of(SELECTED, before)


def _is_symbol(character: str) -> bool:
    return character >= "\u2190" and unicodedata.category(character) in ("So", "Sm", "Sk")


def _is_arabic(character: str) -> bool:
    return character not in ("", *MARKS) and unicodedata.bidirectional(character) == "AL"


def _is_of(scripts: tuple[str, ...], character: str) -> bool:
    return unicodedata.name(character, "").startswith(scripts) if character else False


def one_line(text: str, length: int = 200) -> str:
    """A text in one line, white space folded, cut where it is long."""
    line = printable(" ".join(text.split()))
    return line if len(line) <= length else line[: length - 1] + "…"


def json_line(row: Mapping[str, Any]) -> str:
    """A row as one line of JSON, in ASCII where it holds what a terminal would obey.

    Bytes of a name that is not UTF-8 stay recoverable as `\\udcXX` escapes.
    """
    text = json.dumps(row, ensure_ascii=False, default=_plain)
    if text != printable(text):
        text = json.dumps(row, default=_plain).replace("\x7f", "\\u007f")
    return text


def _plain(value: Any) -> Any:
    """A numpy number or array as the numbers it holds (plugins may give them), anything else as its text."""
    return value.tolist() if hasattr(value, "tolist") else str(value)


def say(message: str) -> None:
    """A line on stderr; what names and texts in it hold is shown, not obeyed."""
    click.echo(printable(message), err=True)


def complain(message: str) -> None:
    """An error, as one line on stderr."""
    say(f"Error: {message}")
