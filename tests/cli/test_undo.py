"""`curator undo` and `log`, as people meet them."""

from __future__ import annotations

import signal
import subprocess
import sys
import tarfile

import cli_kit
import pytest


@pytest.fixture
def labelled(run, tmp_path):
    """Run 1 adds four texts, run 2 labels two of them."""
    cli_kit.texts(tmp_path / "texts", 4)
    assert run("add", "texts").code == 0
    assert run("label", "good", "id:1", "id:2").code == 0
    return run


def labels(run):
    return {row["id"]: row["labels"] for row in run("ls", "--json").rows("item")}


def test_undo_says_what_it_did_and_how_to_do_it_again(labelled):
    ran = labelled("undo")
    assert ran.code == 0
    assert "run 2 (label) is undone" in ran.out and "curator undo 3 redoes it" in ran.out
    assert labels(labelled) == {1: [], 2: [], 3: [], 4: []}
    again = labelled("undo", "3", "--json").row("undone")
    assert again == {"kind": "undone", "run": 3, "command": "undo", "rows": 3, "files": 0, "by": 4}
    assert labels(labelled)[1] == ["good"]


def test_log_tells_which_runs_were_undone(labelled):
    labelled("undo")
    rows = {row["run"]: row for row in labelled("log", "--json").rows("run")}
    assert (rows[2]["undone"], rows[1]["undone"]) == (3, None)
    assert (rows[3]["command"], rows[3]["arguments"]) == ("undo", "run=2")


def test_what_cannot_be_undone(labelled):
    labelled("undo", "-w", "nowhere").assert_ended(3, "no workspace at")
    labelled("undo", "1").assert_ended(4, "run 1 cannot be undone while run 2 (label) builds on it", "curator undo 2")
    labelled("undo", "7").assert_ended(3, "no run 7", "from 1 to 2")
    labelled("undo", "99999999999999999999").assert_ended(3, "no run 99999999999999999999", "from 1 to 2")
    labelled("undo", "x").assert_ended(2, "'x'")
    labelled("undo")
    labelled("undo", "2").assert_ended(2, "undone already", "curator undo 3")
    labelled("undo")
    labelled("undo").assert_ended(4, "nothing to undo")
    assert labelled("status", "--json").row("next")["command"] == "curator add FOLDER"


def test_what_comes_after_an_undo_takes_no_id_of_what_went(run, tmp_path):
    for name in ("a", "b"):
        cli_kit.texts(tmp_path / name, 2, about=name)
    assert run("add", "a", "--label", "seen").code == 0
    assert run("undo").code == 0
    assert run("add", "b", "--label", "seen").code == 0
    assert labels(run) == {3: ["seen"], 4: ["seen"]}
    run("show", "id:1").assert_failed(3, "id:1")
    redone = run("undo", "2", "--json").row("undone")
    assert (redone["by"], redone["rows"]) == (4, 7)  # two items, their places, what is said of them, and the folder
    items = run("ls", "--json").rows("item")
    assert {row["id"]: "about a" in row["text"] for row in items} == {1: True, 2: True, 3: False, 4: False}
    assert labels(run) == {key: ["seen"] for key in (1, 2, 3, 4)}
    run("undo").assert_failed(4, "run 3 cannot be undone while run 4 (undo) builds on it", "curator undo 4")
    assert run("undo", "4").code == 0
    assert labels(run) == {3: ["seen"], 4: ["seen"]}


def test_an_id_is_not_given_again_after_a_kill_or_from_a_backup(run, tmp_path):
    cli_kit.texts(tmp_path / "a", 3)
    cli_kit.texts(tmp_path / "b", 1, about="something else")
    assert run("add", "a", "--no-encode").code == 0
    assert run("undo").code == 0
    command = [sys.executable, "-c", KILLED_AT, "1", "add", "b", "--no-encode"]
    killed = subprocess.run(command, cwd=tmp_path, env=cli_kit.environment(), capture_output=True)
    assert killed.returncode == -signal.SIGKILL, killed
    assert run("backup", "saved.tar").code == 0
    with tarfile.open(tmp_path / "saved.tar") as archive:
        archive.extractall(tmp_path / "restored", filter="data")
    for workspace in ("workspace", "restored"):
        assert run("add", "b", "--no-encode", "-w", workspace).code == 0
        assert run("ls", "--json", "-w", workspace).row("item")["id"] == 4


KILLED_AT = """
import os, signal, sys
from curator.cli import main
from curator.store.sqlite import Database

execute, execute_many, left = Database.execute, Database.execute_many, int(sys.argv.pop(1))

def step():
    global left
    left -= 1
    if left < 0:
        os.kill(os.getpid(), signal.SIGKILL)

def counted(self, sql, *args):
    if "INTO change" in sql:
        step()
    return execute(self, sql, *args)

def many_counted(self, sql, rows):
    execute_many(self, sql, (step() or row for row in rows) if "INTO change" in sql else rows)

Database.execute, Database.execute_many = counted, many_counted
main()
"""


@pytest.mark.parametrize("step", [0, 1, 20, 40])
def test_an_undo_that_is_killed_at_any_step_never_was(run, tmp_path, step):
    cli_kit.texts(tmp_path / "texts", 20)
    assert run("add", "texts", "--no-encode").code == 0
    before = run("ls", "--json").out
    command = [sys.executable, "-c", KILLED_AT, str(step), "undo"]
    killed = subprocess.run(command, cwd=tmp_path, env=cli_kit.environment(), capture_output=True)
    assert killed.returncode == -signal.SIGKILL, killed
    assert run("ls", "--json").out == before
    assert len(run("log", "--json").rows("run")) == 1
    assert "41 rows put back" in run("undo").out
    assert run("ls", "--json").out == ""
