"""Labelled pictures, decoded once for all epochs of fine-tuning."""

from __future__ import annotations

from collections.abc import Sequence
from typing import IO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from curator.api import ImageBatch, Item, Preprocess
from curator.catalog.places import Places
from curator.media import preprocessing
from curator.media.files import BadContent
from curator.media.prefetch import ordered_map
from curator.reporter import Reporter


class Decoded:
    """Pictures in a temporary file, as `curator.api.Pictures`: 8-bit RGB, resized and not cut.

    One takes three bytes a pixel on the disk, 0.26 MB at 256 x 341, and memory only while it is looked at.
    """

    def __init__(self, file: IO[bytes], preprocess: Preprocess) -> None:
        self.file, self.preprocess = file, preprocess
        self.found: list[tuple[int, int, int]] = []  # where in the file, height, width

    def add(self, picture: Image.Image) -> None:
        """One more, resized already."""
        self.file.seek(0, 2)
        self.found.append((self.file.tell(), picture.height, picture.width))
        self.file.write(picture.tobytes())

    def some(self, indices: Sequence[int]) -> Decoded:
        """These of them, in this order."""
        chosen = Decoded(self.file, self.preprocess)
        chosen.found = [self.found[index] for index in indices]
        return chosen

    def __len__(self) -> int:
        return len(self.found)

    def __getitem__(self, index: int) -> NDArray[np.uint8]:
        start, height, width = self.found[index]
        self.file.seek(start)
        data = self.file.read(3 * height * width)
        return np.frombuffer(data, dtype=np.uint8).reshape(height, width, 3)

    def batch(self, indices: Sequence[int]) -> ImageBatch:
        """Some of them, as encoders are given them."""
        return ImageBatch(
            np.stack([preprocessing.normalised(Image.fromarray(self[index]), self.preprocess) for index in indices])
        )


def decode_pictures(
    items: Sequence[Item], places: Places, preprocess: Preprocess, file: IO[bytes], reporter: Reporter
) -> tuple[Decoded, list[Item], list[tuple[Item, str]]]:
    """The pictures of items that can be read, those items, and the others with the reason."""

    def read(located: tuple[Item, str | BadContent]) -> Image.Image | BadContent:
        path = located[1]
        if isinstance(path, BadContent):
            return path
        try:
            return preprocessing.resized(path, preprocess)
        except BadContent as error:
            return error

    found, present, failed = Decoded(file, preprocess), list[Item](), list[tuple[Item, str]]()
    with reporter.progress("reading pictures", len(items)) as advance:
        for (item, _), picture in ordered_map(read, ((item, places.unchanged_path(item.id)) for item in items)):
            if isinstance(picture, BadContent):
                failed.append((item, str(picture)))
            else:
                found.add(picture)
                present.append(item)
            advance(1)
    return found, present, failed
