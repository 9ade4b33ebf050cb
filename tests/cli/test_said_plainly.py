"""What was silent or misleading before: each in one plain line, through the real command."""

from __future__ import annotations

import csv
import shutil

import cli_kit
import pytest
from scenes import scene

RUN = cli_kit.curator_here


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Four pictures and a table of four rows, of which two read nearly the same."""
    base = tmp_path_factory.mktemp("plain")
    (base / "photos").mkdir()
    for number in range(4):
        cli_kit.photo(base / f"photos/{number}.jpg", number)
    said = ["it came two days late", "It came two days late!", "a fine thing, and cheap", "never again from this shop"]
    with (base / "said.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["text"], *[[text] for text in said]])
    assert cli_kit.curator("add", "photos", cwd=base).code == 0
    assert cli_kit.curator("add", "said.csv", "--text-column", "text", cwd=base).code == 0
    return base


@pytest.fixture
def here(made, tmp_path, monkeypatch):
    shutil.copytree(made, tmp_path / "plain")
    monkeypatch.chdir(tmp_path / "plain")
    monkeypatch.delenv("CURATOR_WORKSPACE", raising=False)
    RUN("relocate", str(made), ".")
    assert RUN("trust", "--yes").code == 0
    return tmp_path / "plain"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("id:5..1", "id:5..1: '5..1' goes backwards: write 1..5"),
        ("size:2M..1k", "'2M..1k' goes backwards: write 1k..2M"),
        ("added:2026-12..2026-11", "'2026-12..2026-11' goes backwards: write 2026-11..2026-12"),
        ("height:3.5", "height:3.5: '3.5' is not a whole number"),
        ("width>=3.5", "'3.5' is not a whole number"),
        ("pixels>1.2345k", "'1.2345k' is not a whole number"),
        ("size:3.5", "'3.5' is not a whole number"),
        ("width>-1", "width>-1: '-1' is not a number, such as 1000 or 12M"),
    ],
)
def test_a_condition_that_nothing_can_meet_is_told(here, text, said):
    RUN("ls", "--where", text).assert_failed(2, said)


@pytest.mark.parametrize("text", ["id:1..1", "added:2020..2020", "size>1.3k", "pixels>1.5M", "width>3.0", "id:2..7"])
def test_conditions_that_something_can_meet_are_taken(here, text):
    assert RUN("ls", "--where", text).code == 0


def test_a_name_with_a_space_is_told_as_it_is_typed(here):
    saved = RUN("ls", "--where", "id>1", "--save", "x y")
    assert 'saved as @"x y": id>1' in saved.err
    assert RUN("ls", "--where", '@"x y"', "--json").rows("item")
    assert '@"x y" is removed' in RUN("saved", "--remove", "x y").out


def test_of_two_values_where_one_is_taken_none_is_dropped(here):
    before = RUN("ls", "--json").out
    ran = RUN("add", "said.csv", "--text-column", "text", "--label-column", "a", "--label-column", "b")
    ran.assert_failed(2, "--label-column is given 2 times, and takes one value")
    assert RUN("similar", "id:1", "-k", "2", "-k", "3").assert_failed(2, "-k is given 2 times")
    assert RUN("ls", "--json").out == before
    # An alias may name a workspace, and an option that takes several values is given several times.
    assert RUN("ls", "-w", "nowhere", "-w", "workspace", "--limit", "1", "--limit", "2").code == 0
    assert RUN("ls", "--media", "image", "--media", "text").code == 0


def test_an_empty_choice_is_not_an_empty_catalogue(here):
    ran = RUN("similar", "id:1", "--where", "width<3")
    assert ran.code == 0 and "nothing of what was chosen can be compared with: choose other items" in ran.err
    assert "the catalogue has no" not in ran.err


def test_rows_that_were_set_aside_are_nothing_to_purge(here):
    said = "the parcel came two days late and nobody had told me why that was"
    (here / "twice.csv").write_text(f"text\n{said}\n{said.replace(' ', '  ')}\n")
    assert RUN("add", "twice.csv", "--text-column", "text").code == 0
    assert RUN("dedupe", "--include", "copy", "--apply").code == 0
    (row,) = RUN("quarantine", "list", "--json").rows("row-aside")
    ran = RUN("quarantine", "purge", "--older-than", "0", "--yes")
    assert ran.code == 0 and "nothing removed" in ran.out
    assert "1 row of a table is marked as set aside: tables are never edited, so there is nothing to remove" in ran.err
    number = f"row:{row['id']}"
    assert RUN("quarantine", "restore", number).code == 0
    line = RUN("quarantine", "restore", number).assert_failed(3, f"no row of a table in quarantine '{number}'")
    assert "no file" not in line
    assert "marked" not in RUN("quarantine", "purge", "--older-than", "0", "--yes").err


def test_what_only_a_rule_said_asks_for_no_example(here):
    assert RUN("audit", "--check", "odd-length", "--check", "blank", "--min-score", "0", "--mark").code == 0
    assert RUN("label", "nice", "id:1").code == 0
    steps = RUN("status", "--json").out
    assert "label nice has 1 positive" in steps and "curator label quality:" not in steps
    assert RUN("label", "quality:blank", "id:1").code == 0  # from here on somebody teaches it
    assert "curator label quality:blank" in RUN("status", "--json").out


def test_a_file_that_is_gone_is_no_reason_to_embed(here):
    scene(9, (80, 60)).save("photos/9.png")
    scene(10, (80, 60)).save("photos/10.png")
    assert RUN("add", "photos", "--no-encode").code == 0
    (here / "photos/9.png").unlink()
    assert "2 images not embedded" in RUN("status").out
    assert RUN("encode").code == 5
    after = RUN("status").out
    assert "not embedded" not in after and "could not be used" in after
    scene(11, (80, 60)).save("photos/11.png")
    assert RUN("add", "photos", "--no-encode").code == 0
    assert "1 image not embedded" in RUN("status").out


def test_what_was_added_is_told_where_it_cannot_be_embedded(here, monkeypatch):
    scene(12, (80, 60)).save("photos/12.png")
    monkeypatch.setenv("CURATOR_DEVICE", "nowhere")
    ran = RUN("add", "photos")
    assert (ran.code, "1 new item" in ran.out) == (0, True), ran
    assert any(line.startswith("not embedded: ") and "nowhere" in line for line in ran.err.splitlines())


def test_the_better_of_two_copies_is_not_the_copy(here):
    picture = scene(20, (400, 300))
    picture.resize((200, 150)).save("photos/small.png")
    assert RUN("add", "photos").code == 0
    picture.save("photos/large.png")
    assert RUN("add", "photos").code == 0
    row = RUN("audit", "--check", "copy", "--media", "image", "--json").row("flaw")
    assert row["path"].endswith("/small.png") and row["why"].startswith("a copy of id:")
