"""What curator asks of every action, and what this one is for."""

import re

import curator
import numpy as np
import pytest
from curator.api import ItemSet
from curator.errors import NotFound
from curator.testing import parametrize
from PIL import Image, ImageColor

import curator_colours


@parametrize(curator_colours)
def test_contract(check):
    check()


@parametrize(curator_colours, arguments={"min_share": 0.9})
def test_contract_where_little_is_labelled(check):
    check()


def colour(*parts):
    """The dominant colour of a picture of stripes, and its share; `parts` are colours and how wide each is."""
    picture = Image.new("RGB", (sum(width for _, width in parts), 10))
    left = 0
    for shade, width in parts:
        picture.paste(shade, (left, 0, left + width, 10))
        left += width
    return curator_colours.dominant(curator_colours.count(picture))


@pytest.mark.parametrize("name", curator_colours.NAMES)
def test_a_colour_that_has_the_name_gets_it(name):
    # By "brown" CSS means #a52a2a, which most people call red.
    assert colour(("saddlebrown" if name == "brown" else name, 10)) == (name, 1.0)


@pytest.mark.parametrize(
    ("shade", "name"),
    [
        ("#c8102e", "red"),
        ("#f4a6b8", "pink"),
        ("#6b4423", "brown"),
        ("#d2b48c", "brown"),
        ("#1b2a49", "blue"),
        ("#40e0d0", "blue"),
        ("#556b2f", "green"),
        ("#e8c547", "yellow"),
        ("#4b0082", "purple"),
        ("#f8f8f8", "white"),
        ("#5a5f63", "grey"),
        ("#0c0c10", "black"),
    ],
)
def test_shades_of_things(shade, name):
    assert colour((shade, 10))[0] == name


def test_names_of_css():
    """`lightskyblue` should be called blue: of those that hold one of the eleven names, 9 in 10 are."""
    term = "|".join(curator_colours.NAMES)
    found = [(re.findall(term, name.replace("gray", "grey")), name) for name in ImageColor.colormap]
    right = [colour((name, 1))[0] == terms[0] for terms, name in found if len(terms) == 1]
    assert len(right) > 70 and np.mean(right) > 0.87


def test_the_larger_part_counts():
    assert colour(("red", 30), ("blue", 70)) == ("blue", 0.7)


def test_a_tie_goes_to_the_name_that_stands_first():
    assert colour(("blue", 50), ("red", 50)) == colour(("red", 50), ("blue", 50)) == ("red", 0.5)


@pytest.fixture
def workspace(tmp_path):
    """A workspace with two pictures: all red, and of three colours, of which green has two fifths."""
    (tmp_path / "files").mkdir()
    Image.new("RGB", (50, 50), "red").save(tmp_path / "files" / "one.png")
    mixed = Image.new("RGB", (50, 50), "green")
    mixed.paste("blue", (0, 0, 50, 15))
    mixed.paste("yellow", (0, 15, 50, 30))
    mixed.save(tmp_path / "files" / "three.png")
    with curator.open_workspace(tmp_path / "workspace", create=True) as workspace:
        workspace.add(tmp_path / "files", encode=False)
        yield workspace


def labelled(workspace):
    """What each file is labelled as, for files that are."""
    return {item.path.stem: name for name in ("red", "green") for item in with_label(workspace, name)}


def with_label(workspace, name):
    try:
        return workspace.items.select(ItemSet(label=name))
    except NotFound:  # nothing was ever called so
        return []


def test_every_image_has_a_row_and_those_with_a_dominant_colour_a_label(workspace):
    rows = workspace.run("dominant-colour")
    assert [(row["path"].stem, row["colour"], row["share"]) for row in rows] == [
        ("one", "red", 1.0),
        ("three", "green", 0.4),
    ]
    assert labelled(workspace) == {"one": "red", "three": "green"}


def test_an_image_of_many_colours_gets_no_label(workspace):
    assert len(workspace.run("dominant-colour", min_share=0.41)) == 2
    assert labelled(workspace) == {"one": "red"}


def test_just_enough_is_enough(workspace):
    workspace.run("dominant-colour", min_share=0.4)
    assert labelled(workspace) == {"one": "red", "three": "green"}


def test_a_selection_leaves_the_others_alone(workspace):
    workspace.label("chosen", ["id:2"])
    rows = workspace.run("dominant-colour", items=ItemSet(label="chosen"))
    assert [row["path"].stem for row in rows] == ["three"]
    assert labelled(workspace) == {"three": "green"}


def test_undo_takes_it_back(workspace):
    workspace.run("dominant-colour")
    workspace.undo()
    assert labelled(workspace) == {}


def test_the_word_of_a_person_stands(workspace):
    workspace.label("green", ["id:1"], group="colour")
    workspace.run("dominant-colour")
    assert with_label(workspace, "red") == []
    assert len(with_label(workspace, "green")) == 2
