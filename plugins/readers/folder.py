"""Reads folders and single files: images in every format that curator knows, and `.txt` texts."""

from __future__ import annotations

import fnmatch
import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

from curator.api import FILE_LIST, Found, Modality, ReaderSpec, ReadOptions, Skipped, hookimpl
from curator.kit.images import endings
from curator.kit.images.formats import RAW
from curator.kit.splits import SIDES_BY_NAME

TEXT_ENDINGS = frozenset({".txt"})

SYSTEMS = (
    *("@eadir", "@recycle", "@recently-snapshot", "#recycle", "#snapshot", "$recycle.bin", "recycler", ".trash*"),
    *("system volume information", "lost+found", "__macosx", "node_modules", "__pycache__"),
)
"""Folders, in lower case, of which nobody thinks: what was thrown away, previews, copies that a system keeps."""
TAKEN = "--hidden takes them"
NEVER = ""
"""Instead of a label: what lies below is of none."""

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
    yield from _folder(source, None, options, options.label_level)


def _folder(folder: Path, label: str | None, options: ReadOptions, level: int) -> Iterator[Found | Skipped]:
    """What lies in a folder; `level`: how many folders further below is the one that labels, 0 where it was passed.

    Where it would be one of `train`, `val` and `test` beside each other, it is one in these.
    """
    names, folders, links = [], set(), set()  # of entries a million would be too many
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                names.append(entry.name)
                if entry.is_dir(follow_symlinks=False):
                    folders.add(entry.name)
                elif entry.is_symlink():
                    links.add(entry.name)
    except OSError as error:
        yield Skipped(folder, (error.strerror or str(error)).lower(), problem=True)
        return
    images = _beside_texts(folder, names)
    if level == 1 and _are_sides(folders):
        level = 2
    for name in sorted(names):
        path = folder / name
        if name in folders:
            yield from _inner(path, label, options, level)
        elif name.startswith(".") and not options.hidden:
            yield Skipped(path, f"hidden: {TAKEN}")
        elif name in links and _leads_to_folder(path):
            yield Skipped(path, "a link to a folder: add the folder itself")
        else:
            yield _file(path, label, images.get(path.stem, ()) if images else ())


def _beside_texts(folder: Path, names: Iterable[str]) -> dict[str, tuple[Path, ...]]:
    """The images that have the stem of a text, by it."""
    pictures = sorted(name for name in names if os.path.splitext(name)[1].lower() in endings())
    if not pictures:
        return {}
    parts = map(os.path.splitext, names)
    texts = {stem for stem, ending in parts if ending.lower() in TEXT_ENDINGS}
    return _by_stem(folder / name for name in pictures if os.path.splitext(name)[0] in texts)


def _are_sides(folders: Iterable[str]) -> bool:
    """Whether folders beside each other are the sides of a split: then they are no labels, and those in them are."""
    names = [name.lower() for name in folders if not name.startswith(".")]
    return len(set(map(SIDES_BY_NAME.get, names))) > 1 and all(name in SIDES_BY_NAME for name in names)


def _by_stem(pictures: Iterable[Path]) -> dict[str, tuple[Path, ...]]:
    """Those that a text of the same stem is about."""
    found: dict[str, list[Path]] = {}
    for path in pictures:
        found.setdefault(path.stem, []).append(path)
    # A camera that writes two files of each photo means the other one where it is not about the sensor.
    others = {stem: [path for path in paths if path.suffix.lower() not in RAW] for stem, paths in found.items()}
    return {stem: tuple(others[stem] or paths) for stem, paths in found.items()}


def _inner(folder: Path, label: str | None, options: ReadOptions, level: int) -> Iterator[Found | Skipped]:
    """A folder within the source; one of a system's is no label, also where it is taken."""
    of_system = any(fnmatch.fnmatchcase(folder.name.lower(), name) for name in SYSTEMS)
    hidden = folder.name.startswith(".")
    if of_system and not options.hidden:
        yield from _passed_over(folder)
    elif hidden and not options.hidden:
        yield Skipped(folder, f"hidden: {TAKEN}")
    elif options.leave_out(folder):
        yield Skipped(folder, "a curator workspace")
    elif os.path.isfile(folder / FILE_LIST):  # false, too, in a folder that may not be looked into: the walk says that
        yield Skipped(folder, "made by curator export: add that folder itself")
    else:
        own = NEVER if of_system or hidden else folder.name if level == 1 else None
        yield from _folder(folder, own if label is None else label, options, max(0, level - 1))


def _passed_over(folder: Path) -> Iterator[Skipped]:
    """What would have been found in it, so that people see how many pictures that are."""
    for root, folders, files in os.walk(folder):
        folders.sort()
        for name in sorted(files):
            if modality_of(Path(name)) is not None:
                yield Skipped(Path(root, name), f"in {folder.name}: {TAKEN}")


def _leads_to_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:
        return False


def _file(path: Path, label: str | None, images: tuple[Path, ...]) -> Found | Skipped:
    modality = modality_of(path)
    if modality is None:
        return Skipped(path, f"{path.suffix.lower() or 'no ending'}: neither an image nor a .txt")
    if modality == "text" and images:
        if _holds_boxes(path):
            return Skipped(path, "YOLO boxes beside an image, not a text")
        return Found(path, modality, label or None, images if len(images) > 1 else images[0])
    return Found(path, modality, label or None)


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
