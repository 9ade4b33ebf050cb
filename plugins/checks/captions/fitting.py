"""How well captions fit their pictures, beside other captions and other pictures.

How high a cosine of a picture with its caption is depends on the model, the language and the subject (Liang et al.
2022, "Mind the gap", for how far the two media lie apart): no line through cosines holds for two sets. A rank among
others does: a caption of another picture is as good as any other one, so that its rank is as likely high as low,
whatever the space.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from curator.api import Context, Item, Model, StoredVectors
from curator.errors import NotReady

FEWEST = 20
"""Different captions, and pictures, of fewer of which a rank says nothing."""
OTHERS = 1_000
"""Captions, and pictures, that each pair is compared with at most: evenly chosen ones, always the same."""
LINE, TIMES = 0.25, 10.0
"""The rank from which on a caption is suspicious, and how many times the middle one of all pairs it is at least: a
model that knows these pictures less well gives right captions higher ranks, too. Set by made-up spaces and a small CLIP
that was trained on shapes; benchmarks/README.md says what they find in others."""
KNOWS = 0.05
"""A middle rank above this says that the model hardly tells these captions from each other."""
AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Fit:
    """A caption and its picture. `captions` is the share of other captions that fit the picture better, `images` that
    of other pictures that fit the caption better, `line` the mean of both from which on it is suspicious, all 0 to 1.
    """

    text: Item
    image: Item
    captions: float
    images: float
    line: float

    @property
    def rank(self) -> float:
        """The mean of both: 0 where it is the best of all, about 0.5 where it belongs to something else."""
        return (self.captions + self.images) / 2


def fits(context: Context, model: Model, pairs: Sequence[tuple[Item, Item]]) -> Iterator[Fit]:
    """That of each caption and picture which have vectors; none of fewer than `FEWEST`.

    Raises `NotReady` where the model knows too little of them.
    """
    texts, images = (context.stored(model, _once(pairs, side)) for side in (0, 1))
    if min(len(texts), len(images)) < FEWEST:
        return
    at_text, at_image = ({item.id: at for at, item in enumerate(stored.items)} for stored in (texts, images))
    pairs = [(text, image) for text, image in pairs if text.id in at_text and image.id in at_image]
    at = np.array([(at_text[text.id], at_image[image.id]) for text, image in pairs], np.int64).reshape(-1, 2)
    if not len(at):
        return
    found = shares(texts, images, at)
    middle = float(np.median(found.mean(axis=1)))
    if middle > KNOWS:
        raise NotReady(
            f"{model.name} tells too little of these captions, or most of them are wrong: half of them fit worse than "
            f"{middle:.0%} of the others"
        )
    line = max(LINE, TIMES * middle)
    for (text, image), (captions, pictures) in zip(pairs, found.tolist(), strict=True):
        yield Fit(text, image, captions, pictures, line)


def shares(texts: StoredVectors, images: StoredVectors, pairs: NDArray[np.int64]) -> NDArray[np.float64]:
    """Of each pair, (n, 2) indices of a text and an image: the share of other texts that fit the image better than its
    own, and of other images that fit the text better, (n, 2). What it is paired with elsewhere is no other.
    """
    linked = csr_matrix((np.ones(len(pairs), np.bool_), pairs.T), (len(texts), len(images)))
    some_texts, some_images = _spread(len(texts)), _spread(len(images))
    other_texts, other_images = texts.rows(some_texts), images.rows(some_images)
    of_texts, of_images = linked[:, some_images], linked[some_texts].T.tocsr()
    found = np.zeros((len(pairs), 2))
    for start in range(0, len(pairs), AT_ONCE):
        block = slice(start, start + AT_ONCE)
        text, image = texts.rows(pairs[block, 0]), images.rows(pairs[block, 1])
        own = np.einsum("ij,ij->i", text, image)[:, None]
        found[block, 0] = _share(image @ other_texts.T > own, of_images[pairs[block, 1]].toarray())
        found[block, 1] = _share(text @ other_images.T > own, of_texts[pairs[block, 0]].toarray())
    return found


def _share(better: NDArray[np.bool_], own: NDArray[np.bool_]) -> NDArray[np.float64]:
    """How many of the others are better, row by row."""
    return np.asarray((better & ~own).sum(axis=1) / np.maximum(1, (~own).sum(axis=1)), np.float64)


def _spread(many: int) -> NDArray[np.int64]:
    return np.unique(np.linspace(0, many - 1, min(many, OTHERS)).round().astype(np.int64))


def _once(pairs: Sequence[tuple[Item, Item]], side: int) -> list[Item]:
    return [item for _, item in sorted({pair[side].id: pair[side] for pair in pairs}.items())]
