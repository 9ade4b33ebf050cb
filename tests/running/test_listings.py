"""Long lists: their rows are made as they are looked at, and no further."""

from __future__ import annotations

import pytest
from plugin_kit import Site, action

NUMBERS = """
from curator.api import Listing

def rows(context, number):
    for row in range(number):
        if row == 7:
            raise ValueError("the eighth row")
        yield {"number": row if row != 6 else "six"}
        context.note(f"made {row}")

def plan(context, params):
    yield Listing("number", params.said, rows(context, params.made))
    yield Finding("end", {"number": -1})

""" + action(
    "tally",
    'said: Annotated[int, Option(help="How many are said to be there.")] = 5\n'
    '    made: Annotated[int, Option(help="How many there are.")] = 5',
    plan="plan",
    tables="(Table('number', 'Numbers', (Column('number', 'a number', 'integer'),)),"
    " Table('end', 'End', (Column('number', 'a number', 'integer'),), whole=True))",
)


@pytest.fixture
def site(tmp_path):
    for name in ("site", "folder"):
        (tmp_path / name).mkdir()
    site = Site(tmp_path / "site", tmp_path / "folder")
    site.lay("tally", NUMBERS)
    (site.folder / "a.txt").write_text("a text")
    assert site.run("add", "a.txt", "--no-encode").code == 0
    return site


def test_no_more_rows_are_made_than_are_shown_and_the_plan_goes_on(site):
    ran = site.run("tally", "--json", "--limit", "2")
    assert [(row["kind"], row["number"]) for row in ran.rows] == [("number", 0), ("number", 1), ("end", -1)]
    assert ran.err.splitlines() == ["made 0", "3 more (--limit 0 shows all)"]


def test_without_a_limit_all_of_them_come(site):
    ran = site.run("tally", "--json")
    assert [row["number"] for row in ran.rows] == [0, 1, 2, 3, 4, -1]
    assert site.run("tally").out.split() == ["0", "1", "2", "3", "4", "-1"]


def test_none_is_none(site):
    ran = site.run("tally", "--said", "0", "--made", "0", "--json")
    assert [row["kind"] for row in ran.rows] == ["end"]


@pytest.mark.parametrize(
    ("said", "made", "words"),
    [
        ("6", "5", "gave 5 rows of kind 'number', and said that there are 6"),
        ("7", "7", "gave a finding of kind 'number' whose number is 'six', not a number"),
        ("9", "9", "whose number is 'six'"),
        ("-1", "0", "gave a listing of -1 rows"),
    ],
)
def test_what_is_wrong_with_it_is_the_plugins(site, said, made, words):
    ran = site.run("tally", f"--said={said}", "--made", made, "--json")
    assert ran.code == 6 and words in ran.err and "failed at planning tally" in ran.err, ran


def test_what_is_not_looked_at_cannot_fail(site):
    assert site.run("tally", "--said", "9", "--made", "9", "--json", "--limit", "5").code == 0
