"""`curator backup`, and restoring it as the README says."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import subprocess
import tarfile
from contextlib import closing
from pathlib import Path

import cli_kit
import pytest


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Eight texts of two kinds, and a head that tells them apart; tests take copies."""
    base = tmp_path_factory.mktemp("made")
    cli_kit.texts(base / "kinds" / "pets", 4, "cats and dogs")
    cli_kit.texts(base / "kinds" / "money", 4, "stocks and bonds")
    assert cli_kit.curator("add", "kinds", "--labels-from-folders", cwd=base).code == 0
    assert cli_kit.curator("train", "--group", "kinds", cwd=base).code == 0
    return base


@pytest.fixture
def trained(made, run, tmp_path):
    """A copy in this test's own folder; the places in it are those of the texts that it was made of."""
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)
    return run


def restored(archive, folder):
    ran = cli_kit.curator("restore", archive, "--to", folder, cwd=folder.parent)
    assert ran.code in (0, 5), ran
    return folder


@pytest.mark.parametrize("name", ["b.tar", "b.tar.gz", "备份 1.tgz"])
def test_what_is_restored_is_what_was_there(trained, run, tmp_path, name):
    made = run("backup", name, "--json").row("backup")
    assert (made["items"], made["objects"]) == (8, 2)  # what the head learnt, and what was held out from it
    assert made["size"] == (tmp_path / name).stat().st_size
    folder = restored(tmp_path / name, tmp_path / "restored")
    for command in (("ls",), ("log",), ("heads",)):
        assert run(*command, "--json", "-w", folder).out == run(*command, "--json").out
    assert run("encode", "-w", folder).code == 0
    again = run("classify", "--group", "kinds", "--json", "-w", folder)
    assert again.code == 0 and "nothing changed" in again.err
    assert run("undo", "-w", folder).code == 0


def test_a_backup_while_another_curator_writes_is_consistent(trained, run, tmp_path):
    cli_kit.texts(tmp_path / "many", 1500, "another matter")
    command = [cli_kit.CURATOR, "add", "many", "--no-encode"]
    writer = subprocess.Popen(command, cwd=tmp_path, env=cli_kit.environment(), stderr=subprocess.DEVNULL)
    counts = []
    while writer.poll() is None or not counts:
        assert run("backup", "b.tar", "--force").code == 0
        with tarfile.open(tmp_path / "b.tar") as archive:
            archive.extract("catalogue.db", tmp_path / "seen", filter="data")
        with closing(sqlite3.connect(tmp_path / "seen" / "catalogue.db")) as seen:
            assert seen.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            assert seen.execute("PRAGMA foreign_key_check").fetchall() == []
            counts.append(seen.execute("SELECT count(*) FROM item").fetchone()[0])
    assert writer.returncode == 0
    assert counts == sorted(counts)


def test_a_file_that_exists_is_written_over_only_when_told(trained, run, tmp_path):
    (tmp_path / "mine.tar").write_text("mine")
    run("backup", "mine.tar").assert_ended(2, "mine.tar", "exists", "--force")
    assert (tmp_path / "mine.tar").read_text() == "mine"
    assert run("backup", "mine.tar", "--force").code == 0
    assert tarfile.is_tarfile(tmp_path / "mine.tar")


def test_bad_targets(trained, run, tmp_path):
    run("backup", ".").assert_ended(2, "is a folder")
    run("backup", "nowhere/b.tar").assert_ended(7, "cannot write", "no such file or directory")
    run("backup", "b.tar", "-w", "elsewhere").assert_ended(3, "no workspace at")


@pytest.mark.parametrize("name", ["catalogue.db", "derived.db", ".lock", "objects", "objects/x.tar", "new.tar"])
def test_no_archive_replaces_or_joins_what_makes_up_the_workspace(trained, run, tmp_path, name):
    (tmp_path / "link").symlink_to("workspace")
    before = cli_kit.contents(tmp_path / "workspace")
    for folder in ("workspace", "link", "kinds/../workspace"):
        run("backup", f"{folder}/{name}", "--force").assert_failed(2, name, "folder")
    assert cli_kit.contents(tmp_path / "workspace") == before


@pytest.mark.parametrize("target", ["kinds/pets/1.txt", "nowhere"])
def test_a_link_is_not_replaced(trained, run, tmp_path, target):
    (tmp_path / "b.tar").symlink_to(target)
    for option in ([], ["--force"]):
        run("backup", "b.tar", *option).assert_failed(2, "b.tar", "symbolic link", "name")
    assert (tmp_path / "b.tar").readlink() == Path(target)


def test_a_pipe_is_not_replaced(trained, run, tmp_path):
    os.mkfifo(tmp_path / "b.tar")
    run("backup", "b.tar", "--force").assert_failed(2, "b.tar", "not a regular file")
    assert (tmp_path / "b.tar").is_fifo()


def test_a_damaged_catalogue_is_not_backed_up_as_sound(trained, run, tmp_path):
    cli_kit.damage_page(tmp_path / "workspace" / "catalogue.db", "place")
    (tmp_path / "b.tar").write_text("the last good one")
    run("backup", "b.tar", "--force").assert_failed(7, "catalogue.db is damaged", "restore it from a backup")
    assert (tmp_path / "b.tar").read_text() == "the last good one"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["b.tar", "kinds", "workspace"]


def put_a_folder(path):
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize("damage", [Path.unlink, lambda path: path.write_bytes(b"x"), put_a_folder])
@pytest.mark.slow
def test_a_lost_object_is_said_and_the_rest_is_archived_then_training_makes_it_again(trained, run, tmp_path, damage):
    """All that people decided must not wait for one head, which can be fitted again."""
    state = state_of_head(tmp_path)
    kept = state.read_bytes()
    damage(state)
    ran = run("backup", "b.tar", "--json")
    line = ran.assert_ended(5, "1 object left out", "curator check")
    assert "group:kinds@1" in ran.err and state.parent.name in ran.err, line
    assert (ran.row("backup")["objects"], ran.row("backup")["left_out"]) == (1, ["head group:kinds@1"])
    folder = restored(tmp_path / "b.tar", tmp_path / "restored")
    assert run("ls", "--json", "-w", folder).out == run("ls", "--json").out

    assert run("encode", "-w", folder).code == 0
    for workspace in (folder, tmp_path / "workspace"):
        if damage is put_a_folder and workspace.name == "workspace":
            state.rmdir()
        assert "fitted now" in run("train", "--group", "kinds", "-w", workspace).out
        assert (workspace / state.relative_to(tmp_path / "workspace")).read_bytes() == kept
        assert run("check", "-w", workspace).code == 0
        assert len(run("heads", "--json", "-w", workspace).rows("head")) == 1
        assert run("backup", "b.tar", "--force", "-w", workspace).code == 0


def test_a_folder_among_the_objects_harms_nothing(trained, run, tmp_path):
    state = state_of_head(tmp_path)
    state.with_name("0" * 62).mkdir()
    state.with_name("tmpfolder").mkdir()
    assert run("backup", "b.tar").code == 0
    assert run("check", "--repair").code == 0


def state_of_head(folder):
    workspace = folder / "workspace"
    with contextlib.closing(sqlite3.connect(workspace / "catalogue.db")) as catalogue:
        ((name,),) = catalogue.execute("SELECT object FROM head").fetchall()
    return workspace / "objects" / name[:2] / name[2:]
