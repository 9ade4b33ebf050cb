"""`curator cluster`: what it finds, what it says of it, and what becomes of a name; through the Python call."""

from __future__ import annotations

import contextlib

import numpy as np
import pytest
from cli_kit import kind_of
from curator_plugins.actions.cluster import grouping, showing
from fakes import dump, open_fake, picture, text
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sklearn.metrics import adjusted_rand_score
from threadpoolctl import threadpool_limits

from curator.api import ItemSet
from curator.errors import BadInput, NotReady
from curator.history.journal import Journal
from curator.running.context import ActionContext

COLOURS = {"red": (220, 30, 30), "blue": (30, 30, 220), "green": (30, 200, 30)}
SIZES = {"red": 14, "blue": 12, "green": 9}


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


@pytest.fixture
def said():
    return Listening()


@pytest.fixture
def ws(tmp_path, said):
    """14 red, 12 blue and 9 green pictures, ids in that order, embedded by how near they are to eight colours."""
    with open_fake(tmp_path / "workspace", "histogram", "numbers", reporter=said) as workspace:
        for place, (name, many) in enumerate(SIZES.items()):
            for n in range(many):
                picture(tmp_path / name / f"{n:02}.png", 100 * place + n, color=COLOURS[name])
            workspace.add(tmp_path / name)
        said.lines.clear()
        yield workspace


def rows(found, kind="cluster"):
    return [row for row in found if row["kind"] == kind]


def numbers(found):
    """The cluster of each item, by id."""
    return {row["id"]: row["cluster"] for row in rows(found, "member")}


RIGHT = [1] * 14 + [2] * 12 + [3] * 9


# --- what it finds ---


@pytest.mark.parametrize("how", [{"k": 3}, {"by": "density"}, {"by": "density", "min_size": 7}], ids=str)
def test_clusters_are_numbered_by_size_and_hold_what_is_alike(ws, how):
    found = ws.run("cluster", members=True, **how)
    assert [row["size"] for row in rows(found) if row["cluster"]] == [14, 12, 9]
    assert [number for _, number in sorted(numbers(found).items())] == RIGHT


def test_tightness_and_typical_items_are_those_of_cosines(ws):
    found = ws.run("cluster", k=3, members=True)
    items, vectors = ws.encoding.matrix(ws.models.find("histogram"), ws.items.select())
    for row in rows(found):
        mine = vectors[[RIGHT[item.id - 1] == row["cluster"] for item in items]].astype(float)
        mean = mine.mean(axis=0)
        cosines = mine @ mean / np.linalg.norm(mean)
        assert row["tight"] == pytest.approx(cosines.mean(), abs=1e-6)
        scores = [member["score"] for member in rows(found, "member") if member["cluster"] == row["cluster"]]
        np.testing.assert_allclose(scores, np.sort(cosines)[::-1], atol=1e-6)
        members = [member["id"] for member in rows(found, "member") if member["cluster"] == row["cluster"]]
        assert row["typical"] == members[:5] and row["id"] == members[0]


def test_it_is_the_same_each_time_whatever_the_threads_and_random_numbers(ws):
    for how in ({"k": 6}, {"by": "density", "min_size": 2}):
        first = ws.run("cluster", members=True, **how)
        np.random.seed(7)
        with threadpool_limits(limits=2):
            assert ws.run("cluster", members=True, **how) == first


def test_of_many_rows_some_find_the_means_and_all_go_to_the_nearest():
    rng = np.random.default_rng(1)
    wanted = rng.integers(0, 5, grouping.SAMPLE + 3_000)
    rows = (np.eye(5, 8)[wanted] + rng.normal(0, 0.05, (len(wanted), 8))).astype(np.float32)
    assert adjusted_rand_score(wanted, grouping._nearest_mean(rows, 5)) == 1


def test_what_lies_between_is_in_no_cluster_and_that_is_said(ws, said):
    found = ws.run("cluster", by="density", min_size=3, members=True)
    alone = sum(number is None for number in numbers(found).values())
    assert 0 < alone < 35 and len(numbers(found)) == 35
    last = rows(found)[-1]
    assert (last["cluster"], last["size"], last["tight"]) == (None, alone, None)
    assert (last["path"], last["label"], last["typical"]) == (None, None, [])
    assert f"{alone} of the 35 images lie in no cluster of 3 or more" in said.lines


def test_nothing_dense_is_no_cluster_and_no_error(ws, said):
    found = ws.run("cluster", by="density", min_size=30)
    assert [(row["cluster"], row["size"]) for row in rows(found)] == [(None, 35)]
    assert "there is no cluster: give a smaller --min-size, or -k without --by density" in said.lines


@given(st.lists(st.integers(-1, 6), min_size=1, max_size=40))
def test_numbers_go_by_size_then_by_the_earliest_item(labels):
    given_, found = np.asarray(labels), grouping.numbers_by_size(np.asarray(labels))
    assert [(a == 0) for a in found] == [(a < 0) for a in given_]
    if (given_ >= 0).any():
        assert adjusted_rand_score(given_[given_ >= 0], found[given_ >= 0]) == 1
    sizes = [(-(found == number).sum(), np.flatnonzero(found == number)[0]) for number in range(1, found.max() + 1)]
    assert sizes == sorted(sizes)


@given(st.integers(0, 2**32 - 1), st.integers(2, 14), st.integers(1, 5), st.integers(0, 2))
@settings(deadline=None, max_examples=60)
def test_any_vectors_that_differ_can_be_parted(seed, items, dim, digits):
    """Few of them, of few numbers, many alike, zeros among them: without a warning, and what is alike together."""
    random = np.random.default_rng(seed)
    vectors = random.standard_normal((items, dim)).round(digits).astype(np.float32)
    vectors[random.integers(items)] = 0
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    vectors = np.divide(vectors, lengths, out=np.zeros_like(vectors), where=lengths > 0)
    different = len(np.unique(vectors, axis=0))
    assume(different > 1)
    k = int(random.integers(2, different + 1))
    parts = grouping.numbers_by_size(grouping._nearest_mean(vectors, k))
    assert parts.shape == (items,) and parts.min() >= 1 and 2 <= parts.max() <= k
    for vector in vectors:
        assert len(set(parts[(vectors == vector).all(axis=1)])) == 1
    least = int(random.integers(2, items + 1))
    dense = grouping.numbers_by_size(grouping.dense(vectors, least))
    assert all((dense == number).sum() >= least for number in range(1, dense.max() + 1))


# --- what it says of it ---


def test_the_majority_of_what_is_labelled_names_a_cluster(ws):
    ws.label("warm", range(1, 5))
    ws.label("hot", [4, 5, 6])
    first, second, _ = rows(ws.run("cluster", k=3))
    assert (first["label"], first["share"], first["labelled"]) == ("warm", pytest.approx(4 / 6), 6)
    assert (second["label"], second["share"], second["labelled"]) == (None, None, 0)


@pytest.fixture
def notes(tmp_path, said):
    """Texts of two kinds, in English and in Chinese, embedded by ngram."""
    said.lines.clear()
    bodies = [f"see the cat on my sofa: it purrs {n} times, isn't it" for n in range(6)]
    bodies += [f"the rocket for moon starts at {n}" for n in range(5)]
    bodies += [f"今天股市大跌第{n}次" for n in range(4)]
    for n, body in enumerate(bodies):
        text(tmp_path / "notes" / f"{n:02}.txt", body)
    with open_fake(tmp_path / "texts", "histogram", reporter=said) as workspace:
        workspace.add(tmp_path / "notes")
        yield workspace


def test_words_tell_a_cluster_of_texts_from_the_others(notes):
    cats, rockets, shares = rows(notes.run("cluster", k=3))
    assert set(cats["words"]) <= {"see", "cat", "sofa", "purrs", "times", "isn't"}
    assert set(rockets["words"]) <= {"rocket", "for", "moon", "starts"}
    assert any("股市" in word for word in shares["words"])
    assert not any(a != b and a in b for a in shares["words"] for b in shares["words"])
    assert [row["size"] for row in (cats, rockets, shares)] == [6, 5, 4]


def test_texts_without_a_word_in_common_have_none(tmp_path, said):
    with open_fake(tmp_path / "workspace", "histogram", reporter=said) as ws:
        for n, body in enumerate(["", "1 2 3", "alpha", "beta", "gamma"]):
            text(tmp_path / "odd" / f"{n}.txt", body)
        ws.add(tmp_path / "odd")
        assert {tuple(row["words"]) for row in rows(ws.run("cluster", k=2))} == {()}


def test_pictures_have_no_words(ws):
    assert {tuple(row["words"]) for row in rows(ws.run("cluster", k=3))} == {()}


def test_one_medium_at_a_time_and_which_one_is_said(tmp_path, ws, said):
    for n in range(5):
        text(tmp_path / "notes" / f"{n}.txt", f"{n} 1 {5 - n}")
    ws.add(tmp_path / "notes")
    said.lines.clear()
    assert sum(row["size"] for row in rows(ws.run("cluster", k=2))) == 35
    assert "taking the 35 images; --media text takes the other 5 texts" in said.lines
    texts = rows(ws.run("cluster", k=2, items=ItemSet(media="text")))
    assert sum(row["size"] for row in texts) == 5 and all(row["text"] for row in texts)
    assert sum(row["size"] for row in rows(ws.run("cluster", k=2, encoder="numbers"))) == 5
    with pytest.raises(BadInput, match="numbers encodes texts, and there are only 35 images"):
        ws.run("cluster", k=2, encoder="numbers", items=ItemSet(media="image"))


# --- what becomes of a name ---


def positives(ws, label):
    examples = ws.labels.examples(ws.labels.target(label=label))
    return [item for item, target in zip(examples.items, examples.targets, strict=True) if target]


def test_a_cluster_becomes_a_label_and_one_undo_takes_it_back(ws, said):
    before = dump(ws)
    ws.run("cluster", k=3, name=("2=sky", "3=grass"))
    assert positives(ws, "sky") == list(range(15, 27)) and positives(ws, "grass") == list(range(27, 36))
    assert "cluster 2: 12 of 12 items are now sky" in said.lines and "`curator undo` takes it back" in said.lines
    ws.undo()
    assert dump(ws) == before


def test_what_a_person_said_stays(ws, said):
    ws.label("sky", [15, 16], value=False)
    ws.label("sky", [1])
    statements = len(dump(ws)["statement"])
    ws.run("cluster", k=3, name=("2=sky",))
    assert positives(ws, "sky") == [1, *range(17, 27)]
    assert ws.labels.said_of("sky", [15, 16]) == ["negative", "negative"]
    assert (
        "cluster 2: 10 of 12 items are now sky; 2 left as they are, labelled positive or negative before" in said.lines
    )
    assert len(dump(ws)["statement"]) == statements + 10
    said.lines.clear()
    ws.run("cluster", k=3, name=("2=sky",))  # again: nothing is left to say
    assert len(dump(ws)["statement"]) == statements + 10 and "`curator undo` takes it back" not in said.lines


def test_an_item_that_is_another_of_the_group_stays_that(ws):
    ws.label("water", [15], group="place")
    ws.run("cluster", k=3, name=("2=sky", "3=grass"), group="place")
    assert positives(ws, "place/sky") == list(range(16, 27)) and positives(ws, "place/water") == [15]
    assert ws.labels.examples(ws.labels.target(group="place")).classes == ("grass", "sky", "water")
    ws.undo()
    ws.run("cluster", k=3, name=("2=water",))  # known, so its group is meant
    assert positives(ws, "place/water") == list(range(15, 27))


def test_numbers_of_other_clusters_are_refused(tmp_path, ws):
    code = rows(ws.run("cluster", k=3))[0]["clusters"]
    ws.run("cluster", k=3, name=("2=sky",), seen=code)
    picture(tmp_path / "more" / "0.png", 999, color=COLOURS["blue"])
    ws.add(tmp_path / "more")
    before = dump(ws)
    for how in ({"k": 3}, {"k": 4}):
        with pytest.raises(BadInput, match=rf"these are clusters \w+, not {code}: .*look again, then name them"):
            ws.run("cluster", name=("3=grass",), seen=code, **how)
    assert dump(ws) == before


BAD_NAMES = {
    "3": "write the number of a cluster and a label",
    "x=sky": "write the number",
    "-1=sky": "write the number",
    "1=": "write the number",
    "=sky": "write the number",
    "٣=sky": "write the number",
    "0=sky": "the clusters are 1 to 3",
    "4=sky": "the clusters are 1 to 3",
}


@pytest.mark.parametrize("name", BAD_NAMES)
def test_a_name_of_nothing_is_refused_before_anything_is_said(ws, name):
    before = dump(ws)
    with pytest.raises(BadInput, match=BAD_NAMES[name]):
        ws.run("cluster", k=3, name=("1=fire", name))
    assert dump(ws) == before


def test_options_that_do_not_go_together(ws):
    for how, words in (
        ({"by": "density", "k": 3}, "leave -k out"),
        ({"min_size": 3}, "--min-size is for --by density"),
        ({"group": "place"}, "give --name NUMBER=LABEL too"),
        ({"name": ("1=a", "1=b")}, "gives cluster 1 two labels"),
        ({"k": 1}, "must be at least 2"),
    ):
        with pytest.raises(BadInput, match=words):
            ws.run("cluster", **how)


# --- what cannot be parted ---


def test_too_few_items(tmp_path, ws):
    with pytest.raises(BadInput, match=r"35 images cannot be divided into clusters: that takes 36 or more, or .* -k"):
        ws.run("cluster", k=36)
    with pytest.raises(BadInput, match=r"9 images cannot be divided .* 10 or more, or give a smaller --min-size"):
        ws.run("cluster", by="density", min_size=10, items=ItemSet(under=tmp_path / "green"))
    picture(tmp_path / "one" / "0.png", 5)
    ws.add(tmp_path / "one")
    with pytest.raises(BadInput, match="1 image cannot be divided"):
        ws.run("cluster", items=ItemSet(under=tmp_path / "one"))
    with pytest.raises(NotReady, match="no item matches"):
        ws.run("cluster", items=ItemSet(media="text"))


def test_items_that_are_all_alike(tmp_path, said):
    with open_fake(tmp_path / "workspace", "histogram", "numbers", reporter=said) as ws:
        for n in range(9):
            text(tmp_path / "notes" / f"{n}.txt", f"{n + 1} 0 0")  # one direction
        ws.add(tmp_path / "notes", encode=False)
        for how in ({"k": 3}, {"by": "density", "min_size": 2}):
            with pytest.raises(BadInput, match="all of the 9 texts have the same vector"):
                ws.run("cluster", encoder="numbers", **how)
        text(tmp_path / "notes" / "other.txt", "0 1 0")
        ws.add(tmp_path / "notes", encode=False)
        with pytest.raises(BadInput, match=r"the 10 texts have 2 different vectors: .* give -k 2 or less"):
            ws.run("cluster", encoder="numbers", k=3)
        assert [row["size"] for row in rows(ws.run("cluster", encoder="numbers", k=2))] == [9, 1]


def test_vectors_that_all_but_coincide_make_fewer_clusters_with_a_note(tmp_path, said):
    with open_fake(tmp_path / "workspace", "histogram", "numbers", reporter=said) as ws:
        for n in range(4):
            text(tmp_path / "notes" / f"{n}.txt", f"1 {n * 1e-30} {int(n == 3)}")
        ws.add(tmp_path / "notes", encode=False)
        found = rows(ws.run("cluster", encoder="numbers", k=4))
        assert [row["size"] for row in found] == [3, 1]
        assert any("only 2 of 4 clusters hold anything" in line for line in said.lines)


def test_without_a_vector(tmp_path, ws, said):
    (tmp_path / "cut").mkdir()
    whole = (tmp_path / "red" / "00.png").read_bytes()
    for n in range(3):
        (tmp_path / "cut" / f"{n}.png").write_bytes(whole[: 200 + n])
    ws.add(tmp_path / "cut")
    said.lines.clear()
    assert sum(row["size"] for row in rows(ws.run("cluster", k=3))) == 35
    assert "3 of the 38 images left out: without a vector in histogram:plain" in said.lines
    with pytest.raises(
        NotReady, match="none of the 3 images has a vector in histogram:plain: `curator status --problems`"
    ):
        ws.run("cluster", k=2, items=ItemSet(under=tmp_path / "cut"))


def test_what_is_not_embedded_yet_is_embedded_first(tmp_path, ws):
    for n in range(3):
        picture(tmp_path / "late" / f"{n}.png", 50 + n, color=COLOURS["green"])
    ws.add(tmp_path / "late", encode=False)
    assert [row["size"] for row in rows(ws.run("cluster", k=3))] == [14, 12, 12]


def test_a_damaged_vector_is_named_with_what_mends_it(ws):
    item = ws.items.by_id(20)
    bad = np.full(8, np.nan, "<f4").tobytes()
    ws.derived.database.execute("UPDATE vector SET vector = ? WHERE hash = ?", bad, item.hash)
    for how in ({"k": 3}, {"by": "density"}):
        with pytest.raises(
            NotReady, match=r"the vector of .*05\.png in histogram:plain is not finite: `curator check --rep"
        ):
            ws.run("cluster", **how)
    ws.check(repair=True)
    assert [row["size"] for row in rows(ws.run("cluster", k=3))] == [14, 12, 9]


# --- the sheet ---


def test_a_sheet_shows_the_typical_items_and_the_farthest(tmp_path, ws):
    found = ws.run("cluster", k=3, members=True)
    context = ActionContext(ws, Journal(ws.database, "cluster", {}))
    model, items = grouping.model_and_items(context, None, ItemSet())
    clusters = grouping.find_clusters(context, model, items, grouping.Way(3, 0))
    sheet = showing.sheet(clusters, showing.describe_clusters(context, clusters), "")
    members = [row for row in rows(found, "member") if row["cluster"] == 1]
    assert [tile.picture for tile in sheet.sections[0].tiles] == [
        *(row["path"] for row in members[:5]),
        members[-1]["path"],
    ]
    assert len(sheet.sections) == 3 and sheet.sections[0].tiles[-1].caption[-1] == "the farthest"
    ws.run("cluster", k=3, sheet=tmp_path / "out.png")
    assert kind_of(tmp_path / "out.png") == "PNG"
