"""What only reads is no run: `log` does not list it, and `undo` takes back what was decided before it."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
from contextlib import closing

import cli_kit
import pytest
from cli_kit import curator_here

import curator
from curator.running.context import ActionContext

TOPIC = ("--group", "topic", "--head", "prototype")
READING = {
    "similar": ("similar", "id:1", "-k", "2"),
    "similar to words": ("similar", "--text", "about cats", "-k", "2"),
    "classify": ("classify", *TOPIC),
    "audit": ("audit", *TOPIC),
    "review": ("review", *TOPIC, "--json"),
    "cluster": ("cluster", "-k", "2"),
    "dedupe": ("dedupe",),
    "dedupe of like ones": ("dedupe", "--similar", "--media", "text"),
}
WORKED_OUT = ("space", "model", "head", "setting")


def worked_out(folder):
    """How many rows there are of what can be worked out again, by table; the workspace's own id is none."""
    with closing(sqlite3.connect(folder / "workspace" / "catalogue.db")) as database:
        return {
            table: database.execute(f"SELECT count(*) FROM {table} WHERE id > 0").fetchone()[0] for table in WORKED_OUT
        }


@pytest.fixture
def labelled(tmp_path, monkeypatch):
    """Run 1 adds texts of two topics and some of none, nothing embedded; run 2 labels one of them."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CURATOR_WORKSPACE", raising=False)
    for about in ("cats", "dogs"):
        cli_kit.texts(tmp_path / "texts" / about, 6, about)
    cli_kit.texts(tmp_path / "more", 3, "cats and dogs")
    ran("add", "texts", "--labels-from-folders", "--group", "topic", "--no-encode")
    ran("add", "more", "--no-encode")
    ran("label", "seen", "id:1")
    return tmp_path


def ran(*args, code=0):
    done = curator_here(*args)
    assert code in (None, done.code), (args, done)
    return done


def logged():
    return [row["command"] for row in ran("log", "--json").rows("run")]


def labels(item="id:1"):
    facts = {row["fact"]: row["value"] for row in ran("show", item, "--json").rows("fact")}
    return json.dumps(facts, ensure_ascii=False)


@pytest.mark.parametrize("command", READING.values(), ids=READING)
def test_it_is_not_listed_and_undo_takes_the_label_before_it(labelled, command):
    ran(*command)
    assert logged() == ["label", "add", "add"]
    undone = ran("undo")
    assert "run 3 (label) is undone" in undone.out and "passed over" not in undone.out + undone.err
    assert "seen" not in labels()
    ran("undo", "4")
    assert "seen" in labels()


def test_vectors_are_no_run_either_but_which_encoder_a_name_means_is(labelled):
    ran("encode")
    assert logged() == ["encode", "label", "add", "add"]
    ran("undo")
    ran("encode", "-e", "ngram")
    ran("label", "seen", "id:2")
    cli_kit.texts(labelled / "new", 2, "birds")
    ran("add", "new", "--no-encode")
    assert ran("encode", "--json").row("encoded")["encoded"] == 2
    assert logged()[0] == "add"
    assert "run 8 (add) is undone" in ran("undo").out


def test_what_it_worked_out_is_kept_and_goes_with_what_it_stands_on(labelled):
    ran("encode")
    ran("label", "seen", "id:2")
    ran("classify", *TOPIC)
    kept = worked_out(labelled)
    assert kept == {"space": 1, "model": 1, "head": 1, "setting": 1}
    assert "nothing changed" in ran("classify", *TOPIC).err
    ran("undo")
    assert worked_out(labelled) == kept
    ran("undo", "4")
    assert not any(worked_out(labelled).values())
    ran("undo", "7")
    assert worked_out(labelled) == kept and "nothing changed" in ran("classify", *TOPIC).err
    for _ in range(2):  # and again: what was brought back is still nobody's
        ran("undo", "4")
        assert not any(worked_out(labelled).values())
        ran("undo", str(len(logged())))
        assert worked_out(labelled) == kept
    assert not ran("check", "--json").rows("fault")


def test_what_was_worked_out_meanwhile_gives_way_to_what_comes_back(labelled):
    ran("encode")
    ran("train", *TOPIC)
    ran("undo")
    ran("undo")
    ran("classify", *TOPIC)  # records the encoder and fits the head anew
    assert worked_out(labelled) == {"space": 1, "model": 1, "head": 1, "setting": 1}
    ran("undo", "7")
    ran("undo", "6")
    assert worked_out(labelled) == {"space": 1, "model": 1, "head": 1, "setting": 1}
    assert not ran("check", "--json").rows("fault")
    ran("undo")
    ran("undo")
    assert not any(worked_out(labelled).values())


def test_runs_of_an_earlier_release_that_only_read_are_passed_over(labelled):
    """It journalled the encoder and the head that a search or an explanation recorded on its way."""
    with curator.open_workspace(labelled / "workspace") as ws:
        for command in ("similar", "classify"):
            with ws.begin(command, {"group": "topic"}) as journal:
                context = ActionContext(ws, journal, may_encode=True)
                context.model(None, "text")
                if command == "classify":
                    context.head(context.target(None, "topic"), None, "prototype")
        with ws.begin("encode", {}) as journal:
            journal.start()  # vectors alone
    assert logged() == ["encode", "classify", "similar", "label", "add", "add"]
    undone = ran("undo")
    assert "run 3 (label) is undone" in undone.out and "seen" not in labels()
    assert "passed over run 6 (encode), run 5 (classify), run 4 (similar): no item, label or file" in undone.err
    undone = ran("undo", "--json")
    assert undone.row("undone")["run"] == 2 and "passed over" in undone.err
    ran("undo", "8")
    ran("undo", "7")
    assert "seen" in labels() and worked_out(labelled)["head"] == 1
    ran("undo", "4")  # named, it is taken back like any other, and the head with it
    assert not any(worked_out(labelled).values())
    assert "run 5 cannot be undone while run 11 (undo) builds on it" in ran("undo", "5", code=4).err
    ran("undo", "11")
    ran("undo", "5")
    assert worked_out(labelled) == {"space": 1, "model": 1, "head": 0, "setting": 1}


def test_runs_that_were_asked_to_record_something_are_not(labelled):
    ran("encode")
    ran("encoders", "--use", "ngram")
    ran("train", *TOPIC)
    for command in ("train", "use", "encode"):
        undone = ran("undo")
        assert f"({command}) is undone" in undone.out and "passed over" not in undone.err


CUT_SHORT = """
import os, signal, sys
from curator.store.catalogue.rows import RowStore
from curator.store.derived import Derived
from curator.store.sqlite import Transaction

how, left = getattr(signal, sys.argv.pop(1)), int(sys.argv.pop(1))

def counted(owner, name):
    real = getattr(owner, name)
    def one(*args, **named):
        global left
        left -= 1
        if left < 0:
            left = 1 << 30
            os.kill(os.getpid(), how)
        return real(*args, **named)
    setattr(owner, name, one)

counted(RowStore, "insert")
counted(Derived, "put_vectors")
counted(Transaction, "__exit__")
from curator.__main__ import main
main()
"""


@pytest.mark.parametrize(("how", "first"), [("SIGKILL", 0), ("SIGINT", 1)])
def test_cut_short_while_it_works_something_out_nothing_is_half_there(labelled, how, first):
    """At every third of the rows that it writes, its commits, and the times that it keeps vectors; then it goes on."""
    (labelled / "cut.py").write_text(CUT_SHORT)
    ends = []
    for step in range(first, 60, 3):
        done = cli_kit.script(labelled / "cut.py", how, str(step), "classify", *TOPIC, cwd=labelled)
        assert "Traceback" not in done.err, done
        ends.append(done.code)
        if done.code == 0:
            break
        rows = worked_out(labelled)
        assert rows["space"] == rows["model"] >= max(rows["setting"], rows["head"])
        assert logged() == ["label", "add", "add"] and not ran("check", "--json", code=None).rows("fault")
    assert set(ends[:-1]) == {-signal.SIGKILL if how == "SIGKILL" else 130} and ends[-1] == 0 and len(ends) > 3
    assert worked_out(labelled) == {"space": 1, "model": 1, "head": 1, "setting": 1}
    assert "run 3 (label) is undone" in ran("undo").out


def test_two_that_work_the_same_out_at_once(labelled):
    said = [labelled / "one", labelled / "other"]
    both = []
    for path in said:
        streams = (
            os.open(os.devnull, os.O_RDONLY),
            os.open(path, os.O_CREAT | os.O_WRONLY),
            os.open(os.devnull, os.O_WRONLY),
        )
        both.append(cli_kit.started(["classify", *TOPIC, "--json"], labelled, cli_kit.environment(), streams))
    assert [process.wait() for process in both] == [0, 0]
    assert said[0].read_text() == said[1].read_text() != ""
    assert worked_out(labelled) == {"space": 1, "model": 1, "head": 1, "setting": 1}
    assert logged() == ["label", "add", "add"]
