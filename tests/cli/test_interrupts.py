"""Two at once, Ctrl-C and kill, in real processes: nothing is lost, nothing is there twice, and people are told."""

from __future__ import annotations

import os
import select
import signal
import sqlite3
import subprocess
import time
from contextlib import closing

import cli_kit
import pytest

MANY = 3000
PATIENCE = 60


def start(folder, *args):
    """A command that goes on by itself, in a process group of its own."""
    return subprocess.Popen(
        [cli_kit.CURATOR, *args],
        cwd=folder,
        env=cli_kit.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def finished(process):
    out, err = process.communicate(timeout=PATIENCE)
    return cli_kit.Ran(process.returncode, out, err)


def asked(database, sql):
    """One number from a database that somebody else writes; 0 while it is not there."""
    if not database.exists():
        return 0
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=30)) as connection:
        try:
            return connection.execute(sql).fetchone()[0]
        except sqlite3.OperationalError:
            return 0


def wait_for(process, database, sql):
    """Until a count is above zero; the process must still be at it then."""
    deadline = time.monotonic() + PATIENCE
    while not asked(database, sql):
        assert process.poll() is None, finished(process)
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.fixture
def catalogue(tmp_path):
    return tmp_path / "workspace" / "catalogue.db"


@pytest.fixture
def many(tmp_path):
    return cli_kit.texts(tmp_path / "many", MANY)


ITEMS = "SELECT count(*) FROM item"


def whole(run, count):
    """Every file is one item, each under a path of its own."""
    rows = run("ls", "--json").rows("item")
    assert len(rows) == len({row["path"] for row in rows}) == len({row["text"] for row in rows}) == count


def test_two_at_once_the_second_waits_and_says_so(run, tmp_path, many, catalogue):
    cli_kit.texts(tmp_path / "few", 5, "another matter")
    first = start(tmp_path, "add", "many", "--no-encode")
    wait_for(first, catalogue, ITEMS)
    os.kill(first.pid, signal.SIGSTOP)
    try:
        second = start(tmp_path, "add", "few", "--no-encode")
        assert select.select([second.stderr], [], [], PATIENCE)[0], "it waits without a word"
        told = second.stderr.readline()
        assert told.startswith("waiting for another curator to finish") and "(add, started" in told
        assert asked(catalogue, ITEMS) < MANY
        assert run("status").code == 0  # reading need not wait
    finally:
        os.kill(first.pid, signal.SIGCONT)
    assert (finished(first).code, finished(second).code) == (0, 0)
    whole(run, MANY + 5)
    assert [row["state"] for row in run("log", "--json").rows("run")] == ["done", "done"]


def test_two_that_make_the_same_workspace_at_once(run, tmp_path):
    for number in range(3):
        cli_kit.texts(tmp_path / f"part{number}", 4, f"part {number}")
    together = [start(tmp_path, "add", f"part{number}", "--no-encode") for number in range(3)]
    ran = [finished(process) for process in together]
    assert [one.code for one in ran] == [0, 0, 0], ran
    assert sum(one.err.count("made the workspace") for one in ran) == 1
    whole(run, 12)


def test_ctrl_c_keeps_what_was_done_and_the_same_command_goes_on(run, tmp_path, many, catalogue):
    process = start(tmp_path, "add", "many", "--no-encode")
    wait_for(process, catalogue, ITEMS)
    os.killpg(process.pid, signal.SIGINT)
    finished(process).assert_ended(130, "interrupted", "what was done is kept", "the same command continues")
    kept = asked(catalogue, ITEMS)
    assert 0 < kept < MANY
    assert run("log", "--json").row("run")["state"] == "interrupted"

    again = run("add", "many", "--no-encode", "--json")
    assert again.code == 0
    counts = again.row("added")
    assert (counts["unchanged"], counts["added"], counts["decoded"]) == (kept, MANY - kept, MANY - kept)
    whole(run, MANY)


def test_ctrl_c_while_embedding_keeps_the_vectors_that_were_made(run, tmp_path, many):
    run("add", "many", "--no-encode")
    process = start(tmp_path, "encode")
    assert "loading ngram" in process.stderr.readline()
    os.killpg(process.pid, signal.SIGINT)
    finished(process).assert_failed(130, "interrupted", "what was done is kept")
    kept = asked(tmp_path / "workspace" / "derived.db", "SELECT count(*) FROM vector")
    assert kept < MANY
    again = run("encode", "--json")
    assert (again.code, again.row("encoded")["encoded"]) == (0, MANY - kept)
    assert run("status", "--json").row("holding")["embedded"] == MANY


def test_a_killed_run_is_marked_and_the_next_completes_it(run, tmp_path, many, catalogue):
    process = start(tmp_path, "add", "many", "--label", "text", "--no-encode")
    wait_for(process, catalogue, ITEMS)
    os.killpg(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    process.communicate()
    kept = asked(catalogue, ITEMS)
    assert kept < MANY

    assert run("add", "many", "--label", "text", "--no-encode").code == 0
    whole(run, MANY)
    (label,) = run("status", "--json").rows("label")
    assert (label["positives"], label["conflicts"]) == (MANY, 0)
    assert [row["state"] for row in run("log", "--json").rows("run")] == ["done", "interrupted"]
