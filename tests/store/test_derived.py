"""The cache: keyed by space and content, brought up to date from any layout, never erased."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import subprocess
import sys
import time

import pytest

from curator.errors import WorkspaceError
from curator.store import derived, derived_layouts, migrations
from curator.store.derived import Derived
from curator.store.migrations import statements


@pytest.fixture
def cache(tmp_path):
    opened = Derived(tmp_path)
    yield opened
    opened.close()


def test_vectors_of_two_spaces_never_mix(cache):
    cache.put_vectors("space-a", [("x", b"1111"), ("y", b"2222")], "float32")
    cache.put_vectors("space-b", [("x", b"3333")], "float32")
    assert dict(cache.vectors("space-a", ["x", "y", "z"])) == {"x": b"1111", "y": b"2222"}
    assert dict(cache.vectors("space-b", ["x", "y", "z"])) == {"x": b"3333"}
    assert (cache.count("space-a"), cache.count("space-b"), cache.count("space-c")) == (2, 1, 0)
    assert cache.known("space-b", ["x", "y"]) == {"x"}


def test_a_vector_can_be_replaced_and_forgives_a_failure(cache):
    cache.put_failure("space-a", "x", "encoder failed")
    cache.put_failure("", "x", "cannot be decoded")
    cache.put_failure("space-b", "x", "other encoder failed")
    assert cache.failures("space-a", ["x", "y"]).keys() == {"x"}
    cache.put_vectors("space-a", [("x", b"1111")], "float32")
    cache.put_vectors("space-a", [("x", b"2222")], "float32")
    assert dict(cache.vectors("space-a", ["x"])) == {"x": b"2222"}
    assert cache.failures("space-a", ["x"]) == {}
    assert cache.failures("space-b", ["x"]) == {"x": "other encoder failed"}
    cache.forget_failures(["x"])
    assert cache.all_failures() == {}


def test_the_rate_of_a_space_is_remembered(cache):
    assert cache.rate("space-a") is None
    cache.put_rate("space-a", 12.5)
    assert cache.rate("space-a") == 12.5


def test_it_is_there_again_after_closing(tmp_path):
    first = Derived(tmp_path)
    first.put_vectors("space-a", [("x", b"1111")], "float32")
    first.close()
    second = Derived(tmp_path)
    assert dict(second.vectors("space-a", ["x"])) == {"x": b"1111"}
    second.close()


def old(folder, layout):
    """A cache of an older layout, with a row in each of its tables, as the curator of then made it."""
    connection = sqlite3.connect(folder / "derived.db", isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    for script in list(derived_layouts.STEPS.values())[:layout]:
        for statement in statements(script):
            connection.execute(statement)
    connection.execute(f"PRAGMA user_version = {layout}")
    connection.execute("INSERT INTO space VALUES (7, 'space-a', 12.5)")
    connection.execute("INSERT INTO vector VALUES (7, 'x', x'31313131', 'float32')")
    connection.execute("INSERT INTO failure VALUES ('', 'y', 'cannot be decoded')")
    if layout <= 8:
        connection.execute("INSERT INTO prediction VALUES ('head-a', 'x', x'32323232')")
    if layout >= 2:
        connection.execute("INSERT INTO signature VALUES ('sketch/1', 'x', x'33')")
    if layout == 3:
        connection.execute("INSERT INTO compiled VALUES ('space-a', x'34')")
    if layout >= 4:
        connection.execute("INSERT INTO compiled VALUES ('space-a', 'image', x'', x'34')")
    if layout == 4:
        connection.execute("INSERT INTO signature VALUES ('metric taste|space-a', 'digest', x'35')")
    if layout >= 5:
        connection.execute("INSERT INTO metric VALUES ('taste|space-a', 'digest', x'35')")
    connection.close()


def hold(cache, layout, kept=True):
    """Everything that `old` put into it is there."""
    assert dict(cache.vectors("space-a", ["x"])) == {"x": b"1111"}
    assert (cache.count("space-a"), cache.rate("space-a")) == (1, 12.5)
    assert cache.all_failures() == {"y": "cannot be decoded"}
    assert dict(cache.signatures("sketch/1", ["x"])) == ({"x": b"3"} if layout >= 2 else {})
    assert cache.forms.of("space-a", "image") is None and cache.forms.all() == []  # it is made again, as a file
    assert cache.metric("taste|space-a", "digest") == (b"5" if layout >= 4 and kept else None)
    assert dict(cache.signatures("metric taste|space-a", ["digest"])) == (
        {} if kept or layout < 4 else {"digest": b"5"}
    )


def files(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("layout", [1, 2, 3, 4, 5, 6, 7, 8, 9])
def test_an_older_layout_is_brought_up_to_date_with_its_rows(tmp_path, layout):
    old(tmp_path, layout)
    said = []
    cache = Derived(tmp_path, said.append)
    assert cache.database.value("PRAGMA user_version") == derived.LAYOUT
    hold(cache, layout)
    assert cache.before_profiles(["x", "y"]) == ({"x"} if layout < 6 else set())
    cache.put_metric("taste|space-a", "other", b"6")
    assert cache.metric("taste|space-a", "digest") is None and cache.metric("taste|space-a", "other") == b"6"
    form = cache.forms.put("space-a", "text", b"form", b"tokens")
    assert cache.forms.of("space-a", "text") == form and cache.forms.path(form).read_bytes() == b"form"
    cache.forms.forget("space-a", "text")
    cache.close()
    again = Derived(tmp_path, said.append)
    assert again.metric("taste|space-a", "other") == b"6"
    again.close()
    assert said == [] and files(tmp_path) == ["derived.db"]
    fresh = tmp_path / "fresh"
    fresh.mkdir()
    Derived(fresh).close()
    schemas = []
    for folder in (tmp_path, fresh):
        with contextlib.closing(sqlite3.connect(folder / "derived.db")) as connection:
            sql = "SELECT name, sql FROM sqlite_master WHERE name NOT LIKE '%sqlite%' ORDER BY name"
            schemas.append(connection.execute(sql).fetchall())
    assert schemas[0] == schemas[1]


def test_a_signature_that_only_looks_like_a_metric_stays_one(tmp_path):
    old(tmp_path, 4)
    with contextlib.closing(sqlite3.connect(tmp_path / "derived.db")) as connection, connection:
        connection.executemany("INSERT INTO signature VALUES ('metric size', ?, x'36')", [("x",), ("y",)])
    cache = Derived(tmp_path)
    hold(cache, 4)
    assert dict(cache.signatures("metric size", ["x", "y"])) == {"x": b"6", "y": b"6"}
    cache.close()


def test_comparisons_are_kept_by_both_contents_in_their_order_and_forgotten_with_either(tmp_path):
    cache = Derived(tmp_path)
    cache.put_comparisons("mine/1", [("x", "y", b"1"), ("y", "x", b"2"), ("y", "z", b"3")])
    cache.put_comparisons("mine/2", [("x", "y", b"4")])
    pairs = [("x", "y"), ("y", "x"), ("x", "z"), ("y", "z")]
    assert [*cache.comparisons("mine/1", pairs)] == [("x", "y", b"1"), ("y", "x", b"2"), ("y", "z", b"3")]
    assert [*cache.comparisons("mine/2", pairs)] == [("x", "y", b"4")]
    assert cache.forget(["x"]) == 3
    assert [*cache.comparisons("mine/1", pairs)] == [("y", "z", b"3")] and not [*cache.comparisons("mine/2", pairs)]
    cache.settle_profiles([], ["z"])
    assert not [*cache.comparisons("mine/1", pairs)]
    cache.close()


@pytest.mark.parametrize("layout", [1, 3, 4])
def test_an_older_layout_that_cannot_be_written_is_read(tmp_path, layout, monkeypatch):
    old(tmp_path, layout)
    before = (tmp_path / "derived.db").read_bytes()
    monkeypatch.setattr(os, "access", lambda path, mode: mode != os.W_OK)  # as for who is not root
    cache = Derived(tmp_path)
    assert cache.database.read_only
    hold(cache, layout, kept=False)
    cache.close()
    assert (tmp_path / "derived.db").read_bytes() == before and files(tmp_path) == ["derived.db"]


@pytest.mark.parametrize("layout", [1, 2, 3, 4])
def test_a_step_that_fails_changes_nothing(tmp_path, monkeypatch, layout):
    old(tmp_path, layout)
    before = (tmp_path / "derived.db").read_bytes()
    with monkeypatch.context() as patch:
        patch.setitem(derived.STEPS, "d005_create_metrics", derived_layouts.D005 + "CREATE TABLE vector (x);")
        with pytest.raises(WorkspaceError, match=r"vector already exists.* is as it was: delete it"):
            Derived(tmp_path)
    assert (tmp_path / "derived.db").read_bytes() == before and files(tmp_path) == ["derived.db"]
    cache = Derived(tmp_path)
    hold(cache, layout)
    cache.close()


OPEN = """
import sys, time
from pathlib import Path
from curator.store.derived import Derived
from curator.store.catalogue import open_catalogue
import sqlite_utils
while not Path(sys.argv[1], "go").exists():
    time.sleep(0.001)
open_catalogue(Path(sys.argv[1])).close()
cache = Derived(Path(sys.argv[1]))
print(cache.count("space-a"), cache.metric("taste|space-a", "digest"))
"""


def test_two_processes_that_open_an_old_one_at_the_same_time(tmp_path):
    old(tmp_path, 4)
    catalogue = sqlite3.connect(tmp_path / "catalogue.db", isolation_level=None)
    catalogue.execute("PRAGMA journal_mode = WAL")
    for statement in statements(migrations.M001):
        catalogue.execute(statement)
    catalogue.execute(
        "CREATE TABLE _sqlite_migrations (id INTEGER PRIMARY KEY, migration_set TEXT, name TEXT, applied_at TEXT)"
    )
    catalogue.execute("INSERT INTO _sqlite_migrations VALUES (1, 'curator', 'm001_create_catalogue', '2026-01-01')")
    catalogue.execute("PRAGMA user_version = 1")
    # Keeps both waiting at their first step.
    catalogue.execute("BEGIN IMMEDIATE")
    command = [sys.executable, "-c", OPEN, str(tmp_path)]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    (tmp_path / "go").touch()
    time.sleep(1)
    catalogue.execute("COMMIT")
    catalogue.close()
    assert [(*process.communicate(timeout=60), process.returncode) for process in both] == [("1 b'5'\n", "", 0)] * 2


@pytest.mark.parametrize("layout", [derived.LAYOUT + 1, 99])
def test_a_newer_layout_is_left_alone(tmp_path, layout, monkeypatch):
    first = Derived(tmp_path)
    first.put_vectors("space-a", [("x", b"1111")], "float32")
    first.database.execute(f"PRAGMA user_version = {layout}")
    first.close()
    before = (tmp_path / "derived.db").read_bytes()
    for writable in (True, False):
        if not writable:
            monkeypatch.setattr(os, "access", lambda path, mode: mode != os.W_OK)
        with pytest.raises(WorkspaceError, match=rf"newer curator \(layout {layout}.*pip install.*move the file away"):
            Derived(tmp_path)
    assert (tmp_path / "derived.db").read_bytes() == before and files(tmp_path) == ["derived.db"]


@pytest.mark.parametrize("version", [0, 3])
def test_what_is_no_cache_is_put_aside_and_said(tmp_path, version, monkeypatch):
    said = []
    for number in (1, 2):
        connection = sqlite3.connect(tmp_path / "derived.db", isolation_level=None)
        connection.execute("CREATE TABLE space (id INTEGER PRIMARY KEY)")
        connection.execute(f"INSERT INTO space VALUES ({number})")
        connection.execute(f"PRAGMA user_version = {version}")
        connection.close()
        cache = Derived(tmp_path, said.append)
        cache.put_vectors("space-a", [("x", b"1111")], "float32")
        assert cache.count("space-a") == 1
        cache.close()
        line = f"{tmp_path / 'derived.db'} is not a cache made by curator: it is kept as derived.db.old-{number}, and "
        assert said.pop() == line + "`curator encode` fills another" and not said
        with contextlib.closing(sqlite3.connect(tmp_path / f"derived.db.old-{number}")) as connection:
            assert connection.execute("SELECT id FROM space").fetchall() == [(number,)]
        (tmp_path / "derived.db").unlink()
    assert files(tmp_path) == ["derived.db.old-1", "derived.db.old-2"]


@pytest.mark.parametrize("version", [-1, 3])
def test_one_without_tables_that_says_a_layout_is_put_aside_and_said(tmp_path, version):
    with contextlib.closing(sqlite3.connect(tmp_path / "derived.db")) as connection:
        connection.execute(f"PRAGMA user_version = {version}")
    before, said = (tmp_path / "derived.db").read_bytes(), []
    Derived(tmp_path, said.append).close()
    assert len(said) == 1 and "kept as derived.db.old-1" in said[0]
    assert (tmp_path / "derived.db.old-1").read_bytes() == before


def test_an_empty_file_is_filled_without_a_word(tmp_path):
    (tmp_path / "derived.db").touch()
    said = []
    cache = Derived(tmp_path, said.append)
    cache.put_vectors("space-a", [("x", b"1111")], "float32")
    cache.close()
    assert not said and files(tmp_path) == ["derived.db"]


def test_what_is_no_cache_and_cannot_be_put_aside_is_left_out(tmp_path, monkeypatch):
    connection = sqlite3.connect(tmp_path / "derived.db", isolation_level=None)
    connection.execute("CREATE TABLE space (id INTEGER PRIMARY KEY)")
    connection.close()
    before = (tmp_path / "derived.db").read_bytes()
    monkeypatch.setattr(os, "access", lambda path, mode: mode != os.W_OK)
    said = []
    cache = Derived(tmp_path, said.append)
    assert cache.count("space-a") == 0
    cache.close()
    assert (tmp_path / "derived.db").read_bytes() == before and len(said) == 1 and "read-only" in said[0]


def test_a_damaged_cache_is_said_to_be_one(tmp_path):
    (tmp_path / "derived.db").write_bytes(b"no database" * 1000)
    with pytest.raises(WorkspaceError, match=r"derived\.db is damaged .*: delete it, and `curator encode`"):
        Derived(tmp_path)
