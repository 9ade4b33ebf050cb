"""What the objects beside a catalogue are for, by what it says of them."""

from __future__ import annotations

import json

from curator.store.sqlite import Database


def users(catalogue: Database) -> dict[str, str]:
    """What each object that a catalogue names belongs to: a head, or a model that was trained here."""
    head = "'head ' || target || '@' || version"
    rows = catalogue.rows(f"SELECT object, {head} FROM head ORDER BY id")
    rows += catalogue.rows(f"SELECT held_out, {head} FROM head WHERE held_out IS NOT NULL ORDER BY id")
    found: dict[str, str] = {row[0]: row[1] for row in rows}
    for encoder, version, weights in catalogue.rows("SELECT encoder, version, weights FROM model ORDER BY id"):
        source = json.loads(weights)
        for object_ in source["files"].values() if isinstance(source, dict) else ():
            found.setdefault(object_, f"model {encoder}@{version}")
    return found
