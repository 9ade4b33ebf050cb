"""`curator sample`: as many as were asked for, each once, the same again, by the way that was asked for."""

from __future__ import annotations

from collections import Counter

import cli_kit
import pytest

import curator

WORDS = {"rain": ("rain", "wind", "storm"), "food": ("noodles", "soup", "bread"), "rare": ("quartz", "basalt", "slate")}
NUMBERS = {"rain": 60, "food": 30, "rare": 6}


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    home = tmp_path_factory.mktemp("sample")
    for name, words in WORDS.items():
        (home / "texts" / name).mkdir(parents=True)
        for number in range(NUMBERS[name]):
            text = f"{words[number % 3]} and {words[number % 2]} with {words[0]} on day {number} of {name}"
            (home / "texts" / name / f"{number}.txt").write_text(text)
    assert cli_kit.curator("add", "texts", "--labels-from-folders", "--group", "about", cwd=home).code == 0
    return home


@pytest.fixture
def here(home, monkeypatch):
    monkeypatch.chdir(home)
    return home


def sample(*args, code=0):
    done = cli_kit.curator_here("sample", *args, *(["--json"] if not code else []))
    assert done.code == code, done
    return done if code else done.rows("sampled")


def about(rows):
    return Counter(row["path"].split("/")[-2] for row in rows)


@pytest.mark.parametrize("ways", [(), ("--diverse", "1"), ("--typical", "1"), ("--diverse", "2", "--random", "1")])
def test_so_many_each_once_and_the_same_again(here, ways):
    rows = sample("12", *ways)
    assert len(rows) == len({row["id"] for row in rows}) == 12
    assert rows == sample("12", *ways)
    wanted = {"diverse": 8, "random": 4} if len(ways) > 2 else {(ways[0][2:] if ways else "random"): 12}
    assert Counter(row["why"] for row in rows) == wanted


def test_another_seed_draws_others(here):
    assert {row["id"] for row in sample("12")} != {row["id"] for row in sample("12", "--seed", "1")}


def test_what_is_far_from_all_else_is_in_a_diverse_sample_and_what_is_common_in_a_typical_one(here):
    assert about(sample("6", "--diverse", "1")).keys() == WORDS.keys()
    assert about(sample("4", "--typical", "1")).keys() == {"rain", "food"}


def test_a_larger_sample_holds_the_smaller_one_and_new_items_change_little(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    for number in range(80):
        (tmp_path / ("a" if number < 60 else "b") / f"{number}.txt").write_text(f"text {number}")
    cli_kit.curator_here("add", "a", "--no-encode")
    ids = [{row["id"] for row in sample(many)} for many in ("5", "20")]
    assert ids[0] < ids[1]
    cli_kit.curator_here("add", "b", "--no-encode")
    later = {row["id"] for row in sample("20")}
    assert len(later & ids[1]) >= 10 and {row for row in later if row <= 60} <= ids[1]


def test_balanced_takes_as_many_of_each_and_shares_what_a_rare_one_lacks(here):
    assert about(sample("9", "--balanced", "about")) == dict.fromkeys(WORDS, 3)
    rows = sample("30", "--balanced", "about")
    assert about(rows) == {"rain": 12, "food": 12, "rare": 6}
    assert all(row["label"] == row["path"].split("/")[-2] for row in rows)


def test_marks_are_taken_back(here):
    rows = sample("5", "--mark", "to label")
    listed = cli_kit.curator_here("ls", "--labelled", "to label", "--json").rows("item")
    assert {row["id"] for row in listed} == {row["id"] for row in rows}
    assert cli_kit.curator_here("undo").code == 0
    assert cli_kit.curator_here("ls", "--labelled", "to label").code == 3


def test_no_more_than_there_are(here):
    done = cli_kit.curator_here("sample", "500", "--json")
    assert len(done.rows("sampled")) == 96
    done = cli_kit.curator_here("sample", "200", "--balanced", "about", "--under", "texts/rare", "--json")
    assert about(done.rows("sampled")) == {"rare": 6}


def test_what_cannot_be_asked_is_said_in_one_line(here):
    assert "must be more than 0" in sample("5", "--diverse", "0", code=2).err
    assert "N must be at least 1, not 0" in sample("0", code=2).err
    assert "no group" in sample("5", "--balanced", "abuot", code=3).err
    assert "no item to take a sample of" in sample("5", "--media", "image", code=4).err


def test_fewer_than_were_asked_for_is_said(here):
    ran = cli_kit.curator_here("sample", "1000", "--limit", "1")
    assert ran.code == 0 and "96 items, not 1,000: there are no more of what was asked for" in ran.err


def test_a_weight_beyond_all_others_is_refused(here):
    ran = cli_kit.curator_here("sample", "5", "--diverse", "1e308", "--typical", "1e308")
    ran.assert_failed(2, "--diverse")


def test_items_are_made_of_those_that_are_taken_alone(home, monkeypatch):
    with curator.open_workspace(home / "workspace") as ws:
        made, load = [], ws.items.by_ids
        monkeypatch.setattr(ws.items, "by_ids", lambda ids: (made.extend(ids), load(ids))[1])
        for ways in ({}, {"balanced": "about"}, {"diverse": 1.0, "typical": 1.0}):
            made.clear()
            rows = [row for row in ws.run("sample", number=6, **ways) if row["kind"] == "sampled"]
            assert sorted(made) == sorted(row["id"] for row in rows) and len(rows) == 6


def test_of_more_than_are_looked_at_some_are_drawn_and_that_is_said(home, monkeypatch):
    from curator_plugins.actions.sample import spreading

    monkeypatch.setattr(spreading, "MOST", 20)
    with curator.open_workspace(home / "workspace") as ws:
        said = []
        monkeypatch.setattr(ws.reporter, "say", said.append)
        drawn = [row["id"] for row in ws.run("sample", number=20) if row["kind"] == "sampled"]
        rows = [row["id"] for row in ws.run("sample", number=12, diverse=1.0) if row["kind"] == "sampled"]
    assert "of 96 texts 20 were drawn by chance, and the rest not looked at" in said
    assert {*rows} <= {*drawn} and len(rows) == 12
