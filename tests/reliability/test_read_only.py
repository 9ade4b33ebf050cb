"""A workspace that may be read and not written, while somebody else may write it: never two moments in one.

Whoever reads is told by `os.access` that nothing may be written, as on a disk that is mounted so, or of another user.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sqlite3

import cli_kit
import pytest

from curator.errors import WorkspaceError
from curator.store import derived_layouts
from curator.store.sqlite import connect

READS = """import os, subprocess, sys
access = os.access
os.access = lambda path, mode, **more: mode != os.W_OK and access(path, mode, **more)
from curator.store.catalogue.items import ItemStore
last_id, writing = ItemStore.last_id, sys.argv.pop(1)
def meanwhile(store, *given):
    if writing:
        subprocess.run([sys.executable, "-m", "curator", *writing.split()], check=True, stdout=2)
    return last_id(store, *given)
ItemStore.last_id = meanwhile
from curator.__main__ import main
main()
"""


@pytest.fixture
def made(run, tmp_path):
    cli_kit.texts(tmp_path / "texts", 3)
    assert run("add", "texts", "--no-encode").code == 0
    return tmp_path


def read(made, writing, *command):
    """A command; before it looks whether there are items, somebody else does what `writing` says."""
    (made / "reads.py").write_text(READS)
    return cli_kit.script(made / "reads.py", writing, *command, cwd=made)


def test_what_another_writes_meanwhile_is_told(made):
    assert read(made, "", "status").code == 0
    read(made, "label cat id:1", "status").assert_ended(7, "catalogue.db", "written by somebody else", "run it again")
    assert json.loads(read(made, "", "ls", "--json").out.splitlines()[0])["labels"] == ["cat"]


def test_it_may_not_be_written_from_there(made):
    read(made, "", "label", "cat", "id:1").assert_failed(7, "is read-only")
    read(made, "", "encode").assert_failed(7, "is read-only")
    read(made, "", "similar", "id:1").assert_failed(7, "is read-only")  # which weights the encoder has is not known yet


def test_a_head_that_was_not_fitted_yet_is_not_fitted_there(embedded, tmp_path):
    shutil.copytree(embedded, tmp_path, dirs_exist_ok=True)
    read(tmp_path, "", "classify", "--label", "cat", "--head", "prototype").assert_failed(7, "is read-only")
    assert read(tmp_path, "", "classify", "--label", "cat").code == 0


@pytest.fixture(scope="module")
def embedded(tmp_path_factory):
    """A workspace with pictures and texts that are embedded, labelled and marked as alike."""
    base = tmp_path_factory.mktemp("embedded")
    (base / "photos").mkdir()
    for number in range(6):
        cli_kit.photo(base / "photos" / f"{number}.png", number)
    cli_kit.texts(base / "texts", 4)
    for command in (
        "add photos texts",
        "label cat id:1 id:2",
        "label cat --negative id:3 id:4",
        "pair id:1 id:2 --metric taste",
        "pair id:5 id:6 --metric taste",
        "pair id:1 id:3 id:4 --not-alike --metric taste",
        "train --label cat",
    ):
        assert cli_kit.curator(*command.split(), cwd=base).code == 0
    return base


def older(folder, layout):
    """Put a cache of an older layout, with the vectors and nothing else, in place of the one in a workspace."""
    new, cache = folder / "derived.db", folder / "before.db"
    with contextlib.closing(sqlite3.connect(cache, isolation_level=None)) as made:
        made.execute("PRAGMA journal_mode = WAL")
        for script in list(derived_layouts.STEPS.values())[:layout]:
            made.executescript(script)
        made.execute(f"PRAGMA user_version = {layout}")
        made.execute("ATTACH ? AS now", [str(new)])
        for table in ("space", "vector"):
            made.execute(f"INSERT INTO {table} SELECT * FROM now.{table}")
    for name in ("derived.db", "derived.db-wal", "derived.db-shm"):
        (folder / name).unlink(missing_ok=True)
    cache.rename(new)


@pytest.mark.parametrize("layout", range(1, derived_layouts.LAYOUT))
def test_a_cache_of_an_older_layout_is_read(embedded, tmp_path, layout):
    shutil.copytree(embedded, tmp_path, dirs_exist_ok=True)
    older(tmp_path / "workspace", layout)
    for command in (
        "similar id:1",
        "similar id:1 --metric taste",
        "classify --label cat",
        "dedupe",
        "cluster",
        "status",
    ):
        ran = read(tmp_path, "", *command.split(), "--json")
        assert (ran.code, "plugin" in ran.err) == (0, False), (command, ran)
        assert ran.out or command == "dedupe", command


@pytest.fixture
def database(tmp_path):
    """One that is read here, as it was before somebody writes."""
    path = tmp_path / "x.db"
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as writer:
        writer.execute("PRAGMA journal_mode = WAL")
        writer.execute("CREATE TABLE t (x)")
        writer.execute("INSERT INTO t VALUES (1)")
    return path


@pytest.fixture(autouse=True)
def unwritable(monkeypatch):
    monkeypatch.setattr("curator.store.sqlite.os.access", lambda path, mode: mode != os.W_OK)


def write(path, end=True):
    writer = sqlite3.connect(path, isolation_level=None)
    writer.execute("INSERT INTO t VALUES (2)")
    if end:
        writer.close()
    return writer


def test_pages_that_changed_are_not_used(database):
    with contextlib.closing(connect(database)) as reading:
        assert reading.value("SELECT count(*) FROM t") == 1
        write(database)
        for ask in (reading.rows, reading.row, reading.value):
            with pytest.raises(WorkspaceError, match="run it again"):
                ask("SELECT count(*) FROM t")
        with pytest.raises(WorkspaceError, match="run it again"), reading.copied(database.parent):
            pass
    with contextlib.closing(connect(database)) as reading:
        assert reading.value("SELECT count(*) FROM t") == 2


def test_another_in_its_place_is_told(database):
    with contextlib.closing(connect(database)) as reading:
        database.unlink()
        with pytest.raises(WorkspaceError, match="run it again"):
            reading.rows("SELECT x FROM t")


def test_one_that_somebody_has_open_is_read_beside_him(database):
    """By the file that SQLite keeps beside it for that, although it may only be read here."""
    with contextlib.closing(write(database, end=False)) as writer, contextlib.closing(connect(database)) as reading:
        assert reading.value("SELECT count(*) FROM t") == 2
        reading.execute("BEGIN")
        assert reading.value("SELECT count(*) FROM t") == 2
        writer.executemany("INSERT INTO t VALUES (?)", [[number] for number in range(5000)])
        writer.execute("PRAGMA wal_checkpoint(PASSIVE)")
        assert reading.value("SELECT count(*) FROM t") == 2
        reading.execute("ROLLBACK")
        assert reading.value("SELECT count(*) FROM t") == 5002
