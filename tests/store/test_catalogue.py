"""The catalogue file: migrations, constraints, and what it refuses."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curator.errors import WorkspaceError
from curator.store import migrations
from curator.store.catalogue import open_catalogue, path_from_value, path_to_value
from curator.store.catalogue.changes import decode_row

TABLES = {
    *("run", "change", "item", "root", "place", "caption", "problem", "label_group", "label", "statement"),
    *(
        "space",
        "model",
        "head",
        "setting",
        "move",
        "quarantined",
        "source_table",
        "row_problem",
        "pair",
        "saved_selection",
    ),
    *("side", "row_aside"),
}


def tables(connection):
    rows = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '%sqlite%'")
    return {row[0] for row in rows}


@pytest.fixture
def catalogue(tmp_path):
    database = open_catalogue(tmp_path)
    yield database
    database.close()


def test_from_nothing_to_the_latest_schema(tmp_path):
    database = open_catalogue(tmp_path)
    assert database.value("PRAGMA user_version") == migrations.LATEST
    assert tables(database.connection) == TABLES
    assert database.value("PRAGMA foreign_keys") == 1
    assert database.value("PRAGMA journal_mode") == "wal"
    assert not database.connection.in_transaction
    database.close()
    assert [path.name for path in tmp_path.iterdir()] == ["catalogue.db"]


def test_an_emptied_file_is_not_taken_for_a_new_catalogue(tmp_path):
    (tmp_path / "catalogue.db").touch()
    with pytest.raises(
        WorkspaceError, match="not a catalogue made by curator, or was emptied: restore it from a backup"
    ):
        open_catalogue(tmp_path)
    assert (tmp_path / "catalogue.db").stat().st_size == 0


def test_a_catalogue_of_the_first_schema_is_brought_up_to_date_with_its_rows(tmp_path, monkeypatch):
    old = sqlite3.connect(tmp_path / "catalogue.db", isolation_level=None)
    for statement in migrations.statements(migrations.M001):
        old.execute(statement)
    # As sqlite-utils records what it applied.
    old.execute(
        "CREATE TABLE _sqlite_migrations (id INTEGER PRIMARY KEY, migration_set TEXT, name TEXT, applied_at TEXT)"
    )
    old.execute("INSERT INTO _sqlite_migrations VALUES (1, 'curator', 'm001_create_catalogue', '2026-01-01')")
    old.execute("PRAGMA user_version = 1")
    old.execute("INSERT INTO item (hash, modality, size, text) VALUES ('a', 'text', 1, 'x')")
    old.execute("INSERT INTO problem (path, reason) VALUES ('/a.png', 'empty file')")
    rows = old.execute("SELECT * FROM item").fetchall() + old.execute("SELECT * FROM problem").fetchall()
    old.close()
    database = open_catalogue(tmp_path)
    assert database.value("PRAGMA user_version") == migrations.LATEST
    assert tables(database.connection) >= TABLES
    kept = [*database.rows("SELECT * FROM item"), *database.rows("SELECT * FROM problem")]
    rows[0] += (None, None)  # when it was taken, and by which run it was added: no longer told, and not on record
    assert list(map(tuple, kept)) == rows
    database.close()


def test_items_of_an_older_catalogue_are_known_by_the_run_that_added_them_first(tmp_path):
    """Also those that were taken back, so that they come back so; and what was forgotten stays forgotten."""
    old = sqlite3.connect(tmp_path / "catalogue.db", isolation_level=None)
    old.execute(
        "CREATE TABLE _sqlite_migrations (id INTEGER PRIMARY KEY, migration_set TEXT, name TEXT, applied_at TEXT)"
    )
    for number, (step, script) in enumerate(list(migrations.STEPS.items())[:8], 1):
        for statement in migrations.statements(script):
            old.execute(statement)
        old.execute("INSERT INTO _sqlite_migrations VALUES (?, 'curator', ?, '2026-01-01')", (number, step))
    old.execute("PRAGMA user_version = 8")
    runs = [(n, f"2026-11-0{n}") for n in range(1, 6)]
    old.executemany("INSERT INTO run VALUES (?, 'x', '{}', ?, '', 'done', '', NULL)", runs)
    items = [(1, "a"), (2, "b"), (9, "z")]
    old.executemany("INSERT INTO item (id, hash, modality, size) VALUES (?, ?, 'image', 1)", items)
    gone = json.dumps({"id": 3, "hash": "c", "modality": "text", "size": 1, "text": "x"})
    changes = [  # item 2 was added by run 2, taken back by 3 and brought back by 4
        (1, "insert", 1, None),
        (2, "insert", 2, None),
        (2, "insert", 3, None),
        (3, "delete", 2, json.dumps({"id": 2, "hash": "b"})),
        (4, "insert", 2, None),
        (5, "delete", 3, gone),
        (5, "delete", 4, "{}"),
    ]
    sql = "INSERT INTO change (run_id, kind, table_name, row_id, before, state) VALUES (?, ?, 'item', ?, ?, 'done')"
    old.executemany(sql, changes)
    old.close()
    database = open_catalogue(tmp_path)
    rows = database.rows("SELECT id, run_id, taken FROM item ORDER BY id")
    assert list(map(tuple, rows)) == [(1, 1, None), (2, 2, None), (9, None, None)]
    taken_back = [row[0] for row in database.rows("SELECT before FROM change WHERE kind = 'delete' ORDER BY id")]
    assert [decode_row(text).get("run_id") for text in taken_back] == [2, 2, None]
    assert decode_row(taken_back[1]) == {**decode_row(gone), "taken": None, "run_id": 2} and taken_back[2] == "{}"
    assert database.rows("PRAGMA foreign_key_check") == []
    database.close()


def test_heads_of_an_older_catalogue_are_known_by_what_they_were_fitted_for(tmp_path):
    old = sqlite3.connect(tmp_path / "catalogue.db", isolation_level=None)
    old.execute(
        "CREATE TABLE _sqlite_migrations (id INTEGER PRIMARY KEY, migration_set TEXT, name TEXT, applied_at TEXT)"
    )
    steps = ["create_catalogue", "create_quarantine", "create_tables", "keep_what_was_held_out", "create_pairs"]
    for number, step in enumerate(steps, 1):
        for statement in migrations.statements(getattr(migrations, f"M00{number}")):
            old.execute(statement)
        row = (number, "curator", f"m00{number}_{step}", "2026-01-01")
        old.execute("INSERT INTO _sqlite_migrations VALUES (?, ?, ?, ?)", row)
    old.execute("PRAGMA user_version = 5")
    old.executemany("INSERT INTO label_group VALUES (?, ?)", [(1, "photos"), (2, "animals/pets")])
    labels = [(1, "photos/hat", None), (2, "hat", 1), (3, "pets/cat", 2), (4, "cat", 2)]
    old.executemany("INSERT INTO label VALUES (?, ?, ?)", labels)
    old.execute("INSERT INTO space VALUES (1, 'f', 2, '[]', '{}')")
    old.execute("INSERT INTO model VALUES (1, 'm', '', 1, 1, 'null', NULL)")
    wanted = {
        ("label:photos/hat", '["not photos/hat", "photos/hat"]'): ("label", 1),
        ("label:photos/hat", '["not hat", "hat"]'): ("label", 2),
        ("label:animals/pets/cat", '["not cat", "cat"]'): ("label", 4),
        ("group:animals/pets", '["cat", "pets/cat"]'): ("group", 2),
        ("group:gone", '["a", "b"]'): ("group", None),
        ("label:gone", '["not gone", "gone"]'): ("label", None),
    }
    sql = (
        "INSERT INTO head (target, version, kind, options, model_id, classes, counts, digest, metrics, notes, object) "
    )
    sql += "VALUES (?, ?, 'k', '{}', 1, ?, '[]', 'd', '{}', '[]', 'o')"
    old.executemany(sql, [(target, n, classes) for n, (target, classes) in enumerate(wanted)])
    old.execute("INSERT INTO run VALUES (1, 'undo', '{}', '', '', 'done', '', NULL)")
    sql = "INSERT INTO change VALUES (?, 1, 'delete', 'head', ?, json_object('target', ?, 'classes', ?), NULL, 'done')"
    old.executemany(sql, [(n, n, *key) for n, key in enumerate(wanted, 1)])
    old.close()
    database = open_catalogue(tmp_path)
    rows = database.rows("SELECT target_kind, target_id FROM head ORDER BY version")
    assert list(map(tuple, rows)) == list(wanted.values())
    taken_back = [decode_row(row["before"]) for row in database.rows("SELECT before FROM change ORDER BY id")]
    assert [(row["target_kind"], row["target_id"]) for row in taken_back] == list(wanted.values())
    database.close()


def test_every_table_is_strict_and_has_an_id(catalogue):
    for row in catalogue.rows("SELECT name, strict FROM pragma_table_list WHERE schema = 'main' AND type = 'table'"):
        if row["name"] in TABLES:
            assert row["strict"] == 1
            columns = {column["name"]: column for column in catalogue.rows(f"PRAGMA table_info({row['name']})")}
            assert columns["id"]["pk"] == 1


@pytest.mark.parametrize("table", ["place", "head", "setting"])
def test_an_interrupted_step_leaves_nothing_half(tmp_path, monkeypatch, table):
    connection = sqlite3.connect(tmp_path / "step.db", isolation_level=None)
    with monkeypatch.context() as patch:
        # Midway: what was there before it is made again, which SQLite refuses.
        broken = migrations.M001.replace(f"CREATE TABLE {table} (", "CREATE TABLE item (")
        patch.setitem(migrations.STEPS, "m001_create_catalogue", broken)
        with pytest.raises(sqlite3.OperationalError, match="item already exists"):
            migrations.migrate(connection)
        assert tables(connection) == set()
        assert connection.execute("PRAGMA user_version").fetchone()[0] == 0
        with pytest.raises(sqlite3.OperationalError, match="item already exists"):
            open_catalogue(tmp_path)
    migrations.migrate(connection)
    assert tables(connection) == TABLES
    assert connection.execute("PRAGMA user_version").fetchone()[0] == migrations.LATEST
    connection.close()
    # Of the file that could not be made nothing stands in the way of making it.
    assert not (tmp_path / "catalogue.db").exists()
    database = open_catalogue(tmp_path)
    assert tables(database.connection) == TABLES
    database.close()


def test_opening_again_changes_nothing(tmp_path):
    open_catalogue(tmp_path).close()
    before = (tmp_path / "catalogue.db").read_bytes()
    open_catalogue(tmp_path).close()
    assert (tmp_path / "catalogue.db").read_bytes() == before


def test_an_up_to_date_catalogue_needs_no_sqlite_utils(tmp_path):
    code = (
        "import sys; from pathlib import Path; from curator.store.catalogue import open_catalogue\n"
        "open_catalogue(Path(sys.argv[1])).close(); print('sqlite_utils' in sys.modules)"
    )
    told = [
        subprocess.run(
            [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True
        ).stdout.strip()
        for _ in range(2)
    ]
    assert told == ["True", "False"]


@pytest.mark.parametrize(
    "sql",
    [
        "INSERT INTO item (hash, modality, size) VALUES ('a', 'image', 'many')",  # STRICT
        "INSERT INTO item (hash, modality, size) VALUES ('a', 'sound', 1)",
        "INSERT INTO item (hash, modality, size) VALUES (NULL, 'image', 1)",
        "INSERT INTO caption (image_id, text_id) VALUES (1, 2)",  # foreign keys
        "INSERT INTO run (command, arguments, started, state, version) VALUES ('a', '{}', '', 'broken', '')",
        "INSERT INTO change (run_id, kind, table_name, row_id, state) VALUES (9, 'insert', 'item', 1, 'done')",
        "INSERT INTO change VALUES (1, 1, 'delete', 'item', 1, '{}', NULL, 'done', 2)",  # only what is added is many
        "INSERT INTO change VALUES (1, 1, 'insert', 'item', 1, NULL, NULL, 'done', 10001)",
        "INSERT INTO change VALUES (1, 1, 'insert', 'item', 2, NULL, NULL, 'done', 2)",
    ],
)
def test_what_the_schema_refuses(catalogue, sql):
    with pytest.raises(sqlite3.IntegrityError):
        catalogue.execute(sql)


def test_names_are_unique_within_a_group(catalogue):
    catalogue.execute("INSERT INTO label_group (name) VALUES ('kind')")
    catalogue.execute("INSERT INTO label (name) VALUES ('cat')")
    catalogue.execute("INSERT INTO label (name, group_id) VALUES ('cat', 1)")
    for values in ("('cat', NULL)", "('cat', 1)"):
        with pytest.raises(sqlite3.IntegrityError, match="UNIQUE"):
            catalogue.execute(f"INSERT INTO label (name, group_id) VALUES {values}")


def test_a_transaction_is_whole_or_nothing(catalogue):
    insert = "INSERT INTO label (name) VALUES (?)"
    with pytest.raises(ValueError, match="midway"), catalogue.transaction():
        catalogue.execute(insert, "a")
        with catalogue.transaction():
            catalogue.execute(insert, "b")
        raise ValueError("midway")
    assert catalogue.value("SELECT count(*) FROM label") == 0
    with catalogue.transaction():
        catalogue.execute(insert, "c")
    assert not catalogue.connection.in_transaction
    assert catalogue.value("SELECT name FROM label") == "c"


def test_a_newer_catalogue_is_left_alone(tmp_path):
    database = open_catalogue(tmp_path)
    database.execute(f"PRAGMA user_version = {migrations.LATEST + 1}")
    database.close()
    with pytest.raises(WorkspaceError, match=r"made by a newer curator .*pip install --upgrade curator-agent"):
        open_catalogue(tmp_path)


@pytest.mark.parametrize(
    "data", [b"not a database at all" * 100, b"SQLite format 3\0" + b"\xff" * 5000], ids=["text", "torn"]
)
def test_a_damaged_catalogue_is_said_to_be_damaged(tmp_path, data):
    (tmp_path / "catalogue.db").write_bytes(data)
    with pytest.raises(WorkspaceError, match="is damaged"):
        open_catalogue(tmp_path)
    assert (tmp_path / "catalogue.db").read_bytes() == data


def test_many_values_go_through_in_chunks(catalogue):
    values = list(range(25_000))
    sql = "SELECT value FROM json_each(?) WHERE value % 2 = 0"
    assert [row[0] for row in catalogue.rows_among(sql, values)] == values[::2]


@given(st.binary(min_size=1).filter(lambda name: b"\0" not in name))
def test_paths_of_any_bytes_come_back_as_they_were(name):
    import os

    path = os.fsdecode(name)
    value = path_to_value(path)
    assert path_from_value(value) == path
    assert isinstance(value, str) == (name.decode("utf-8", "ignore").encode() == name)
