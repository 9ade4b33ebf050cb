"""How texts and names of files are compared: as people read them, not as they were typed."""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Callable

from curator.store.catalogue import path_from_value
from curator.store.sqlite import Database

HOLDS, NAMED = "curator_holds", "curator_named"
"""What SQL calls them."""

LONGEST = 1_000
"""Characters of a pattern that SQLite looks for itself."""
BEYOND_ASCII = "*[^\x01-\x7f]*"
"""What holds a sign that is none of ASCII, as GLOB has it."""


def folded(text: str) -> str:
    """A text as it is compared: full-width and other forms of a character are one (NFKC), and large and small ones."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())


def likely(path: str, pattern: str) -> tuple[str, list[str]]:
    """A condition that SQLite checks much faster, and that every path meets whose name is like a folded pattern.

    One of ASCII alone holds the longest plain part of the pattern as it stands, but for case; other signs may become
    any when they are folded.
    """
    longest = max((part for part in re.split(r"[*?]", pattern) if part.isascii()), key=len, default="")[:LONGEST]
    if not longest:
        return "TRUE", []
    plain = re.sub(r"[%_\\]", r"\\\g<0>", longest)
    sql = f"({path} LIKE ? ESCAPE '\\' OR {path} GLOB ? OR typeof({path}) = 'blob')"
    return sql, [f"%{plain}%", BEYOND_ASCII]


def teach(database: Database) -> None:
    """Let a database compare so: SQLite's own functions know no case but that of ASCII."""
    for name, function in ((HOLDS, _holds), (NAMED, _named)):
        database.connection.create_function(name, 2, function, deterministic=True)


def _holds(text: str | None, wanted: str) -> bool:
    return text is not None and wanted in folded(text)


def _named(path: str | bytes, pattern: str) -> bool:
    name = path_from_value(path).rpartition("/")[2]
    return _matching(pattern)(folded(name)) is not None


@functools.lru_cache(maxsize=64)
def _matching(pattern: str) -> Callable[[str], re.Match[str] | None]:
    """As `fnmatch`, without its `[...]`: names of files hold brackets."""
    signs = {"*": ".*", "?": "."}
    return re.compile("".join(signs.get(sign) or re.escape(sign) for sign in pattern), re.DOTALL).fullmatch
