"""Nearest neighbours against brute force."""

from __future__ import annotations

import itertools
from unittest import mock

import numpy as np
import pytest
from fakes import open_fake, picture, text
from hypothesis import given, settings
from hypothesis import strategies as st

from curator.api import ItemSet
from curator.embedding import search

VALUES = (-1, 0, 0.5, 1)


@pytest.fixture(scope="module")
def numbers(tmp_path_factory):
    """63 directions, each in three lengths: equal unit vectors, so ties."""
    folder = tmp_path_factory.mktemp("search")
    triples = [triple for triple in itertools.product(VALUES, repeat=3) if any(triple)]
    order = np.random.default_rng(0).permutation(3 * len(triples))
    for name, index in enumerate(order):
        triple, scale = triples[index // 3], 2 ** (index % 3)
        text(folder / "texts" / str(name % 2) / f"{name:03}.txt", " ".join(str(scale * value) for value in triple))
    with open_fake(folder / "workspace", "numbers") as ws:
        ws.add(folder / "texts", encode=False)
        ws.use("numbers")
        ws.encode()
        yield ws, folder / "texts"


def brute_force(items, query, k):
    """(score, id) by float64 cosine; scores equal to 1e-6 are ties, which go to the lower id."""
    found = []
    for item in items:
        vector = np.array(item.text.split(), dtype=np.float64)
        cosine = vector @ query / np.linalg.norm(vector) / np.linalg.norm(query)
        found.append((round(float(cosine), 6), item.id))
    return sorted(found, key=lambda pair: (-pair[0], pair[1]))[:k]


@settings(max_examples=80, deadline=None)
@given(
    query=st.tuples(*[st.sampled_from((*VALUES, 3, -2.5))] * 3).filter(any),
    k=st.integers(1, 200),
    block=st.sampled_from([1, 3, 7, 10_000]),
    under=st.sampled_from([None, "0", "1"]),
)
def test_the_k_nearest_are_those_of_brute_force(numbers, query, k, block, under):
    ws, folder = numbers
    words = " ".join(map(str, query))
    among = ItemSet(under=folder / under if under else None)
    with mock.patch.object(search, "BLOCK", block):
        rows = ws.run("similar", text=words, k=k, items=among, copies=True)
    items = [item for item in ws.items.select(among) if item.text != words]
    wanted = brute_force(items, np.array(query, dtype=np.float64), k)
    assert [row["rank"] for row in rows] == list(range(1, len(wanted) + 1))
    np.testing.assert_allclose([row["score"] for row in rows], [score for score, _ in wanted], atol=2e-6)
    scores = [row["score"] for row in rows]
    assert scores == sorted(scores, reverse=True)
    # Items of one direction have one vector: the lower ids come first, and none is skipped.
    for score, group in itertools.groupby(rows, key=lambda row: row["score"]):
        ids = [row["id"] for row in group]
        assert ids == sorted(ids), score
    cut = {pair for pair in wanted if pair[0] < wanted[-1][0]} | {pair for pair in wanted if pair[0] > wanted[-1][0]}
    assert {identity for _, identity in cut} <= {row["id"] for row in rows}


def test_equal_vectors_have_equal_scores_wherever_they_stand(tmp_path, monkeypatch):
    """A matrix product through BLAS differs in the last bit with the position, and would cut copies by chance."""
    words = " ".join(f"word{n}" for n in range(40))
    for n in range(11):
        text(tmp_path / "texts" / f"{n:02}.txt", words + " " * n)
        text(tmp_path / "texts" / f"{n:02}-other.txt", f"something else {n}")
    with open_fake(tmp_path / "workspace") as ws:
        ws.add(tmp_path / "texts")
        for block in (2, 3, 5, 10_000):
            monkeypatch.setattr(search, "BLOCK", block)
            rows = ws.run("similar", text="word1 word2 word30 and so on", k=7, copies=True)
            assert len({row["score"] for row in rows}) == 1
            copies = [item.id for item in ws.items.select() if item.text.startswith(words)]
            assert [row["id"] for row in rows] == sorted(copies)[:7]


def test_the_query_and_its_exact_copies_are_left_out(ws, photos):
    for n in range(4):
        picture(photos / f"{n}.png", n)
    (photos / "copy.png").write_bytes((photos / "0.png").read_bytes())
    ws.add(photos)
    outside = photos.parent / "outside.png"
    outside.write_bytes((photos / "0.png").read_bytes())
    for query in ("id:1", photos / "0.png", photos / "copy.png", outside):
        rows = ws.run("similar", query=query, k=100)
        assert sorted(row["id"] for row in rows) == [2, 3, 4]


def test_items_without_a_vector_are_left_out(ws, photos):
    for n in range(3):
        picture(photos / f"{n}.png", n)
    (photos / "cut.png").write_bytes((photos / "0.png").read_bytes()[:300])
    ws.add(photos)
    assert len(ws.items.select()) == 4
    assert len(ws.run("similar", query="id:1", k=10)) == 2


def test_labels_are_shown_beside_neighbours(ws, photos):
    for n in range(3):
        picture(photos / f"{n}.png", n)
    ws.add(photos)
    ws.label("cat", [2])
    assert {row["id"]: row["labels"] for row in ws.run("similar", query="id:1")} == {2: ["cat"], 3: []}


@pytest.mark.parametrize("block", [7, 10_000])
def test_cosines_with_several_vectors_are_those_of_brute_force(numbers, block):
    ws, _ = numbers
    texts = ["1 0 0", "-2 0 0", "1 1 -3", "0 0.5 0"] * 40  # more than a batch
    model, items = ws.models.find("numbers"), ws.items.select()
    rows = ws.encoding.embed_texts(model, texts)
    with mock.patch.object(search, "BLOCK", block):
        present, cosines = search.cosines(ws.encoding, rows, model, items)
    assert present == items
    assert (rows.shape, cosines.shape, cosines.dtype) == ((160, 3), (len(items), 160), np.float32)
    assert (cosines[:, :4] == cosines[:, -4:]).all()
    for column, words in enumerate(texts[:4]):
        wanted = {item: score for score, item in brute_force(items, np.array(words.split(), dtype=float), len(items))}
        np.testing.assert_allclose(cosines[:, column], [wanted[item.id] for item in items], atol=2e-6)


def test_cosines_of_nothing(numbers):
    ws, _ = numbers
    model = ws.models.find("numbers")
    assert ws.encoding.embed_texts(model, []).shape == (0, 3)
    assert search.cosines(ws.encoding, np.zeros((2, 3), np.float32), model, [])[1].shape == (0, 2)


@pytest.mark.parametrize("few", [search.FEW_BETTER, 1])
@pytest.mark.parametrize("k", [1, 12])
def test_neighbours_are_those_of_brute_force_however_few_vectors_are_held(numbers, monkeypatch, k, few):
    ws, _ = numbers
    model, items = ws.models.find("numbers"), ws.items.select()
    _, rows = ws.encoding.matrix(model, items)
    cosines = rows @ rows.T
    np.fill_diagonal(cosines, -2)
    monkeypatch.setattr(search, "FEW_BETTER", few)
    for side, held in ((search.SIDE, search.HELD), (10, 30), (7, 1), (50, 1_000)):
        monkeypatch.setattr(search, "SIDE", side)
        monkeypatch.setattr(search, "HELD", 4 * model.dim * held)
        found = search.neighbours(ws.encoding, model, items, k)
        assert found.items == items
        np.testing.assert_allclose(found.score, -np.sort(-cosines, axis=1)[:, :k], atol=1e-6)
        np.testing.assert_allclose(np.take_along_axis(cosines, found.index, 1), found.score, atol=1e-6)
        assert all(len({*row}) == k for row in found.index.tolist())


@pytest.mark.parametrize("side", [search.SIDE, 7])
@pytest.mark.parametrize("k", [1, 5, 12])
def test_neighbours_by_lists_are_all_of_them_where_each_looks_everywhere(numbers, monkeypatch, side, k):
    """Also with lists that are cut, as equal rows are in one."""
    ws, _ = numbers
    model, items = ws.models.find("numbers"), ws.items.select()
    wanted = search.neighbours(ws.encoding, model, items, k)
    monkeypatch.setattr(search, "EXACT_UP_TO", 0)
    monkeypatch.setattr(search, "PROBED", len(items))
    monkeypatch.setattr(search, "SIDE", side)
    found = search.neighbours(ws.encoding, model, items, k)
    assert found.items == items
    np.testing.assert_allclose(found.score, wanted.score, atol=1e-6)
    _, rows = ws.encoding.matrix(model, items)
    np.testing.assert_allclose(np.einsum("ij,ikj->ik", rows, rows[found.index]), found.score, atol=1e-6)
    assert all(len({*row}) == k and own not in row for own, row in enumerate(found.index.tolist()))


@pytest.fixture(scope="module")
def heaps(tmp_path_factory):
    """540 directions in sixty heaps, two in each nearer to each other than to the rest, and 60 that are equal."""
    folder = tmp_path_factory.mktemp("heaps")
    chance = np.random.default_rng(0)
    for heap in range(60):
        middle = chance.normal(size=3) * 4
        for number in range(9):
            near = middle + chance.normal(size=3) * (0.02 if number < 2 else 0.3)
            text(folder / f"{heap:02}-{number}.txt", " ".join(f"{value:.4f}" for value in near))
    for number in range(60):
        text(folder / f"same-{number}.txt", f"{number + 1} 0 0")
    with open_fake(folder / "workspace", "numbers") as ws:
        ws.add(folder, encode=False)
        ws.use("numbers")
        ws.encode()
        yield ws


@pytest.mark.parametrize("learnt", [search.LEARNT, 600])
def test_neighbours_by_lists_are_those_that_are_near(heaps, monkeypatch, learnt):
    model, items = heaps.models.find("numbers"), heaps.items.select()
    wanted = search.neighbours(heaps.encoding, model, items, 3)
    for name, value in (("EXACT_UP_TO", 0), ("UNEVEN", 2), ("LEARNT", learnt)):
        monkeypatch.setattr(search, name, value)
    found, again = (search.neighbours(heaps.encoding, model, items, 3) for _ in range(2))
    assert np.array_equal(found.index, again.index) and np.array_equal(found.score, again.score)
    assert (np.diff(found.score, axis=1) <= 0).all()
    assert (abs(found.score - wanted.score) < 1e-6).mean() > 0.98
    assert found.score[-60:].min() > 1 - 1e-6  # of equal ones any will do, though their list was cut


def test_where_no_list_holds_so_many_each_is_compared_with_all(heaps, monkeypatch):
    model, items = heaps.models.find("numbers"), heaps.items.select()
    wanted = search.neighbours(heaps.encoding, model, items, 550)
    for name, value in (("EXACT_UP_TO", 0), ("PROBED", 2), ("UNEVEN", 2)):
        monkeypatch.setattr(search, name, value)
    found = search.neighbours(heaps.encoding, model, items, 550)
    np.testing.assert_allclose(found.score, wanted.score, atol=1e-6)


CONDITIONS = [ItemSet(), ItemSet(media="text"), ItemSet(label="odd"), ItemSet(unlabelled=True)]


@pytest.mark.parametrize("exact_up_to", [20, 1_000])
@pytest.mark.parametrize("among", [*CONDITIONS, "0", "1"], ids=str)
def test_a_selection_is_searched_as_its_items_are(numbers, monkeypatch, exact_up_to, among):
    """By codes or exactly, with neighbours of every rank, and with conditions that leave some of them out."""
    for name, value in (("EXACT_UP_TO", exact_up_to), ("LEAST", 20), ("PAYS", 2), ("CHUNK", 32)):
        monkeypatch.setattr(search.shortlist, name, value)
    monkeypatch.setattr(search, "BLOCK", 16)
    ws, folder = numbers
    if not ws.labels.names():
        ws.label("odd", list(range(1, 150, 2)))
    among = ItemSet(under=folder / among) if isinstance(among, str) else among
    model, made = ws.models.find("numbers"), []
    load = ws.items.by_ids
    monkeypatch.setattr(ws.items, "by_ids", lambda ids: (made.extend(ids), load(ids))[1])
    for words in ("1 0 0.5", "-1 1 1", "0 0 1", "0.5 -1 0"):
        vector = ws.encoding.embed_texts(model, [words])[0]
        for k in (1, 7, 40):
            items = load(ws.items.select(among).ids)
            with mock.patch.object(search.shortlist, "EXACT_UP_TO", 1 << 60):
                wanted = search.nearest(ws.encoding, vector, model, items, k)
            made.clear()
            found = search.nearest(ws.encoding, vector, model, ws.items.select(among), k)
            assert found == wanted and len(found) == k
            assert sorted(made) == sorted(item.id for item, _ in found)
