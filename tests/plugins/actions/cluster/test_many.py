"""Clusters of more items than are held at once: the same as if all were, and what cannot be had is said."""

from __future__ import annotations

import contextlib

import numpy as np
import pytest
from curator_plugins.actions.cluster import grouping, many
from fakes import open_fake, text

from curator.api import ItemSet
from curator.embedding import vector_reader
from curator.errors import BadInput

K = 4


class Listening:
    """A reporter that keeps what is said."""

    def __init__(self):
        self.lines = []

    def say(self, message):
        self.lines.append(message)

    def confirm(self, question, default=True):
        return None

    def progress(self, title, total):
        return contextlib.nullcontext(lambda done: None)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """300 texts of three numbers in four heaps that touch, of unequal size."""
    folder = tmp_path_factory.mktemp("many")
    chance = np.random.default_rng(1)
    middles = np.array([[5, 0, 0], [0, 5, 0], [0, 0, 5], [-4, -4, 0]])
    for number in range(300):
        values = middles[min(number % 7, 3)] + chance.normal(size=3) * 1.5
        text(folder / "texts" / f"{number:03}.txt", " ".join(f"{value:.3f}" for value in values))
    with open_fake(folder / "workspace", "numbers", reporter=Listening()) as ws:
        ws.add(folder / "texts", encode=False)
        ws.use("numbers")
        ws.encode()
        yield ws


@pytest.fixture
def ws(made, monkeypatch):
    """Where that is many."""
    monkeypatch.setattr(grouping, "MANY", 50)
    monkeypatch.setattr(grouping, "SAMPLE", 90)
    monkeypatch.setattr(grouping, "PER_CLUSTER", 10)
    monkeypatch.setattr(vector_reader, "FEW", 40)
    monkeypatch.setattr(vector_reader, "AT_ONCE", 7)
    made.reporter.lines.clear()
    return made


def rows(found, kind):
    return [row for row in found if row["kind"] == kind]


def moved(vectors):
    """Lloyd's on all rows at once, from the same sample."""
    means = grouping.means_of_some(vectors[np.sort(grouping.drawn(len(vectors), 90))], K)
    for _ in range(grouping.ROUNDS):
        found = ((vectors[:, None] - means) ** 2).sum(axis=2).argmin(axis=1)
        means = np.array([vectors[found == number].mean(axis=0) for number in range(K)])
    return grouping.numbers_by_size(found)


@pytest.mark.parametrize("at_once", [1, 7, 300])
def test_they_are_those_of_all_rows_at_once(ws, monkeypatch, at_once):
    monkeypatch.setattr(vector_reader, "AT_ONCE", at_once)
    monkeypatch.setattr(many, "STILL", 0.0)
    items, vectors = ws.encoding.matrix(ws.models.find("numbers"), ws.items.select())
    wanted = moved(vectors)
    found = ws.run("cluster", k=K, members=True)
    members = {row["id"]: row for row in rows(found, "member")}
    assert [members[item.id]["cluster"] for item in items] == wanted.tolist()
    for row in rows(found, "cluster"):
        mine = vectors[wanted == row["cluster"]].astype(float)
        mean = mine.mean(axis=0) / np.linalg.norm(mine.mean(axis=0))
        cosines = [members[item.id]["score"] for item in items if members[item.id]["cluster"] == row["cluster"]]
        np.testing.assert_allclose(cosines, mine @ mean, atol=1e-6)
        assert (row["size"], row["tight"]) == (len(mine), pytest.approx((mine @ mean).mean(), abs=1e-6))
        first = max(cosines)
        assert members[row["id"]]["score"] == first and len(row["typical"]) == 5


def test_they_are_about_as_tight_as_those_of_rows_that_are_held(ws, monkeypatch):
    def loose(found):
        return sum(row["size"] * (1 - row["tight"]) for row in rows(found, "cluster"))

    streamed = loose(ws.run("cluster", k=K))
    monkeypatch.setattr(grouping, "MANY", 1_000)
    monkeypatch.setattr(grouping, "SAMPLE", 1_000)
    assert streamed <= 1.02 * loose(ws.run("cluster", k=K))


def test_the_code_is_that_of_the_clusters_and_names_go_by_it(ws):
    first, again = (rows(ws.run("cluster", k=K), "cluster") for _ in range(2))
    assert first == again
    code = first[0]["clusters"]
    assert rows(ws.run("cluster", k=K + 1), "cluster")[0]["clusters"] != code
    ws.label("heap", [first[1]["id"]], False)
    found = ws.run("cluster", k=K, name=("2=heap",), expect=code, members=True)
    mine = {row["id"] for row in rows(found, "member") if row["cluster"] == 2}
    assert {item.id for item in ws.items.select(ItemSet(label="heap"))} == mine - {first[1]["id"]}
    assert any(f"{len(mine) - 1} of {len(mine)} items are now heap; 1 left" in line for line in ws.reporter.lines)
    ws.undo()
    with pytest.raises(BadInput, match="not abcdef: items, vectors or options have changed"):
        ws.run("cluster", k=K, name=("2=heap",), expect="abcdef")


def test_by_density_a_sample_is_taken_and_that_is_said(ws, monkeypatch):
    monkeypatch.setattr(many, "COMPARED", 120)
    found = ws.run("cluster", by="density", min_size=5, members=True)
    assert len(rows(found, "member")) == 120 == sum(row["size"] for row in rows(found, "cluster"))
    assert any("takes too long for 300: these are clusters of 120 of them, drawn by lot" in line
               for line in ws.reporter.lines)  # fmt: skip
    monkeypatch.setattr(many, "COMPARED", 300)
    assert len(rows(ws.run("cluster", by="density", min_size=5, members=True), "member")) == 300


def test_what_cannot_be_parted_is_refused_as_among_few(ws):
    with pytest.raises(BadInput, match="cannot be divided into clusters: that takes 301 or more"):
        ws.run("cluster", k=301)
    same = ws.derived.database.rows("SELECT rowid, vector FROM vector")
    ws.derived.database.execute("UPDATE vector SET vector = ?", same[0]["vector"])
    try:
        with pytest.raises(BadInput, match="all of the 300 texts have the same vector"):
            ws.run("cluster", k=2)
    finally:
        for row in same:
            ws.derived.database.execute("UPDATE vector SET vector = ? WHERE rowid = ?", row["vector"], row["rowid"])
