"""`curator forget`: nothing of an item is left in the raw files of a workspace, and all else stays as it was."""

from __future__ import annotations

import os
import shutil

import pytest
from cli_kit import AtTerminal, contents, photo

SECRET = "the passport of Zyxwvut Qponmlk expires in March"
NAME = "zyxwvut-odd-name"


@pytest.fixture
def added(run, tmp_path):
    """A secret text and picture among others, with labels, vectors and a history of undoing and redoing."""
    notes = tmp_path / "notes"
    notes.mkdir()
    for number in range(3):
        (notes / f"{number}.txt").write_text(f"an ordinary note, number {number}")
    (notes / f"{NAME}.txt").write_text(SECRET)
    photo(notes / "a.jpg", 1)
    photo(notes / f"{NAME}.jpg", 2)
    for words in (
        ("add", "notes", "--no-encode"),
        ("undo",),
        ("add", f"notes/{NAME}.txt", "notes/0.txt", "--no-encode"),
        ("add", "notes"),
        ("label", "private", f"notes/{NAME}.txt", f"notes/{NAME}.jpg", "notes/0.txt"),
        ("label", "other", "notes/1.txt"),
    ):
        done = run(*words)
        assert done.code == 0, done
    return notes


def raw(folder, *words):
    """The files of a workspace that hold any of these, as they lie on the disk."""
    forms = [form for word in words for form in (word.encode(), word.encode("utf-16-le"))]
    return sorted(
        name for name, data in contents(folder).items() if any(form in data for form in forms) or words[0] in name
    )


def ids(run):
    return {os.path.basename(row["path"]): row["id"] for row in run("ls", "--json").rows("item")}


def test_no_byte_of_text_or_path_is_left(run, tmp_path, added):
    assert raw(tmp_path / "workspace", SECRET) and raw(tmp_path / "workspace", NAME)
    known, before = ids(run), contents(added)
    done = run("forget", f"notes/{NAME}.txt", f"id:{known[NAME + '.jpg']}", "--yes", "--json")
    assert done.code == 0, done
    assert done.row("forgotten")["items"] == 2 and done.row("forgotten")["cached"] >= 2
    assert raw(tmp_path / "workspace", SECRET) == raw(tmp_path / "workspace", NAME) == []
    assert contents(added) == before
    left = {name: item for name, item in known.items() if NAME not in name}
    assert ids(run) == left
    assert run("check").code == 0
    # The rest of the history goes on: labels of others are undone and redone.
    assert run("undo", "7").code == 2 and run("undo", "6").code == run("undo", "5").code == 0
    log = run("log", "--json")
    assert log.code == 0 and "(forgotten)" in log.out
    # Added again, it is a new item, by a number that nobody had.
    assert run("add", "notes", "--no-encode").code == 0
    again = ids(run)
    assert min(again[f"{NAME}.txt"], again[f"{NAME}.jpg"]) > max(known.values())
    assert run("check").code == 0


def test_forgetting_is_not_undone(run, added):
    assert run("forget", f"notes/{NAME}.txt", "--yes").code == 0
    run("undo").assert_failed(2, "forgot items for good", "cannot be undone", "curator undo N")
    run("undo", "7").assert_failed(2, "forgot items for good")


def test_files_in_quarantine_go_with_what_lay_beside_them(run, tmp_path, added):
    shutil.copy(added / f"{NAME}.jpg", added / f"{NAME}-copy.jpg")
    for name in (f"{NAME}.xmp", f"{NAME}-copy.xmp"):  # what only the copy has would keep it
        (added / name).write_text(SECRET)
    assert run("add", "notes", "--no-encode").code == 0
    keep = f"path:{NAME}.jpg"
    assert run("dedupe", "--apply", "--keep", keep).code == 0
    assert raw(tmp_path / "workspace/quarantine", NAME)
    kept = contents(added)
    done = run("forget", f"notes/{NAME}.jpg", f"notes/{NAME}.txt", "--yes", "--json")
    assert done.code == 0 and done.row("forgotten")["files"] == 2, done
    assert contents(tmp_path / "workspace/quarantine") == {} and contents(added) == kept
    assert raw(tmp_path / "workspace", SECRET) == raw(tmp_path / "workspace", NAME) == []
    assert run("check").code == 0


def test_what_changed_from_it_to_something_else_cannot_be_undone_and_that_is_said(run, tmp_path, added):
    number = ids(run)[f"{NAME}.txt"]
    (added / f"{NAME}.txt").write_text("nothing to hide")
    assert run("add", "notes", "--no-encode").code == 0
    done = run("forget", f"id:{number}", "--yes")
    assert done.code == 0 and "can no longer be undone" in done.out and "run 7" in done.out, done
    assert raw(tmp_path / "workspace", SECRET) == []
    run("undo", "7").assert_failed(2, "run 7 changed what run 8 (forget) forgot")
    assert run("check").code == 0


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["notes/0.txt"], 4, ["no terminal to confirm on", "--yes", "1 item"]),
        (["id:999", "--yes"], 3, ["no item id:999"]),
        (["notes/nothing.txt", "--yes"], 3, ["nothing.txt"]),
        (["", "--yes"], 2, ["''"]),
        (["-", "--yes"], 2, ["name what to forget"]),
        (["id:x", "--yes"], 2, ["id:N"]),
    ],
)
def test_what_cannot_be_meant_forgets_nothing(run, tmp_path, words, code, said):
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes/0.txt").write_text("a note")
    assert run("add", "notes", "--no-encode").code == 0
    before = ids(run)
    run("forget", *words).assert_failed(code, *said)
    assert ids(run) == before


def test_at_a_terminal_it_asks(run, tmp_path, added):
    number = ids(run)[f"{NAME}.txt"]
    for answer, asked in (("n", 1), ("y", 0)):
        terminal = AtTerminal("forget", f"id:{number}", cwd=tmp_path)
        terminal.until("forget 1 item for good? It cannot be undone")
        terminal.type(answer)
        assert terminal.end()[0] == 0
        assert (number in ids(run).values()) == bool(asked)
