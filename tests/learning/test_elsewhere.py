"""Figures on a folder that a head was kept from."""

from __future__ import annotations

import re

import pytest
from fakes import open_fake, picture

from curator.errors import NotReady

HERE = {"red": (220, 30, 30), "blue": (30, 30, 220)}
THERE = {"red": (60, 30, 200), "blue": (30, 60, 220)}  # in this light all is blue


@pytest.fixture
def ws(tmp_path):
    for place, colours in (("here", HERE), ("there", THERE)):
        for number, (name, color) in enumerate(colours.items()):
            for n in range(8):
                picture(tmp_path / place / name / f"{n}.png", 500 * (place == "there") + 100 * number + n, color=color)
    with open_fake(tmp_path / "workspace", "histogram", "centroid") as workspace:
        workspace.add(tmp_path / "here", labels_from_folders=True, group="colour")
        workspace.add(tmp_path / "there", labels_from_folders=True, group="colour")
        yield workspace


def test_it_learns_from_the_rest_and_is_measured_there(ws, tmp_path):
    whole = ws.train(group="colour")
    head = ws.train(group="colour", test=tmp_path / "there")
    assert (head.version, head.counts, whole.counts) == (2, (8, 8), (16, 16))
    assert head.metrics["accuracy"] == 1.0 and head.tested["items"] == 16
    assert head.tested["accuracy"] == head.tested["majority baseline"] == 0.5
    assert whole.tested == {}
    again = ws.train(group="colour", test=tmp_path / "there")
    assert again.reused and again.id == head.id and again.tested == head.tested
    assert ws.train(group="colour").id == whole.id


def test_copies_of_what_it_learnt_and_classes_of_no_other_place_are_left_out(ws, tmp_path):
    for n in range(3):
        picture(tmp_path / "there" / "green" / f"{n}.png", 900 + n, color=(30, 200, 30))
    seen = tmp_path / "here" / "red" / "0.png"
    (tmp_path / "there" / "red" / "copy.png").write_bytes(seen.read_bytes() + b"!")
    ws.add(tmp_path / "there", labels_from_folders=True, group="colour")
    head = ws.train(group="colour", test=tmp_path / "there")
    assert head.tested["items"] == 16
    assert "1 item to measure on left out: versions of what the head learnt from" in head.notes
    assert "3 items to measure on left out: of classes that are in no other place" in head.notes


def test_a_folder_where_nothing_is_labelled(ws, tmp_path):
    picture(tmp_path / "new" / "0.png", 7)
    ws.add(tmp_path / "new")
    with pytest.raises(NotReady, match=r"nothing below '.*new' is labelled for group colour"):
        ws.train(group="colour", test=tmp_path / "new")


def test_where_the_rest_is_too_little_it_says_so(ws, tmp_path):
    with pytest.raises(NotReady, match="group 'colour' has 0 labels with two or more items"):
        ws.train(group="colour", test=tmp_path)


def test_classify_says_where_items_are_like_nothing_that_is_labelled(tmp_path):
    for n in range(30):
        picture(tmp_path / "here" / f"{n}.png", n, color=HERE["red"] if n % 2 else HERE["blue"])
        picture(tmp_path / "alike" / f"{n}.png", 100 + n, color=HERE["red"] if n % 2 else HERE["blue"])
        picture(tmp_path / "strange" / f"{n}.png", 200 + n, color=(40, 200, 40))
    with open_fake(tmp_path / "workspace", "histogram", "centroid") as workspace:
        workspace.add(tmp_path / "here", tmp_path / "alike")
        workspace.label("red", [tmp_path / "here" / f"{n}.png" for n in range(1, 30, 2)])
        workspace.label("red", [tmp_path / "here" / f"{n}.png" for n in range(0, 30, 2)], False)
        workspace.run("classify", label="red")
        assert not any("like nothing that is labelled" in line for line in workspace.reporter.said)
        workspace.add(tmp_path / "strange")
        workspace.run("classify", label="red")
        (line,) = [line for line in workspace.reporter.said if "like nothing that is labelled" in line]
    assert re.search(
        r"of these items are like nothing that is labelled \(10% is usual\), most of all in .*strange", line
    )
