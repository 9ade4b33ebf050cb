"""Reads folders and single files: images in every format that curator knows, and `.txt` texts."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

from curator.api import Found, Modality, ReaderSpec, ReadOptions, Skipped, hookimpl
from curator.kit.images import endings

TEXT_ENDINGS = frozenset({".txt"})

BOX_LINES = 50
BOX_CHARACTERS = 1 << 14
"""How many lines, and characters, of a sidecar are looked at to tell YOLO boxes from a caption."""


def modality_of(path: Path) -> Modality | None:
    """What a file is by its name."""
    ending = path.suffix.lower()
    if ending in TEXT_ENDINGS:
        return "text"
    return "image" if ending in endings() else None


def matches(source: Path) -> bool:
    """Folders, and files with an ending that is known."""
    return source.is_dir() or modality_of(source) is not None


def read(source: Path, options: ReadOptions) -> Iterator[Found | Skipped]:
    """List a folder, sorted by name, depth first; or the one file."""
    if not source.is_dir():
        modality = modality_of(source)
        if modality is not None:
            yield Found(source, modality)
        return
    if options.leave_out(source):
        # Left out, not wrong: the shell makes `curator add *` name the workspace too.
        yield Skipped(source, "a curator workspace")
        return
    yield from _folder(source, None, options)


def _folder(folder: Path, label: str | None, options: ReadOptions) -> Iterator[Found | Skipped]:
    try:
        with os.scandir(folder) as entries:
            listed = sorted(entries, key=lambda entry: entry.name)
    except OSError as error:
        yield Skipped(folder, (error.strerror or str(error)).lower(), problem=True)
        return
    images = {Path(entry.name).stem: entry.path for entry in listed if modality_of(Path(entry.name)) == "image"}
    for entry in listed:
        path = Path(entry.path)
        if entry.name.startswith("."):
            yield Skipped(path, "hidden")
        elif entry.is_dir(follow_symlinks=False):
            if options.leave_out(path):
                yield Skipped(path, "a curator workspace")
            else:
                yield from _folder(path, label or entry.name, options)
        elif _leads_to_folder(path, entry):
            yield Skipped(path, "a link to a folder: add the folder itself")
        else:
            yield _file(path, label, images.get(path.stem))


def _leads_to_folder(path: Path, entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_symlink() and path.is_dir()
    except OSError:
        return False


def _file(path: Path, label: str | None, image: str | None) -> Found | Skipped:
    modality = modality_of(path)
    if modality is None:
        return Skipped(path, f"{path.suffix.lower() or 'no ending'}: neither an image nor a .txt")
    if modality == "text" and image is not None:
        if _holds_boxes(path):
            return Skipped(path, "YOLO boxes beside an image, not a text")
        return Found(path, modality, label, Path(image))
    return Found(path, modality, label)


def _holds_boxes(path: Path) -> bool:
    """Whether every line is a class number and four (or, for outlines, six or more) numbers from 0 to 1."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            return False
        with path.open(encoding="utf-8") as file:
            start = file.read(BOX_CHARACTERS)
        lines = [line.split() for line in start.splitlines()[:BOX_LINES] if line.strip()]
    except (OSError, UnicodeDecodeError):
        return False
    if len(start) == BOX_CHARACTERS and len(lines) > 1:
        lines.pop()  # cut short, maybe
    return bool(lines) and all(map(_is_box, lines))


def _is_box(fields: list[str]) -> bool:
    if not (len(fields) >= 5 and fields[0].isdigit()):
        return False
    try:
        return all(0 <= float(field) <= 1 for field in fields[1:])
    except ValueError:
        return False


@hookimpl
def register_readers() -> Iterable[ReaderSpec]:
    """The reader for folders and files."""
    return [ReaderSpec("folder", "folders, images and .txt texts", matches, read)]
