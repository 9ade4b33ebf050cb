"""Sources of items: what is meant by one, who reads it, and whether what was asked of it can be."""

from __future__ import annotations

import difflib
import functools
import glob
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from curator.api import ReaderSpec, ReadOptions
from curator.catalog.label_names import composed
from curator.catalog.places import expand_path, missing_path, real
from curator.errors import BadInput, NotFound, PluginError
from curator.ingest.options import AddOptions
from curator.media.files import BadContent, look
from curator.registry.validation import Breach

if TYPE_CHECKING:
    from curator.registry.loader import Registry

COLUMNS_SHOWN = 20


def chosen(
    registry: Registry,
    sources: Sequence[str],
    options: AddOptions,
    reading: ReadOptions,
    say: Callable[[str], None] = lambda message: None,
) -> list[tuple[Path, ReaderSpec]]:
    """Every path that the sources name, with its reader.

    Raises before anything is written: `NotFound` for what does not exist, also for a column; `BadInput` for options
    that are not for this kind of source. `say` gets a line about each reader that fails at them.
    """
    say = functools.cache(say)  # a reader that fails at each of a thousand files is one line
    paths = [path for source in sources for path in expand(source, reading.leave_out)]
    found = [(path, choose_reader(registry, path, options.reader, say)) for path in paths]
    for path, reader in found:
        if reader.columns is not None:
            _check_table(registry, path, reader, options, reading)
        elif options.for_tables:
            raise BadInput(
                f"{options.for_tables} is for tables, and {str(path)!r} is none (it is read as {reader.name})"
            )
    return found


def expand(source: str, leave_out: Callable[[Path], bool]) -> list[Path]:
    """The paths that a source names: itself, or what a pattern (`photos/*.jpg`) matches.

    What lies in a folder that is to be left out is no match. Raises `NotFound`, with the nearest name beside it.
    """
    path = expand_path(source)
    if os.path.lexists(path):
        return [path]
    if glob.has_magic(source):
        left_out = functools.cache(lambda folder: leave_out(Path(folder)))
        matches = [Path(match) for match in sorted(glob.glob(str(path), recursive=True))]
        matches = [match for match in matches if not any(left_out(folder) for folder in (match, *match.parents))]
        if matches:
            return matches
        raise NotFound(f"nothing matches {source!r}")
    raise missing_path(path)


def choose_reader(
    registry: Registry, source: Path, name: str | None = None, say: Callable[[str], None] = lambda message: None
) -> ReaderSpec:
    """The reader of that name, else the one that takes the source; `say` gets a line about each that fails at it."""
    if name is not None:
        return registry.get(ReaderSpec, name)
    matching, failed = _matching(registry, source)
    if not matching and failed:
        raise failed[0]
    for error in failed:
        say(f"{error}: left out")
    if not matching:
        kinds = "; ".join(spec.summary for spec in registry.all(ReaderSpec))
        raise BadInput(f"no reader takes {str(source)!r}: curator reads {kinds}")
    if len(matching) > 1:
        names = ", ".join(spec.name for spec in matching)
        raise BadInput(f"several readers take {str(source)!r}: {names} (choose with --reader NAME)")
    return matching[0]


def is_table(registry: Registry, path: Path) -> bool:
    """Whether a reader of tables takes a path, by its name."""
    return any(spec.columns is not None for spec in _matching(registry, path)[0])


def _matching(registry: Registry, source: Path) -> tuple[list[ReaderSpec], list[PluginError]]:
    """The readers that take a source, and how others failed: every source is shown to every reader."""
    matching, failed = [], []
    for spec in registry.all(ReaderSpec):
        try:
            with registry.guard(spec, "matching with"):
                if spec.matches(source):
                    matching.append(spec)
        except PluginError as error:
            failed.append(error)
    return matching, failed


def _check_table(registry: Registry, path: Path, reader: ReaderSpec, options: AddOptions, reading: ReadOptions) -> None:
    if options.for_files:
        instead = "--label-column" if options.labels_from_folders else "--caption-column"
        raise BadInput(f"{options.for_files} is for files, and {str(path)!r} is a table: use {instead} COLUMN")
    assert reader.columns is not None
    try:
        look(real(path))
    except BadContent as error:
        raise BadInput(f"{str(path)!r}: {error}") from error
    with registry.guard(reader, "reading with"):
        columns = list(reader.columns(path, reading))
        if not all(isinstance(name, str) for name in columns):
            raise Breach("gave names of columns that are no texts")
    shown = ", ".join(map(repr, columns[:COLUMNS_SHOWN])) or "none"
    if len(columns) > COLUMNS_SHOWN:
        shown += f" and {len(columns) - COLUMNS_SHOWN:,} more"
    named = options.columns
    if not {"text", "image"} & named.keys():
        raise BadInput(
            f"{str(path)!r} is a table with the columns {shown}: "
            "say which of them holds texts (--text-column COLUMN) or paths of images (--image-column COLUMN)"
        )
    for role, name in named.items():
        alike = _alike(columns, name)
        if name not in columns and len(alike) == 1:
            continue
        if name not in columns and alike:
            ways = " or ".join(map(repr, alike))
            raise BadInput(f"{str(path)!r} has several columns like {name!r} for --{role}-column: write {ways}")
        if name not in columns:
            near = difflib.get_close_matches(name, columns, n=1, cutoff=0.6)
            hint = f"did you mean {near[0]!r}? " if near else ""
            raise NotFound(f"{str(path)!r} has no column {name!r}: {hint}Its columns are {shown}")
        if columns.count(name) > 1:
            raise BadInput(f"{str(path)!r} has {columns.count(name)} columns named {name!r}: rename all but one")


def _alike(columns: Sequence[str], name: str) -> list[str]:
    """The columns of that name as names are compared: with composed characters, and no white space around."""
    return [column for column in columns if composed(column) == composed(name)]
