"""All that is known of one item."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from curator.api import ReaderSpec, ReadOptions, Row
from curator.catalog.label_names import full_name
from curator.catalog.labels import Source
from curator.catalog.source_tables import Tables
from curator.errors import NotFound
from curator.ingest.options import ROLES
from curator.ingest.table_rows import BadRow, Drafts
from curator.media.files import BadContent, look

if TYPE_CHECKING:
    from curator.parts import Parts
    from curator.store.catalogue.places import PlaceRow


def details(parts: Parts, reference: str) -> Iterator[tuple[str, str | int | Path]]:
    """Pairs of fact and value for an item named by path or `id:N`; raises `NotFound`."""
    item = parts.items.named(reference)
    row = parts.database.row("SELECT * FROM item WHERE id = ?", item.id)
    assert row is not None
    yield "id", item.id
    yield "media", item.modality
    yield "sha256", item.hash
    yield "bytes", row["size"]
    if item.modality == "image":
        yield "format", f"{row['format']}, {row['width']} x {row['height']} pixels"
    places = parts.items.places
    for place in places.of(item.id):
        yield "gone from" if place.missing else "place", Path(places.path(place))
    for place in places.rows_of(item.id):
        yield "gone from" if place.missing else "place", Path(places.path(place))
        yield "row", _row(parts, place)
    for file in parts.quarantine.all():
        if file.item == item.id:
            yield "in quarantine", file.stored
            yield "taken from", file.outside
    yield from _labels(parts, item.id)
    yield from _captions(parts, item.id)
    for model in parts.models.all():
        if parts.derived.known(model.fingerprint, [item.hash]):
            yield "embedded with", model.name
    for reason in set(parts.derived.all_failures_of(item.hash)):
        yield "problem", reason
    if item.text is not None:
        yield "text", item.text


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
    table = Tables(parts.database).at(path)
    try:
        if table is None or Tables.stamp(table) != look(path):
            return None
        options = json.loads(table.options)
        reader = parts.registry.get(ReaderSpec, options["reader"])
    except (BadContent, NotFound):
        return None
    named = {role: options.get(f"{role}_column") for role in ROLES}
    drafts = Drafts({role: name for role, name in named.items() if name is not None})
    with parts.registry.guard(reader, "reading with"):
        for row in reader.read(Path(path), ReadOptions(header="no_header" not in options)):
            try:
                if isinstance(row, Row) and drafts.of(row).key == key:
                    return row.line
            except BadRow:
                continue
    return None


def _labels(parts: Parts, item_id: int) -> Iterator[tuple[str, str]]:
    sql = (
        "SELECT verdict.value, verdict.source, label.name, label_group.name AS group_name FROM verdict "
        "JOIN label ON label.id = verdict.label_id LEFT JOIN label_group ON label_group.id = label.group_id "
        "WHERE verdict.item_id = ? AND value IS NOT 0 ORDER BY label.name"
    )
    words = {1: "", -1: "not ", None: "contradicting: "}
    for row in parts.database.rows(sql, item_id):
        yield "label", f"{words[row['value']]}{full_name(row)} (by {Source(row['source']).name.lower()})"


def _captions(parts: Parts, item_id: int) -> Iterator[tuple[str, str]]:
    sql = "SELECT item.id, text FROM caption JOIN item ON item.id = text_id WHERE image_id = ?"
    for row in parts.database.rows(sql, item_id):
        yield "caption", f"id:{row['id']} {row['text']}"
    for row in parts.database.rows("SELECT image_id FROM caption WHERE text_id = ?", item_id):
        yield "caption of", f"id:{row['image_id']}"
