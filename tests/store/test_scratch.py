"""What is made under a name of its own: what a kill left there goes with the next one, and nothing else does."""

from __future__ import annotations

import os

import pytest

from curator.store import scratch
from curator.store.scratch import beside, free

fcntl = pytest.importorskip("fcntl")

MAKING = ".curator-making-"


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_what_killed_ones_left_goes(tmp_path):
    free(tmp_path, MAKING).write_text("half a file")
    folder = free(tmp_path, MAKING)
    folder.mkdir()
    (folder / "catalogue.db").write_text("half a workspace")
    assert beside(tmp_path, MAKING, lambda made: made.write_text("whole") and names(tmp_path) == [made.name])
    assert names(tmp_path) == []


def test_what_people_named_stays(tmp_path):
    kept = [".curator-making-", ".curator-making-notes", ".curator-making-0123456789abcdef.txt", ".backup20251129"]
    kept += [".curator-backup-0123456789abcdef"]  # of another kind
    for name in kept:
        (tmp_path / name).write_text("mine")
    precious = tmp_path.with_name(f"{tmp_path.name}-precious")
    precious.mkdir()
    (precious / "file").write_text("mine")
    free(tmp_path, MAKING).symlink_to(precious)
    beside(tmp_path, MAKING, lambda made: made.write_text("whole"))
    assert (precious / "file").read_text() == "mine" and set(kept) <= set(names(tmp_path))


def test_what_somebody_makes_just_now_stays(tmp_path):
    """Also within it, as where a backup makes its copy of the catalogue."""

    def outer(made):
        made.write_text("half")
        beside(tmp_path, MAKING, lambda inner: inner.write_text("whole"))
        return made.read_text()

    assert beside(tmp_path, MAKING, outer) == "half" and names(tmp_path) == []


def test_a_folder_that_somebody_holds_is_waited_for_a_moment_and_used_all_the_same(tmp_path, monkeypatch):
    monkeypatch.setattr(scratch, "PATIENCE", 0.05)
    left = free(tmp_path, MAKING)
    left.write_text("half")
    holder = os.open(tmp_path, os.O_RDONLY)
    fcntl.flock(holder, fcntl.LOCK_EX)
    assert beside(tmp_path, MAKING, lambda made: made.write_text("whole")) and names(tmp_path) == [left.name]
    os.close(holder)
    beside(tmp_path, MAKING, lambda made: None)
    assert names(tmp_path) == []
