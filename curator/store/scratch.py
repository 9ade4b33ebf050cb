"""Something that is made under a name of its own first, and leaves no trace of that name."""

from __future__ import annotations

import contextlib
import secrets
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")


def beside(folder: Path, prefix: str, use: Callable[[Path], T]) -> T:
    """What `use` returns for a name in `folder` that is free; whatever it leaves there is removed.

    The name is known before anything is made, and removing belongs to what is guarded: so Ctrl-C leaves nothing
    behind, whenever it comes, as it could between the end of a block and the code that tidies up after it.
    """
    made = folder / f"{prefix}{secrets.token_hex(4)}"
    try:
        result = use(made)
        _remove(made)
        return result
    except BaseException:
        _remove(made)
        raise


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with contextlib.suppress(OSError):
            path.unlink()
