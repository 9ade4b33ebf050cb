"""Which copy stays: the order of preference, and the reason in words."""

from __future__ import annotations

import fnmatch
import functools
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from curator.api import Item
from curator.errors import BadInput

from .files import File, is_aside, is_backup, is_called_a_copy
from .knowing import Knowledge
from .measuring import Measures

DEFAULTS = ("largest", "oldest")
"""A copy that was saved again has as many pixels, and often more bytes, but it is younger than what it was made of."""


MANY = 30
"""In a larger group not each file is compared with each other."""

Rule: TypeAlias = tuple[str, Callable[[File], Any]]
"""What it is called, and the lower, the better."""


class Preference:
    """An order of files: the first of several is the one to keep.

    What must be read from the files themselves comes between `first` and `last`, and is asked only of likely copies.
    """

    def __init__(self, policies: Sequence[str], knowledge: Knowledge, measures: Measures) -> None:
        """Raises `BadInput` for what is no policy."""
        asked = dict.fromkeys(policies)
        self.asked = [rule(policy) for policy in asked]
        self.measures = measures
        self.first: list[Rule] = [
            ("a file, not a row of a table", lambda file: not file.place.whole),
            ("below --reference", lambda file: not file.reference),
            *self.asked,
            ("labelled", lambda file: not knowledge.labelled(file)),
            ("captioned", lambda file: -knowledge.captions(file)),
            ("with more beside it", lambda file: -knowledge.beside(file)),
            ("not in a folder of trash, caches or thumbnails", lambda file: is_aside(file.place.path)),
            ("not in a folder of backups", lambda file: is_backup(file.place.path)),
            ("not named as a copy", lambda file: is_called_a_copy(file.place.path)),
        ]
        self.last: list[Rule] = [
            *(rule(policy) for policy in DEFAULTS if policy not in asked),
            ("most bytes", lambda file: -file.place.size if file.item.modality == "image" else 0),
            ("first by path", lambda file: file.name),
        ]

    def key(self, file: File) -> tuple[Any, ...]:
        """To sort by, without what is read from the files."""
        return tuple(lower(file) for _, lower in (*self.first, *self.last))

    def best(self, files: Sequence[File]) -> File:
        """The one to keep of several, by all that can be told: that which is before most of the others.

        What is measured is no order: of two that are as good as each other, only one may be before a third. Of those
        that are before as many, it is the one that the others are before by no rule but weak ones.
        """
        if len(files) > MANY:
            return functools.reduce(lambda best, file: file if self._compare(file, best)[1] else best, files)
        before = []
        for file in files:
            found = [self._compare(file, other) for other in files]
            lost = [number for number, first, _ in found if number >= 0 and not first]
            before.append((sum(first for _, first, _ in found), min(lost, default=math.inf)))
        return files[before.index(max(before))]

    def reason(self, kept: File, others: Sequence[File]) -> str:
        """The first rule by which the one kept is before all others, of those that it is before."""
        found = [self._compare(kept, other) for other in others]
        decisive = [(number, why) for number, first, why in found if first]
        return max(decisive, key=lambda rule: rule[0])[1] if decisive else ""

    def _compare(self, one: File, other: File) -> tuple[int, bool, str]:
        """The number of the first rule that tells two files apart, whether it is for the first of them, and why."""
        for number, (name, lower) in enumerate(self.first):
            if lower(one) != lower(other):
                return number, lower(one) < lower(other), name
        for number, measure in enumerate(self.measures.all, len(self.first)):
            mine, theirs = measure(one, other), measure(other, one)
            if bool(mine) != bool(theirs):
                return number, bool(mine), mine or theirs
        for number, (name, lower) in enumerate(self.last, len(self.first) + len(self.measures.all)):
            if lower(one) != lower(other):
                return number, lower(one) < lower(other), name
        return -1, False, ""

    def asked_for(self, kept: File, other: File) -> bool:
        """Whether what the person asked for says which of two stays."""
        return any(lower(kept) != lower(other) for _, lower in self.asked)


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
    """Pixels of an image, characters of a text, of which spaces are none."""
    return item.pixels[0] * item.pixels[1] if item.pixels else len("".join((item.text or "").split()))
