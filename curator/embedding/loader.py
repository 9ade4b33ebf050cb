"""From items to batches: files decoded by threads, a bounded number of them ahead of the encoder."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from curator.api import ImageBatch, Item, Modality, Preprocess, TextBatch
from curator.catalog.places import Places
from curator.media import preprocessing
from curator.media.files import BadContent
from curator.media.prefetch import ordered_map
from curator.store.catalogue.items import ItemRow, ItemStore
from curator.store.derived import UNREAD, Derived

AHEAD = 2
"""So many batches are prepared while one is encoded: more would only take memory."""

Prepared = list[tuple[Item, object]]
Failed = list[tuple[Item, str]]


def batches(
    items: Sequence[Item], places: Places, derived: Derived, preprocess: Preprocess | None, size: int
) -> Iterator[tuple[Prepared, Failed]]:
    """Items with their pixels or texts, of one medium and at most `size` at once, and those that have none, and why."""
    media: tuple[Modality, ...] = ("image", "text")
    for medium in media:
        batch: Prepared = []
        failed: Failed = []
        chosen = (item for item in items if item.modality == medium)
        for item, value in _prepared(chosen, places, derived, preprocess, AHEAD * size):
            if isinstance(value, BadContent):
                failed.append((item, str(value)))
            else:
                batch.append((item, value))
            if len(batch) == size:
                yield batch, failed
                batch, failed = [], []
        if batch or failed:
            yield batch, failed


def as_batch(values: Sequence[object], medium: Modality) -> ImageBatch | TextBatch:
    """What an encoder takes."""
    if medium == "image":
        return ImageBatch(np.stack(values))  # type: ignore[arg-type]
    return TextBatch([str(value) for value in values])


def readable(
    items: Iterable[ItemRow], places: Places, preprocess: Preprocess | None
) -> Iterator[tuple[ItemRow, object]]:
    """Those items that can be read, with their pixels or texts; of others nothing is recorded."""
    for item in items:
        if item.modality == "text":
            yield item, item.text or ""
            continue
        assert preprocess is not None
        where = places.unchanged_path(item.id)
        if not isinstance(where, BadContent):
            with contextlib.suppress(BadContent):
                yield item, preprocessing.pixels(where, preprocess)


def _prepared(
    items: Iterable[Item], places: Places, derived: Derived, preprocess: Preprocess | None, ahead: int
) -> Iterator[tuple[Item, object]]:
    """Each item with its pixels, its text, or a `BadContent`, which is recorded."""

    bodies = ItemStore(places.database)

    def found(item: Item) -> str | BadContent:
        """Where a picture is, or a text itself, which one that was selected without does not hold."""
        if item.modality == "image":
            return places.unchanged_path(item.id)
        return item.text if item.text is not None else bodies.text_of(item.id) or ""

    def prepare(located: tuple[Item, str | BadContent]) -> object:
        item, where = located
        if isinstance(where, BadContent) or item.modality == "text":
            return where
        assert preprocess is not None
        try:
            return preprocessing.pixels(where, preprocess)
        except BadContent as error:
            return error

    located = ((item, found(item)) for item in items)
    for (item, where), value in ordered_map(prepare, located, ahead):
        if isinstance(value, BadContent):
            passes = isinstance(where, BadContent) or value.may_pass
            derived.put_failure(UNREAD if passes else "", item.hash, str(value))
        yield item, value
