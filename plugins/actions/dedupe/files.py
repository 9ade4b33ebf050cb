"""A file that may be a copy, and what its name and those of its folders say of it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from curator.api import Item, Place

ASIDE = re.compile(
    r"""
    [#@]recycle | \$recycle\.bin | recycler | recycle\s?bin | \.?trash(?:es|-\d+)? | \.?deleted(?:\s.*)?
    | recently\s(?:deleted|removed) | \.?(?:.*[-_\s])?caches? | \.?thumb(?:nail)?s?(?:[-_\s.].*)? | @eadir | previews?
    """,
    re.VERBOSE,
)
"""Folders of what was thrown away, of caches and of thumbnails, as systems and network storage call them."""

BACKUP = re.compile(r"\.?(?:.*[-_\s])?back[-_\s]?ups?(?:[-_\s.\d].*)?|bak|sicherung(?:en|skopien?)?|备份.*")
"""Folders of copies that were laid aside in case."""

COPY = re.compile(
    r"""
    copy(?:\s?\(?\d+\)?)?\sof\s.+ | kopie\svon\s.+ | 副本.*
    | .+ (?: \s?\(\d{1,3}\) | \s-\scopy(?:\s?\(\d+\))? | [\s_-]copy(?:[\s_-]?\d{1,3})? | \s?\(copy(?:\s\d+)?\)
           | \s-\skopie(?:\s?\(\d+\))? | \s?-?\s?副本(?:\s?\(\d+\))? )
    """,
    re.VERBOSE,
)
"""Names that systems and browsers give to a further copy, without the ending."""


@dataclass(frozen=True, slots=True)
class File:
    """An item at one of its places. `reference`: below a folder of `--reference`."""

    item: Item
    place: Place
    reference: bool

    @property
    def may_go(self) -> bool:
        """Whether it could go: not what the user set apart."""
        return not self.reference

    @property
    def name(self) -> tuple[str, tuple[str | int, ...]]:
        """The last resort of every order: no two files share it. Of rows the tenth comes after the second."""
        parts = re.split(r"([0-9]+)", self.place.row)
        return self.place.path.as_posix(), tuple(int(part) if at % 2 else part for at, part in enumerate(parts))


def is_aside(path: Path) -> bool:
    """Whether a file lies where nobody keeps anything."""
    return any(ASIDE.fullmatch(folder.casefold()) for folder in path.parent.parts)


def is_backup(path: Path) -> bool:
    """Whether a file lies in a folder of backups."""
    return any(BACKUP.fullmatch(folder.casefold()) for folder in path.parent.parts)


def is_called_a_copy(path: Path) -> bool:
    """Whether a file is called as what was copied or downloaded again: `a (1).jpg`, `Copy of a.jpg`, `a - Copy.jpg`."""
    return COPY.fullmatch(path.stem.casefold()) is not None
