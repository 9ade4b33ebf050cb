"""Readers: they list what a source holds."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from curator.api.data import Modality


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """How to read a source. `leave_out(folder)` is True for a folder that must not be entered (a workspace)."""

    leave_out: Callable[[Path], bool] = lambda folder: False


@dataclass(frozen=True, slots=True)
class Found:
    """A file that may be an item. `folder` is the first folder below the source that it lies in.

    `caption_of` is the image that a text lies beside, with the same stem; the core links them if it is asked to.
    """

    path: Path
    modality: Modality
    folder: str | None = None
    caption_of: Path | None = None


@dataclass(frozen=True, slots=True)
class Skipped:
    """A file left out, and why. `problem`: something is wrong with it, so it is recorded and counted as failed."""

    path: Path
    reason: str
    problem: bool = False


@dataclass(frozen=True, slots=True)
class ReaderSpec:
    """Lists what a source holds, in a stable order, without opening what it need not and without raising
    on a bad file. Exactly one reader must match a source: `matches(source)` is True for a folder or file that
    `read(source, options)` can list.
    """

    name: str
    summary: str
    matches: Callable[[Path], bool]
    read: Callable[[Path, ReadOptions], Iterable[Found | Skipped]]
