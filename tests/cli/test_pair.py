"""`curator pair`, `curator metrics` and `curator similar --metric` through the real command line."""

from __future__ import annotations

import random

import cli_kit
import pytest
from PIL import Image

LETTERS = "abcdefghijklmnopqrstuvwxyz"
CATS, MONEY = "the cat sleeps on the warm sofa and purrs", "the market fell today and investors worry"


@pytest.fixture
def here(tmp_path, monkeypatch):
    """`here("status", ...)` runs in this process, where what is heavy is loaded once."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CURATOR_WORKSPACE", raising=False)
    return cli_kit.curator_here


def write(folder):
    """Eight texts about a cat and eight about money, of which no two are near-copies."""
    drawn = random.Random(0)
    for name, about in (("cats", CATS), ("money", MONEY)):
        (folder / name).mkdir()
        for number in range(1, 9):
            words = " ".join("".join(drawn.choices(LETTERS, k=6)) for _ in range(10))
            (folder / name / f"{number}.txt").write_text(f"{about}, {words}")


@pytest.fixture
def notes(here, tmp_path):
    """Eight texts about a cat, then eight about money."""
    write(tmp_path)
    assert here("add", "cats", "money").code == 0
    return tmp_path


def mark(here, *more):
    """By number and not by what they are about: 1 is like 1, whatever else."""
    for number in range(1, 7):
        assert here("pair", f"cats/{number}.txt", f"money/{number}.txt", "--metric", "number", *more).code == 0
        other = f"cats/{number % 6 + 1}.txt"
        assert here("pair", f"cats/{number}.txt", other, "--not-alike", "--metric", "number", *more).code == 0


def test_from_pairs_to_a_search_that_goes_by_them(here, notes):
    mark(here)
    plain = here("similar", "cats/7.txt", "-k", "15", "--json").rows("neighbour")
    ran = here("similar", "cats/7.txt", "-k", "15", "--metric", "number", "--json")
    rows = ran.rows("likeness")
    assert ran.code == 0 and len(rows) == 15
    assert {row["metric"] for row in rows} == {"number:projection"}
    assert [row["score"] for row in rows] == sorted((row["score"] for row in rows), reverse=True)
    assert {row["id"]: pytest.approx(row["score"], abs=1e-6) for row in plain} == {r["id"]: r["cosine"] for r in rows}
    mean = {name: sum(r["score"] for r in rows if name in r["path"]) for name in ("cats", "money")}
    before = {name: sum(r["score"] for r in plain if name in r["path"]) for name in ("cats", "money")}
    assert mean["money"] - mean["cats"] > before["money"] - before["cats"], "it went the other way"
    assert ran.err.splitlines()[:2] == [
        "fitting the metric number on 12 pairs",
        "metric number: projection on ngram, 6 pairs alike and 6 not, fitted now",
    ]


def test_it_is_fitted_once_and_again_when_a_pair_changes(here, notes):
    mark(here)
    asked = ("similar", "cats/7.txt", "--metric", "number", "--json")
    first, second = here(*asked), here(*asked)
    assert first.out == second.out and "6 not, unchanged since it was fitted" in second.err
    here("pair", "cats/7.txt", "money/7.txt", "--metric", "number")
    third = here(*asked)
    assert "7 pairs alike and 6 not, fitted now" in third.err and third.out != first.out
    assert here("undo").code == 0
    fourth = here(*asked)
    assert "6 pairs alike and 6 not" in fourth.err and fourth.out == first.out


def test_figures_are_said_with_what_they_rest_on(here, notes):
    mark(here)
    err = here("similar", "cats/7.txt", "--metric", "number").err
    assert "note: nothing could be held out, as the pairs are linked by items that they share or by near-copies" in err
    for number in range(1, 5):
        here("pair", f"cats/{number}.txt", f"money/{number}.txt", "--metric", "apart")
        here("pair", f"cats/{number + 4}.txt", f"money/{number + 4}.txt", "--not-alike", "--metric", "apart")
    err = here("similar", "cats/7.txt", "--metric", "apart").err
    assert "held out (8 pairs): of an alike pair and one that is not, the alike one comes first" in err
    assert "note: only 4 pairs marked as alike: these figures can be off by 50 points" in err


def test_no_better_than_the_plain_cosine_is_said(here, notes):
    for one, other in zip(range(1, 9, 2), range(2, 9, 2), strict=True):
        here("pair", f"cats/{one}.txt", f"cats/{other}.txt", "--metric", "topic")
    for number in range(1, 9, 2):
        here("pair", f"money/{number}.txt", f"cats/{number}.txt", "--not-alike", "--metric", "topic")
    err = here("similar", "cats/7.txt", "--metric", "topic").err
    assert "comes first 100 times in 100; by the plain cosine 100" in err
    assert "note: no better than the plain cosine: leave out --metric, or mark more pairs" in err


def test_the_last_word_counts_and_is_said(here, notes):
    pair = ("pair", "cats/1.txt", "money/1.txt", "--metric", "taste")
    assert here(*pair).out == "1 pair: alike for taste (a new metric)\n"
    ran = here("pair", "money/1.txt", "cats/1.txt", "--not-alike", "--metric", "taste")
    assert ran.out == "1 pair: not alike for taste\n" and ran.err.endswith("were marked as alike before\n")
    (row,) = here("metrics", "taste", "--json").rows("pair")
    assert row["now"] == "not alike" and row["left"] < row["right"]
    again = here(*pair[:3], "--not-alike", "--metric", "taste", "--json").row("pair")
    assert (again["before"], again["now"]) == ("not alike", "not alike")
    assert here(*pair, "--remove").err.endswith("were marked as not alike before\n")
    here("metrics", "taste").assert_failed(3, "no metric 'taste'", "curator pair FILE FILE --metric NAME")
    assert here("undo").code == 0
    assert here("metrics", "--json").row("metric") == {"metric": "taste", "alike": 0, "not_alike": 1, "kind": "metric"}


def test_one_with_several_others_also_from_standard_input(notes):
    names = b"money/1.txt\nmoney/2.txt\nmoney/1.txt\n"
    ran = cli_kit.curator("pair", "id:1", "-", "--metric", "taste", cwd=notes, stdin=names)
    assert (ran.code, ran.out) == (0, "2 pairs: alike for taste (a new metric)\n")
    ran = cli_kit.curator("pair", "id:1", "id:2", "--metric", "tast", cwd=notes)
    assert ran.out == "1 pair: alike for tast (a new metric; there is also taste)\n"


def test_pairs_survive_a_backup_and_a_check(here, notes):
    mark(here)
    assert here("check").code == 0
    assert here("backup", "all.tar").code == 0
    (notes / "workspace" / "derived.db").unlink()
    assert here("metrics", "--json").row("metric")["alike"] == 6
    assert "fitted now" in here("similar", "cats/7.txt", "--metric", "number").err
    assert here("undo", "1").code == 4, "the items of pairs cannot be taken back before them"


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        ("pair cats/1.txt --metric taste", 2, ["a pair takes two items"]),
        ("pair cats/1.txt id:1 --metric taste", 2, ["the same item twice (id:1)", "a pair takes two"]),
        ("pair cats/1.txt copy.txt --metric taste", 2, ["the same item twice"]),
        ("pair cats/1.txt red.png --metric taste", 2, ["a text", "red.png an image", "two images or two texts"]),
        ("pair cats/1.txt nowhere.txt --metric taste", 3, ["nowhere.txt"]),
        ("pair cats/1.txt id:99 --metric taste", 3, ["no item id:99"]),
        ("pair cats/1.txt cats/2.txt --metric a:projection", 2, ["metric name 'a:projection' holds a ':'"]),
        ("pair cats/1.txt cats/2.txt --metric ", 2, ["'--metric'", "it needs a name"]),
        ("pair cats/1.txt cats/2.txt --metric taste --remove", 3, ["no metric 'taste'", "did you mean 'tastes'?"]),
        ("pair cats/1.txt cats/2.txt --metric tastes --remove --not-alike", 2, ["exclude each other"]),
        ("similar cats/1.txt --metric taste", 3, ["no metric 'taste'", "did you mean 'tastes'?"]),
        ("similar cats/1.txt --metric tastes:projectoin", 3, ["no kind of metric", "did you mean 'projection'?"]),
        ("similar cats/1.txt --metric tastes", 4, ["2 pairs marked as alike and 1 as not", "--not-alike"]),
        ("similar cats/1.txt --metric pictures", 4, ["0 pairs", "(1 more pair without vectors in ngram)"]),
    ],
)
def test_what_cannot_be_is_one_line_and_changes_nothing(here, notes, arguments, code, words):
    (notes / "copy.txt").write_bytes((notes / "cats" / "1.txt").read_bytes())
    for colour in ("red", "blue"):
        Image.new("RGB", (8, 8), colour).save(notes / f"{colour}.png")
    here("add", "copy.txt", "red.png", "blue.png", "--no-encode")
    here("pair", "cats/1.txt", "cats/2.txt", "cats/3.txt", "--metric", "tastes")
    here("pair", "cats/1.txt", "money/3.txt", "--metric", "tastes", "--not-alike")
    here("pair", "red.png", "blue.png", "--metric", "pictures")
    before = here("metrics", "--json").out, here("log", "--json").out
    here(*arguments.split(" ")).assert_failed(code, *words)
    assert (here("metrics", "--json").out, here("log", "--json").out) == before


def test_the_file_of_an_item_may_be_gone(here, notes):
    (notes / "cats" / "1.txt").unlink()
    assert here("pair", "cats/1.txt", "money/1.txt", "--metric", "number").code == 0
    mark(here)
    assert here("similar", "cats/1.txt", "--metric", "number", "-k", "2", "--json").code == 0


def test_what_has_no_vector_yet_gets_one(here, tmp_path):
    write(tmp_path)
    assert here("add", "cats", "money", "--no-encode").code == 0
    mark(here)
    ran = here("similar", "cats/7.txt", "--under", "cats", "--metric", "number", "--json")
    assert ran.code == 0 and len(ran.rows("likeness")) == 7


def test_the_sheet_says_by_what(here, notes):
    mark(here)
    assert here("similar", "cats/7.txt", "--metric", "number", "--sheet", "a.png").code == 0
    assert (notes / "a.png").read_bytes().startswith(b"\x89PNG")
