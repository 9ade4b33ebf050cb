"""The reader of folders: what it lists, in which order, and what it leaves out with a word."""

from __future__ import annotations

import os

import pytest
from curator_plugins.readers import folder as reader

from curator.api import Found, ReadOptions, Skipped


def listed(source, **options):
    """(relative path, modality or reason) in the order of the reader."""
    entries = list(reader.read(source, ReadOptions(**options)))
    return [
        (str(entry.path.relative_to(source)), entry.modality if isinstance(entry, Found) else entry.reason)
        for entry in entries
    ]


def make(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"x")


def test_a_folder_is_listed_by_name_depth_first(tmp_path):
    make(tmp_path, "b.png", "a/z.JPG", "a/b/c.webp", "c.TXT", "B.gif")
    wanted = [("B.gif", "image"), ("a/b/c.webp", "image"), ("a/z.JPG", "image"), ("b.png", "image"), ("c.TXT", "text")]
    assert listed(tmp_path) == wanted


def test_the_first_folder_below_the_source_is_told(tmp_path):
    make(tmp_path, "a.png", "cat/b.png", "cat/young/c.png")
    assert [entry.folder for entry in reader.read(tmp_path, ReadOptions())] == [None, "cat", "cat"]


def test_what_is_left_out_has_a_reason(tmp_path):
    make(tmp_path, ".hidden.png", "a.csv", "noending", "inner/catalogue", "inner/b.png", "e.eps")
    (tmp_path / "link").symlink_to(tmp_path / "inner")
    found = dict(listed(tmp_path, leave_out=lambda folder: (folder / "catalogue").exists()))
    assert found == {
        ".hidden.png": "hidden: --hidden takes them",
        "a.csv": ".csv: neither an image nor a .txt",
        "e.eps": ".eps: neither an image nor a .txt",  # Pillow would run Ghostscript
        "inner": "a curator workspace",
        "link": "a link to a folder: add the folder itself",
        "noending": "no ending: neither an image nor a .txt",
    }


SYSTEMS = ["@eaDir", "#recycle", "$RECYCLE.BIN", ".Trash-1000", ".trashes", "__MACOSX", "lost+found", "node_modules"]


@pytest.mark.parametrize("name", SYSTEMS)
def test_what_a_system_keeps_is_counted_and_taken_only_when_asked_for(tmp_path, name):
    make(tmp_path, f"{name}/old/a.png", f"{name}/b.txt", f"{name}/c.db", f"cat/{name}/d.png", "cat/e.png", ".f.png")
    entries = reader.read(tmp_path, ReadOptions())
    left_out = {entry.path.name: entry.reason for entry in entries if isinstance(entry, Skipped)}
    reason = f"in {name}: --hidden takes them"
    assert left_out == {"a.png": reason, "b.txt": reason, "d.png": reason, ".f.png": "hidden: --hidden takes them"}
    taken = {entry.path.name: entry for entry in reader.read(tmp_path, ReadOptions(hidden=True))}
    assert {name: entry.folder for name, entry in taken.items() if isinstance(entry, Found)} == {
        **{"a.png": None, "b.txt": None, ".f.png": None},
        **{"d.png": "cat", "e.png": "cat"},
    }


def test_such_a_folder_that_is_named_itself_is_meant(tmp_path):
    make(tmp_path, "#recycle/a.png", ".cache/b.png")
    assert listed(tmp_path / "#recycle") == [("a.png", "image")]
    assert listed(tmp_path / ".cache") == [("b.png", "image")]


def test_a_workspace_itself_is_a_problem(tmp_path):
    make(tmp_path, "a.png")
    (entry,) = reader.read(tmp_path, ReadOptions(leave_out=lambda folder: True))
    assert entry == Skipped(tmp_path, "a curator workspace")


def test_loops_of_links_end(tmp_path):
    make(tmp_path, "a/b.png")
    (tmp_path / "a" / "up").symlink_to(tmp_path)
    (tmp_path / "self.png").symlink_to(tmp_path / "self.png")
    assert [name for name, _ in listed(tmp_path)] == ["a/b.png", "a/up", "self.png"]


def test_a_text_beside_an_image_names_it(tmp_path):
    make(tmp_path, "a.png", "a.txt", "b.txt", "sub/a.txt")
    found = {entry.path.relative_to(tmp_path).as_posix(): entry for entry in reader.read(tmp_path, ReadOptions())}
    assert found["a.txt"].caption_of == tmp_path / "a.png"
    assert found["b.txt"].caption_of is found["sub/a.txt"].caption_of is found["a.png"].caption_of is None


@pytest.mark.parametrize("raw", ["DNG", "NEF"])
def test_of_a_photo_in_two_files_the_one_of_the_sensor_is_not_captioned(tmp_path, raw):
    make(tmp_path, f"a.{raw}", "a.JPG", "a.txt")
    found = {entry.path.name: entry for entry in reader.read(tmp_path, ReadOptions())}
    assert found["a.txt"].caption_of == tmp_path / "a.JPG" and found[f"a.{raw}"].modality == "image"


@pytest.mark.parametrize(
    ("body", "boxes"),
    [
        ("0 0.5 0.5 0.2 0.2\n", True),
        ("0 0.5 0.5 0.2 0.2\n\n12 0 0 1 1\n", True),
        ("1 0.1 0.1 0.2 0.2 0.3 0.3\n", True),
        ("0 0.5 0.5 0.2 0.2\na cat\n", False),
        ("0 0.5 0.5 0.2\n", False),
        ("cat 0.5 0.5 0.2 0.2\n", False),
        ("0 0.5 0.5 0.2 1.2\n", False),
        ("0 0.5 0.5 0.2 nan\n", False),
        ("-1 0.5 0.5 0.2 0.2\n", False),
        ("\n\n", False),
        ("", False),
    ],
)
def test_what_boxes_are(tmp_path, body, boxes):
    make(tmp_path, "a.png")
    (tmp_path / "a.txt").write_text(body)
    reason = "YOLO boxes beside an image, not a text" if boxes else "text"
    assert dict(listed(tmp_path))["a.txt"] == reason


def test_boxes_alone_are_a_text(tmp_path):
    (tmp_path / "a.txt").write_text("0 0.5 0.5 0.2 0.2\n")
    assert listed(tmp_path) == [("a.txt", "text")]


def test_a_pipe_beside_an_image_is_not_waited_for(tmp_path):
    make(tmp_path, "a.png")
    os.mkfifo(tmp_path / "a.txt")
    assert dict(listed(tmp_path)) == {"a.png": "image", "a.txt": "text"}


def test_sources_that_it_takes(tmp_path):
    make(tmp_path, "a.png", "b.TXT", "c.csv")
    takes = {path.name: reader.matches(path) for path in (tmp_path, *tmp_path.iterdir())}
    assert takes == {tmp_path.name: True, "a.png": True, "b.TXT": True, "c.csv": False}
    (found,) = reader.read(tmp_path / "a.png", ReadOptions())
    assert (found.path, found.modality, found.folder) == (tmp_path / "a.png", "image", None)
