"""The files of models that were trained here: objects, laid out as the folder that the encoder takes.

What was learnt cannot be made again, so it is kept among the objects and goes into a backup; the folder is only a view
of them, which may be deleted at any time.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from curator.errors import WorkspaceError
from curator.store.objects import Objects
from curator.store.paths import held, held_tree
from curator.store.private import make_folder
from curator.store.scratch import beside

SEEN = "seen.json"
"""In the folder of a fine-tuned model: the hashes of the items that it learnt from."""

MOST_SEEN = 256 << 20
"""Bytes of what a model says it has seen: the hashes of four million items."""


class Trained:
    """Keeps folders of models, and gives them back."""

    def __init__(self, objects: Objects, folder: Path) -> None:
        self.objects = objects
        self.folder = folder

    def put(self, folder: Path) -> dict[str, str]:
        """Keep the files of a folder, but for hidden ones; returns their hashes by name."""
        files = sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))
        return {path.name: self.objects.put(path.read_bytes()) for path in files}

    def folder_of(self, files: Mapping[str, str]) -> Path:
        """A folder with these files, made if need be. Raises `WorkspaceError` for an object that is gone or damaged."""
        name = hashlib.sha256(json.dumps(files, sort_keys=True).encode()).hexdigest()[:16]
        wanted = held(self.folder.parent, f"{self.folder.name}/{name}")
        if wanted.is_dir():
            return held_tree(wanted)
        make_folder(self.folder, self.folder.parent)

        def lay_out(made: Path) -> None:
            make_folder(made, self.folder.parent)
            for file, object_ in files.items():
                _link(self.objects.verified(object_), held(made, file))
            made.replace(wanted)

        try:
            beside(self.folder, ".making", lay_out)
        except OSError:
            if not wanted.is_dir():  # else another process was quicker
                raise
        return wanted


def _link(object_: Path, file: Path) -> None:
    """A second name for the bytes, or a copy where the file system knows no such thing."""
    try:
        os.link(object_, file)
    except OSError:
        shutil.copy(object_, file)


def seen_in(folder: Path) -> frozenset[str]:
    """The hashes of the items that a model was fine-tuned on, by its folder."""
    file = folder / SEEN
    if not file.is_file():
        return frozenset()
    try:
        if file.stat().st_size > MOST_SEEN:
            raise ValueError(file.stat().st_size)
        return frozenset(json.loads(file.read_text()))
    except (ValueError, TypeError, RecursionError) as error:
        raise WorkspaceError(f"{file} is none of curator's: remove its folder, it is made again") from error
