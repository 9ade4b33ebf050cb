"""`curator backup`, and restoring it as the README says."""

from __future__ import annotations

import sqlite3
import subprocess
import tarfile
from contextlib import closing
from pathlib import Path

import cli_kit
import pytest


@pytest.fixture
def trained(run, tmp_path):
    """Eight texts of two kinds, and a head that tells them apart."""
    cli_kit.texts(tmp_path / "kinds" / "pets", 4, "cats and dogs")
    cli_kit.texts(tmp_path / "kinds" / "money", 4, "stocks and bonds")
    assert run("add", "kinds", "--labels-from-folders").code == 0
    assert run("train", "--group", "kinds").code == 0
    return run


def restored(archive, folder):
    folder.mkdir()
    subprocess.run(["tar", "-xf", archive, "-C", folder], check=True)
    return folder


@pytest.mark.parametrize("name", ["b.tar", "b.tar.gz", "备份 1.tgz"])
def test_what_is_restored_is_what_was_there(trained, run, tmp_path, name):
    made = run("backup", name, "--json").row("backup")
    assert (made["items"], made["objects"]) == (8, 1)
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


@pytest.mark.parametrize("damage", [lambda path: path.unlink(), lambda path: path.write_bytes(b"x")])
def test_a_damaged_object_is_said_and_no_archive_is_left(trained, run, tmp_path, damage):
    (state,) = (path for path in Path(tmp_path, "workspace", "objects").rglob("*") if path.is_file())
    damage(state)
    run("backup", "b.tar").assert_ended(7, "object", state.parent.name)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["kinds", "workspace"]
