"""Copies among pictures: the same pixels in another file, and near copies."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Sequence

import numpy as np
from PIL import Image

from curator.api import Context, Item, Model, Signature
from curator.kit.copies import image_sketches, verification
from curator.kit.copies.hamming import near_pairs
from curator.kit.copies.neighbours import neighbours
from curator.kit.copies.stars import spokes

__all__ = ["PIXELS", "SKETCH", "ImageCopies", "digest", "sketch"]

RADIUS = 7
"""Bits of 64 in which the hashes of candidates may differ."""
CLOSE = 4
"""Bits: one picture decoded from two formats, each by its own short cut."""
NEIGHBOURS = 10
"""Nearest by the embedding that are candidates: in the benchmark 10 hold what 20 hold, but for 1 in 100."""

BAND = 1 << 20
"""Pixels whose bytes are made at once."""

AT_HAND = 256
"""Sketches that are kept unpacked: pairs come in order, so the first of a pair is wanted many times on end."""


def sketch(picture: Image.Image) -> bytes:
    """Nothing for a film, of which one frame says too little."""
    return b"" if picture.info["frames"] > 1 else image_sketches.sketch(np.asarray(picture))


def digest(picture: Image.Image) -> bytes:
    """SHA-256 of the pixels with their shape and mode; nothing for a film.

    A palette is a way of writing colours down, not a property of the pixels.
    """
    if picture.info["frames"] > 1:
        return b""
    mode = picture.mode
    if mode in ("P", "PA"):
        mode = "RGBA" if picture.has_transparency_data else "RGB"
    # What a conversion leaves of it: nothing, or what was there.
    said = picture.crop((0, 0, 1, 1)).convert(mode).info.get("transparency")
    found = hashlib.sha256(f"{mode} {picture.width} {picture.height} {said!r} ".encode())
    rows = max(1, BAND // picture.width)
    for top in range(0, picture.height, rows):
        band = picture.crop((0, top, picture.width, min(picture.height, top + rows)))
        found.update((band if band.mode == mode else band.convert(mode)).tobytes())
    return found.digest()


SKETCH = Signature("dedupe.sketch/1", "image", sketch, image_sketches.LONGEST, image_sketches.whole)
"""Kept of every picture. Its name goes up when what is kept is another: then all pictures are read again."""
PIXELS = Signature(
    "dedupe.pixels/1", "image", digest, whole=lambda kept: len(kept) in (0, hashlib.sha256().digest_size)
)
"""Kept only of pictures whose sketches say that they may be the same."""


class ImageCopies:
    """Pictures that could be looked at, in the order in which they should stay."""

    def __init__(self, context: Context, items: Sequence[Item]) -> None:
        self.context = context
        kept = [(item, data) for item, data in context.signatures(SKETCH, items) if data]
        self.items = [item for item, _ in kept]
        self._data = {item.id: data for item, data in kept}
        hashes = [image_sketches.hashes(data) for _, data in kept]
        self.hashes = np.stack(hashes) if hashes else np.zeros((0, image_sketches.ORIENTATIONS), np.uint64)
        self.sketch = functools.lru_cache(AT_HAND)(self._sketch)

    def same(self) -> list[tuple[int, int]]:
        """Pairs of the same pixels; of many that are the same, each with the first."""
        size = [tuple(sorted(item.pixels or ())) for item in self.items]
        close = [(a, b) for a, b in self._close(CLOSE, 1) if size[a] == size[b]]
        chosen = sorted({number for pair in close for number in pair})
        digests = dict(self._digests([self.items[number] for number in chosen]))
        found = [number for number in chosen if self.items[number].id in digests]
        pairs = spokes([digests[self.items[number].id] for number in found])
        return [(found[a], found[b]) for a, b in pairs]

    def _digests(self, items: Sequence[Item]) -> list[tuple[int, bytes]]:
        return [(item.id, data) for item, data in self.context.signatures(PIXELS, items) if data]

    def candidates(self, model: Model | None) -> list[tuple[int, int]]:
        """Pairs that may be near: by their hashes in any orientation, and by the embedding where there is one."""
        pairs = self._close(RADIUS, image_sketches.ORIENTATIONS)
        if model is not None:
            pairs += [*neighbours(self.context, model, self.items, NEIGHBOURS)]
        return pairs

    def _close(self, radius: int, orientations: int) -> list[tuple[int, int]]:
        """Pairs whose hashes are close. Where many have one hash, one stands for them in what is compared."""
        plain, first, which = np.unique(self.hashes[:, 0], return_index=True, return_inverse=True)
        pairs = spokes(which.tolist())
        for orientation in range(orientations):
            turned = np.ascontiguousarray(self.hashes[first, orientation])
            a, b, _ = near_pairs(turned, plain, radius)
            pairs += [(int(first[x]), int(first[y])) for x, y in zip(a, b, strict=True) if x != y]
        return pairs

    def match(self, one: int, other: int) -> verification.Agreement | None:
        """How two of them agree, if they are near copies."""
        agreement = verification.compare(self.sketch(one), self.sketch(other))
        return agreement if agreement is not None and agreement.convincing else None

    def _sketch(self, number: int) -> image_sketches.Sketch:
        return image_sketches.Sketch.read(self._data[self.items[number].id])
