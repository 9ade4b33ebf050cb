"""Whose a workspace is: one that was made here is known; a copy, a moved and a received one are asked about once."""

from __future__ import annotations

import functools
import os
import shutil
import sqlite3
from contextlib import closing

import cli_kit
import pytest
from cli_kit import AtTerminal

from curator import open_workspace
from curator.errors import NotTrusted

RESTORE = ("quarantine", "restore", "--all")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Texts and the workspace that was made of them, a copy of one set aside; tests take copies."""
    base = tmp_path_factory.mktemp("made")
    cli_kit.texts(base / "texts", 3)
    shutil.copy2(base / "texts" / "1.txt", base / "texts" / "copy.txt")
    run = functools.partial(cli_kit.curator, cwd=base)
    assert run("add", "texts", "--no-encode").code == 0
    assert (done := run("dedupe", "--apply")).code == 0 and "trust" not in done.err
    return base


@pytest.fixture
def home(made, tmp_path):
    """A copy of its workspace beside a copy of its texts, as if it had been sent; paths are those of here."""
    for name in ("texts", "workspace"):
        shutil.copytree(made / name, tmp_path / name)
    with closing(sqlite3.connect(tmp_path / "workspace" / "catalogue.db")) as database, database:
        for table, column in (
            ("root", "path"),
            ("move", "outside"),
            ("quarantined", "outside"),
            ("quarantined", "keeper"),
        ):
            database.execute(f"UPDATE {table} SET {column} = replace({column}, ?, ?)", [str(made), str(tmp_path)])
    return tmp_path


def stored(home):
    (path,) = (path for path in (home / "workspace" / "quarantine").rglob("*") if path.is_file())
    return path


def test_one_that_was_made_here_moves_files_and_is_never_asked_about(run, tmp_path):
    cli_kit.texts(tmp_path / "texts", 2)
    shutil.copy2(tmp_path / "texts" / "1.txt", tmp_path / "texts" / "copy.txt")
    for command in (
        ("init",),
        ("add", "texts", "--no-encode"),
        ("dedupe", "--apply"),
        ("undo",),
        ("undo", "3"),
        RESTORE,
    ):
        done = run(*command)
        assert done.code == 0 and "trust" not in done.err, (command, done)


def test_what_reads_or_writes_inside_of_a_copy_asks_nothing(run, home):
    (home / "texts" / "new.txt").write_text("one more")
    commands = [
        *(("status",), ("ls",), ("log",), ("quarantine", "list"), ("check",), ("backup", "labels.tar")),
        *(("add", "texts", "--no-encode"), ("label", "cat", "id:1"), ("undo",), ("dedupe",)),
        ("quarantine", "purge", "--older-than", "0", "--yes"),
    ]
    for command in commands:
        done = run(*command)
        # The files of a copy have other inodes, which `check` says.
        assert done.code == (5 if command == ("check",) else 0) and "trust" not in done.err, (command, done)


@pytest.mark.parametrize("command", [RESTORE, ("undo",)], ids=" ".join)
def test_a_copy_shows_the_plan_and_moves_nothing_until_it_is_trusted(run, home, command):
    copy, outside = stored(home), home / "texts" / "copy.txt"
    done = run(*command)
    line = done.assert_ended(4, "nothing was moved", str(home / "workspace"), "`curator trust`")
    assert done.err.splitlines() == [f"  would move {copy} to {outside}", line]
    assert copy.is_file() and not outside.exists()
    run("trust").assert_ended(4, "--yes")
    assert not outside.exists()
    shown = run("trust", "--yes", "--json")
    assert shown.code == 0 and [(row["what"], row["from"], row["to"]) for row in shown.rows("outside")] == [
        ("folder", str(home / "texts"), ""),
        ("in quarantine", str(copy), str(outside)),
    ]
    assert run(*command).code == 0 and outside.is_file() and not copy.exists()


def test_an_action_shows_what_it_would_move_in_a_copy(run, home):
    shutil.copy2(home / "texts" / "2.txt", home / "texts" / "again.txt")
    run("add", "texts", "--no-encode")
    assert "1 file would go to quarantine" in run("dedupe").err
    done = run("dedupe", "--apply")
    done.assert_ended(4, "`curator trust`")
    assert (
        "would move" in done.err and (home / "texts" / "again.txt").is_file() and (home / "texts" / "2.txt").is_file()
    )
    run("trust", "--yes")
    assert run("dedupe", "--apply").code == 0
    assert sum((home / "texts" / name).exists() for name in ("2.txt", "again.txt")) == 1


def test_somebody_at_a_terminal_is_asked_and_no_is_what_enter_means(home):
    for answer, said in (("", "is not trusted"), ("n", "is not trusted"), ("y", "is trusted")):
        terminal = AtTerminal("trust", cwd=home)
        assert "texts" in terminal.until("move the files of these folders?")
        terminal.type(answer)
        code, rest = terminal.end()
        assert code == 0 and said in " ".join(rest.split()), rest
    assert cli_kit.curator(*RESTORE, cwd=home).code == 0


def test_a_move_that_was_cut_short_elsewhere_is_left_with_a_line_and_status_works(run, home):
    outside, copy = home / "texts" / "copy.txt", stored(home)
    with closing(sqlite3.connect(home / "workspace" / "catalogue.db")) as database, database:
        database.execute("UPDATE move SET state = 'planned'")
    for command in (("status",), ("label", "cat", "id:2")):
        done = run(*command)
        (line,) = [line for line in done.err.splitlines() if "killed" in line]
        assert done.code == 0 and "`curator trust`" in line and copy.is_file() and not outside.exists(), done
    assert "cut short" in {row["what"] for row in run("trust", "--yes", "--json").rows("outside")}
    assert outside.is_file() and not copy.exists()
    assert "killed" not in run("status").err


def test_a_moved_one_is_asked_about_once_and_so_is_another_in_its_place(run, home):
    assert run("trust", "--yes").code == 0
    (home / "workspace").rename(home / "moved")
    run(*RESTORE, "-w", "moved").assert_ended(4, "`curator trust`")
    assert run("trust", "--yes", "-w", "moved").code == 0
    assert run(*RESTORE, "-w", "moved").code == 0
    shutil.copytree(home / "moved", home / "workspace")
    (home / "workspace" / "catalogue.db").rename(home / "away")  # so that its inode is not given to the copy
    shutil.copy2(home / "moved" / "catalogue.db", home / "workspace" / "catalogue.db")
    run("undo").assert_ended(4, "`curator trust`")


def test_trust_can_be_taken_back(run, home):
    run("trust", "--yes")
    assert "is not trusted" in run("trust", "--forget").out
    run(*RESTORE).assert_ended(4, "`curator trust`")
    run("trust", "--yes", "--forget").assert_failed(2, "not both")


def test_a_workspace_that_is_a_link_is_the_one_that_it_leads_to(run, home):
    run("trust", "--yes")
    (home / "linked").symlink_to("workspace")
    assert run("status", "-w", "linked").code == 0 and run(*RESTORE, "-w", "linked").code == 0
    assert run("undo", "-w", "linked").code == 0


def test_without_a_place_to_keep_it_the_workspace_is_made_and_trusted_by_nobody(run, tmp_path):
    cli_kit.texts(tmp_path / "texts", 2)
    shutil.copy2(tmp_path / "texts" / "1.txt", tmp_path / "texts" / "copy.txt")
    (tmp_path / "file").touch()
    env = {"XDG_STATE_HOME": str(tmp_path / "file")}
    assert run("add", "texts", "--no-encode", env=env).code == 0
    run("dedupe", "--apply", env=env).assert_ended(4, "`curator trust`")
    run("trust", "--yes", env=env).assert_ended(7, "cannot record", "file")
    env = {"XDG_STATE_HOME": str(tmp_path / "workspace")}
    run("trust", "--yes", env=env).assert_ended(7, "lies in the workspace itself")


@pytest.mark.parametrize("name", ["quarantine", "objects", "pretraining"])
def test_a_linked_folder_of_today_is_named_with_its_remedy(run, home, name):
    run("trust", "--yes")
    if (home / "workspace" / name).exists():
        (home / "workspace" / name).rename(home / "elsewhere")
    else:
        (home / "elsewhere").mkdir()
    (home / "workspace" / name).symlink_to(home / "elsewhere")
    assert run("status").code == 0
    command = {"quarantine": RESTORE, "pretraining": ("pretrain", "lstm-clm")}.get(name, ("check",))
    done = run(*command)
    assert done.code in (5, 7) and "Traceback" not in done.err
    assert f"{str(home / 'workspace' / name)!r} is a symbolic link" in done.out + done.err
    assert repr(str(home / "elsewhere")) in done.out + done.err


def test_from_python_it_is_an_error_with_the_plan(home):
    with open_workspace(home / "workspace") as ws:
        with pytest.raises(NotTrusted) as refused:
            ws.quarantine.restore()
        assert refused.value.plan == ((str(stored(home)), str(home / "texts" / "copy.txt")),)
        assert ws.trust(yes=True) and len(ws.quarantine.restore()) == 1


def test_tests_do_not_write_to_the_home_of_who_runs_them(tmp_path):
    from curator.history.trust import state_folder

    assert os.environ["XDG_STATE_HOME"] in str(state_folder())
