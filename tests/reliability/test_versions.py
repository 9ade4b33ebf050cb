"""Databases of other versions: brought up to date whole or left as they were, and never erased."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3

import pytest
from cli_kit import contents, curator_here
from fixtures import before

from curator.errors import WorkspaceError
from curator.store import catalogue, derived, derived_layouts, migrations
from curator.store.catalogue import BEFORE, open_catalogue
from curator.store.derived import Derived
from curator.store.schema import statements

ROWS = {
    1: [
        "INSERT INTO run VALUES (1, 'add', '{}', '2026-01-01T00:00:00+00:00', NULL, 'done', '0.1', NULL)",
        "INSERT INTO item (id, hash, modality, size) VALUES (1, 'a', 'image', 3), (2, 'b', 'text', 4)",
        "INSERT INTO label VALUES (1, 'cat', NULL)",
        "INSERT INTO statement VALUES (1, 1, 1, 1, 3, NULL, 1)",
        "INSERT INTO space VALUES (1, 'f', 8, '[\"text\"]', '{}')",
        "INSERT INTO model VALUES (1, 'ngram', '', 1, 1, 'null', NULL)",
        "INSERT INTO head (id, target, version, kind, options, model_id, classes, counts, digest, metrics, "
        "notes, object) VALUES "
        "(1, 'label:cat', 1, 'linear', '{}', 1, '[\"not cat\", \"cat\"]', '[1, 1]', 'd', '{}', '[]', 'o')",
        "INSERT INTO change VALUES (1, 1, 'insert', 'label', 1, NULL, NULL, 'done')",
    ],
    2: ["INSERT INTO quarantined VALUES (1, 1, '/a', 'a', 'a', 3, 'exact', 'same', NULL, '2026-01-01T00:00:00+00:00')"],
    3: ["INSERT INTO source_table (id, path, options) VALUES (1, '/t.csv', '{\"reader\": \"table\"}')"],
    5: ["INSERT INTO pair VALUES (1, 'taste', 1, 2, 1, 1)"],
}
"""What is put into a catalogue after the step to each version."""


def of_version(folder, version):
    """The catalogue of a workspace as curator of then left it, with a row in most tables."""
    folder.mkdir(exist_ok=True)
    with contextlib.closing(sqlite3.connect(folder / "catalogue.db", isolation_level=None)) as connection:
        for number, step in enumerate(list(migrations.STEPS.values())[:version], 1):
            for statement in [*statements(step), *ROWS.get(number, [])]:
                connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {version}")


def rows(path):
    with contextlib.closing(sqlite3.connect(path)) as connection:
        tables = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {table: connection.execute(f"SELECT * FROM {table}").fetchall() for table in tables}


@pytest.mark.parametrize("version", range(1, migrations.LATEST))
def test_every_released_schema_is_brought_up_to_date_with_a_copy_of_how_it_was(tmp_path, version):
    of_version(tmp_path, version)
    was = rows(tmp_path / "catalogue.db")
    open_catalogue(tmp_path).close()
    assert rows(tmp_path / BEFORE) == was
    now = rows(tmp_path / "catalogue.db")
    for table, held in was.items():
        assert [row[: len(old)] for row, old in zip(now[table], held, strict=True)] == held, table
    open_catalogue(tmp_path).close()  # which shows that the new one can be opened
    assert not (tmp_path / BEFORE).exists()
    with contextlib.closing(sqlite3.connect(tmp_path / "catalogue.db")) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_who_comes_second_copies_nothing(tmp_path):
    """Two that find an old catalogue wait for each other, and the copy is of how it was before the first."""
    of_version(tmp_path, 1)
    with contextlib.closing(sqlite3.connect(tmp_path / "catalogue.db", isolation_level=None)) as connection:
        copied = []
        for _ in range(2):
            migrations.migrate(connection, lambda: copied.append(connection.in_transaction))
        assert copied == [True]


def test_through_the_command_line(tmp_path, monkeypatch):
    before.unpack(tmp_path)
    monkeypatch.chdir(tmp_path)
    was = rows(tmp_path / "workspace" / "catalogue.db")
    assert curator_here("status").code == 0
    assert rows(tmp_path / "workspace" / BEFORE) == was
    assert curator_here("status").code == 0 and not (tmp_path / "workspace" / BEFORE).exists()


def test_a_step_that_fails_is_one_line_and_the_database_is_as_it_was(tmp_path, monkeypatch):
    before.unpack(tmp_path)
    monkeypatch.chdir(tmp_path)
    was = contents(tmp_path / "workspace")
    monkeypatch.setitem(migrations.STEPS, "m006_know_heads_by_their_target", "CREATE TABLE item (x);")
    line = curator_here("status").assert_failed(
        7, "catalogue.db could not be brought up to date", "item already exists"
    )
    assert "as it was" in line
    assert {name: data for name, data in contents(tmp_path / "workspace").items() if name in was} == was
    assert not (tmp_path / "workspace" / BEFORE).exists()
    monkeypatch.undo()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(derived.STEPS, "d005_create_metrics", "CREATE TABLE vector (x);")
    curator_here("status").assert_failed(7, "derived.db could not be brought up to date", "delete it")
    assert rows(tmp_path / "workspace" / "derived.db")["vector"]


@pytest.mark.parametrize(("limit", "words"), [(400_000, "cannot be written"), (2_000_000, "")])
def test_a_cache_for_whose_update_there_is_no_room_is_as_it_was(tmp_path, run, limit, words):
    """Of a size that the kernel makes small; the step lays half a megabyte to another table."""
    import resource

    assert run("init").code == 0
    path = tmp_path / "workspace" / "derived.db"
    path.unlink()
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for statement in statements(derived_layouts.D001 + derived_layouts.D002 + derived_layouts.D003):
            connection.execute(statement)
        connection.execute("INSERT INTO compiled VALUES ('space-a', zeroblob(500000))")
        connection.execute("PRAGMA user_version = 3")
    was = path.read_bytes()
    ran = run("status", before=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)))
    if words:
        ran.assert_failed(7, str(path), words, "nothing of this step was kept")
        assert path.read_bytes() == was
    else:
        assert ran.code == 0 and "compiled" not in rows(path)


def test_without_room_nothing_is_done(tmp_path, monkeypatch):
    before.unpack(tmp_path)
    monkeypatch.chdir(tmp_path)
    was = contents(tmp_path / "workspace")
    monkeypatch.setattr(catalogue.shutil, "disk_usage", lambda folder: shutil._ntuple_diskusage(10, 9, 1))
    update = f"needs an update (schema 5 to {migrations.LATEST})"
    curator_here("status").assert_failed(7, update, "MB free", "make room, nothing was done")
    assert {name: data for name, data in contents(tmp_path / "workspace").items() if name in was} == was


@pytest.mark.parametrize("database", ["catalogue.db", "derived.db"])
def test_an_older_program_erases_nothing(tmp_path, database):
    """As one that knows the schema of today meets one of tomorrow, with a table that it does not know."""
    open_catalogue(tmp_path).close()
    Derived(tmp_path).close()
    later = {"catalogue.db": migrations.LATEST, "derived.db": derived_layouts.LAYOUT}[database] + 1
    with contextlib.closing(sqlite3.connect(tmp_path / database)) as connection:
        connection.execute("CREATE TABLE tomorrow (x)")
        connection.execute(f"PRAGMA user_version = {later}")
        connection.commit()
    was = contents(tmp_path)[database]
    with pytest.raises(WorkspaceError, match=rf"newer curator \((schema|layout) {later}, this one knows"):
        open_catalogue(tmp_path) if database == "catalogue.db" else Derived(tmp_path)
    assert contents(tmp_path)[database] == was
