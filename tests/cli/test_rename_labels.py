"""Labels get other names and become one, and `status` tells those that are one thing in several ways of writing."""

from __future__ import annotations

import pytest
from cli_kit import Ran

ADD = ("add", "t.csv", "--text-column", "text", "--label-column", "kind", "--no-encode")


def state(run):
    items = {row["text"]: row["labels"] for row in run("ls", "--json").rows("item")}
    counts = {row["label"]: (row["positives"], row["conflicts"]) for row in run("status", "--json").rows("label")}
    return items, counts


def commands(run):
    return [row for row in run("status", "--json").rows("next") if "--rename" in row["command"]]


@pytest.fixture
def table(run, tmp_path):
    def write(*rows: tuple[str, str]) -> Ran:
        lines = "".join(f"{text},{kind}\n" for text, kind in rows)
        (tmp_path / "t.csv").write_text(f"text,kind\n{lines}", encoding="utf-8")
        return run(*ADD)

    return write


@pytest.mark.parametrize(
    ("one", "other", "says"),
    [
        ("cat", "Cat", "case"),
        ("cat", "ｃａｔ", "width"),
        ("cat", "ca\u200bt", "characters that nobody sees"),
        ("1", "1.0", "how a number is written"),
        ("1", "01", "how a number is written"),
        ("Straße", "STRASSE", "case"),
    ],
)
def test_names_that_are_one_thing_are_told_with_the_command_that_makes_them_one(run, table, one, other, says):
    table(("a", one), ("b", one), ("c", other), ("d", "dog"))
    (step,) = commands(run)
    assert says in step["reason"] and step["command"].startswith("curator label --rename ")
    ran = run("label", "--rename", other, one)
    assert ran.code == 0 and f"kind/{one} now: 1 item, one with that label" in ran.out
    assert state(run)[1] == {one: (3, 0), "dog": (1, 0)} and not commands(run)


def test_names_of_two_things_are_not_told(run, table):
    table(("a", "1"), ("b", "10"), ("c", "1.5"), ("d", "-1"), ("e", "cat"), ("f", "cats"))
    assert commands(run) == []


def test_a_label_is_renamed_and_undo_and_redo_bring_back_what_was(run, table):
    table(("a", "cat"), ("b", "dog"))
    before = state(run)
    assert run("label", "--rename", "cat", "tiger").code == 0
    renamed = state(run)
    assert renamed[0] == {"a": ["tiger"], "b": ["dog"]}
    assert run("undo").code == 0 and state(run) == before
    assert run("undo", "3").code == 0 and state(run) == renamed


def test_where_both_are_said_of_an_item_the_last_word_counts_and_it_is_told(run, table):
    table(("a", "cat"), ("b", "Cat"), ("c", "dog"))
    assert run("label", "kind/Cat", "id:1").code == 0
    assert run("label", "kind/cat", "id:1").code == 0
    assert run("label", "kind/cat", "id:2", "--negative").code == 0
    before = state(run)
    ran = run("label", "--rename", "Cat", "cat", "--json")
    assert ran.row("renamed") == {
        "kind": "renamed",
        "old": "kind/Cat",
        "new": "kind/cat",
        "items": 2,
        "both": 2,
        "merged": True,
    }
    assert state(run) == ({"a": ["cat"], "b": [], "c": ["dog"]}, {"cat": (1, 0), "dog": (1, 0)})
    assert run("undo").code == 0 and state(run) == before


def test_what_later_runs_rest_on_is_not_undone_beneath_them(run, table):
    table(("a", "cat"), ("b", "Cat"))
    assert run("label", "--rename", "Cat", "cat").code == 0
    assert run("undo", "1").code != 0
    assert state(run)[1] == {"cat": (2, 0)}


def test_bad_renames_get_one_line(run, table):
    table(("a", "cat"))
    run("label", "--rename", "cow", "cat").assert_failed(3, "no label 'cow'")
    run("label", "--rename", "cat", "cat").assert_failed(2, "'cat' already has that name")
    run("label", "--rename", "cat", "").assert_failed(2, "needs a name")
    run("label", "--rename", "cat", "dog", "id:1").assert_failed(2, "--rename")
    run("label", "--rename", "cat", "kind/dog")
    assert state(run)[1] == {"dog": (1, 0)}
    assert run("label").code == 2 and run("label", "cat").code == 2


def test_a_head_of_a_renamed_label_is_made_anew_under_its_name(run, table):
    rows = [(f"{kind} number {number}", kind) for kind in ("cat", "dog") for number in range(6)]
    table(*rows, ("cat number nine", ""))
    assert run("encode").code == 0
    assert run("train", "--group", "kind", "--head", "prototype").code == 0
    assert run("label", "--rename", "cat", "tiger").code == 0
    found = run("classify", "--group", "kind", "--head", "prototype", "--json")
    assert found.code == 0 and "kind@2" in found.out and '"tiger"' in found.out and '"cat"' not in found.out
