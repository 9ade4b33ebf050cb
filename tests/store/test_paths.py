"""The one door to names that stand in a workspace."""

from __future__ import annotations

import ntpath
import os
import posixpath

import pytest

from curator.errors import WorkspaceError
from curator.store.paths import held, held_tree, is_name

NAMES = ["a", "a b", "...", ".hidden", "-x", "ü", "a\nb", os.fsdecode(b"caf\xe9"), "x" * 255]
NO_NAMES = ["", ".", "..", "a/b", "/", "/a", "\0", "a\0b"]
WINDOWS = ["a\\b", "\\", "\\\\server\\share", "C:", "C:a", "c:\\", "a:stream", "..\\a"]


@pytest.mark.parametrize("system", [posixpath, ntpath])
def test_a_name_is_one_thing_in_a_folder(system):
    assert all(is_name(name, system) for name in NAMES)
    assert not any(is_name(name, system) for name in NO_NAMES)
    assert [is_name(name, system) for name in WINDOWS] == [system is posixpath] * len(WINDOWS)


def test_what_is_held_lies_below_its_folder_whether_or_not_it_is_there(tmp_path):
    (tmp_path / "a").mkdir()
    assert held(tmp_path, "a/b/c") == tmp_path / "a" / "b" / "c"
    assert held(tmp_path, "a") == tmp_path / "a"


@pytest.mark.parametrize("name", ["", "/etc/passwd", "..", "a/../../b", "a//b", "a/", "./a", "a/\0", "a/.."])
def test_a_name_that_leads_elsewhere_is_refused_in_one_sentence(tmp_path, name):
    with pytest.raises(WorkspaceError, match="is not a path below") as refused:
        held(tmp_path, name)
    assert repr(name) in str(refused.value) and str(tmp_path) in str(refused.value)


@pytest.mark.parametrize("depth", range(4))
@pytest.mark.parametrize("there", [True, False])
def test_a_link_at_any_level_is_refused_and_named(tmp_path, depth, there):
    parts = ["a", "b", "c", "d"]
    target = tmp_path / "elsewhere"
    folder = tmp_path / "workspace"
    (folder / "/".join(parts[:depth])).mkdir(parents=True)
    if there:
        (target / "b" / "c" / "d").mkdir(parents=True)
    link = folder / "/".join(parts[: depth + 1])
    link.symlink_to(target)
    with pytest.raises(WorkspaceError, match="is a symbolic link, and none is followed here") as refused:
        held(folder, "a/b/c/d")
    assert repr(str(link)) in str(refused.value) and repr(str(target)) in str(refused.value)


def test_the_folder_itself_may_be_a_link(tmp_path):
    (tmp_path / "there").mkdir()
    (tmp_path / "workspace").symlink_to("there")
    assert held(tmp_path / "workspace", "a") == tmp_path / "workspace" / "a"


def test_a_tree_is_held_to_the_last_link_in_it(tmp_path):
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "file").touch()
    assert held_tree(tmp_path) == tmp_path
    (tmp_path / "a" / "b" / "link").symlink_to(tmp_path / "nothing")
    with pytest.raises(WorkspaceError, match="symbolic link"):
        held_tree(tmp_path)
