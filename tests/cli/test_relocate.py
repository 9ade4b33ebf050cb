"""`curator relocate`: a drive with another letter or mount point holds what the old one held."""

from __future__ import annotations

import os
import shutil

import pytest
from cli_kit import photo


@pytest.fixture
def drive(run, tmp_path):
    """A drive with two folders that were added, one of which also by a table; gone, and mounted elsewhere."""
    old, new = tmp_path / "old", tmp_path / "new"
    for first, name in enumerate(("a", "b")):
        (old / "photos" / name).mkdir(parents=True)
        for number in range(3):
            photo(old / "photos" / name / f"{number}.jpg", 3 * first + number)
    (old / "texts").mkdir()
    (old / "texts/t.csv").write_text("text\none\ntwo\n")
    (old / "texts/note.txt").write_text("a note")
    (old / "photos/bad.jpg").write_text("no picture")
    assert run("add", "old/photos", "--no-encode").code == 5
    assert run("add", "old/texts", "--no-encode").code == 0
    assert run("add", "old/texts/t.csv", "--text-column", "text", "--no-encode").code == 0
    # Copied, not moved: on another device the inodes are others.
    shutil.copytree(old, new)
    shutil.rmtree(old)
    return new


def paths(run):
    return sorted(row["path"] for row in run("ls", "--json").rows("item"))


def test_all_that_began_with_the_old_path_begins_with_the_new(run, tmp_path, drive):
    before = paths(run)
    done = run("relocate", str(tmp_path / "old"), "new", "--json")
    assert done.code == 0, done
    row = done.row("relocated")
    assert (row["folders"], row["found"], row["changed"], row["absent"], row["read"]) == (2, 7, 0, 0, 7)
    now = paths(run)
    assert now == [path.replace(f"{tmp_path}/old", f"{tmp_path}/new") for path in before]
    assert run("check").code == 0
    # Nothing is read or recorded again, also not the table and the picture that is none.
    for source, words in (("new/photos", ()), ("new/texts", ()), ("new/texts/t.csv", ("--text-column", "text"))):
        again = run("add", source, *words, "--no-encode", "--json").row("added")
        assert (again["added"], again["decoded"], again["moved"], again["missing"]) == (0, 0, 0, 0), (source, again)
    assert "old" not in run("status", "--problems", "--json").out
    assert run("encode").code == 0


def test_a_folder_within_one_that_was_added_goes_alone(run, tmp_path, drive):
    before = paths(run)
    done = run("relocate", "old/photos/a", "new/photos/a", "--json")
    assert done.code == 0 and done.row("relocated")["found"] == 3, done
    old, new = f"{tmp_path}/old/photos/a/", f"{tmp_path}/new/photos/a/"
    assert paths(run) == sorted(path.replace(old, new) for path in before)
    # What is left follows, and meets it there.
    done = run("relocate", "old", "new")
    assert done.code == 2 and "would clash" in done.err
    assert run("undo").code == 0 and paths(run) == before
    assert run("relocate", "old", "new").code == 0
    assert [row for row in run("check", "--json").rows("fault") if row["part"] != "file"] == []


def test_it_is_undone_and_redone(run, tmp_path, drive):
    before = paths(run)
    assert run("relocate", "old", "new").code == 0
    now = paths(run)
    assert run("undo").code == 0
    assert paths(run) == before
    assert run("undo", "5").code == 0
    assert paths(run) == now and run("check").code == 0


def test_files_that_changed_or_are_not_there_are_told(run, tmp_path, drive):
    os.remove(drive / "photos/a/0.jpg")
    (drive / "texts/note.txt").write_text("another note")
    done = run("relocate", "old", "new", "--anyway")
    assert done.code == 0 and "5 files found as they were" in done.out, done
    assert "1 file other than they were" in done.out and "1 file not there" in done.out


def test_what_was_added_stays_so(run, tmp_path, drive):
    shutil.copy(drive / "photos/a/0.jpg", drive / "photos/a/copy.jpg")
    assert run("relocate", "old", "new").code == 0
    run("add", "new/photos", "--no-encode")
    run("undo")
    run("add", "new/photos/a/copy.jpg", "--no-encode")
    done = run("dedupe", "--keep", "path:copy.jpg")
    assert done.code == 0 and "1 file would go to quarantine" in done.err


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["old", "nowhere"], 3, ["holds none of the files", "--anyway"]),
        (["nothing", "new"], 3, ["nothing"]),
        (["old", "old"], 2, ["the one is, or lies in, the other"]),
        (["old", "old/photos"], 2, ["the one is, or lies in, the other"]),
        (["old/photos", "old/texts"], 2, ["would clash with", "texts"]),
        (["old", "new/texts/note.txt"], 2, ["is not a folder"]),
        (["old", "wrong"], 2, ["does not hold what the catalogue knows of it", "--anyway"]),
        (["", "new"], 2, ["''"]),
        (["old"], 2, ["NEW"]),
    ],
)
def test_what_cannot_be_meant_changes_nothing(run, tmp_path, drive, words, code, said):
    shutil.copytree(drive, tmp_path / "wrong")
    for path in (tmp_path / "wrong").rglob("*.jpg"):
        path.write_bytes(path.read_bytes()[:-2] + b"xx")
    before = paths(run), run("log", "--json").out
    run("relocate", *words).assert_failed(code, *said)
    assert (paths(run), run("log", "--json").out) == before


def test_a_folder_that_is_not_there_now_may_be_relocated_anyway(run, tmp_path, drive):
    done = run("relocate", "old", "later", "--anyway")
    assert done.code == 0 and "0 files found as they were" in done.out and "7 files not there" in done.out, done
