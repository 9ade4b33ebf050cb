"""Content-addressed files: whole or not at all, and checked when read."""

from __future__ import annotations

import hashlib
import os

import pytest

from curator.errors import WorkspaceError
from curator.store.objects import Objects


@pytest.fixture
def objects(tmp_path):
    return Objects(tmp_path / "objects")


def files(objects):
    return [path for path in objects.folder.rglob("*") if path.is_file()]


def test_bytes_come_back_under_their_hash(objects):
    name = objects.put(b"some state")
    assert name == hashlib.sha256(b"some state").hexdigest()
    assert objects.get(name) == b"some state"
    assert [path.parent.name + path.name for path in files(objects)] == [name]


def test_equal_bytes_are_kept_once(objects):
    first = objects.put(b"some state")
    status = files(objects)[0].stat()
    assert objects.put(b"some state") == first
    assert files(objects)[0].stat() == status
    assert len(files(objects)) == 1


def test_damaged_and_missing_objects_are_named(objects):
    name = objects.put(b"some state")
    files(objects)[0].write_bytes(b"some other")
    with pytest.raises(WorkspaceError, match=f"object {name[:12]} in .* is damaged; restore it from a backup"):
        objects.get(name)
    files(objects)[0].unlink()
    with pytest.raises(WorkspaceError, match=f"object {name[:12]} is missing from .*; restore it from a backup"):
        objects.get(name)


def test_a_failing_write_leaves_nothing(objects, monkeypatch):
    def full(handle):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        objects.put(b"some state")
    assert files(objects) == []
