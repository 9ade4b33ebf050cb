"""Checking a folder that was exported: whether its files are those of its list."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from curator.errors import BadInput, NotFound
from curator.maintenance.check import Fault
from curator.media import file_lists
from curator.media.files import BadContent, hash_file, reason
from curator.store.scratch import TextSet

AGAIN = "export it again"


def faults(folder: Path) -> Iterator[Fault]:
    """What differs, reading all of it. Raises `NotFound` for no folder, `BadInput` for one that has no whole list."""
    if not folder.is_dir():
        raise NotFound(f"no folder {str(folder)!r}")
    if not (folder / file_lists.NAME).is_file():
        raise BadInput(f"{str(folder)!r} was not made by curator export: there is no {file_lists.NAME} in it")
    listed = TextSet()
    try:
        file_lists.collect(folder, listed)
    except BadContent as error:
        raise BadInput(f"{str(folder)!r} cannot be checked: {error}: {AGAIN}") from error
    return _differences(folder, listed)


def _differences(folder: Path, listed: TextSet) -> Iterator[Fault]:
    """The list is read once more, so that not all of it is in memory."""
    for path, wanted in file_lists.read(folder):
        if (wrong := _wrong(folder, path, wanted)) is not None:
            yield Fault("export", path, wrong, AGAIN)
    for path in file_lists.others(folder, listed):
        yield Fault("export", path, "is not of this export", "move it where it belongs")


def _wrong(folder: Path, path: str, wanted: file_lists.Listed) -> str | None:
    if not file_lists.is_there(folder, path):
        return "is gone"
    try:
        return None if hash_file(folder / path) == wanted.hash else "its content changed"
    except OSError as error:
        return reason(error)
