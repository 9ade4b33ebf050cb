"""Which copy stays: the order of preference, and the reason in words."""

from __future__ import annotations

import fnmatch
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from curator.api import Item, Place
from curator.errors import BadInput

DEFAULTS = ("largest", "oldest")
"""A copy that was saved again has as many pixels, and often more bytes, but it is younger than what it was made of."""


@dataclass(frozen=True, slots=True)
class File:
    """An item at one of its places. `reference`: below a folder of `--reference`."""

    item: Item
    place: Place
    reference: bool

    @property
    def may_go(self) -> bool:
        """Whether it could be moved: not what the user set apart, nor a row of a table."""
        return self.place.whole and not self.reference

    @property
    def name(self) -> tuple[str, str]:
        """The last resort of every order: no two files share it."""
        return self.place.path.as_posix(), self.place.row


Rule: TypeAlias = tuple[str, Callable[[File], Any]]
"""What it is called, and the lower, the better."""


class Preference:
    """An order of files: the first of several is the one to keep."""

    def __init__(self, policies: Sequence[str]) -> None:
        """Raises `BadInput` for what is no policy."""
        self.rules: list[Rule] = [
            ("a file, not a row of a table", lambda file: not file.place.whole),
            ("below --reference", lambda file: not file.reference),
            *(rule(policy) for policy in dict.fromkeys((*policies, *DEFAULTS))),
            ("most bytes", lambda file: -file.place.size),
        ]

    def key(self, file: File) -> tuple[Any, ...]:
        """To sort by."""
        return (*(lower(file) for _, lower in self.rules), file.name)

    def reason(self, kept: File, others: Sequence[File]) -> str:
        """The first rule by which the one kept is before all others."""
        left = list(others)
        for name, lower in self.rules:
            mine = lower(kept)
            beaten = [file for file in left if mine < lower(file)]
            if beaten:
                left = [file for file in left if file not in beaten]
                if not left:
                    return name
        return "first by path"


def rule(policy: str) -> Rule:
    """A policy as the user gives it."""
    if policy == "largest":
        return policy, lambda file: -_extent(file.item)
    if policy == "oldest":
        return policy, lambda file: file.place.modified_ns
    if policy == "newest":
        return policy, lambda file: -file.place.modified_ns
    kind, _, pattern = policy.partition(":")
    if kind == "path" and pattern:
        return policy, lambda file: not matches(file.place.path, pattern)
    raise BadInput(f"--keep takes largest, oldest, newest or path:PATTERN, not {policy!r}")


def matches(path: Path, pattern: str) -> bool:
    """Whether a path, or its end from some folder on, is of a pattern of `*`, `?` and `[...]`."""
    name = path.as_posix()
    return fnmatch.fnmatchcase(name, pattern) or fnmatch.fnmatchcase(name, f"*/{pattern}")


def _extent(item: Item) -> int:
    """Pixels of an image, characters of a text."""
    return item.pixels[0] * item.pixels[1] if item.pixels else len(item.text or "")
