"""Labels as data sets have them: what stands for nothing, several in a cell, folders that are parts of a set."""

from __future__ import annotations

import json

import cli_kit
import pytest

ADD = ("add", "t.csv", "--text-column", "text", "--label-column", "kind", "--no-encode")


def labels(run):
    return {row["text"]: row["labels"] for row in run("ls", "--json").rows("item")}


def test_labels_that_stand_for_nothing_are_told_and_taken_as_none_where_that_is_said(run, tmp_path):
    (tmp_path / "t.csv").write_text("text,kind\none,card\ntwo,NaN\nthree,N/A\nfour,NaN\nfive,\n")
    ran = run(*ADD)
    assert ran.code == 0 and "3 labels called 'NaN' (2), 'N/A' (1): --na takes them as none" in ran.out
    assert labels(run)["two"] == ["NaN"]
    ran = run(*ADD, "--na")
    assert ran.code == 0 and "3 labels called 'NaN' (2), 'N/A' (1), taken as none" in ran.out
    assert labels(run) == {"one": ["card"], "two": [], "three": [], "four": [], "five": []}
    assert [row["label"] for row in run("status", "--json").rows("label")] == ["card"]  # of NaN nothing is said now
    run("add", "t.csv", "--text-column", "text", "--na").assert_failed(2, "--na", "--label-column")


def test_several_labels_of_a_cell_do_not_exclude_each_other_and_are_corrected(run, tmp_path):
    (tmp_path / "t.csv").write_text("text,kind\none,red| round |red\ntwo,red\nthree,\nfour,|\n")
    assert run(*ADD, "--label-separator", "|").code == 0
    assert labels(run) == {"one": ["red", "round"], "two": ["red"], "three": [], "four": []}
    assert {row["conflicts"] for row in run("status", "--json").rows("label")} == {0}
    (tmp_path / "t.csv").write_text("text,kind\none,round\ntwo,red|round\nthree,\nfour,|\n")
    assert run(*ADD, "--label-separator", "|").code == 0
    assert labels(run) == {"one": ["round"], "two": ["red", "round"], "three": [], "four": []}
    assert run("undo").code == 0
    assert labels(run)["one"] == ["red", "round"]
    run(*ADD, "--label-separator", "|", "--group", "g").assert_failed(2, "--label-separator", "--group")
    run(*ADD, "--label-separator", "").assert_failed(2, "--label-separator")


def test_how_labels_are_to_be_read_may_be_said_afterwards(run, tmp_path):
    (tmp_path / "t.csv").write_text("text,kind\none,red|round\ntwo,NaN\nthree,blue|NaN\n")
    assert run(*ADD).code == 0
    assert run(*ADD, "--na", "--label-separator", "|").code == 0
    assert labels(run) == {"one": ["red", "round"], "two": [], "three": ["blue"]}
    counts = {row["label"]: (row["group"], row["positives"]) for row in run("status", "--json").rows("label")}
    assert counts == {"red": (None, 1), "round": (None, 1), "blue": (None, 1)}
    assert run("undo").code == 0
    assert labels(run) == {"one": ["red|round"], "two": ["NaN"], "three": ["blue|NaN"]}


def test_a_list_of_json_is_several_labels(run, tmp_path):
    rows = [{"text": "one", "kind": ["red", "round"]}, {"text": "two", "kind": []}, {"text": "three", "kind": [{}]}]
    (tmp_path / "t.json").write_text(json.dumps(rows))
    add = ("add", "t.json", *ADD[2:])
    ran = run(*add)
    assert ran.code == 5 and "line 3: column 'kind' holds an object, not a text" in ran.err
    assert labels(run) == {"one": ["red", "round"], "two": []}
    ran = run(*add, "--group", "g")
    assert ran.code == 5 and "several labels, and those of a --group exclude each other" in ran.err


@pytest.fixture
def split(tmp_path):
    for number, (part, kind) in enumerate([("train", "cat"), ("train", "dog"), ("Test", "cat"), ("val", "dog")]):
        folder = tmp_path / "set" / part / kind
        folder.mkdir(parents=True, exist_ok=True)
        cli_kit.photo(folder / f"{number}.jpg", number)
    return ("add", "set", "--labels-from-folders", "--no-encode")


@pytest.mark.parametrize("level", [(), ("--label-level", "2")])
def test_folders_that_are_sides_of_a_split_are_no_labels_but_those_in_them_are(run, split, level):
    ran = run(*split, *level, "--json")
    assert ran.code == 0 and ran.row("added")["notes"] == ""
    rows = run("status", "--json").rows("label")
    assert {(row["label"], row["group"], row["positives"]) for row in rows} == {("cat", "set", 2), ("dog", "set", 2)}
    run("add", "set", "--label-level", "2").assert_failed(2, "--label-level", "--labels-from-folders")


def test_a_folder_called_test_alone_is_a_label_and_is_told(run, tmp_path):
    (tmp_path / "set" / "test").mkdir(parents=True)
    cli_kit.photo(tmp_path / "set" / "test" / "a.jpg", 1)
    ran = run("add", "set", "--labels-from-folders", "--no-encode")
    assert ran.code == 0 and "labels from the folders test" in ran.out and "--label-level 2" in ran.out


def test_files_above_the_level_have_no_label(run, tmp_path, split):
    cli_kit.photo(tmp_path / "set" / "train" / "loose.jpg", 9)
    ran = run(*split, "--label-level", "2")
    assert ran.code == 0 and "1 file in no folder" in ran.out


def test_json_beside_a_picture_of_its_name_is_not_called_a_table(run, tmp_path):
    cli_kit.photo(tmp_path / "a.jpg", 1)
    for name in ("a.json", "a.jpg.json", "set.json"):
        (tmp_path / name).write_text("{}")
    ran = run("add", ".", "--no-encode")
    assert "left out: 2 (.json: neither an image nor a .txt)" in ran.out
    assert "left out: 1 (.json: a table: curator add FILE --text-column COLUMN)" in ran.out


def test_a_target_that_was_pasted_whole_is_a_new_label_and_the_one_that_is_meant_is_named(run, tmp_path):
    cli_kit.texts(tmp_path / "texts", 2)
    run("add", "texts", "--no-encode")
    run("label", "package", "texts/1.txt")
    assert "(a new label; there is also package)" in run("label", "label:package", "texts/2.txt").out
