"""The cache: keyed by space and content, thrown away when it is of another layout."""

from __future__ import annotations

import sqlite3

import pytest

from curator.errors import WorkspaceError
from curator.store import derived
from curator.store.derived import Derived


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


def test_predictions_belong_to_a_head(cache):
    cache.put_predictions("head-a", [("x", b"1111")])
    cache.put_predictions("head-b", [("x", b"2222")])
    assert dict(cache.predictions("head-a", ["x", "y"])) == {"x": b"1111"}


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


def test_another_layout_is_thrown_away(tmp_path, monkeypatch):
    first = Derived(tmp_path)
    first.put_vectors("space-a", [("x", b"1111")], "float32")
    first.database.execute(f"PRAGMA user_version = {derived.LAYOUT + 1}")
    first.database.execute("CREATE TABLE of_the_future (id INTEGER)")
    first.close()
    second = Derived(tmp_path)
    assert second.database.value("PRAGMA user_version") == derived.LAYOUT
    assert second.count("space-a") == 0
    assert second.database.value("SELECT count(*) FROM sqlite_master WHERE name = 'of_the_future'") == 0
    second.put_vectors("space-a", [("x", b"2222")], "float32")
    second.close()
    assert not list(tmp_path.glob("derived.db-*"))


def test_a_layout_that_was_left_half_made_is_made_anew(tmp_path):
    connection = sqlite3.connect(tmp_path / "derived.db")
    connection.execute("CREATE TABLE space (id INTEGER PRIMARY KEY)")
    connection.close()
    cache = Derived(tmp_path)
    cache.put_vectors("space-a", [("x", b"1111")], "float32")
    assert cache.count("space-a") == 1
    cache.close()


def test_a_damaged_cache_is_said_to_be_one(tmp_path):
    (tmp_path / "derived.db").write_bytes(b"no database" * 1000)
    with pytest.raises(WorkspaceError, match=r"derived\.db is damaged .*: delete it, and `curator encode`"):
        Derived(tmp_path)
