"""The rounds of `review`: by a head, by likeness, by what is typical, and what contradicts itself."""

from __future__ import annotations

import pytest
from fakes import picture
from scenes import backdrop, things

from curator.errors import NotFound, NotReady

RED, BLUE, GREEN = (210, 40, 40), (40, 40, 210), (40, 200, 40)


@pytest.fixture
def ws(tmp_path, photos):
    """Twelve reddish pictures, twelve bluish ones and twelve greenish ones."""
    import fakes

    for name, colour in (("red", RED), ("blue", BLUE), ("green", GREEN)):
        for number in range(12):
            picture(photos / name / f"{number}.png", number, color=colour)
    with fakes.open_fake(tmp_path / "workspace") as workspace:
        workspace.add(photos)
        yield workspace


@pytest.fixture
def photos(tmp_path):
    return tmp_path / "photos"


def colours(rows):
    return [row["path"].parent.name for row in rows]


def label(ws, photos, name, *, positive=(), negative=(), group=None):
    for value, wanted in ((True, positive), (False, negative)):
        paths = [photos / colour / f"{number}.png" for colour, count in wanted for number in range(count)]
        if paths:
            ws.label(name, paths, value, group)


def test_with_examples_of_both_it_asks_what_the_head_is_least_sure_of(ws, photos):
    label(ws, photos, "warm", positive=[("red", 3)], negative=[("blue", 3)])
    rows = ws.run("review", label="warm", batch=4)
    assert colours(rows)[0] == "green"  # which is neither red nor blue
    assert {row["why"] for row in rows} == {"among the least sure"}
    assert all(0 <= row["probability"] <= 1 for row in rows)
    asked = [row["id"] for row in rows]
    assert asked == [row["id"] for row in ws.run("review", label="warm", batch=4)]


def test_with_positives_alone_it_asks_for_their_like_and_for_counter_examples(ws, photos):
    label(ws, photos, "warm", positive=[("red", 2)])
    rows = ws.run("review", label="warm", batch=4)
    assert [row["why"] for row in rows] == ["like the examples"] * 2 + ["for a negative example"] * 2
    assert colours(rows)[:2] == ["red", "red"] and not {"red"} & {*colours(rows)[2:]}
    assert {row["probability"] for row in rows} == {None}
    assert any("by likeness until a head can be fitted" in line for line in ws.reporter.said)


def test_with_one_positive_and_enough_negatives_it_asks_for_its_like_alone(ws, photos):
    label(ws, photos, "warm", positive=[("red", 1)], negative=[("blue", 2)])
    rows = ws.run("review", label="warm", batch=4)
    assert colours(rows)[0] == "red" and colours(rows).count("red") >= 3
    assert {row["why"] for row in rows} == {"like the examples"}


def test_with_no_positives_it_asks_about_typical_ones(ws, photos):
    label(ws, photos, "warm", negative=[("blue", 1)])
    rows = ws.run("review", label="warm", batch=3)
    assert sorted(colours(rows)) == ["blue", "green", "red"]
    assert {row["why"] for row in rows} == {"typical of many"}


def test_a_whole_review_finds_what_is_meant(ws, photos):
    label(ws, photos, "warm", positive=[("red", 1)])
    ws.run("review", label="warm", count=15, asker=lambda ask, standing: ask.item.path.parent.name == "red")
    found = ws.run("classify", label="warm")
    best = [row for row in found if row["kind"] == "prediction"][:3]
    said = dict(zip(range(1, 37), ws.labels.said_of("warm", list(range(1, 37))), strict=True))
    assert sum(word == "positive" for word in said.values()) >= 6
    assert all(row["path"].parent.name == "red" for row in best) or not best


def test_of_a_group_it_offers_all_labels_the_most_probable_first(ws, photos):
    for name in ("red", "blue"):
        label(ws, photos, name, positive=[(name, 3)], group="colour")
    label(ws, photos, "green", positive=[("green", 1)], group="colour")  # too few to be learnt
    rows = ws.run("review", group="colour", batch=30)
    assert all(sorted(row["choices"]) == ["blue", "green", "red"] and row["choices"][-1] == "green" for row in rows)
    assert {row["path"].parent.name: row["choices"][0] for row in rows}.items() >= {
        "red": "red",
        "blue": "blue",
    }.items()


def test_of_a_group_with_too_little_to_learn_from(ws, photos):
    label(ws, photos, "red", positive=[("red", 1)], group="colour")
    rows = ws.run("review", group="colour", batch=3)
    assert [row["choices"] for row in rows] == [["red"]] * 3
    ws.undo()
    with pytest.raises(NotFound):
        ws.run("review", group="colour")
    ws.label("red", [photos / "red" / "0.png"], True, "colour")
    ws.label("red", [photos / "red" / "0.png"], None, "colour")
    with pytest.raises(NotReady, match="group 'colour' has 0 labels"):
        ws.run("review", group="colour")


def test_only_among_the_items_chosen_and_never_what_is_gone(ws, photos):
    label(ws, photos, "warm", positive=[("red", 3)], negative=[("blue", 3)])
    for number in range(3, 9):
        (photos / "blue" / f"{number}.png").unlink()
    ws.add(photos)
    rows = ws.run("review", label="warm", batch=30, items={"under": photos / "blue"})
    assert sorted(row["path"].name for row in rows) == ["10.png", "11.png", "9.png"]


def test_what_contradicts_itself_comes_first(ws, photos):
    label(ws, photos, "warm", positive=[("red", 3)], negative=[("blue", 3)])
    ws.add(photos / "green" / "0.png", label="warm")
    ws.add(photos / "green" / "0.png", not_label="warm")
    rows = ws.run("review", label="warm", batch=2)
    assert rows[0]["why"] == "two things are said of it" and rows[0]["path"].name == "0.png" and len(rows) == 2
    assert [row["why"] for row in ws.run("review", label="warm", batch=1)] == ["two things are said of it"]
    ws.run("review", label="warm", count=1, asker=lambda ask, standing: False)
    assert {row["why"] for row in ws.run("review", label="warm")} == {"among the least sure"}


def test_suspects_are_asked_about_with_what_they_rather_are(ws, photos):
    label(ws, photos, "warm", positive=[("red", 11)], negative=[("blue", 11), ("green", 11)])
    ws.label("warm", [photos / "blue" / "11.png", photos / "green" / "11.png"], True)
    rows = ws.run("review", label="warm", suspects=True, batch=10)
    assert {row["path"].relative_to(photos).as_posix() for row in rows[:2]} == {"blue/11.png", "green/11.png"}
    assert rows[0]["why"] == "labelled warm, but it looks like not warm" and rows[0]["probability"] < 0.5
    assert [row["id"] for row in rows] == [row["id"] for row in ws.run("audit", label="warm")]
    ws.label("warm", [photos / "blue" / "11.png", photos / "green" / "11.png"], False)
    assert not {row["id"] for row in rows[:2]} & {row["id"] for row in ws.run("review", label="warm", suspects=True)}


def test_a_copy_of_a_picture_that_is_labelled_otherwise_is_asked_about_first(ws, photos):
    for colour in ("red", "blue", "green"):
        label(ws, photos, colour, positive=[(colour, 12)], group="colour")
    scene = things(backdrop(5, (300, 220)), 5)
    scene.save(photos / "one.png")
    scene.save(photos / "two.jpg", quality=92)
    ws.add(photos)
    ws.label("red", [photos / "one.png"], group="colour")
    ws.label("blue", [photos / "two.jpg"], group="colour")
    rows = ws.run("review", group="colour", suspects=True, batch=3)
    assert rows[0]["path"].name in ("one.png", "two.jpg")
    labelled, other = ("red", "blue") if rows[0]["path"].name == "one.png" else ("blue", "red")
    assert rows[0]["why"] == f"labelled {labelled}, but a copy of it {other}" and rows[0]["choices"][0] == other
    found = ws.run("audit", group="colour")
    assert (found[0]["id"], found[0]["why"]) == (rows[0]["id"], "copy labelled otherwise")
