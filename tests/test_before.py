"""A workspace that an earlier curator made goes on working: nothing in it is lost, made anew or out of reach.

The tables are read by SQL here, and the commands run as people run them.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
import unicodedata
from contextlib import closing

import pytest
from cli_kit import curator_here
from fixtures import before

DUMP = json.loads((before.HERE / "before.json").read_text(encoding="utf-8"))
RECORDS = ("run", "change", "move")
NFD = unicodedata.normalize("NFD", "Café")
KIND = ("--group", "kind", "--head", "prototype")


@pytest.fixture
def home(tmp_path, monkeypatch):
    """The folder with the workspace and its sources, as the old curator left them."""
    before.unpack(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CURATOR_WORKSPACE", raising=False)
    return tmp_path.resolve()


def ran(*args, code=0):
    done = curator_here(*args)
    assert done.code == code, (args, done)
    return done


def catalogue(home):
    """Every row, but for the id that a workspace gets when it is first trusted."""
    now = before.tables(home / "workspace" / "catalogue.db", str(home))
    return now | {"setting": [row for row in now["setting"] if row["key"] != "workspace.id"]}


def cached(home):
    return before.cached(home / "workspace" / "derived.db")


def as_dumped(home, tables):
    """What the dump holds of these tables, and what is there now of the same columns."""
    now = catalogue(home)
    for table in tables:
        columns = DUMP["catalogue"][table][0].keys()
        yield table, DUMP["catalogue"][table], [{name: row[name] for name in columns} for row in now[table]]


def assert_as_dumped(home, tables=tuple(DUMP["catalogue"])):
    for table, then, now in as_dumped(home, tables):
        assert now == then, table


# --- the fixture itself ---


def test_it_holds_rows_of_every_kind():
    rows = DUMP["catalogue"]
    assert all(rows.values()) and DUMP["derived"]["vector"] == len(rows["item"]) == 23
    assert {row["source"] for row in rows["statement"]} == {0, 2, 3}
    assert {row["value"] for row in rows["statement"]} == {1, -1}
    assert {row["value"] for row in rows["pair"]} == {1, -1, 0}
    names = {row["name"] for row in rows["label"] + rows["label_group"]}
    assert names >= {"a/b", "x:y", "who@home, now", "brand/type: red", "暖色", "Café", "two words", "in/side", "a:b/c"}
    assert {row["missing"] for row in rows["place"]} == {0, 1} and any(row["row_key"] for row in rows["place"])
    undone = {row["undoes"]: row["id"] for row in rows["run"] if row["undoes"]}
    assert 30 in undone and undone[undone[32]]  # one is undone, another was done again
    assert all(row["held_out"] for row in rows["head"]) and any(row["calibration"] for row in rows["head"])
    # An id was given twice, as curator then did: a label that was undone, and another that was made after that.
    inserted = [
        row for row in rows["change"] if (row["table_name"], row["kind"], row["row_id"]) == ("label", "insert", 14)
    ]
    assert {row["run_id"] for row in inserted} == {30, 32, 34}  # the last did it again


def test_it_is_unpacked_to_wherever_it_should_lie(home):
    as_it_is = before.tables(home / "workspace" / "catalogue.db", "no such folder")
    assert before.MADE_IN not in json.dumps(as_it_is) and str(home) in json.dumps(as_it_is)
    assert_as_dumped(home)
    assert cached(home) == DUMP["derived"]


# --- nothing is lost ---


def test_opening_keeps_every_row_and_every_vector(home):
    for command in ("ls", "status", "log", "encoders", "heads", "metrics"):
        ran(command, "--json")
    assert_as_dumped(home)
    assert cached(home) == DUMP["derived"]
    for database in ("catalogue.db", "derived.db"):
        with closing(sqlite3.connect(home / "workspace" / database)) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            assert not connection.execute("PRAGMA foreign_key_check").fetchall()


def test_check_finds_everything_as_the_catalogue_says(home):
    assert not ran("check", "--json").rows("fault")
    assert_as_dumped(home)


def test_adding_again_finds_everything_known(home):
    table = ["--text-column", "question", "--label-column", "topic", "--group", "topic", "--id-column", "nr"]
    for code, *sources in ((0, "photos"), (0, "new"), (5, "odd names"), (5, "questions.csv", *table)):
        added = ran("add", *sources, "--json", code=code).row("added")
        news = ("added", "copies", "changed", "moved", "labelled", "decoded", "encoded")
        assert added["unchanged"] and not any(added[name] for name in news), added
    assert_as_dumped(home)


def test_items_are_listed_with_their_labels(home):
    rows = {row["id"]: row for row in ran("ls", "--json").rows("item")}
    assert set(rows) == {row["id"] for row in DUMP["catalogue"]["item"]}
    assert rows[6]["labels"] == ["discs", "round"] and rows[6]["path"] == str(home / "photos" / "discs" / "0.png")
    assert rows[14]["path"] is None and rows[19]["text"] == "怎么做红烧肉" and rows[19]["labels"] == ["food"]
    facts = {row["fact"]: row["value"] for row in ran("show", "captioned/one.png", "--json").rows("fact")}
    assert "blue bars, 蓝色" in json.dumps(facts, ensure_ascii=False)


@pytest.mark.parametrize("name", ["a/b", "x:y", "who@home, now", "brand/type: red", "暖色", NFD, "Café", "two words"])
def test_labels_of_odd_names_are_found_and_said_again(home, name):
    assert [row["id"] for row in ran("ls", "--labelled", name, "--json").rows("item")] == [9, 11]
    (row,) = ran("label", name, "id:9", "--json").rows("labelled")
    assert row["before"] == row["now"] == "positive"
    assert_as_dumped(home, ["label", "label_group"])  # and no second one was made


@pytest.mark.parametrize("name", [NFD, "a/b, c@d", "两 个"])
def test_metrics_of_odd_names_are_found_and_said_again(home, name):
    (row,) = ran("pair", "id:6", "id:9", "--metric", name, "--json").rows("pair")
    assert row["before"] == row["now"] == "alike"
    assert len(ran("metrics", name, "--json").rows("pair")) == 1
    assert len(ran("metrics", "--json").rows("metric")) == 4


# --- nothing is embedded anew, and what was measured in another way is measured once ---


def test_what_was_embedded_is_used_and_figures_are_measured_as_they_are_now(home):
    for group, items in (("kind", 10), ("topic", 6)):
        for said in ("fitting a prototype head for", f"using the prototype head group:{group}@2"):
            done = ran("classify", "--group", group, "--head", "prototype", "--json")
            assert said in done.err and "loading" not in done.err
            assert {row["items"] for row in done.rows("held-out")} == {items}
    for said in ("fitting the metric taste", "unchanged since it was fitted"):
        done = ran("similar", "photos/discs/0.png", "--metric", "taste", "-k", "3", "--json")
        assert said in done.err and "loading" not in done.err
        assert [row["metric"] for row in done.rows("likeness")] == ["taste:projection"] * 3
    assert_as_dumped(home, [table for table in DUMP["catalogue"] if table not in (*RECORDS, "head")])
    ((_, then, heads),) = as_dumped(home, ["head"])
    assert [row for row in heads if row in then] == then and len(heads) == len(then) + 2  # beside those of then
    now = cached(home)
    assert (now["vector"], now["digest"]) == (DUMP["derived"]["vector"], DUMP["derived"]["digest"])


def test_the_old_heads_probabilities_are_what_they_were(home):
    scores = {row["item_id"]: row["score"] for row in DUMP["catalogue"]["statement"] if row["source"] == 0}
    ran("undo", "27")  # what the head said became labels; of those that it is not said of, it says the same again
    told = {row["id"]: row["probability"] for row in ran("classify", *KIND, "--json").rows("prediction")}
    assert told == pytest.approx(scores, abs=1e-5) and len(told) == 6


def test_a_model_that_was_pretrained_then_still_speaks(home):
    assert len(ran("complete", "今天", "--top", "3", "--json").rows("next")) == 3
    assert ran("encode", "-e", "lstm-clm", "--json").row("encoded")["encoded"] == 7
    now = cached(home)
    assert now["vector"] == DUMP["derived"]["vector"] + 7


# --- what was done can be taken back ---


def test_the_latest_run_is_undone_and_done_again(home):
    undone = ran("undo", "--json").row("undone")
    assert (undone["run"], undone["command"]) == (36, "label")
    assert "latest" not in {row["name"] for row in catalogue(home)["label"]}
    ran("undo", str(undone["by"]))
    assert_as_dumped(home, [table for table in DUMP["catalogue"] if table not in RECORDS])


def test_everything_is_undone_and_all_of_it_done_again(home):
    """Back to an empty catalogue, then forward; the runs that the old workspace had undone stay so."""
    ran("trust", "--yes")
    by = []
    while (done := curator_here("undo", "--json")).code == 0:
        by.append(done.row("undone")["by"])
    assert "nothing to undo" in done.assert_failed(4)
    now = catalogue(home)
    assert not any(now[table] for table in DUMP["catalogue"] if table not in RECORDS)
    assert (home / "odd names" / "copy.png").is_file()
    for run in reversed(by):
        ran("undo", str(run))
    assert_as_dumped(home, [table for table in DUMP["catalogue"] if table not in RECORDS])
    assert not (home / "odd names" / "copy.png").exists()
    assert not ran("check", "--json").rows("fault")
    assert len(by) == 32


def test_a_file_comes_back_from_quarantine(home):
    (held,) = ran("quarantine", "list", "--json").rows("quarantined")
    assert held["path"] == str(home / "odd names" / "copy.png") and held["why"] == "exact"
    (row,) = DUMP["catalogue"]["quarantined"]
    assert row["hash"] == hashlib.sha256((home / "photos" / "discs" / "0.png").read_bytes()).hexdigest()
    ran("quarantine", "restore", "1", code=4)  # it was made before curator knew whose a workspace is: asked once
    ran("trust", "--yes")
    ran("quarantine", "restore", "1")
    assert hashlib.sha256((home / "odd names" / "copy.png").read_bytes()).hexdigest() == row["hash"]
    now = catalogue(home)
    assert not now["quarantined"] and "odd names/copy.png" in {place["path"] for place in now["place"]}
    ran("undo")
    assert not (home / "odd names" / "copy.png").exists()
    assert_as_dumped(home, ["quarantined", "place", "item"])
    ran("undo", "29")  # and so does undoing the run that took it
    assert (home / "odd names" / "copy.png").is_file() and not catalogue(home)["quarantined"]
    assert not ran("check", "--json").rows("fault")
