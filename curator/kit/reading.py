"""The one door to decoders and parsers: whatever they make of a file, it is read, or there is a reason why not.

What damaged bytes raise depends on where a decoder stumbles: an error of its own, `struct.error`, `MemoryError`,
`RecursionError`, a warning that was made an error, or what extension modules written in Rust raise when they panic,
which is no `Exception`. One bad file of a million must not stop the others.

Public, like `curator.api`. Nothing heavy is imported with it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from curator.errors import CuratorError, is_interrupt

__all__ = ["Unreadable", "reading"]

MOST_WORDS = 120


class Unreadable(Exception):
    """A file cannot be read as what it should be; the message says why, in a few words.

    Where not the file is to blame (permissions, a disk that is gone, a limit, a decoder that is not installed), an
    `OSError` with an `errno`, a `MemoryError` or an `ImportError` is the cause.
    """


@contextlib.contextmanager
def reading(failed: str = "") -> Iterator[None]:
    """A block in which a library reads somebody's file: what it raises becomes `Unreadable`, after the words `failed`.

    Ctrl-C, `Unreadable` itself and curator's own errors pass.
    """
    try:
        yield
    except (KeyboardInterrupt, SystemExit, GeneratorExit, CuratorError, Unreadable):
        raise
    except BaseException as error:
        if is_interrupt(error):
            raise KeyboardInterrupt from error
        raise Unreadable(f"{failed}: {_words(error)}" if failed else _words(error)) from error


def _words(error: BaseException) -> str:
    """The first line of an error, or what kind it is."""
    if isinstance(error, MemoryError):
        return "there is not enough memory for it"
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    try:
        lines = str(error).split("\n")
    except Exception:  # an error's own code may raise
        lines = []
    return next((line.strip()[:MOST_WORDS] for line in lines if line.strip()), type(error).__name__)
