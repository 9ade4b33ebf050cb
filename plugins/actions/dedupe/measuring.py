"""What is read of files only where they may be copies: what their files hold beside the picture."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TypeAlias

from .files import File
from .inside import Inside, inside

Measure: TypeAlias = Callable[[File, File], str]
"""Why the first of two files is worth more than the second; empty where it is not."""


class Measures:
    """Measures, each file once. `all`: from the one that counts most."""

    def __init__(self) -> None:
        self._inside = functools.cache(inside)
        self.all: tuple[Measure, ...] = (self.embedded, self.told)

    def embedded(self, one: File, other: File) -> str:
        """More in its own right, as the film of a motion photo."""
        more = self.inside(one).embedded - self.inside(other).embedded
        return f"holds {' and '.join(sorted(more))}, too" if more else ""

    def told(self, one: File, other: File) -> str:
        """More metadata."""
        more = self.inside(one).told - self.inside(other).told
        return f"tells of {', '.join(sorted(more))}" if more else ""

    def inside(self, file: File) -> Inside:
        """What is in the file of a picture, nothing in that of a text or a table."""
        if file.item.modality != "image" or not file.place.whole:
            return Inside()
        return self._inside(file.place.path)
