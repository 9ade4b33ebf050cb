"""`check`: a workspace damaged in each way is told apart, and mended where that loses nothing."""

from __future__ import annotations

import os
import re
from pathlib import Path

import fakes
import pytest
from fakes import dump, open_fake, picture, text


@pytest.fixture
def filled(ws, photos):
    """Two kinds of pictures and texts, embedded, and a head."""
    for n in range(3):
        picture(photos / "red" / f"{n}.png", n, color=(220, 30, 30))
        picture(photos / "blue" / f"{n}.png", 100 + n, color=(30, 30, 220))
    text(photos / "red" / "0.txt", "a red one")
    ws.add(photos, labels_from_folders=True, group="colour")
    ws.train(group="colour")
    assert ws.check() == []
    return ws


def faults(ws, repair=False):
    """(part, what is wrong, whether it was repaired) of each."""
    return [(fault.part, fault.wrong, repaired) for fault, repaired in ws.check(repair)]


def rewrite(path, data, keep_time):
    status = path.stat()
    path.write_bytes(data)
    if keep_time:
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def put_in_place(kind, path):
    """Something else than a file where one was."""
    path.rename(path.with_name("moved.png"))
    {
        "link": lambda: path.symlink_to("moved.png"),
        "dangling link": lambda: path.symlink_to("nowhere"),
        "loop of links": lambda: path.symlink_to(path.name),
        "folder": path.mkdir,
        "FIFO": lambda: os.mkfifo(path),
    }[kind]()


def state_of_head(ws):
    return ws.objects.path(ws.database.value("SELECT object FROM head"))


# What is done to a workspace, what check says of it, and whether --repair mends it.
DAMAGE = {
    "file gone": (lambda ws, folder: (folder / "red" / "0.png").unlink(), ("file", "is gone"), True),
    "file touched": (lambda ws, folder: os.utime(folder / "red" / "0.png", (1, 1)), ("file", "has another time"), True),
    "file edited": (
        lambda ws, folder: rewrite(folder / "red" / "0.txt", b"another one", False),
        ("file", "its content changed$"),
        False,
    ),
    "file rotten": (
        lambda ws, folder: rewrite(folder / "red" / "0.txt", b"a rad one", True),
        ("file", "its content changed though size and time did not"),
        False,
    ),
    "file no longer a picture": (
        lambda ws, folder: (folder / "red" / "0.png").write_bytes(b"<html>"),
        ("file", "not an image"),
        False,
    ),
    "object gone": (lambda ws, folder: state_of_head(ws).unlink(), ("object", "is missing"), False),
    "object damaged": (lambda ws, folder: state_of_head(ws).write_bytes(b"x"), ("object", "is damaged"), False),
    "object orphaned": (lambda ws, folder: ws.objects.put(b"nobody's"), ("object", "nothing refers to it"), True),
    "object half written": (
        lambda ws, folder: (state_of_head(ws).parent / "tmpabc").write_bytes(b"x"),
        ("object", "half written"),
        True,
    ),
    "vector cut": (
        lambda ws, folder: ws.derived.database.execute("UPDATE vector SET vector = x'0011' WHERE rowid = 1"),
        ("vector", "are not \\d+ finite numbers"),
        True,
    ),
    "vector of nothing": (
        lambda ws, folder: ws.derived.database.execute("UPDATE vector SET hash = 'of nothing' WHERE rowid = 1"),
        ("vector", "are of no item"),
        True,
    ),
    "vectors of no space": (
        lambda ws, folder: ws.derived.database.execute("UPDATE space SET fingerprint = 'f' WHERE id = 1"),
        ("vector", "belong to a space that the catalogue lacks"),
        True,
    ),
    "run killed": (
        lambda ws, folder: ws.database.execute("UPDATE run SET state = 'running' WHERE id = 1"),
        ("run", "was killed"),
        True,
    ),
    "setting that names no model": (
        lambda ws, folder: ws.database.execute("UPDATE setting SET value = '99' WHERE key = 'model.ngram'"),
        ("database", "model.ngram names a model that is gone"),
        True,
    ),
    "default that names no model": (
        lambda ws, folder: ws.database.execute("INSERT INTO setting (key, value) VALUES ('default.image', '\"x\"')"),
        ("database", "default.image names a model that is gone"),
        False,
    ),
    "folder below another": (
        lambda ws, folder: ws.database.execute("INSERT INTO root (path) SELECT path || '/red' FROM root"),
        ("database", "red' lies below .*, which is catalogued too"),
        False,
    ),
    "row that refers to nothing": (
        lambda ws, folder: (
            ws.database.execute("PRAGMA foreign_keys = OFF"),
            ws.database.execute("DELETE FROM label_group"),
            ws.database.execute("PRAGMA foreign_keys = ON"),
        ),
        ("database", "refers to a row of label_group"),
        False,
    ),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_each_damage_is_told_and_mended_where_that_loses_nothing(filled, photos, name):
    damage, (part, wrong), mends = DAMAGE[name]
    damage(filled, photos)
    before = dump(filled)
    found = faults(filled)
    assert found and all(p == part and re.search(wrong, w) and not repaired for p, w, repaired in found), found
    assert dump(filled) == before, "check alone writes nothing"
    assert all(repaired is mends for _, _, repaired in faults(filled, repair=True))
    assert faults(filled) == ([] if mends else found)


def test_a_repair_of_the_catalogue_can_be_undone(filled, photos):
    (photos / "red" / "0.png").unlink()
    before = dump(filled)
    assert faults(filled, repair=True) == [("file", "is gone", True)]
    assert dump(filled) != before
    assert filled.undo().command == "check"
    assert dump(filled) == before


def test_vectors_that_were_repaired_away_are_made_again(filled):
    filled.derived.database.execute("UPDATE vector SET vector = x'0011' WHERE rowid = 1")
    faults(filled, repair=True)
    assert sum(report.encoded for report in filled.encode().values()) == 1


def test_what_an_undo_took_back_is_kept_for_redo(filled):
    while filled.database.value("SELECT count(*) FROM item"):
        last = filled.undo()
    assert faults(filled, repair=True) == []
    filled.undo(last.by)
    assert all(report.encoded == 0 for report in filled.encode().values())


def test_a_file_in_a_place_known_as_gone_is_there_again(filled, photos):
    kept = (photos / "red" / "0.png").read_bytes()
    (photos / "red" / "0.png").unlink()
    filled.add(photos)
    Path(photos / "red" / "0.png").write_bytes(kept)
    assert faults(filled, repair=True) == [("file", "is there again", True)]
    assert faults(filled) == []


def test_a_read_only_look_needs_no_writing(filled, tmp_path):
    with open_fake(tmp_path / "workspace") as again:
        assert again.check() == []
        assert again.database.value("SELECT max(id) FROM run") == 2


@pytest.mark.parametrize("kind", ["link", "dangling link", "loop of links", "folder", "FIFO"])
@pytest.mark.parametrize("mend", ["check", "add"])
def test_where_something_else_took_the_place_of_a_file_it_is_gone(filled, photos, kind, mend):
    path = photos / "red" / "0.png"
    put_in_place(kind, path)
    assert faults(filled) == [("file", "is gone", False)]
    if mend == "check":
        faults(filled, repair=True)
    else:
        filled.add(photos)
        assert str(path.with_name("moved.png")) in fakes.places(filled, missing=0)
    assert faults(filled) == []
    assert str(path) not in fakes.places(filled, missing=0)


def test_where_a_folder_became_a_link_its_files_are_where_it_leads(filled, photos):
    (photos / "red").rename(photos / "crimson")
    (photos / "red").symlink_to("crimson")
    assert faults(filled) == [("file", "is gone", False)] * 4
    assert filled.add(photos).moved == 4
    assert faults(filled) == []
