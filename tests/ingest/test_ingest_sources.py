"""Adding: what a source is, what is read of it, and the labels that its folders give."""

from __future__ import annotations

import os
from collections import Counter

import numpy as np
import pytest
from fakes import dump, open_fake, picture, places, text
from PIL import Image

from curator.api import Preprocess
from curator.errors import BadInput, NotFound
from curator.media.preprocessing import pixels


def labels(ws):
    """Path -> labels."""
    items = ws.items.select()
    found = ws.labels.of_items([item.id for item in items])
    return {item.path.name: found.get(item.id, []) for item in items if item.path}


# --- labels from folders ---


def test_labels_from_folders(ws, photos):
    picture(photos / "cat" / "deep" / "a.png", 1)
    picture(photos / "dog" / "b.png", 2)
    picture(photos / "c.png", 3)
    report = ws.add(photos, labels_from_folders=True)
    assert report.labelled == 2
    assert report.loose == 1
    assert labels(ws) == {"a.png": ["cat"], "b.png": ["dog"], "c.png": []}
    assert {row.label: row.group for row in ws.labels.counts()} == {"cat": "photos", "dog": "photos"}
    assert ws.add(photos, labels_from_folders=True).labelled == 0


def test_a_file_moved_between_class_folders_changes_its_label(ws, photos):
    path = picture(photos / "cat" / "a.png", 1)
    picture(photos / "cat" / "b.png", 2)
    picture(photos / "dog" / "c.png", 3)
    ws.add(photos, labels_from_folders=True)
    path.rename(photos / "dog" / "a.png")
    ws.add(photos, labels_from_folders=True)
    assert labels(ws) == {"a.png": ["dog"], "b.png": ["cat"], "c.png": ["dog"]}
    assert ws.labels.examples(ws.labels.target(group="photos")).conflicts == []


@pytest.mark.parametrize("target", ["ant", "dog"])
def test_a_copy_left_behind_in_the_old_class_folder_is_a_conflict(ws, photos, target):
    """Whichever folder comes first: 'cat' is read before 'dog' and after 'ant'."""
    path = picture(photos / "cat" / "a.png", 1)
    (photos / "cat" / "b.png").write_bytes(path.read_bytes())
    ws.add(photos, labels_from_folders=True)
    (photos / target).mkdir()
    path.rename(photos / target / "a.png")
    ws.add(photos, labels_from_folders=True)
    (item,) = ws.items.select()
    assert ws.labels.examples(ws.labels.target(group="photos")).conflicts == [item.id]


def test_two_copies_moved_to_two_class_folders_are_a_conflict(ws, photos):
    for name in ("a.png", "b.png"):
        picture(photos / "cat" / name, 1)
    ws.add(photos, labels_from_folders=True)
    for name, folder in (("a.png", "dog"), ("b.png", "fox")):
        (photos / folder).mkdir()
        (photos / "cat" / name).rename(photos / folder / name)
    ws.add(photos, labels_from_folders=True)
    (item,) = ws.items.select()
    assert ws.labels.examples(ws.labels.target(group="photos")).conflicts == [item.id]
    assert ws.labels.of_items([item.id]) == {item.id: ["dog", "fox"]}


def test_one_content_in_two_class_folders_is_a_conflict(ws, photos):
    picture(photos / "cat" / "a.png", 1)
    picture(photos / "dog" / "b.png", 1)
    ws.add(photos, labels_from_folders=True)
    (item,) = ws.items.select()
    examples = ws.labels.examples(ws.labels.target(group="photos"))
    assert (examples.items, examples.conflicts) == ([], [item.id])


@pytest.mark.parametrize("name", [" ", "\x1b[2J", os.fsdecode(b"\xff\xfe")], ids=ascii)
def test_no_folder_name_stops_an_import(tmp_path, name):
    source = tmp_path / name
    picture(source / name / "a.png", 1)
    with open_fake(tmp_path / "workspace") as ws:
        assert ws.add(source, labels_from_folders=True).labelled == 1
        ((label, group),) = {row.label: row.group for row in ws.labels.counts()}.items()
    assert label.strip() and group and group.strip()
    assert "\x1b" not in label + group
    assert (label + group).encode()


# --- what is read ---


def test_captions_are_linked_only_when_asked_for(ws, photos):
    picture(photos / "a.png", 1)
    text(photos / "a.txt", "a cat on a mat")
    text(photos / "b.txt", "no picture of that name")
    assert ws.add(photos).captions == 0
    assert ws.add(photos, captions=True).captions == 1
    assert ws.add(photos, captions=True).captions == 0
    sql = "SELECT image.modality, body.text FROM caption JOIN item AS image ON image.id = image_id "
    row = ws.database.rows(sql + "JOIN item AS body ON body.id = text_id")
    assert [tuple(line) for line in row] == [("image", "a cat on a mat")]


def test_yolo_boxes_are_recognised(ws, photos):
    for name in "abcd":
        picture(photos / f"{name}.png", ord(name))
    text(photos / "a.txt", "0 0.5 0.5 0.25 0.25\n3 0.1 0.2 0.3 0.4\n")
    text(photos / "b.txt", "1 0.1 0.1 0.2 0.2 0.3 0.3\n")  # an outline
    text(photos / "c.txt", "0 0.5 0.5 2 0.25\n")  # 2 is no share of a side
    text(photos / "d.txt", "4 cats on a wall\n")
    text(photos / "alone.txt", "0 0.5 0.5 0.25 0.25\n")
    report = ws.add(photos, captions=True)
    assert report.left_out == Counter({"YOLO boxes beside an image, not a text": 2})
    bodies = sorted(item.text for item in ws.items.select() if item.modality == "text")
    assert bodies == ["0 0.5 0.5 0.25 0.25\n", "0 0.5 0.5 2 0.25\n", "4 cats on a wall\n"]
    assert report.captions == 2


def test_exif_orientation_is_applied(photos):
    whole = Preprocess(32, 32, (0.0,) * 3, (1.0,) * 3)
    stripes = np.zeros((32, 32, 3), dtype=np.uint8)
    stripes[:8, :, 0] = 255  # red at the top
    image = Image.fromarray(stripes)
    exif = Image.Exif()
    exif[0x0112] = 6  # a viewer turns it a quarter to the right
    image.save(photos / "turned.png", exif=exif)
    image.rotate(-90).save(photos / "upright.png")
    turned, upright = pixels(photos / "turned.png", whole), pixels(photos / "upright.png", whole)
    assert np.array_equal(turned, upright)
    assert turned[0, :, -8:].min() == 1 and turned[0, :, :-8].max() == 0


def test_an_animation_is_its_first_frame(photos):
    frames = [Image.new("RGB", (20, 20), color) for color in ("lime", "red", "blue")]
    for name in ("a.gif", "a.webp", "a.png", "a.tiff"):
        options = {"lossless": True} if name.endswith("webp") else {}
        frames[0].save(photos / name, save_all=True, append_images=frames[1:], duration=100, **options)
        seen = pixels(photos / name, Preprocess(8, 8, (0.0,) * 3, (1.0,) * 3))
        assert np.array_equal(seen, np.broadcast_to(np.float32([[[0]], [[1]], [[0]]]), (3, 8, 8))), name


def test_patterns(ws, photos, monkeypatch):
    for name in ("a.png", "b.png", "sub/c.png", "sub/d.jpg"):
        picture(photos / name, sum(map(ord, name)))
    monkeypatch.chdir(photos)
    assert ws.add("*.png", encode=False).added == 2
    assert ws.add(str(photos / "**" / "*.png"), encode=False).added == 1
    assert ws.add("sub/?.jp*g", encode=False).added == 1
    with pytest.raises(NotFound, match=r"nothing matches '\*\.gif'"):
        ws.add("*.gif")


def test_a_name_that_looks_like_a_pattern_is_a_name_first(ws, photos):
    picture(photos / "[ab].png", 1)
    picture(photos / "a.png", 2)
    assert ws.add(photos / "[ab].png", encode=False).found == 1
    assert list(places(ws)) == [str(photos / "[ab].png")]


def test_no_add_enters_a_workspace(tmp_path, photos):
    picture(photos / "a.png", 1)
    inner = photos / "sub" / "workspace"
    with open_fake(inner) as ws:
        picture(inner / "quarantine" / "old.png", 2)
        report = ws.add(photos)
        assert list(places(ws)) == [str(photos / "a.png")]
        assert report.left_out["a curator workspace"] == 1
        assert ws.add(str(photos / "**" / "*.png")).found == 1
        with pytest.raises(NotFound, match="nothing matches"):
            ws.add(str(inner / "*" / "*.png"))
        assert ws.add(inner).left_out == {"a curator workspace": 1}
        assert list(places(ws)) == [str(photos / "a.png")]


def test_hidden_files_are_left_out_with_a_word(ws, photos):
    picture(photos / ".hidden.png", 1)
    picture(photos / ".thumbs" / "a.png", 2)
    assert ws.add(photos).left_out == Counter({"hidden: --hidden takes them": 2})


@pytest.mark.parametrize("second", ["missing.png", "*.nothing", "table.csv"])
def test_all_sources_are_checked_before_anything_is_written(ws, photos, second):
    picture(photos / "a.png", 1)
    (photos / "table.csv").write_text("a,b\n")
    before = dump(ws)
    with pytest.raises((NotFound, BadInput)):
        ws.add(photos, photos / second)
    assert dump(ws) == before
    assert ws.database.value("SELECT count(*) FROM run") == 0


@pytest.mark.parametrize("option", [{"label": " "}, {"not_label": "a\x1bb"}, {"group": "", "label": "x"}], ids=str)
def test_names_of_labels_are_checked_before_anything_is_written(ws, photos, option):
    picture(photos / "a.png", 1)
    with pytest.raises(BadInput):
        ws.add(photos, **option)
    assert ws.database.value("SELECT count(*) FROM run") == 0
