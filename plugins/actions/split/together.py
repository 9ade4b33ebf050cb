"""What has to stay on one side: versions of one photo or text, pictures and their captions, and what people say."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import PurePath

import numpy as np
from numpy.typing import NDArray

from curator.api import SIDES, Context, GroupName, Item, Modality, Side
from curator.kit.copies.vectors import join
from curator.kit.splits import SIDES_BY_NAME

FOLDER, SCENE = "folder", "scene"
"""`--together folder`: what lies in one folder; `scene`: photos that look as if they were taken of one scene."""
NEAREST, ALIKE = 3, 0.75
"""Photos are of one scene where each is among so many nearest of the other, and so alike: the cosine of what differs
from the mean embedding.

Chosen on 1,608 photos of groceries, many to a scene, with EfficientNet-Lite0: 903 scenes, the largest of 20 photos.
With scenes kept together a head is right on 0.870 of those held out, without on 0.948, on photos of other shops on
0.739. Of 295 photos of different things none are joined; of 600 photos of hands, on one ground, 558 are left.
"""


def numbers_of(context: Context, items: Sequence[Item], together: Sequence[str]) -> NDArray[np.int64]:
    """Numbers, (n,), the same for items that stay together."""
    row = {item.id: number for number, item in enumerate(items)}
    groupings = [np.arange(len(items)), *(_same(context, items, kind) for kind in together)]
    return join(*groupings, pairs=[*_originals(context, items, row), *_captions(context, items, row)])


def _originals(context: Context, items: Sequence[Item], row: dict[int, int]) -> Iterator[tuple[int, int]]:
    media: tuple[Modality, ...] = ("image", "text")
    for medium in media:
        some = [item for item in items if item.modality == medium]
        if some:
            first: dict[int, int] = {}
            for item, number in zip(some, context.originals(some, context.model(None, medium)).tolist(), strict=True):
                yield first.setdefault(number, row[item.id]), row[item.id]


def _captions(context: Context, items: Sequence[Item], row: dict[int, int]) -> Iterator[tuple[int, int]]:
    for item, linked in zip(items, context.linked(items), strict=True):
        yield from ((row[item.id], row[other.id]) for other in linked if other.id in row)


def _scenes(context: Context, items: Sequence[Item]) -> NDArray[np.int64]:
    """A number for each scene; a text is by itself."""
    row = {item.id: number for number, item in enumerate(items)}
    pictures = [item for item in items if item.modality == "image"]
    pairs: list[tuple[int, int]] = []
    if len(pictures) > 1:
        model = context.model(None, "image")
        present, vectors = context.vectors(model, pictures)
        near = context.neighbours(model, present, NEAREST)
        apart = vectors - vectors.mean(axis=0)
        apart /= np.maximum(np.linalg.norm(apart, axis=1, keepdims=True), 1e-12)
        listed = [set(others.tolist()) for others in near.index]
        for one, others in enumerate(listed):
            for other in others:
                if one < other and one in listed[other] and float(apart[one] @ apart[other]) >= ALIKE:
                    pairs.append((row[present[one].id], row[present[other].id]))
    return join(np.arange(len(items)), pairs=pairs)


def _same(context: Context, items: Sequence[Item], kind: str) -> NDArray[np.int64]:
    """A number of its own for what is in no folder, or of which the group says nothing."""
    if kind == SCENE:
        return _scenes(context, items)
    if kind == FOLDER:
        names = [str(places[0].path.parent) if places else None for places in context.places(items)]
    else:
        names = [
            said or None for said in context.said(context.target(None, GroupName(kind.removeprefix("group:"))), items)
        ]
    numbers: dict[str, int] = {}
    return np.asarray(
        [len(items) + at if name is None else numbers.setdefault(name, len(numbers)) for at, name in enumerate(names)],
        np.int64,
    )


def sides_of_folders(context: Context, items: Sequence[Item]) -> list[Side | None]:
    """The side that the folders say which items lie in, or the tables which they are rows of.

    Folders called `train`, `val`, `test` are taken for a split only where two of them lie beside each other: `test` may
    be any folder's name.
    """
    of_items = [[_named(place.path, whole=place.whole) for place in places] for places in context.places(items)]
    beside: dict[PurePath, set[Side]] = {}
    for places in of_items:
        for parent, side in (found for place in places for found in place):
            beside.setdefault(parent, set()).add(side)
    found: list[Side | None] = []
    several: list[Item] = []
    for item, places in zip(items, of_items, strict=True):
        sides = {next((side for parent, side in place if len(beside[parent]) > 1), None) for place in places} - {None}
        # What lies in several, as a photo that is in train and in test: it was learnt from.
        found.append(next((side for side in SIDES if side in sides), None))
        several += [item] * (len(sides) > 1)
    if several:
        many = "1 item lies" if len(several) == 1 else f"{len(several):,} items lie"
        context.note(f"{many} in folders of several sides, as the same bytes: {several[0]}; it counts for the first")
    return found


def _named(path: PurePath, whole: bool) -> list[tuple[PurePath, Side]]:
    """The folders above a file, or the table itself, that are called as a side is, the uppermost first."""
    above = [*reversed(path.parents)] if whole else [*reversed(path.parents), path.with_suffix("")]
    return [(folder.parent, SIDES_BY_NAME[name]) for folder in above if (name := folder.name.lower()) in SIDES_BY_NAME]
