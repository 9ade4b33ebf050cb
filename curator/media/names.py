"""Names of files and folders that every system can store, so that what is made here can be copied anywhere."""

from __future__ import annotations

import unicodedata
from pathlib import PurePath

LONGEST = 200
"""Bytes of a name: 255 at most on the usual file systems, 143 on encrypted ones of which nobody is asked here."""
OTHER = "_"
"""In place of what cannot be stored."""


def safe_name(name: str) -> str:
    """A name that Windows, macOS and Linux can store, as near to this one as possible; `_` for one of nothing.

    Composed characters, no `/ \\ : * ? " < > |`, no control characters, no dot or space at its end, none that Windows
    keeps to itself (CON), of at most 200 bytes, its ending kept.
    """
    from pathvalidate import Platform, sanitize_filename

    text = name.encode("utf-8", "replace").decode()
    shown = "".join(OTHER if unicodedata.category(one) in ("Cc", "Cf", "Co", "Cn") else one for one in text)
    found = sanitize_filename(unicodedata.normalize("NFC", shown).lstrip(), OTHER, platform=Platform.UNIVERSAL)
    return _short(found) if found.strip(".") else OTHER


def numbered(name: str, number: int) -> str:
    """The name with a number before its ending: `a-2.jpg`."""
    path = PurePath(name)
    return _short(f"{path.stem}-{number}{path.suffix}", f"-{number}{path.suffix}")


def _short(name: str, end: str | None = None) -> str:
    """Cut before its ending."""
    if len(name.encode()) <= LONGEST:
        return name
    end = PurePath(name).suffix if end is None else end
    end = end if len(end.encode()) < LONGEST // 2 else ""
    start = name.removesuffix(end).encode()[: LONGEST - len(end.encode())].decode(errors="ignore")
    return f"{start.rstrip(' .')}{end}"
