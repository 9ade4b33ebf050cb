"""Which labelled items are of one original, so that none is learnt from while another of them is measured on."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias, cast

import numpy as np
from numpy.typing import NDArray

from curator.api import Context, Item
from curator.catalog.selection import ids_of, of_media, pages_of, taken
from curator.embedding.comparisons import Comparisons
from curator.embedding.embedder import Embedder
from curator.embedding.signatures import Signatures
from curator.kit.copies.image_copies import SKETCH, ImageCopies
from curator.kit.copies.kin import kin_of_texts
from curator.kit.copies.text_copies import typed
from curator.kit.copies.vectors import copies, join, nearest_pairs
from curator.media.files import BadContent

Pair: TypeAlias = tuple[int, int]
"""Two rows, the lower first."""

NEAREST, FURTHER, WITHIN = 2, 10, 1.0
"""Pictures are compared with so many nearest, of few pictures with more, and then those that have kin with more of
these; if within this share of the spread of the space.

Of 25 photos of different things in the space of EfficientNet-Lite0, among 270 others, the original is the nearest of
what was made of it in 21 of 23 ways, in most within 0.5. Where all photos are alike it is farther off: that of one made
smaller, of drawn scenes, at 0.9.
"""

FEW, AT_ONCE, MOST = 600, 100, 4_000
"""So many pairs are compared all. Of more, the nearest first and so many at once, until none of these is of one
capture: what lies farther off is no nearer than different things are, and no head profits from it. And so many at most.

Of 1,608 photos of groceries 200 of 3,000 pairs are compared, and 12 found; of the 800 nearest 16 were.
"""


@dataclass(frozen=True, slots=True, eq=False)
class Kin:
    """`groups`, (n,): the same number for items of one original. `notes`: what a reader of figures should know."""

    groups: NDArray[np.int64]
    notes: tuple[str, ...] = ()


class Kinship:
    """Finds them by content. The vectors say which pictures to compare; they decide nothing."""

    def __init__(self, encoding: Embedder) -> None:
        self.encoding = encoding
        self.derived = encoding.derived

    def of(self, items: Sequence[Item], vectors: NDArray[np.float32]) -> Kin:
        """That of items with their unit rows, (n, dim)."""
        texts = [row for row, item in enumerate(items) if item.modality == "text"]
        pictures = [row for row, item in enumerate(items) if item.modality == "image"]
        numbers = kin_of_texts([items[row].text or "" for row in texts])
        firsts = np.asarray(texts, np.int64)[np.unique(numbers, return_index=True)[1]]
        of_texts = list(zip(firsts[numbers].tolist(), texts, strict=True))
        of_pictures, whole = self._of_one_capture(items, vectors, pictures)
        notes = () if whole else (f"only the {MOST:,} nearest pairs of pictures were compared: copies may be missed",)
        return Kin(join(copies(vectors), pairs=[*of_texts, *of_pictures]), notes)

    def copies(self, items: Sequence[Item]) -> NDArray[np.int64]:
        """Numbers, (n,), the same for what `dedupe` calls copies: pictures saved again, texts typed otherwise."""
        ids = np.asarray(ids_of(items), np.int64)
        order = np.argsort(ids)
        texts = of_media(items, ["text"])
        rows = _rows(ids, order, texts)
        digests = np.fromiter((_digest(typed(item.text or "")) for item in texts), np.uint64, len(rows))
        _, first, which = np.unique(digests, return_index=True, return_inverse=True)
        groups = np.arange(len(ids))
        groups[rows] = rows[first[which]]
        pictures = self._pictures(of_media(items, ["image"]))
        may_be = pictures.candidates(None)
        pictures.prepare_copies(may_be)
        proven = [*pictures.same(), *(pair for pair in may_be if pictures.copy(*pair) is not None)]
        return join(
            groups, pairs=_rows(ids, order, pictures.items)[np.asarray(proven, np.int64).reshape(-1, 2)].tolist()
        )

    def _of_one_capture(
        self, items: Sequence[Item], vectors: NDArray[np.float32], rows: Sequence[int]
    ) -> tuple[list[Pair], bool]:
        """Pairs of pictures that `dedupe` would call edited, or closer, and whether all were compared that may be."""
        nearest = min(FURTHER, max(NEAREST, FEW // max(1, len(rows))))
        near, whole = nearest_pairs(vectors[rows], nearest, WITHIN, MOST)
        pairs = [(rows[one], rows[other]) for one, other in near]
        found: list[Pair] = []
        with self.encoding.reporter.progress("comparing pictures", len(pairs)) as advance:
            for stop in range(AT_ONCE, len(pairs) + AT_ONCE, AT_ONCE):
                some = self._verified(items, pairs[stop - AT_ONCE : stop])
                found += some
                advance(len(pairs[stop - AT_ONCE : stop]))
                if not some and len(pairs) > FEW:
                    pairs, whole = pairs[:stop], True
                    break
        # Of those that were looked at, also what the space does not show: a photo made smaller may lie far off.
        looked_at = sorted({row for pair in pairs for row in pair})
        others = sorted({*self._by_hashes(items, looked_at), *self._further(vectors, found)} - {*pairs})
        return found + self._verified(items, others[:MOST]), whole and len(others) <= MOST

    def _by_hashes(self, items: Sequence[Item], rows: Sequence[int]) -> set[Pair]:
        """Pairs whose perceptual hashes are close in some orientation."""
        row = {items[row].id: row for row in rows}
        pictures = self._pictures([items[row] for row in rows])
        found = [tuple(row[pictures.items[number].id] for number in pair) for pair in pictures.candidates(None)]
        return {(min(pair), max(pair)) for pair in found if pair[0] != pair[1]}

    @staticmethod
    def _further(vectors: NDArray[np.float32], found: Sequence[Pair]) -> set[Pair]:
        """More neighbours of those that have kin: versions of a photo may be nearest to each other by twos."""
        rows = sorted({row for pair in found for row in pair})
        return {(rows[one], rows[other]) for one, other in nearest_pairs(vectors[rows], FURTHER, WITHIN, MOST)[0]}

    def _verified(self, items: Sequence[Item], pairs: Sequence[Pair]) -> list[Pair]:
        """Those of one capture, of pairs of which both can be looked at."""
        pictures = self._pictures([items[row] for row in sorted({row for pair in pairs for row in pair})])
        at = {item.id: number for number, item in enumerate(pictures.items)}
        able = {}
        for one, other in pairs:
            if items[one].id in at and items[other].id in at:
                numbers = sorted((at[items[one].id], at[items[other].id]))
                able[one, other] = numbers[0], numbers[1]
        pictures.prepare([*able.values()])
        return [pair for pair, numbers in able.items() if pictures.match(*numbers) is not None]

    def _pictures(self, items: Sequence[Item]) -> ImageCopies:
        """Those that can be looked at: of a file that is gone the vector stays, and it is no fault to have no more."""
        able: list[int] = []
        for page in pages_of(items):
            kept = self.derived.signed(SKETCH.name, list(page.values()))
            path = self.encoding.places.unchanged_path
            able += [
                number for number, hash_ in page.items() if hash_ in kept or not isinstance(path(number), BadContent)
            ]
        some = items if len(able) == len(items) else taken(items, {*able})
        return ImageCopies(cast(Context, _Looking(self.encoding)), some)


def _rows(ids: NDArray[np.int64], order: NDArray[np.int64], items: Sequence[Item]) -> NDArray[np.int64]:
    """Where each of some items is among ids, of which `order` sorts them."""
    rows: NDArray[np.int64] = order[np.searchsorted(ids, np.asarray(ids_of(items), np.int64), sorter=order)]
    return rows


def _digest(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little")


class _Looking:
    """What `ImageCopies` asks of a context to compare two pictures."""

    def __init__(self, encoding: Embedder) -> None:
        self.signatures = Signatures(encoding).of
        self.signature_values = Signatures(encoding).values
        self.comparisons = Comparisons(encoding).of
