"""What heads cannot learn from, through each command that fits one: one line, the exit code, and nothing is lost."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
from contextlib import closing

import cli_kit
import numpy as np
import pytest
from cli_kit import curator_here

from curator.kit.copies import vectors

ABOUT = {"weather": "rain and wind over the hills", "money": "a loan from the bank"}
FITTING = ("train --label money", "classify --label money", "audit --check labels --label money")
ASKING = "review --label money --json"


def ran(words):
    done = curator_here(*words.split())
    assert done.code == 0, done
    return done


def said():
    return ran("ls --json").out, ran("status --json").out, ran("log --json").out


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A workspace with eight texts about each of two things."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CURATOR_WORKSPACE", raising=False)
    for name, words in ABOUT.items():
        cli_kit.texts(tmp_path / "notes" / name, 8, words)
    ran("add notes")
    return tmp_path


@pytest.fixture
def labelled(here):
    """Three are examples of a label, three negative examples."""
    ran("label money notes/money/1.txt notes/money/2.txt notes/money/3.txt")
    ran("label money --negative notes/weather/1.txt notes/weather/2.txt notes/weather/3.txt")
    return here


def test_where_there_are_too_many_to_compare_it_is_said_that_near_copies_may_be_on_both_sides(labelled, monkeypatch):
    assert "near-copies were not kept together" not in ran("train --label money").err
    monkeypatch.setattr(vectors, "MANY", 5)
    ran("label money notes/money/4.txt")
    assert "different items: near-copies were not kept together, figures may flatter" in ran("train --label money").err


@pytest.mark.parametrize("command", [*FITTING, ASKING, "cluster -k 2", "similar notes/weather/1.txt"])
def test_a_vector_that_is_no_number_is_named_by_whatever_would_use_it(labelled, command):
    with closing(sqlite3.connect("workspace/derived.db")) as derived, derived:
        (size,) = derived.execute("SELECT length(vector) FROM vector").fetchone()
        (item,) = ran("ls --under notes/money/1.txt --json").rows("item")
        with closing(sqlite3.connect("workspace/catalogue.db")) as catalogue:
            (content,) = catalogue.execute("SELECT hash FROM item WHERE id = ?", (item["id"],)).fetchone()
        damaged = np.full(size // 4, np.nan, "<f4").tobytes()
        assert derived.execute("UPDATE vector SET vector = ? WHERE hash = ?", (damaged, content)).rowcount == 1
    before = said()
    curator_here(*command.split()).assert_ended(4, "money/1.txt", "is not finite: `curator check --repair`, then again")
    assert said() == before
    ran("check --repair")
    ran("encode")
    ran(command)


@pytest.mark.parametrize(
    ("examples", "words"),
    [
        (
            ("label money notes/money/1.txt notes/money/2.txt",),
            ("2 examples and 0 negative examples", "curator label money --negative FILES"),
        ),
        (("label money notes/money/1.txt",), ("1 example and 0", "curator label money FILES and curator label")),
        (("label money --negative notes/weather/1.txt",), ("0 examples and 1", "it takes two of each", "money FILES")),
        (
            ("add notes/money --label money", "add notes/money --not-label money"),
            ("0 examples and 0 negative examples (8 items labelled both ways left out)",),
        ),
    ],
    ids=["one class only", "one example", "negative examples only", "contradictions only"],
)
def test_what_is_too_little_is_said_with_what_helps_and_a_review_asks_for_it(here, examples, words):
    for example in examples:
        ran(example)
    before = said()
    for command in FITTING:
        curator_here(*command.split()).assert_ended(4, *words)
    assert said() == before
    asked = ran(ASKING).rows("question")
    assert asked and all(row["question"] == "is it money?" for row in asked)


def test_an_encoder_that_has_no_vectors_yet_and_cannot_make_any(labelled):
    before = said()
    for command in (*FITTING, ASKING, "cluster"):
        curator_here(*command.split(), "-e", "lstm-clm").assert_ended(4, "curator pretrain lstm-clm")
    assert said() == before


@pytest.mark.slow
def test_a_head_of_another_space_is_not_used(labelled):
    """Not of another encoder, nor of another version of the same."""
    ran("train --label money")
    for number in (1, 2):
        ran(f"pretrain lstm-clm -o width=16 -o embedding=8 -o epochs=1 -o seed={number}")
        done = ran("classify --label money -e lstm-clm --json")
        assert "fitting a logistic head for label money on lstm-clm" in done.err
        assert "using the logistic head" in ran("classify --label money -e lstm-clm").err
    assert "label:money@1 on ngram: nothing changed" in ran("classify --label money").err


def interrupted(folder, command, said):
    """Ctrl-C as soon as a command has said so on stderr: one line, code 130, a run that is marked, and nothing else."""
    process = subprocess.Popen(
        [cli_kit.CURATOR, *command.split()],
        cwd=folder,
        env=cli_kit.environment(),
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert said in process.stderr.readline()
    os.killpg(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130 and err.startswith("Error: interrupted") and len(err.splitlines()) == 1, err


@pytest.mark.slow
def test_ctrl_c_while_a_head_is_fitted_leaves_none(labelled, run):
    interrupted(labelled, "train --label money --head mlp -o epochs=1000000", "fitting a mlp head")
    assert run("log", "--json", "--limit", "1").row("run")["state"] == "interrupted"
    assert run("check").code == 0
    assert "label:money@1" in run("train", "--label", "money", "--head", "mlp", "-o", "epochs=2").out


@pytest.mark.slow
def test_ctrl_c_while_worse_copies_are_embedded_changes_nothing(tmp_path, run):
    for name, first in (("a", 0), ("b", 100)):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for number in range(first, first + 8):
            cli_kit.photo(tmp_path / "photos" / name / f"{number}.jpg", number)
    assert run("add", "photos", "--labels-from-folders", "--group", "kind").code == 0
    interrupted(tmp_path, "train --group kind --robustness", "fitting a logistic head")
    assert run("log", "--json", "--limit", "1").row("run")["state"] == "interrupted"
    assert run("check").code == 0
    assert run("train", "--group", "kind", "--robustness", "--json").rows("held-out")[0]["blurred"] is not None
