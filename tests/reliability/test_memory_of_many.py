"""Memory does not grow with the number of rows: of six times as many files Python holds no more at any time."""

from __future__ import annotations

import tracemalloc

from fakes import open_fake

from curator.history import undo
from curator.ingest import candidates, ingest, listing
from curator.maintenance import check, relocate
from curator.store import sqlite
from curator.store.catalogue import changes, places

PAGES = (
    *((candidates, "PAGE"), (ingest, "COMMIT_EVERY"), (listing, "PAGE"), (listing, "IN_MEMORY"), (relocate, "PAGE")),
    *((changes, "PAGE"), (undo, "PAGE"), (places, "PAGE"), (sqlite, "CHUNK"), (check, "VECTORS")),
)
FEW, MANY = 300, 1_800


def peaks(base, number):
    """KB that Python holds at most during each command."""
    folder = base / "texts"
    for each in range(number):
        path = folder / f"{each // 100}" / f"{each}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"text number {each}")
    calls = {
        "add": lambda ws: ws.add(folder, encode=False),
        "add, nothing new": lambda ws: ws.add(folder, encode=False),
        "label": lambda ws: ws.label("seen", [1]),
        "check": lambda ws: ws.check(),
        "relocate": lambda ws: ws.relocate(folder, base / "moved", anyway=True),
        "undo of relocate": lambda ws: ws.undo(),
        "forget": lambda ws: ws.forget(7, yes=True),
        "undo of label": lambda ws: ws.undo(2),
        "undo of add": lambda ws: ws.undo(1),
        "redo of add": lambda ws: ws.undo(7),
        "check again": lambda ws: ws.check(),
    }
    found = {}
    with open_fake(base / "workspace", "numbers") as ws:
        for name, call in calls.items():
            tracemalloc.start()
            call(ws)
            found[name] = tracemalloc.get_traced_memory()[1] >> 10
            tracemalloc.stop()
    return found


def test_no_command_holds_all_rows(tmp_path, monkeypatch):
    for module, name in PAGES:
        monkeypatch.setattr(module, name, 50)
    peaks(tmp_path / "first", MANY)  # what is imported, and what Python keeps of names
    few, many = (peaks(tmp_path / f"{number}", number) for number in (FEW, MANY))
    grown = {name: many[name] - few[name] for name in few}
    assert all(kilobytes < 250 for kilobytes in grown.values()), (few, grown)
