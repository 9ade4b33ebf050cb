"""Copies among pictures: the same pixels in another file, and near copies."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import struct
from collections.abc import Collection, Iterator, Sequence
from copy import copy
from dataclasses import astuple, dataclass, replace
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from curator.api import Comparison, Context, Item, Model, Signature
from curator.kit import images
from curator.kit.copies import close_look, image_sketches, verification
from curator.kit.copies.hamming import near_pairs, nearest_pairs
from curator.kit.copies.kept_sketches import KeptSketches, placed
from curator.kit.copies.neighbours import as_keys, near_each, of_keys
from curator.kit.copies.planes import deep_numbers, of_whole, shown
from curator.kit.copies.stars import spokes, spokes_of
from curator.kit.listing import items_at, items_in
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
ALIKE, FARTHER = 3, 16
"""Nearest by their hashes as they are, and in how many bits they may differ, that are candidates beside the nearest by
the embedding: to that, all that a filter painted is alike, and nearer than what it was made of. Of 1,608 photos of
groceries these are 0.27 pairs a photo."""
CLOSE = 4
"""Bits: one picture decoded from two formats, each by its own short cut."""
NEIGHBOURS = 10
"""Nearest by the embedding that are candidates: in the benchmark 10 hold what 20 hold, but for 1 in 100."""
FURTHER, ROUNDS = 40, 3
"""Nearest among which there may be more, once others of them turned out to be versions of one; and how often that is
looked for."""

BAND = 1 << 20
"""Pixels whose bytes are made at once."""

LOOKS = 12
"""Files that are kept as they were looked at, 4 MB each: pairs come in order, so the first of a pair is wanted many
times on end."""
AT_ONCE = 1_000
"""Pairs that are looked at together: of no more the sketches are in memory."""

Pair: TypeAlias = tuple[int, int]
Pairs: TypeAlias = NDArray[np.int64]
Indices: TypeAlias = NDArray[np.int64]
Keys: TypeAlias = NDArray[np.int64]
"""Pairs as one number each (`as_keys`), ascending: of a million pictures there are ten million."""

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


SKETCH = Signature("dedupe.sketch/3", "image", sketch, image_sketches.LONGEST, _is_sketch)
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


_AGREEMENT = struct.Struct("<?Hd2H3dB6d?")
"""What is kept of two of one capture; nothing of others."""
_DIFFERENCE = struct.Struct("<3d?")
"""What is kept of a close look; nothing where the two could not be compared."""


class ImageCopies:
    """Pictures that could be looked at, in the order in which they should stay.

    Of all of them only the hashes are in memory; the rest is read for a number of pairs at a time (`prepare`).
    """

    def __init__(self, context: Context, items: Sequence[Item]) -> None:
        self.context = context
        self._begin(KeptSketches(context, items, SKETCH, WHOLE_SKETCH, NOT_PLAIN))

    def _begin(self, sketches: KeptSketches) -> None:
        self.sketches, self.items, self.hashes = sketches, sketches.items, sketches.hashes
        self._look = functools.lru_cache(LOOKS)(self._looked_at)
        self._agreements: dict[Pair, verification.Agreement | None] = {}
        self._differences: dict[Pair, close_look.Difference | None] = {}

    def __len__(self) -> int:
        return len(self.hashes)

    def among(self, numbers: Sequence[int] | Indices) -> ImageCopies:
        """Some of them, in this order, without looking at them once more."""
        found = copy(self)
        found._begin(self.sketches.among(numbers))
        return found

    def same(self) -> list[Pair]:
        """Pairs of the same pixels; of many that are the same, each with the first."""
        chosen: set[int] = set()
        for pairs in self._in_chunks(as_keys(self._close(CLOSE, 1), len(self))):
            size = {number: tuple(sorted(item.pixels or ())) for number, item in self._made(pairs).items()}
            chosen.update(number for pair in pairs.tolist() if size[pair[0]] == size[pair[1]] for number in pair)
        numbers = sorted(chosen)
        digests = list(placed(self.context, PIXELS, items_in(self.items, numbers), numbers))
        found = [number for number, data in digests if data]
        return [(found[a], found[b]) for a, b in spokes([data for _, data in digests if data])]

    def candidates(self, model: Model | None, apart: Collection[int] = ()) -> list[Pair]:
        """Pairs of one capture, as far as sketches tell, but those of which both are `apart`.

        They are near by their hashes in any orientation, or, where there is an embedding, by that or the nearest by
        their hashes; then what is near to those that were found, as the nearest of a photo with many versions are all
        versions of it.
        """
        aside = np.zeros(len(self), bool)
        aside[[*apart]] = True
        close = as_keys(self._close(RADIUS, image_sketches.ORIENTATIONS), len(self))
        if model is None or len(self) < 2:
            return self._agreeing(close, aside)
        near = near_each(self.context, model, self.items, FURTHER)
        tried = np.union1d(np.union1d(close, as_keys(self._alike(), len(self))), near.keys(NEIGHBOURS))
        found = self._agreeing(tried, aside)
        for _ in range(ROUNDS):
            more = as_keys(near.further(found, NEIGHBOURS), len(self))
            more = more[~_among(more, tried)]
            new = self._agreeing(more, aside)
            if not new:
                break
            tried, found = np.union1d(tried, more), found + new
        return found

    def _agreeing(self, keys: Keys, aside: NDArray[np.bool_]) -> list[Pair]:
        """The pairs of one capture, but those of which both are `aside`."""
        found: list[Pair] = []
        for pairs in self._in_chunks(keys):
            chunk = [(one, other) for one, other in pairs[~aside[pairs].all(axis=1)].tolist()]
            agreed = {pair: agreement for pair, agreement in self._compared(chunk) if agreement is not None}
            self._agreements |= agreed  # the others are many, and few of them are asked for again
            found += agreed
        return found

    def _in_chunks(self, keys: Keys) -> Iterator[Pairs]:
        return (of_keys(keys[start : start + AT_ONCE], len(self)) for start in range(0, len(keys), AT_ONCE))

    def _close(self, radius: int, orientations: int) -> Pairs:
        """Pairs whose hashes are close. Where many have one hash, one stands for them in what is compared."""
        plain, first, which = self._hashes()
        pairs = [spokes_of(which)]
        for orientation in range(orientations):
            turned = np.ascontiguousarray(self.hashes[first, orientation])
            a, b, _ = near_pairs(turned, plain, radius)
            pairs.append(np.column_stack([first[a], first[b]])[a != b])
        return np.concatenate(pairs)

    def _alike(self) -> Pairs:
        """Pairs whose hashes are the nearest to each other, if not close; again one stands for those of one hash."""
        plain, first, _ = self._hashes()
        return first[nearest_pairs(plain, ALIKE, FARTHER)]

    def _hashes(self) -> tuple[NDArray[np.uint64], Indices, Indices]:
        """Each hash once, the first that has it, and which of them each has."""
        return np.unique(self.hashes[:, 0], return_index=True, return_inverse=True)

    def _made(self, pairs: Sequence[Pair] | Pairs) -> dict[int, Item]:
        """The items of pairs by their number."""
        wanted = np.unique(np.asarray(pairs, np.int64)).tolist()
        return dict(zip(wanted, items_at(self.items, wanted), strict=True))

    def prepare(self, pairs: Sequence[Pair]) -> None:
        """Compare pairs, many at once: `match` then knows of them. Only for the thread that runs the plan."""
        new = [pair for pair in dict.fromkeys(pairs) if pair not in self._agreements]
        for start in range(0, len(new), AT_ONCE):
            self._agreements.update(self._compared(new[start : start + AT_ONCE]))

    def prepare_copies(self, pairs: Sequence[Pair]) -> None:
        """The same for `copy`: the files of those that may be copies are opened, unless what was seen is kept."""
        self.prepare(pairs)
        new = [pair for pair in dict.fromkeys(pairs) if pair not in self._differences and self._may_be_copies(pair)]
        made = self._made(new)
        agreements = {(made[one].id, made[other].id): self._agreements[one, other] for one, other in new}

        def seen(one: Item, other: Item) -> bytes:
            agreement = agreements[one.id, other.id]
            assert agreement is not None
            return self._seen(one, other, agreement)

        kept = self.context.comparisons(
            Comparison("dedupe.copy/3", seen, _is_difference, files=True),
            [(made[one], made[other]) for one, other in new],
        )
        for pair, data in zip(new, kept, strict=True):
            self._differences[pair] = close_look.Difference(*_DIFFERENCE.unpack(data)) if data else None

    def _may_be_copies(self, pair: Pair) -> bool:
        agreement = self._agreements[pair]
        return agreement is not None and upright_and_whole(agreement)

    def match(self, one: int, other: int) -> verification.Agreement | None:
        """How two of them agree, if they are of one capture."""
        if (one, other) not in self._agreements:
            self.prepare([(one, other)])
        return self._agreements[one, other]

    def copy(self, one: int, other: int) -> Copy | None:
        """What shows that one of them is the other saved again, scaled or cut a little, and nothing in it is another.

        Both files are opened for it; where that is not possible, they are not known to be copies.
        """
        agreement = self.match(one, other)
        if agreement is None or not upright_and_whole(agreement):
            return None
        if (one, other) not in self._differences:
            self.prepare_copies([(one, other)])
        found = self._differences[one, other]
        return Copy(agreement, found) if found is not None and found.saved_again else None

    def _compared(self, pairs: Sequence[Pair]) -> Iterator[tuple[Pair, verification.Agreement | None]]:
        """By their sketches, which are read of those pairs alone of which nothing is kept."""
        matched = Comparison("dedupe.match/4", self._matched, _is_agreement, prepare=self._hold)
        made = self._made(pairs)
        items = [(made[one], made[other]) for one, other in pairs]
        for pair, data in zip(pairs, self.context.comparisons(matched, items), strict=True):
            yield pair, _agreement(data) if data else None

    def _hold(self, pairs: Sequence[tuple[Item, Item]]) -> None:
        self.sketches.hold({item.id: item for pair in pairs for item in pair}.values())

    def _matched(self, one: Item, other: Item) -> bytes:
        """How two agree; nothing where they are not of one capture. Raises `Unreadable` where a sketch is gone."""
        first, second = self.sketches.get(one), self.sketches.get(other)
        if first is None or second is None:
            raise Unreadable("its sketch is gone")
        found = verification.compare(first, second)
        if found is None or not found.convincing:
            return b""
        # With the scale of the files: sketches were made of pictures that had been brought to `LONGEST`.
        mine, theirs = (
            max(item.pixels or sketch.size) / max(sketch.size) for item, sketch in ((one, first), (other, second))
        )
        *rest, placement, outlines = astuple(replace(found, scale=found.scale * theirs / mine))
        return _AGREEMENT.pack(*rest, *placement, outlines)

    def _seen(self, one: Item, other: Item, agreement: verification.Agreement) -> bytes:
        """A close look at two files; raises `Unreadable`."""
        looks = self._look(one), self._look(other)
        found = close_look.difference(*looks, agreement.placement)
        if found is not None and not found.saved_again and looks[0].profiled != looks[1].profiled:
            # Many programs leave the profile out and the numbers as they are: as they show it, it is paler.
            bare = close_look.difference(self._look(one, True), self._look(other, True), agreement.placement)
            if bare is not None and bare.saved_again:
                found = replace(bare, bare=True)
        return b"" if found is None else _DIFFERENCE.pack(*astuple(found))

    @staticmethod
    def _looked_at(item: Item, bare: bool = False) -> close_look.Look:
        if item.path is None:
            raise Unreadable("its file is gone")
        return close_look.look(item.path, bare)


def _among(keys: Keys, others: Keys) -> NDArray[np.bool_]:
    """Which of the keys are among others, which ascend."""
    at = np.minimum(np.searchsorted(others, keys), max(len(others) - 1, 0))
    return others[at] == keys if len(others) else np.zeros(len(keys), bool)


def _agreement(data: bytes) -> verification.Agreement:
    mirrored, turned, scale, keypoints, blocks, agreeing, correlation, overlap, bits, *placement, outlines = (
        _AGREEMENT.unpack(data)
    )
    return verification.Agreement(
        mirrored, turned, scale, keypoints, blocks, agreeing, correlation, overlap, bits, tuple(placement), outlines
    )


def _is_agreement(kept: bytes) -> bool:
    return len(kept) in (0, _AGREEMENT.size)


def _is_difference(kept: bytes) -> bool:
    return len(kept) in (0, _DIFFERENCE.size)


def upright_and_whole(agreement: verification.Agreement) -> bool:
    """Whether one lies on the other as it is, not by outlines alone, and next to nothing of either is cut off."""
    turned = min(agreement.turned, 360 - agreement.turned)
    return not (agreement.mirrored or agreement.outlines) and turned <= 1 and agreement.overlap >= WHOLE
