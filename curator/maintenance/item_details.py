"""All that is known of one item."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from curator.catalog.label_names import full_name
from curator.catalog.labels import Source
from curator.errors import BadInput, NotFound
from curator.ingest.rereading import Rereading
from curator.media.decode import upright_size
from curator.media.files import BadContent
from curator.store.catalogue.items import CaptionStore, ItemStore
from curator.store.catalogue.labels import LabelStore

if TYPE_CHECKING:
    from curator.parts import Parts
    from curator.store.catalogue.items import ItemRow
    from curator.store.catalogue.places import PlaceRow


def details(parts: Parts, reference: str) -> Iterator[tuple[str, str | int | Path]]:
    """Pairs of fact and value for an item named by path or `id:N`; raises `NotFound`."""
    item = parts.items.by_reference(reference)
    (row,) = ItemStore(parts.database).by_ids([item.id])
    yield "id", item.id
    yield "media", item.modality
    yield "sha256", item.hash
    yield "bytes", row.size
    if item.modality == "image":
        yield "format", f"{row.format}, {_size(parts, row)}"
    places = parts.items.places
    aside = parts.quarantine.store.reasons(item.id)
    for place in places.of(item.id):
        yield "gone from" if place.missing else "place", Path(places.path(place))
    for place in places.rows_of(item.id):
        yield "gone from" if place.missing else "place", Path(places.path(place))
        yield "row", _row(parts, place)
        if place.id in aside:
            yield "set aside", aside[place.id]
    for file in parts.quarantine.all():
        if file.item == item.id:
            yield "in quarantine", file.stored
            yield "taken from", file.outside
    yield from _labels(parts, item.id)
    if side := parts.sides.of_items([item.id]).get(item.id):
        yield "side of the split", side
    yield from _captions(parts, item.id)
    for model in parts.models.all():
        if parts.derived.known(model.fingerprint, [item.hash]):
            yield "embedded with", model.name
    for reason in set(parts.derived.all_failures_of(item.hash)):
        yield "problem", reason
    if item.text is not None:
        yield "text", item.text


def _size(parts: Parts, row: ItemRow) -> str:
    """Width and height of a picture as it is seen, which its file tells: on record is how its pixels lie there."""
    width, height = row.width, row.height
    path = parts.items.places.unchanged_path(row.id)
    if not isinstance(path, BadContent):
        with contextlib.suppress(BadContent):
            width, height = upright_size(path)
    return f"{width} x {height} pixels"


def _row(parts: Parts, place: PlaceRow) -> str:
    """Where in its table a row is: its line while the table is as it was added, and its id if it has one."""
    role, _, key = place.row_key.partition(" ")
    line = None if place.missing else _line(parts, parts.items.places.path(place), key)
    kind, _, name = key.partition(" ")
    facts = [f"line {line}"] if line is not None else []
    facts += [f"id {name}"] if kind == "id" else []
    return f"{role} of {', '.join(facts)}" if facts else f"{role}; the table changed since it was added"


def _line(parts: Parts, path: str, key: str) -> int | None:
    """The line of a row, found by reading the table up to it."""
    try:
        drafts = Rereading(parts.registry, parts.database, Path(path)).drafts()
        return next((row.line for row, draft in drafts if draft is not None and draft.key == key), None)
    except (BadInput, NotFound):
        return None


def _labels(parts: Parts, item_id: int) -> Iterator[tuple[str, str]]:
    words = {1: "", -1: "not ", None: "contradicting: "}
    for label in LabelStore(parts.database).of_item(item_id):
        name = full_name(label.name, label.group)
        yield "label", f"{words[label.value]}{name} (by {Source(label.source).name.lower()})"


def _captions(parts: Parts, item_id: int) -> Iterator[tuple[str, str]]:
    captions = CaptionStore(parts.database)
    for id_, text in captions.of_image(item_id):
        yield "caption", f"id:{id_} {text}"
    for caption in captions.of_texts([item_id]):
        yield "caption of", f"id:{caption.image_id}"
