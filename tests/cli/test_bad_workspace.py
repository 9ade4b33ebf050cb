"""No workspace, or one that is newer, damaged, read-only or another program's."""

from __future__ import annotations

import contextlib
import functools
import os
import shutil
import sqlite3

import cli_kit
import pytest

from curator.store.derived_layouts import LAYOUT

READING = [("ls",), ("status",), ("similar", "id:1", "-k", "2")]
WRITING = [
    ("add", "texts"),
    ("label", "dog", "texts/1.txt"),
    ("encoders", "--use", "ngram"),
    ("encode", "--retry"),
    ("undo",),
]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder with a workspace of three embedded texts and one label; tests take copies."""
    base = tmp_path_factory.mktemp("made")
    cli_kit.texts(base / "texts", 3)
    run = functools.partial(cli_kit.curator, cwd=base)
    run("add", "texts")
    run("label", "cat", "texts/1.txt")
    return base


@pytest.fixture
def copied(made, tmp_path):
    shutil.copytree(made / "workspace", tmp_path / "workspace")
    shutil.copytree(made / "texts", tmp_path / "texts")
    return tmp_path / "workspace"


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.suffix == ".db"}


@pytest.mark.parametrize("command", [*READING, ("label", "x", "a.jpg"), ("classify", "--label", "x")])
def test_no_workspace(run, tmp_path, command):
    run(*command).assert_failed(3, str(tmp_path / "workspace"), "`curator add FOLDER` makes one")
    assert list(tmp_path.iterdir()) == []


def test_a_workspace_that_cannot_be_made(run, tmp_path, obedient):
    cli_kit.texts(tmp_path / "texts", 1)
    (tmp_path / "file").touch()
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o555)
    run("add", "texts", "-w", "file").assert_failed(7, "cannot make the workspace", "file exists")
    run("add", "texts", "-w", "file/below").assert_failed(7, "cannot make the workspace", "not a directory")
    run("add", "texts", "-w", "closed/below", before=obedient).assert_failed(7, "cannot make", "permission denied")
    run("add", "texts", "-w", "closed", before=obedient).assert_failed(7, "read-only")
    run("ls", "-w", "file").assert_failed(3, "no workspace")
    assert list(closed.iterdir()) == []


@pytest.mark.parametrize("command", [READING[0], WRITING[0], WRITING[1]])
def test_a_workspace_of_a_newer_curator(run, copied, command):
    with sqlite3.connect(copied / "catalogue.db") as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    before = contents(copied)
    run(*command).assert_failed(7, "newer curator", "99", "pip install --upgrade curator-agent")
    assert contents(copied) == before


def damage(path, kind):
    if kind == "garbage":
        path.write_bytes(bytes(range(256)) * 64)
    elif kind == "cut":
        path.write_bytes(path.read_bytes()[:5000])
    elif kind == "overwritten":
        data = path.read_bytes()
        path.write_bytes(data[:4096] + bytes(range(256)) * ((len(data) - 4096) // 256))
    elif kind == "emptied":
        path.write_bytes(b"")
    elif kind == "another program's":
        path.unlink()
        with sqlite3.connect(path) as connection:
            connection.execute("CREATE TABLE bookmarks (url)")
        connection.close()


@pytest.mark.parametrize("command", [READING[0], WRITING[0]])
@pytest.mark.parametrize("kind", ["garbage", "cut", "overwritten", "emptied", "another program's"])
def test_a_damaged_catalogue(run, copied, kind, command):
    damage(copied / "catalogue.db", kind)
    before = contents(copied)
    run(*command).assert_failed(7, "catalogue.db", "restore it from a backup")
    assert contents(copied) == before


def test_a_folder_in_place_of_the_catalogue(run, tmp_path):
    cli_kit.texts(tmp_path / "texts", 1)
    (tmp_path / "workspace" / "catalogue.db").mkdir(parents=True)
    run("add", "texts").assert_failed(7, "catalogue.db is a folder")


def test_a_damaged_cache_names_its_own_cure(run, copied):
    damage(copied / "derived.db", "garbage")
    run("status").assert_failed(7, "derived.db", "delete it", "curator encode")
    (copied / "derived.db").unlink()
    assert run("encode").code == 0
    assert run("status", "--json").row("holding")["embedded"] == 3
    assert run("status", "--json").row("label")["positives"] == 1


def set_layout(path, layout):
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(f"PRAGMA user_version = {layout}")


def test_a_cache_of_a_newer_curator_is_not_touched(run, copied):
    set_layout(copied / "derived.db", 99)
    before = contents(copied)
    for command in (READING[0], WRITING[0]):
        run(*command).assert_failed(7, "derived.db", "newer curator", "layout 99", "pip install", "move the file away")
    assert contents(copied) == before
    (copied / "derived.db").rename(copied / "away")
    assert run("encode").code == 0
    set_layout(copied / "away", LAYOUT)
    (copied / "away").replace(copied / "derived.db")
    assert run("status", "--json").row("holding")["embedded"] == 3


def test_a_cache_of_an_older_layout_keeps_its_vectors(run, copied):
    cli_kit.earlier_cache(copied / "derived.db", 4)
    ran = run("status", "--json")
    assert (ran.row("holding")["embedded"], ran.err) == (3, "")
    assert run("similar", "id:1", "-k", "2").code == 0


def test_what_is_no_cache_is_kept_beside_it_with_a_line(run, copied):
    damage(copied / "derived.db", "another program's")
    ran = run("status", "--json")
    assert (ran.code, ran.row("holding")["embedded"]) == (0, 0)
    assert "derived.db.old-1, and `curator encode` fills another" in ran.err and len(ran.err.splitlines()) == 1
    assert run("encode").code == 0
    ran = run("status", "--json")
    assert (ran.row("holding")["embedded"], ran.err) == (3, "")
    with contextlib.closing(sqlite3.connect(copied / "derived.db.old-1")) as connection:
        assert connection.execute("SELECT count(*) FROM bookmarks").fetchone() == (0,)


@pytest.fixture(params=["files and folder", "folder", "files"])
def read_only(request, copied):
    """A workspace that cannot be written, in each way that there is."""
    if request.param != "folder":
        for path in copied.iterdir():
            if path.is_file():
                path.chmod(0o444)
    if request.param != "files":
        copied.chmod(0o555)
    yield copied
    copied.chmod(0o755)


def test_a_read_only_workspace_can_be_read(run, read_only, obedient):
    before = contents(read_only)
    for command in READING:
        ran = run(*command, before=obedient)
        assert (ran.code, ran.err) == (0, ""), (command, ran)
    assert contents(read_only) == before


def test_a_read_only_workspace_is_not_written(run, read_only, obedient, tmp_path):
    (tmp_path / "texts" / "new.txt").write_text("one more")
    before = contents(read_only)
    for command in WRITING:
        run(*command, before=obedient).assert_failed(7, "read-only", "nothing was changed")
    assert contents(read_only) == before


def test_a_catalogue_that_may_not_be_read(run, copied, obedient):
    (copied / "catalogue.db").chmod(0)
    run("ls", before=obedient).assert_failed(7, "catalogue.db", "permission")


def test_a_log_left_by_a_killed_writer_is_read_in_a_read_only_workspace(run, copied, obedient):
    """What was committed but not yet moved from the log to the database counts, or nothing is shown: never less."""
    writer = sqlite3.connect(copied / "catalogue.db", isolation_level=None)
    writer.execute("PRAGMA wal_autocheckpoint = 0")
    writer.execute("UPDATE label SET name = 'tiger'")
    saved = copied.parent / "saved"
    shutil.copytree(copied, saved)  # as a killed process leaves it
    writer.close()
    (saved / "catalogue.db-shm").unlink()
    saved.chmod(0o555)
    try:
        ran = run("ls", "--labelled", "tiger", "-w", "saved", before=obedient)
    finally:
        saved.chmod(0o755)
    if ran.code:
        ran.assert_failed(7, "catalogue.db")
    else:
        assert len(ran.out.splitlines()) == 1
    assert run("ls", "--labelled", "tiger", "-w", "saved", "--json").row("item")["id"] == 1


def test_the_workspace_of_the_variable_and_a_home_that_is_nobody_s(run, tmp_path):
    cli_kit.texts(tmp_path / "texts", 1)
    env = {"CURATOR_WORKSPACE": os.fspath(tmp_path / "other")}
    run("ls", env=env).assert_failed(3, str(tmp_path / "other"))
    run("ls", "-w", "~nobody-of-that-name/ws").assert_failed(3, "no workspace", "nobody-of-that-name")
