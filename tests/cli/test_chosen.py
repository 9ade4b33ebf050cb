"""`audit` and `train` of a selection, through the real command line."""

from __future__ import annotations

import functools

import cli_kit
import pytest


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """Texts about cats and dogs in two folders, one of each of them filed wrongly."""
    base = tmp_path_factory.mktemp("chosen")
    for place in ("one", "two"):
        for animal in ("cats", "dogs"):
            folder = base / "texts" / place / animal
            folder.mkdir(parents=True)
            for number in range(8):
                (folder / f"{number}.txt").write_text(f"{animal} {animal} {place} {number} {animal}")
        (base / "texts" / place / "cats" / "wrong.txt").write_text(f"dogs dogs {place} 9 dogs")
    run = functools.partial(cli_kit.curator, cwd=base)
    run("add", "texts", "--labels-from-folders", "--label-level", "2", "--group", "animal")
    return run


def test_audit_of_a_folder_names_what_lies_in_it(home):
    every = home("audit", "--group", "animal", "--json")
    assert {row["path"].split("/")[-3] for row in every.rows("suspect")} == {"one", "two"}
    one = home("audit", "--group", "animal", "--under", "texts/one", "--json")
    assert one.rows("suspect") == [row for row in every.rows("suspect") if "/one/" in row["path"]] != []
    assert "of 17 labels" in one.err and "--under" in one.err.splitlines()[-1]
    asked = home("review", "--suspects", "--group", "animal", "--under", "texts/one", "--json").rows("question")
    assert {row["id"] for row in asked} == {row["id"] for row in one.rows("suspect")}


def test_train_of_a_folder_learns_from_what_lies_in_it(home):
    home("train", "--group", "animal")
    some = home("train", "--group", "animal", "--under", "texts/one")
    assert "17 items (" in some.out and "fitted now" in some.out
    tested = home("train", "--group", "animal", "--under", "texts/one", "--test", "texts/two", "--json")
    assert {row["test_items"] for row in tested.rows("held-out")} == {17}
    assert "unchanged" in home("train", "--group", "animal").out


def test_a_selection_of_which_nothing_is_labelled_is_told(home):
    home("train", "--group", "animal", "--media", "image").assert_ended(
        4, "nothing that was chosen is labelled", "animal"
    )
    home("train", "--group", "animal", "--under", "nowhere").assert_ended(3, "no file or folder 'nowhere'")
    home("audit", "--group", "animal", "--under", "nowhere").assert_ended(3, "no file or folder 'nowhere'")
