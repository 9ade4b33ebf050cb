"""Labelled pictures, decoded once for all epochs of fine-tuning, and which items are copies of one another."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import IO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from curator.api import ImageBatch, Item, Preprocess
from curator.catalog.places import Places
from curator.kit.splits import linked
from curator.media import preprocessing
from curator.media.files import BadContent
from curator.media.prefetch import ordered_map
from curator.reporter import Reporter

SIDE, BITS = 16, 24
"""Of 16 x 16 differences of brightness between neighbours, so many may differ between near-copies."""


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


def decoded(
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
        for (item, _), picture in ordered_map(read, ((item, places.unchanged(item.id)) for item in items)):
            if isinstance(picture, BadContent):
                failed.append((item, str(picture)))
            else:
                found.add(picture)
                present.append(item)
            advance(1)
    return found, present, failed


def kin_of_pictures(pictures: Decoded) -> NDArray[np.int64]:
    """(n,) numbers, the same for near-copies: saved anew, resized, lighter or darker; photos of one scene are none.

    By the signs of differences between neighbours in a small grey picture (dHash; N. Krawetz 2013, "Kind of like
    that"), and whatever is linked by such pairs.
    """

    def signs(picture: NDArray[np.uint8]) -> NDArray[np.bool_]:
        small = Image.fromarray(picture).convert("L").resize((SIDE + 1, SIDE), Image.Resampling.BOX)
        return (np.diff(np.asarray(small, dtype=np.int16), axis=1) > 0).ravel()

    rows = np.stack([signs(pictures[index]) for index in range(len(pictures))])
    # Of two rows of ones and minus ones the product is their length, less two for each place in which they differ.
    return linked(2 * rows.astype(np.float32) - 1, rows.shape[1] - 2 * BITS)


def kin_of_texts(texts: Sequence[str]) -> NDArray[np.int64]:
    """(n,) numbers, the same for texts of the same words: case, punctuation and spaces do not count."""
    numbers: dict[str, int] = {}
    words = (" ".join(re.findall(r"\w+", text.casefold())) or text for text in texts)
    return np.asarray([numbers.setdefault(text, len(numbers)) for text in words], dtype=np.int64)
