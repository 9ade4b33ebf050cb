"""Adding: what is one item and what one place, and that a second look reads nothing."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import pytest
from fakes import dump, picture, places, sha256, shown
from PIL import Image, ImageDraw

import curator
from curator.api import Preprocess
from curator.media.files import BadContent
from curator.media.preprocessing import pixels

# --- identity ---


def test_two_equal_files_are_one_item_in_two_places(ws, photos):
    picture(photos / "a.png", 1)
    (photos / "b.png").write_bytes((photos / "a.png").read_bytes())
    report = ws.add(photos)
    assert shown(report) == {"found": 2, "added": 1, "copies": 1, "decoded": 2, "encoded": 1}
    (item,) = ws.items.select()
    assert item.hash == sha256(photos / "a.png")
    assert places(ws) == {str(photos / "a.png"): item.id, str(photos / "b.png"): item.id}


def test_the_hash_is_over_the_whole_file(ws, photos):
    # Equal for the first two megabytes, and equal in pixels: only the end of the file differs.
    data = picture(photos / "a.bmp", 1, (1024, 800)).read_bytes()
    (photos / "b.bmp").write_bytes(data + b"x")
    (photos / "c.bmp").write_bytes(data + b"y")
    assert len(data) > 2 << 20
    assert shown(ws.add(photos, encode=False))["added"] == 3


def test_a_text_is_its_words_whatever_the_encoding(ws, photos):
    (photos / "a.txt").write_bytes("一只白猫在睡觉".encode())
    (photos / "b.txt").write_bytes("一只白猫在睡觉".encode("utf-8-sig"))
    (photos / "c.txt").write_bytes("一只白猫在睡觉".encode("gb18030"))
    (photos / "d.txt").write_bytes("一只白猫在睡觉".encode("utf-16"))
    report = ws.add(photos)
    assert shown(report) == {"found": 4, "added": 1, "copies": 3, "decoded": 4, "encoded": 1}
    assert [item.text for item in ws.items.select()] == ["一只白猫在睡觉"]


def test_a_second_add_reads_and_embeds_nothing(ws, photos, counts):
    for n in range(5):
        picture(photos / f"{n}.png", n)
    first = ws.add(photos)
    before = dump(ws)
    counts.clear()
    again = ws.add(photos)
    assert shown(first) == {"found": 5, "added": 5, "decoded": 5, "encoded": 5}
    assert shown(again) == {"found": 5, "unchanged": 5}
    assert not counts
    assert dump(ws) == before
    assert list(again.items) == list(first.items)


# --- change, move, loss ---


def test_other_content_at_a_known_place_is_another_item(ws, photos):
    path = picture(photos / "a.png", 1)
    ws.add(photos, label="old")
    old = ws.items.select()[0]
    picture(path, 2)
    assert shown(ws.add(photos)) == {"found": 1, "changed": 1, "decoded": 1, "encoded": 1}
    assert ws.items.by_id(old.id).path is None
    new = ws.items.by_reference(str(path))
    assert (new.id, new.hash) != (old.id, old.hash)
    assert new.hash == sha256(path)
    assert ws.labels.of_items([old.id, new.id]) == {old.id: ["old"]}
    assert list(places(ws)) == [str(path)]


def test_a_moved_file_keeps_its_labels_and_vector(ws, photos, counts):
    path = picture(photos / "a.png", 1)
    picture(photos / "b.png", 2)
    ws.add(photos)
    ws.label("cat", [path])
    item = ws.items.by_reference(str(path))
    (photos / "deep" / "er").mkdir(parents=True)
    path.rename(photos / "deep" / "er" / "z.png")
    counts.clear()
    assert shown(ws.add(photos)) == {"found": 2, "moved": 1, "unchanged": 1, "decoded": 1}
    assert not counts
    assert ws.items.by_id(item.id).path == photos / "deep" / "er" / "z.png"
    assert ws.labels.of_items([item.id]) == {item.id: ["cat"]}
    assert len(places(ws)) == 2


def test_a_renamed_folder_is_a_move_of_all_that_it_holds(ws, photos):
    for n in range(3):
        picture(photos / "sub" / f"{n}.png", n)
    ws.add(photos)
    before = {item.id: item.hash for item in ws.items.select()}
    photos = photos.rename(photos.with_name("renamed"))
    assert shown(ws.add(photos)) == {"found": 3, "moved": 3, "decoded": 3}
    assert {item.id: item.hash for item in ws.items.select()} == before
    assert sorted(places(ws, missing=0)) == [str(photos / "sub" / f"{n}.png") for n in range(3)]
    assert not places(ws, missing=1)


def test_two_files_that_swap_names_swap_places(ws, photos):
    a, b = picture(photos / "a.png", 1), picture(photos / "b.png", 2)
    ws.add(photos)
    was = places(ws)
    a.rename(photos / "c")
    b.rename(a)
    (photos / "c").rename(b)
    assert shown(ws.add(photos)) == {"found": 2, "changed": 2, "decoded": 2}
    assert places(ws) == {str(a): was[str(b)], str(b): was[str(a)]}


def test_a_missing_file_is_marked_and_may_come_back(ws, photos, tmp_path):
    a, b = picture(photos / "a.png", 1), picture(photos / "b.png", 2)
    ws.add(photos)
    a.rename(tmp_path / "elsewhere.png")
    assert shown(ws.add(photos)) == {"found": 1, "unchanged": 1, "missing": 1}
    assert list(places(ws, missing=1)) == [str(a)]
    assert ws.items.by_reference(str(a)).path is None
    assert shown(ws.add(photos)) == {"found": 1, "unchanged": 1}
    (tmp_path / "elsewhere.png").rename(a)
    assert shown(ws.add(photos)) == {"found": 2, "unchanged": 2}
    assert places(ws, missing=1) == {}
    assert ws.items.by_reference(str(a)).path == a
    assert b.exists()


def test_a_missing_file_that_comes_back_as_a_copy_is_at_its_place_again(ws, photos):
    path = picture(photos / "a.png", 1)
    picture(photos / "b.png", 2)
    ws.add(photos)
    data = path.read_bytes()
    path.unlink()
    ws.add(photos)
    path.write_bytes(data)
    assert shown(ws.add(photos)) == {"found": 2, "unchanged": 2, "decoded": 1}
    assert places(ws, missing=1) == {}
    assert len(places(ws)) == 2


def test_only_verify_sees_a_change_that_keeps_size_and_time(ws, photos):
    path = photos / "a.bmp"
    picture(path, 1)
    ws.add(photos)
    old, status = sha256(path), path.stat()
    data = bytearray(path.read_bytes())
    data[-1] ^= 0xFF
    with path.open("r+b") as file:
        file.write(data)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert shown(ws.add(photos)) == {"found": 1, "unchanged": 1}
    assert ws.items.by_reference(str(path)).hash == old
    assert shown(ws.add(photos, verify=True)) == {"found": 1, "changed": 1, "decoded": 1, "encoded": 1}
    assert ws.items.by_reference(str(path)).hash == sha256(path) != old


def test_verify_reads_all_and_changes_nothing_where_nothing_changed(ws, photos):
    for n in range(3):
        picture(photos / f"{n}.png", n)
    ws.add(photos)
    before = dump(ws)
    assert shown(ws.add(photos, verify=True)) == {"found": 3, "unchanged": 3, "decoded": 3}
    assert dump(ws) == before


# --- one physical file is one place ---


@pytest.mark.parametrize("order", ["child first", "parent first"])
def test_overlapping_roots_hold_each_file_once(ws, photos, order):
    picture(photos / "a.png", 1)
    picture(photos / "sub" / "deep" / "b.png", 2)
    picture(photos / "sub" / "c.png", 3)
    folders = [photos / "sub" / "deep", photos / "sub", photos]
    for folder in folders if order == "child first" else reversed(folders):
        ws.add(folder)
    assert sorted(places(ws)) == sorted(map(str, photos.rglob("*.png")))
    assert ws.database.value("SELECT count(*) FROM item") == 3
    roots = [row["path"] for row in ws.database.rows("SELECT path FROM root")]
    assert roots == [str(photos)]
    assert shown(ws.add(photos)) == {"found": 3, "unchanged": 3}


def test_a_folder_whose_name_begins_like_another_is_not_below_it(ws, tmp_path):
    picture(tmp_path / "photo" / "a.png", 1)
    picture(tmp_path / "photos" / "b.png", 2)
    ws.add(tmp_path / "photo")
    ws.add(tmp_path / "photos")
    assert ws.database.value("SELECT count(*) FROM root") == 2
    assert sorted(places(ws)) == [str(tmp_path / "photo" / "a.png"), str(tmp_path / "photos" / "b.png")]
    (tmp_path / "photos" / "b.png").unlink()
    assert shown(ws.add(tmp_path / "photo")) == {"found": 1, "unchanged": 1}


@pytest.mark.parametrize("link", ["0.png", "z.png"])
def test_a_symbolic_link_to_a_file_inside_is_no_second_place(ws, photos, link):
    path = picture(photos / "m.png", 1)
    (photos / link).symlink_to(path)
    report = ws.add(photos)
    assert (report.added, report.same_file, report.copies) == (1, 1, 0)
    assert list(places(ws)) == [str(path)]
    assert shown(ws.add(photos)) == {"found": 2, "unchanged": 1, "same_file": 1}


def test_a_symbolic_link_to_a_file_outside_stands_for_that_file(ws, photos, tmp_path):
    outside = picture(tmp_path / "outside" / "x.png", 1)
    (photos / "link.png").symlink_to(outside)
    assert shown(ws.add(photos)) == {"found": 1, "added": 1, "decoded": 1, "encoded": 1}
    assert list(places(ws)) == [str(outside)]
    assert shown(ws.add(outside.parent)) == {"found": 1, "unchanged": 1}
    assert ws.items.by_reference(str(photos / "link.png")).path == outside


def test_a_link_to_a_folder_is_left_out_with_a_word(ws, photos, tmp_path):
    picture(tmp_path / "other" / "x.png", 1)
    (photos / "link").symlink_to(tmp_path / "other")
    (photos / "loop").symlink_to(photos)
    report = ws.add(photos)
    assert report.left_out == Counter({"a link to a folder: add the folder itself": 2})
    assert shown(report) == {}


def test_a_link_that_leads_nowhere_is_a_problem_under_its_own_name(ws, photos):
    (photos / "gone.png").symlink_to(photos / "nothing.png")
    report = ws.add(photos)
    assert report.problems == [(str(photos / "gone.png"), "no such file or directory")]
    rows = ws.database.rows("SELECT path, reason FROM problem")
    assert [tuple(row) for row in rows] == report.problems
    (photos / "gone.png").unlink()
    ws.add(photos)
    assert ws.database.value("SELECT count(*) FROM problem") == 0


def test_hard_links_are_one_place(ws, photos):
    path = picture(photos / "a.png", 1)
    os.link(path, photos / "b.png")
    report = ws.add(photos)
    assert shown(report) == {"found": 2, "added": 1, "same_file": 1, "decoded": 2, "encoded": 1}
    assert list(places(ws)) == [str(path)]
    assert shown(ws.add(photos)) == {"found": 2, "unchanged": 1, "same_file": 1}
    # The first name goes; the file is still there under the second.
    path.unlink()
    assert shown(ws.add(photos)) == {"found": 1, "moved": 1, "decoded": 1}
    assert list(places(ws)) == [str(photos / "b.png")]


def test_a_source_named_twice_is_added_once(ws, photos):
    picture(photos / "sub" / "a.png", 1)
    report = ws.add(photos, photos / "sub", photos / "sub" / "a.png")
    assert (report.found, report.added, report.same_file) == (3, 1, 2)
    assert len(places(ws)) == 1


# --- what cannot be read ---


def test_bad_files_are_named_once_and_not_tried_again(ws, photos):
    picture(photos / "good.png", 1)
    (photos / "empty.png").touch()
    (photos / "words.png").write_text("no picture")
    os.mkfifo(photos / "pipe.png")
    report = ws.add(photos)
    wanted = {
        str(photos / "empty.png"): "empty file (0 bytes)",
        str(photos / "words.png"): "not an image that Pillow can read",
        str(photos / "pipe.png"): "not a regular file (a FIFO)",
    }
    assert dict(report.problems) == wanted
    assert (report.added, report.encoded) == (1, 1)
    before = dump(ws)
    assert dict(ws.add(photos).problems) == wanted
    assert dump(ws) == before
    picture(photos / "words.png", 2)
    (photos / "empty.png").unlink()
    assert dict(ws.add(photos).problems) == {str(photos / "pipe.png"): wanted[str(photos / "pipe.png")]}
    assert [row[0] for row in ws.database.rows("SELECT path FROM problem")] == [str(photos / "pipe.png")]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission_is_tried_again(ws, photos):
    path = picture(photos / "a.png", 1)
    path.chmod(0)
    assert ws.add(photos).problems == [(str(path), "permission denied")]
    path.chmod(0o600)
    assert shown(ws.add(photos)) == {"found": 1, "added": 1, "decoded": 1, "encoded": 1}


def test_what_the_system_refused_may_pass_and_what_the_content_is_will_not(tmp_path):
    (tmp_path / "words.png").write_text("no picture")
    for path, may_pass in ((tmp_path / "none.png", True), (tmp_path / "words.png", False)):
        with pytest.raises(BadContent) as caught:
            pixels(path, Preprocess(8, 8, (0.0,) * 3, (1.0,) * 3))
        assert caught.value.may_pass is may_pass


def test_names_that_are_not_utf8_are_kept_byte_by_byte(ws, photos):
    raw = os.fsencode(photos) + b"/caf\xe9 \xff.png"
    Path(os.fsdecode(raw)).write_bytes(picture(photos / "a.png", 1).read_bytes())
    ws.add(photos)
    assert sorted(map(os.fsencode, places(ws))) == sorted([os.fsencode(photos / "a.png"), raw])
    assert shown(ws.add(photos)) == {"found": 2, "unchanged": 2}
    (photos / "a.png").unlink()
    ws.add(photos)
    assert [os.fsencode(item.path) for item in ws.items.select()] == [raw]


@pytest.mark.slow
def test_the_default_encoder_through_the_public_door(tmp_path, photos):
    """EfficientNet-Lite0 itself: a drawing finds its brighter self before another drawing."""
    for n in range(6):
        image = Image.new("RGB", (160, 120), [(90, 60, 20), (20, 60, 120), (30, 110, 40)][n % 3])
        draw = ImageDraw.Draw(image)
        for step in range(0, 160, 20):
            if n < 3:
                draw.ellipse((step, 10 + step // 2, step + 30, 50 + step // 2), "white" if n % 2 else "orange")
            else:
                draw.line((step, 0, 160 - step, 120), "white" if n % 2 else "yellow", 2 * n - 3)
        image.save(photos / f"{n}.png")
        image.point(lambda value: min(255, value + 8)).save(photos / f"{n}-brighter.png")
    with curator.open_workspace(tmp_path / "workspace", create=True) as ws:
        assert shown(ws.add(photos)) == {"found": 12, "added": 12, "decoded": 12, "encoded": 12}
        assert [model.name for model in ws.models.all()] == ["efficientnet-lite0"]
        for n in range(6):
            (row,) = ws.run("similar", query=photos / f"{n}.png", k=1)
            assert (row["path"].name, row["score"] > 0.9) == (f"{n}-brighter.png", True)
