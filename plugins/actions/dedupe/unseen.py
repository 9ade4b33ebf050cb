"""What could not be compared, so that no silence is taken for an all-clear."""

from __future__ import annotations

import os
import shlex
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from curator.api import Context, Unseen


class Unlooked:
    """How many files were not looked at, of the folders `below` where there are any, and what they have in common."""

    def __init__(self, below: Sequence[Path]) -> None:
        self.below = below
        self.changed, self.files = _Files(), _Files()
        self.folders: Counter[Path] = Counter()
        self._seen: set[int] = set()

    def add(self, unseen: Sequence[Unseen]) -> None:
        """Take note of more; of a table only once."""
        for one in unseen:
            if (seen := hash(one.path)) in self._seen:
                continue
            self._seen.add(seen)
            if self.below and not any(one.path.is_relative_to(folder) for folder in self.below):
                continue
            if one.gone is None:
                self.changed.add(one.path)
            elif one.gone == one.path:
                self.files.add(one.path)
            else:
                self.folders[one.gone] += 1

    def say(self, context: Context) -> None:
        """Say how many, and what mends that."""
        if number := self.changed.number:
            one = number == 1
            what = "file is not as it was when it was" if one else "files are not as they were when they were"
            mend = f"{self.changed.add_again()} reads {'it' if one else 'them'} again"
            context.note(f"{number:,} {what} added (time, inode or content), and {_unlooked(number)}: {mend}")
        for folder, number in sorted(self.folders.items()):
            its = f"its {number:,} file{'' if number == 1 else 's'}"
            context.note(
                f"the folder {str(folder)!r} is gone, and {its} {_unlooked(number)}: mount it, or tell where it is now "
                "by `curator relocate`"
            )
        if number := self.files.number:
            gone = f"{number:,} file{' is' if number == 1 else 's are'} gone"
            context.note(f"{gone}, and {_unlooked(number)}: {self.files.add_again()} takes note of that")


class _Files:
    """How many files, and the folder that holds them all."""

    def __init__(self) -> None:
        self.number = 0
        self.folder: str | None = None

    def add(self, path: Path) -> None:
        self.number += 1
        self.folder = os.path.commonpath([path.parent, *([] if self.folder is None else [self.folder])])

    def add_again(self) -> str:
        return f"`curator add {shlex.quote(self.folder or '.')}`"


def _unlooked(number: int) -> str:
    return "was not looked at" if number == 1 else "were not looked at"
