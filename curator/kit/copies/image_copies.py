"""Copies among pictures: the same pixels in another file, and near copies."""

from __future__ import annotations

import contextlib
import functools
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image

from curator.api import Context, Item, Model, Signature
from curator.kit import images
from curator.kit.copies import close_look, image_sketches, verification
from curator.kit.copies.hamming import near_pairs
from curator.kit.copies.neighbours import neighbours
from curator.kit.copies.planes import deep_numbers, of_whole, shown
from curator.kit.copies.stars import spokes
from curator.kit.reading import Unreadable

__all__ = [
    "PIXELS",
    "SKETCH",
    "WHOLE_SKETCH",
    "Copy",
    "ImageCopies",
    "digest",
    "sketch",
    "upright_and_whole",
    "whole_sketch",
]

RADIUS = 7
"""Bits of 64 in which the hashes of candidates may differ."""
CLOSE = 4
"""Bits: one picture decoded from two formats, each by its own short cut."""
NEIGHBOURS = 10
"""Nearest by the embedding that are candidates: in the benchmark 10 hold what 20 hold, but for 1 in 100."""

BAND = 1 << 20
"""Pixels whose bytes are made at once."""

AT_HAND, LOOKS = 256, 12
"""Sketches that are kept unpacked, and files, 4 MB each: pairs come in order, so the first of a pair is wanted many
times on end."""

SHOWN_BY = (b"cHRM", b"cICP", b"gAMA")
"""Chunks of a PNG that change how it is shown."""
SRGB = (
    b"gAMA" + (45455).to_bytes(4, "big"),
    b"cHRM" + b"".join(value.to_bytes(4, "big") for value in (31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000)),
    b"cICP" + bytes([1, 13, 0, 1]),
)
"""Those that say what is meant without them."""

NOT_PLAIN = b"-"
"""In place of a sketch: what RGB shows of this picture is not all, and it has to be looked at whole."""

WHOLE = 0.93
"""Part of either picture that two must share to be copies: a crop of 3 % of each side leaves 0.94."""


def sketch(picture: Image.Image) -> bytes:
    """Nothing for a film, of which one frame says too little."""
    if picture.info["frames"] > 1:
        return b""
    return image_sketches.sketch(np.asarray(picture)) if picture.info["plain"] else NOT_PLAIN


def whole_sketch(picture: Image.Image) -> bytes:
    """Of a picture that is partly transparent or has more than 8 bits: shown so that most of it is seen."""
    return image_sketches.sketch(shown(of_whole(picture, image_sketches.LONGEST)))


def digest(picture: Image.Image) -> bytes:
    """SHA-256 of the pixels with their shape, mode and colour profile; nothing for a film, nor for what is not decoded.

    A palette is a way of writing colours down, not a property of the pixels.
    """
    if picture.info["frames"] > 1:
        return b""
    if picture.info["deep"]:
        return _digest_of_deep(picture)
    mode = picture.mode
    if mode in ("P", "PA"):
        mode = "RGBA" if picture.has_transparency_data else "RGB"
    # What a conversion leaves of it: nothing, or what was there.
    said = picture.crop((0, 0, 1, 1)).convert(mode).info.get("transparency")
    found = hashlib.sha256(f"{mode} {picture.width} {picture.height} {said!r} ".encode())
    found.update(_colours_meant(picture))
    rows = max(1, BAND // picture.width)
    for top in range(0, picture.height, rows):
        band = picture.crop((0, top, picture.width, min(picture.height, top + rows)))
        found.update((band if band.mode == mode else band.convert(mode)).tobytes())
    return found.digest()


def _digest_of_deep(picture: Image.Image) -> bytes:
    """That of the numbers in the file, of which the picture has but the first 8 bits; nothing if they are not read."""
    path = picture.info["path"]
    try:
        with images.opened(path) as image:
            turn = images.orientation(image)
        found = deep_numbers(path)
    except Unreadable:
        return b""
    digest = hashlib.sha256(f"deep {picture.mode} {found.shape} {found.dtype} {turn} ".encode())
    digest.update(_colours_meant(picture))
    digest.update(found.tobytes())
    return digest.digest()


def _colours_meant(picture: Image.Image) -> bytes:
    """A digest of what a file says of how its numbers are shown: by a profile, or by chunks of a PNG."""
    said = [picture.info.get("icc_profile") or b""]
    with contextlib.suppress(OSError):
        said += [name + data for name, data in images.chunks(picture.info["path"]) if name in SHOWN_BY]
    # That of most, which no viewer shows in another way than without it.
    return hashlib.sha256(b"".join(one for one in said if one not in SRGB)).digest()


def _is_sketch(kept: bytes) -> bool:
    return kept == NOT_PLAIN or image_sketches.whole(kept)


SKETCH = Signature("dedupe.sketch/2", "image", sketch, image_sketches.LONGEST, _is_sketch)
"""Kept of every picture. Its name goes up when what is kept is another: then all pictures are read again."""
WHOLE_SKETCH = Signature("dedupe.whole-sketch/1", "image", whole_sketch, whole=image_sketches.whole)
"""Kept of those that are not plain."""
PIXELS = Signature(
    "dedupe.pixels/3", "image", digest, whole=lambda kept: len(kept) in (0, hashlib.sha256().digest_size)
)
"""Kept only of pictures whose sketches say that they may be the same."""


@dataclass(frozen=True, slots=True)
class Copy:
    """How two agree as thumbnails, and how little the files themselves differ."""

    agreement: verification.Agreement
    difference: close_look.Difference


class ImageCopies:
    """Pictures that could be looked at, in the order in which they should stay."""

    def __init__(self, context: Context, items: Sequence[Item]) -> None:
        self.context = context
        self._data = {item.id: data for item, data in context.signatures(SKETCH, items) if data}
        whole = [item for item in items if self._data.get(item.id) == NOT_PLAIN]
        self._data |= {item.id: data for item, data in context.signatures(WHOLE_SKETCH, whole)}
        self.items = [item for item in items if self._data.get(item.id, NOT_PLAIN) != NOT_PLAIN]
        hashes = [image_sketches.hashes(self._data[item.id]) for item in self.items]
        self.hashes = np.stack(hashes) if hashes else np.zeros((0, image_sketches.ORIENTATIONS), np.uint64)
        self.sketch = functools.lru_cache(AT_HAND)(self._sketch)
        self._look = functools.lru_cache(LOOKS)(self._looked_at)
        self._agreements: dict[tuple[int, int], verification.Agreement | None] = {}

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
        """How two of them agree, if they are of one capture."""
        if (one, other) not in self._agreements:
            agreement = verification.compare(self.sketch(one), self.sketch(other))
            if agreement is not None:
                agreement = self._in_pixels(agreement, one, other) if agreement.convincing else None
            self._agreements[one, other] = agreement
        return self._agreements[one, other]

    def _in_pixels(self, agreement: verification.Agreement, one: int, other: int) -> verification.Agreement:
        """With the scale of the files: sketches were made of pictures that had been brought to `LONGEST`."""
        ratios = [
            max(self.items[number].pixels or self.sketch(number).size) / max(self.sketch(number).size)
            for number in (one, other)
        ]
        return replace(agreement, scale=agreement.scale * ratios[1] / ratios[0])

    def copy(self, one: int, other: int) -> Copy | None:
        """What shows that one of them is the other saved again, scaled or cut a little, and nothing in it is another.

        Both files are opened for it; where that is not possible, they are not known to be copies.
        """
        agreement = self.match(one, other)
        if agreement is None or not upright_and_whole(agreement):
            return None
        first, second = self._look(one), self._look(other)
        if first is None or second is None:
            return None
        found = close_look.difference(first, second, agreement.placement)
        return Copy(agreement, found) if found is not None and found.saved_again else None

    def _sketch(self, number: int) -> image_sketches.Sketch:
        return image_sketches.Sketch.read(self._data[self.items[number].id])

    def _looked_at(self, number: int) -> close_look.Look | None:
        path = self.items[number].path
        try:
            return close_look.look(path) if path is not None else None
        except Unreadable:
            return None


def upright_and_whole(agreement: verification.Agreement) -> bool:
    """Whether one lies on the other as it is, and next to nothing of either is cut off."""
    turned = min(agreement.turned, 360 - agreement.turned)
    return not agreement.mirrored and turned <= 1 and agreement.overlap >= WHOLE
