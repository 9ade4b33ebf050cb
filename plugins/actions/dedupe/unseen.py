"""What could not be compared, so that no silence is taken for an all-clear."""

from __future__ import annotations

import os
import shlex
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from curator.api import Context, Unseen


def say_unseen(context: Context, unseen: Sequence[Unseen], below: Sequence[Path]) -> None:
    """Say how many files were not looked at, and what mends that; of the folders in question, where there are any."""
    unseen = [one for one in unseen if not below or any(one.path.is_relative_to(folder) for folder in below)]
    changed = [one.path for one in unseen if one.gone is None]
    folders = Counter(one.gone for one in unseen if one.gone is not None and one.gone != one.path)
    files = [one.path for one in unseen if one.gone == one.path]
    if changed:
        what = "file is not as it was when it was" if len(changed) == 1 else "files are not as they were when they were"
        mend = f"{_add(changed)} reads {'it' if len(changed) == 1 else 'them'} again"
        context.note(f"{len(changed):,} {what} added (time, inode or content), and {_unlooked(len(changed))}: {mend}")
    for folder, number in sorted(folders.items()):
        its = f"its {number:,} file{'' if number == 1 else 's'}"
        context.note(
            f"the folder {str(folder)!r} is gone, and {its} {_unlooked(number)}: mount it, or tell where it is now by "
            "`curator relocate`"
        )
    if files:
        gone = f"{len(files):,} file{' is' if len(files) == 1 else 's are'} gone"
        context.note(f"{gone}, and {_unlooked(len(files))}: {_add(files)} takes note of that")


def _unlooked(number: int) -> str:
    return "was not looked at" if number == 1 else "were not looked at"


def _add(paths: Sequence[Path]) -> str:
    """The command for the folder that holds them all."""
    return f"`curator add {shlex.quote(os.path.commonpath([path.parent for path in paths]))}`"
