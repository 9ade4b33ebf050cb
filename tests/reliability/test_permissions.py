"""Who may read a workspace, and what is said of what may not be read."""

from __future__ import annotations

import os
import stat

import cli_kit
import pytest


def modes(folder):
    """The mode of everything in a folder, by kind."""
    found = {"folder": {stat.S_IMODE(folder.stat().st_mode)}, "file": set()}
    for path in folder.rglob("*"):
        found["folder" if path.is_dir() else "file"].add(stat.S_IMODE(path.lstat().st_mode))
    return found


@pytest.fixture
def sorted_out(tmp_path, monkeypatch):
    """`sorted_out(*options)`: a workspace with a label and a head."""
    cli_kit.texts(tmp_path / "texts", 4)
    monkeypatch.chdir(tmp_path)

    def make(*options, umask=0o022):
        before = os.umask(umask)
        try:
            return made(*options)
        finally:
            os.umask(before)

    def made(*options):
        for command in (
            ("add", "texts", *options),
            ("label", "cat", "texts/1.txt", "texts/2.txt"),
            ("label", "cat", "texts/3.txt", "texts/4.txt", "--negative"),
            ("train", "--label", "cat", "--head", "prototype"),
        ):
            ran = cli_kit.curator_here(*command)
            assert ran.code == 0, ran
        return tmp_path / "workspace"

    return make


def test_a_new_workspace_is_its_owners_alone(run, sorted_out):
    """Whatever the umask lets others do."""
    assert modes(sorted_out(umask=0o000)) == {"folder": {0o700}, "file": {0o600}}
    assert not run("check").err


def test_a_shared_one_is_read_by_its_group(run, sorted_out, tmp_path):
    assert modes(sorted_out("--shared", umask=0o077)) == {"folder": {0o750}, "file": {0o640, 0o600}}
    with_group = {path.name for path in (tmp_path / "workspace").iterdir() if path.stat().st_mode & 0o040}
    assert with_group >= {"catalogue.db", "derived.db", "objects"}
    assert not run("check").err


def test_a_folder_that_is_there_keeps_what_it_lets_others_do(run, tmp_path):
    (tmp_path / "open").mkdir(mode=0o755)
    (tmp_path / "open" / "mine.txt").write_text("mine")
    assert run("init", "-w", "open").code == 0
    assert stat.S_IMODE((tmp_path / "open").stat().st_mode) == 0o755
    assert "chmod -R go-rwx" in run("check", "-w", "open").err
    said = run("init", "-w", "open", "--shared").err
    assert "is a workspace already" in said and "chmod -R g+rX" in said


def test_what_may_not_be_read_is_not_called_damaged(run, sorted_out, tmp_path, obedient):
    workspace = sorted_out()
    held = [path for path in (workspace / "objects").rglob("*") if path.is_file()]
    held[0].chmod(0)
    ran = run("backup", "b.tar", before=obedient)
    ran.assert_ended(5, "1 object left out")
    assert "permission denied" in ran.err and "damaged" not in ran.err
    workspace.chmod(0)
    try:
        run("status", before=obedient).assert_failed(7, "may not be looked into", "ask its owner")
    finally:
        workspace.chmod(0o700)
