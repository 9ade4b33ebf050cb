"""Text that comes from files, labels and plugins, made safe to show: data, never instructions to a terminal."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

# Marks that reorder what a person reads: 'gpj.exe' must not look like 'exe.jpg'.
BIDI = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c")


def printable(text: str) -> str:
    """The text with control characters, undecodable bytes and reordering marks as visible escapes."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(_visible(character) for character in text)


def _visible(character: str) -> str:
    category = unicodedata.category(character)
    if category == "Cs":
        # How Python holds a byte of a file name that is not UTF-8.
        return f"\\x{ord(character) - 0xDC00:02x}" if 0xDC80 <= ord(character) <= 0xDCFF else "\ufffd"
    if category in ("Cc", "Zl", "Zp") or character in BIDI:
        return character.encode("unicode_escape").decode()
    return character


def one_line(text: str, length: int = 200) -> str:
    """A text in one line, white space folded, cut where it is long."""
    line = printable(" ".join(text.split()))
    return line if len(line) <= length else line[: length - 1] + "…"


def short_path(path: Path) -> str:
    """A path as a person would type it here: relative where it lies below this folder."""
    try:
        return str(path.relative_to(Path.cwd()))
    except (ValueError, OSError):
        return str(path)


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
