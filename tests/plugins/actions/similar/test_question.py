"""Questions of several parts against plain sums, and near-copies that take one row."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from curator_plugins.actions import similar
from curator_plugins.actions.similar import folding
from curator_plugins.actions.similar.question import AWAY
from fakes import open_fake, picture, text
from hypothesis import given, settings
from hypothesis import strategies as st

from curator.errors import BadInput, NotReady
from curator.kit.copies.vectors import SHARE

VALUES = [" ".join(map(str, triple)) for triple in itertools.product((-1, 0, 0.5, 1), repeat=3) if any(triple)]


def unit(words: str) -> np.ndarray:
    row = np.array(words.split(), dtype=np.float64)
    return row / np.linalg.norm(row)


@pytest.fixture(scope="module")
def numbers(tmp_path_factory):
    """63 texts of numbers, every third of which is labelled."""
    folder = tmp_path_factory.mktemp("question")
    for number, words in enumerate(VALUES):
        text(folder / "texts" / f"{number:02}.txt", words)
    with open_fake(folder / "workspace", "numbers") as ws:
        ws.add(folder / "texts", encode=False)
        ws.use("numbers")
        ws.encode()
        ws.label("third", list(range(1, 64, 3)))
        yield ws


def middle(rows):
    return np.mean(rows, axis=0) if rows else np.zeros(3)


parts = st.lists(st.integers(1, 63), unique=True, max_size=4)


@settings(max_examples=60, deadline=None)
@given(
    wanted=parts, unwanted=parts, words=st.lists(st.sampled_from(["3 1 0", "-2 1 1"]), unique=True), label=st.booleans()
)
def test_it_is_the_mean_of_what_is_wanted_less_a_share_of_what_is_not(numbers, wanted, unwanted, words, label):
    unwanted = [number for number in unwanted if number not in wanted]
    of = {item.id: unit(item.text) for item in numbers.items.select()}
    third = list(range(1, 64, 3))
    sides = [of[number] for number in wanted] + [unit(one) for one in words]
    if label:
        mean = np.mean([of[number] for number in third], axis=0)
        sides.append(mean / np.linalg.norm(mean))
    vector = middle(sides) - AWAY * middle([of[number] for number in unwanted])
    if not sides or np.linalg.norm(vector) < 1e-2:
        return
    found = numbers.run(
        "similar",
        query=[f"id:{number}" for number in wanted],
        plus_text=words,
        minus=[f"id:{number}" for number in unwanted],
        plus_label=["third"] if label else [],
        k=100,
        copies=True,
    )
    left_out = {*wanted, *unwanted, *(third if label else ())}
    scores = {number: row @ vector / np.linalg.norm(vector) for number, row in of.items() if number not in left_out}
    assert {row["id"] for row in found} == {*scores}
    np.testing.assert_allclose([row["score"] for row in found], [scores[row["id"]] for row in found], atol=2e-5)
    assert [row["score"] for row in found] == sorted((row["score"] for row in found), reverse=True)


def test_one_query_by_itself_is_a_list_of_one_and_each_part_counts_once(numbers):
    alone = numbers.run("similar", query="id:20", k=9)
    assert (
        alone == numbers.run("similar", query=["id:20"], k=9) == numbers.run("similar", query=["id:20", "id:20"], k=9)
    )
    words = numbers.items.by_id(20).text
    assert alone == numbers.run("similar", text=words, k=9) == numbers.run("similar", plus_text=[words], k=9)
    both = numbers.run("similar", query=["id:20"], text="3 1 0.7", k=9)
    assert both == numbers.run("similar", query=["id:20"], plus_text=["3 1 0.7"], k=9) != alone


def test_scores_below_the_least_are_left_out(numbers):
    every = numbers.run("similar", query=["id:20"], k=60, copies=True)
    least = every[9]["score"]
    assert numbers.run("similar", query=["id:20"], k=60, copies=True, min_score=least) == [
        row for row in every if row["score"] >= least
    ]
    assert 10 <= len(numbers.run("similar", query=["id:20"], k=60, copies=True, min_score=least)) < len(every)
    assert numbers.run("similar", query=["id:20"], min_score=0.9999999) == []


def test_items_of_a_label_are_found_only_where_labelled_ones_are_asked_for(numbers):
    others = numbers.run("similar", plus_label=["third"], k=60, copies=True)
    assert {row["id"] for row in others} == {*range(1, 64)} - {*range(1, 64, 3)}
    typical = numbers.run("similar", plus_label=["third"], k=60, copies=True, items={"label": "third"})
    assert {row["id"] for row in typical} == {*range(1, 64, 3)}
    assert typical[0]["score"] > typical[-1]["score"]


def test_what_cancels_out_and_labels_without_items_are_said(numbers):
    with pytest.raises(BadInput, match="cancels out"):
        numbers.run("similar", plus_text=["1 0 0", "-1 0 0"])
    numbers.label("nothing", [1])
    numbers.label("nothing", [1], None)
    with pytest.raises(NotReady, match="no item of label:nothing has a vector in numbers"):
        numbers.run("similar", query=["id:20"], minus_label=["nothing"])


@pytest.fixture
def painted(tmp_path):
    """Red, green and blue pictures, and texts of their colours."""
    for name, colour in {
        "red": (250, 0, 0),
        "green": (0, 250, 0),
        "blue": (0, 0, 250),
        "yellow": (250, 250, 0),
    }.items():
        picture(tmp_path / "files" / f"{name}.png", 1, color=colour)
    text(tmp_path / "files" / "red.txt", "1 0 0")
    with open_fake(tmp_path / "workspace", "painted") as ws:
        ws.add(tmp_path / "files", encode=False)
        ws.use("painted")
        yield ws


def named(rows):
    return [row["path"].name for row in rows]


def test_pictures_and_words_make_one_question_where_they_share_a_space(painted, tmp_path):
    files = tmp_path / "files"
    assert named(painted.run("similar", query=files / "green.png"))[0] == "yellow.png"
    assert named(painted.run("similar", query=files / "green.png", plus_text=["0 0 1"]))[0] == "blue.png"
    assert named(painted.run("similar", plus_text=["1 1 0"], minus_text=["0 1 0"]))[:2] == ["yellow.png", "red.png"]
    less = painted.run("similar", plus_text=["1 1 0"], minus=[files / "red.png"], k=1)
    assert named(less) == ["yellow.png"]
    assert named(painted.run("similar", query=files / "blue.png", plus_text=["1 0 0.1"], items={"media": "text"})) == [
        "red.txt"
    ]


def test_the_sheet_shows_what_is_looked_for_and_what_is_not(painted, tmp_path, monkeypatch):
    files, drawn = tmp_path / "files", []
    made = similar.sheets.artifact
    monkeypatch.setattr(similar.sheets, "artifact", lambda *args: (drawn.append(args[2]), made(*args))[1])
    painted.label("warm", [painted.items.at(str(files / "yellow.png")).id])
    painted.run(
        "similar",
        query=[files / "red.png"],
        plus_text=["1 0 0.5"],
        minus=[files / "green.png"],
        minus_label=["warm"],
        sheet=tmp_path / "out.png",
    )
    assert (tmp_path / "out.png").exists()
    tiles = drawn[0].sections[0].tiles
    assert [(tile.caption[-1], tile.marked) for tile in tiles[:4]] == [
        *[("looked for", True)] * 2,
        *[("less like this", False)] * 2,
    ]
    assert [tile.picture and tile.picture.name for tile in tiles] == ["red.png", None, "green.png", None, "blue.png"]
    assert [tile.text for tile in tiles[1:4:2]] == ["1 0 0.5", "label:warm"]
    assert drawn[0].note == "cosine with the mean of 2, less a quarter of the mean of 2, of embeddings by painted"


# --- near-copies ---


@pytest.fixture
def heaps(tmp_path):
    """Six directions at right angles to two others or far from them, and five near-copies of two of them."""
    chance = np.random.default_rng(0)
    vectors = {f"{name}": row for name, row in zip("abcdefgh", chance.standard_normal((8, 3)), strict=True)}
    copies = {f"{name}{n}": vectors[name] + 1e-3 * chance.standard_normal(3) for name in "ab" for n in range(5)}
    for name, row in {**vectors, **copies}.items():
        text(tmp_path / "texts" / f"{name}.txt", " ".join(f"{value:.9f}" for value in row))
    with open_fake(tmp_path / "workspace", "numbers") as ws:
        ws.add(tmp_path / "texts", encode=False)
        ws.use("numbers")
        ws.encode()
        yield ws, {name: " ".join(f"{value:.9f}" for value in row) for name, row in vectors.items()}


def heap(row) -> str:
    return row["path"].stem[0]


def test_near_copies_take_one_row_and_leave_room_for_others(heaps):
    ws, vectors = heaps
    plain = ws.run("similar", text=vectors["a"], k=7, copies=True)
    assert [heap(row) for row in plain[:5]] == ["a"] * 5 and all(row["copies"] is None for row in plain)
    rows = ws.run("similar", text=vectors["a"], k=7)
    by = {heap(row): row for row in rows}
    assert len(by) == len(rows) == 7
    assert by["a"]["copies"] == "+4 near-copies" and len(by["a"]["copy_ids"]) == 4
    assert by["a"]["id"] == plain[0]["id"] and by["a"]["copy_ids"] == [row["id"] for row in plain[1:5]]
    for name, row in by.items():
        assert (row["copies"] is None) == (name not in "ab") and (name in "ab" or row["copy_ids"] == [])


def test_few_results_are_looked_at_and_no_more_than_a_bound(heaps, monkeypatch):
    ws, vectors = heaps
    asked = []
    nearest = folding.folded

    def counted(context, model, find, k):
        return nearest(context, model, lambda count: (asked.append(count), find(count))[1], k)

    monkeypatch.setattr(folding, "folded", counted)
    ws.run("similar", text=vectors["h"], k=1)
    assert asked == [1]
    asked.clear()
    monkeypatch.setattr(folding, "DEEPEST", 2)
    rows = ws.run("similar", text=vectors["a"], k=2)
    assert asked == [2, 4]
    assert [(heap(row), row["copies"]) for row in rows] == [("a", "+3 near-copies")]


def test_the_bound_below_which_no_space_is_measured_is_that_of_the_widest():
    assert 1 - SHARE**2 - 0.01 < folding.WIDEST <= 1 - SHARE**2


def test_one_is_a_near_copy():
    assert [folding.Result(None, 0.0, [None] * count).more for count in (0, 1, 2)] == [
        "",
        "+1 near-copy",
        "+2 near-copies",
    ]
