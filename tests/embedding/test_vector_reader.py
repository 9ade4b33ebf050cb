"""Vectors of many items, read in the order in which they lie, are those that are looked up one by one."""

from __future__ import annotations

import contextlib
import sqlite3

import numpy as np
import pytest
from fakes import open_fake, text

from curator.api import ItemSet
from curator.embedding import vector_reader
from curator.errors import NotReady


@pytest.fixture(scope="module")
def ws(tmp_path_factory):
    """Forty texts of three numbers; every seventh has no vector."""
    folder = tmp_path_factory.mktemp("reader")
    chance = np.random.default_rng(0)
    for number in range(40):
        values = " ".join(map(str, chance.integers(-9, 9, 3) + 0.5))
        text(folder / "texts" / str(number % 2) / f"{number}.txt", values)
    with open_fake(folder / "workspace", "numbers") as ws:
        ws.add(folder / "texts", encode=False)
        ws.use("numbers")
        ws.encode()
        model = ws.models.find("numbers")
        ws.derived.forget_vectors(model.fingerprint, [item.hash for item in ws.items.select()][::7])
        yield ws


@pytest.fixture(params=[0, 100], ids=["as they lie", "by hash"])
def model(ws, request, monkeypatch):
    monkeypatch.setattr(vector_reader, "FEW", request.param)
    monkeypatch.setattr(vector_reader, "AT_ONCE", 3)
    return ws.models.find("numbers")


def selections(ws):
    every = ws.items.select()
    return {
        "all": every,
        "a folder": ws.items.select(ItemSet(under=ws.folder.parent / "texts" / "1")),
        "one": every[5:6],
        "none": every[:0],
        "a list, in any order": [every[place] for place in (9, 3, 30, 31, 8)],
        "some of them twice": [every[place] for place in (9, 3, 9, 31, 3)],
        "without any vector": [every[0], every[7]],
    }


@pytest.mark.parametrize("which", ["all", "a folder", "one", "none", "a list, in any order", "some of them twice",
                                   "without any vector"])  # fmt: skip
def test_every_row_comes_once_with_its_item(ws, model, which):
    items = selections(ws)[which]
    there, rows = ws.encoding.matrix(model, items)
    stored = ws.encoding.stored(model, items)
    assert list(stored.items) == there and len(stored) == len(there)
    found, seen = np.full_like(rows, np.nan), []
    for index, block in stored.blocks():
        assert 0 < len(index) <= 3
        found[index] = block
        seen += index.tolist()
    assert np.array_equal(found, rows) and sorted(seen) == list(range(len(there)))
    some = np.arange(len(there))[::-2]
    assert np.array_equal(stored.rows(some), rows[some])


def test_a_space_without_any_vector_is_empty(ws, model):
    ws.derived.database.execute("UPDATE vector SET space_id = space_id + 100")
    try:
        stored = ws.encoding.stored(model, ws.items.select())
        assert len(stored) == 0 and list(stored.items) == [] and list(stored.blocks()) == []
    finally:
        ws.derived.database.execute("UPDATE vector SET space_id = space_id - 100")


@pytest.mark.parametrize("change", ["DELETE FROM vector WHERE rowid = {}", "VACUUM"])
def test_what_changes_while_it_is_read_is_said(ws, model, change):
    """By another process; a VACUUM may number vectors anew."""
    stored = ws.encoding.stored(model, ws.items.select())
    blocks = stored.blocks()
    next(blocks)
    kept = ws.derived.database.rows("SELECT rowid, * FROM vector ORDER BY rowid")
    with contextlib.closing(sqlite3.connect(ws.folder / "derived.db", isolation_level=None)) as other:
        other.execute(change.format(kept[-1]["rowid"]))
    try:
        with pytest.raises(NotReady, match="removed while they were being read: run it again"):
            list(blocks)
    finally:
        space, hash_, vector, precision = tuple(kept[-1])[1:]
        ws.derived.database.execute("INSERT OR IGNORE INTO vector VALUES (?, ?, ?, ?)", space, hash_, vector, precision)
    assert len(ws.encoding.stored(model, ws.items.select())) == len(stored)


def test_a_damaged_vector_is_named(ws, model):
    item = ws.items.select()[12]
    vector = dict(ws.derived.vectors(model.fingerprint, [item.hash]))[item.hash]
    for bad, said in ((np.full(3, np.inf, "<f4").tobytes(), "not finite"), (b"1234", "not of 3 numbers")):
        ws.derived.put_vectors(model.fingerprint, [(item.hash, bad)], "float32")
        with pytest.raises(NotReady, match=rf"{item.path.name} .*{said}"):
            list(ws.encoding.stored(model, ws.items.select()).blocks())
    ws.derived.put_vectors(model.fingerprint, [(item.hash, vector)], "float32")
