"""`curator split`: copies stay together, what is on a side stays there, and every side gets its share."""

from __future__ import annotations

import re
import shutil
from collections import Counter

import cli_kit
import numpy as np
import pytest
from PIL import Image, ImageFilter

RUN = cli_kit.curator_here
WORDS = [
    "river",
    "stone",
    "bread",
    "candle",
    "mirror",
    "garden",
    "winter",
    "copper",
    "window",
    "letter",
    "basket",
    "thunder",
    "meadow",
    "pencil",
    "orange",
    "saddle",
    "button",
    "harbour",
    "village",
    "feather",
    "lantern",
    "marble",
    "kettle",
    "blanket",
    "pepper",
    "shovel",
    "violin",
    "carpet",
    "tunnel",
    "ribbon",
    "cactus",
    "walnut",
    "anchor",
    "needle",
    "pillow",
    "ladder",
    "magnet",
    "cherry",
    "rocket",
    "hammer",
    "bishop",
    "turtle",
    "dragon",
    "signal",
    "jacket",
    "spider",
    "tablet",
    "forest",
]


def scene(seed):
    """A picture with enough in it to tell its copies from others."""
    random = np.random.default_rng(seed)
    rough = Image.fromarray(random.integers(0, 255, (12, 12, 3), np.uint8).astype(np.uint8))
    smooth = rough.resize((160, 160), Image.Resampling.BICUBIC).filter(ImageFilter.GaussianBlur(1))
    fine = random.normal(0, 12, (160, 160, 1))
    return Image.fromarray(np.clip(np.asarray(smooth) + fine, 0, 255).astype(np.uint8))


@pytest.fixture(scope="module")
def album(tmp_path_factory):
    """Forty photos of two kinds; each fourth has three copies: saved again, made smaller, cut a little."""
    base = tmp_path_factory.mktemp("album")
    for number in range(40):
        folder = base / "photos" / ("cat" if number % 2 else "dog")
        folder.mkdir(parents=True, exist_ok=True)
        picture = scene(number)
        picture.save(folder / f"{number}.png")
        if number % 4 == 0:
            picture.save(folder / f"{number}-saved.jpg", quality=70)
            picture.resize((120, 120)).save(folder / f"{number}-small.png")
            picture.crop((2, 2, 158, 158)).save(folder / f"{number}-cut.jpg", quality=90)
    ran = cli_kit.curator("add", "photos", "--labels-from-folders", "--group", "kind", cwd=base)
    assert ran.code == 0
    return base


@pytest.fixture
def here(album, tmp_path, monkeypatch):
    shutil.copytree(album, tmp_path / "album")
    monkeypatch.chdir(tmp_path / "album")
    RUN("relocate", str(album / "photos"), "photos")
    return tmp_path / "album"


def sides(*where):
    """Side by the stem of a file, as `show` says it."""
    found = {}
    for row in RUN("ls", "--json", "--limit", "0", *where).rows("item"):
        found[row["path"].rpartition("/")[2]] = row["side"]
    return found


def test_copies_are_on_one_side_and_each_side_has_its_share_of_each_kind(here):
    ran = RUN("split", "--by", "kind", "--train", "0.6", "--val", "0.2", "--test", "0.2", "--json")
    assert ran.code == 0 and not ran.rows("leak")
    rows = {row["side"]: row for row in ran.rows("side")}
    assert sum(row["items"] for row in rows.values()) == sum(row["new"] for row in rows.values()) == 70
    found = sides()
    by_photo = {}
    for name, side in found.items():
        by_photo.setdefault(name.partition(".")[0].partition("-")[0], set()).add(side)
    assert all(len(on) == 1 for on in by_photo.values())
    assert set(found.values()) == {"train", "val", "test"}
    for stratum in ran.rows("stratum"):
        assert stratum["off"] <= 4, "a photo with its copies is four"
    assert RUN("audit", "--check", "leak", "--json").rows("flaw") == []


def test_the_split_is_the_same_wherever_and_in_whatever_order_the_files_were_added(here, tmp_path, monkeypatch):
    RUN("split", "--json")
    first = sides()
    other = tmp_path / "other"
    for kind in ("dog", "cat"):
        shutil.copytree(here / "photos" / kind, other / kind)
    monkeypatch.chdir(other)
    RUN("add", "cat")
    RUN("add", "dog")
    RUN("split", "--json")
    assert sides() == first
    RUN("split", "--anew", "--seed", "1")
    assert sides() != first


def test_what_is_on_a_side_stays_there_when_more_comes(here):
    RUN("split", "--train", "0.5", "--val", "0.25", "--test", "0.25")
    before = sides()
    for number in range(100, 120):
        scene(number).save(here / "photos" / f"{number}.png")
    RUN("add", "photos")
    ran = RUN("split", "--json")
    after = sides()
    assert {name: after[name] for name in before} == before
    assert None not in after.values()
    rows = {row["side"]: row for row in ran.rows("side")}
    assert sum(row["new"] for row in rows.values()) == 20
    assert abs(rows["train"]["wanted"] - 0.5) < 0.05, "without shares those of the split as it is"


def test_only_what_was_chosen_is_split_but_goes_where_its_copies_are(here):
    RUN("split", "--under", "photos/cat", "--train", "1")
    assert {side for name, side in sides().items() if name in listed(here, "dog")} == {None}
    copy = next(iter(listed(here, "cat")))
    shutil.copy(here / "photos" / "cat" / copy, here / "photos" / "dog" / "another.png")
    Image.open(here / "photos" / "dog" / "another.png").save(here / "photos" / "dog" / "again.jpg", quality=80)
    RUN("add", "photos")
    RUN("split", "--under", "photos/dog", "--test", "1")
    found = sides()
    assert found["again.jpg"] == "train"
    assert Counter(found[name] for name in listed(here, "dog") if name not in ("again.jpg", "another.png")) == {
        "test": 50
    }


def listed(here, kind):
    return sorted(path.name for path in (here / "photos" / kind).iterdir())


def test_a_leak_between_folders_is_told_found_by_audit_and_repaired(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for side, numbers in (("train", range(4)), ("test", range(4, 8))):
        (tmp_path / "data" / side).mkdir(parents=True)
        for number in numbers:
            scene(number).save(tmp_path / "data" / side / f"{number}.png")
    scene(1).save(tmp_path / "data" / "test" / "1-saved.jpg", quality=75)
    RUN("add", "data")
    ran = RUN("split", "--json")
    (leak,) = ran.rows("leak")
    assert leak["path"].endswith("test/1-saved.jpg") and (leak["side"], leak["other_side"]) == ("test", "train")
    assert "1 item is of one original with what is on another side: `curator split --repair`" in ran.err
    (flaw,) = RUN("audit", "--check", "leak", "--json").rows("flaw")
    assert flaw["path"] == leak["path"] and f"id:{leak['other']} in train" in flaw["why"]
    # What comes to such a group was learnt from.
    scene(1).resize((150, 150)).save(tmp_path / "data" / "1-small.png")
    RUN("add", "data")
    assert len(RUN("split", "--json").rows("leak")) == 1
    assert sides()["1-small.png"] == "train"
    assert not RUN("split", "--repair", "--json").rows("leak")
    assert sides()["1-saved.jpg"] == "train"
    assert RUN("audit", "--check", "leak", "--json").rows("flaw") == []
    RUN("undo")
    assert sides()["1-saved.jpg"] == "test"


def test_folders_that_are_called_so_beside_each_other_are_taken_over(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for folder in ("data/train/a", "data/valid/a", "data/test/a", "elsewhere/test"):
        (tmp_path / folder).mkdir(parents=True)
        for number in range(3):
            (tmp_path / folder / f"{number}.txt").write_text(f"what stands in {folder} about {number * 7} things")
    RUN("add", "data", "elsewhere")
    ran = RUN("split", "--train", "0.5", "--val", "0.25", "--test", "0.25", "--json")
    assert ran.code == 0
    found = {row["path"]: row["side"] for row in RUN("ls", "--json").rows("item")}
    for path, side in found.items():
        for folder, wanted in (("data/train", "train"), ("data/valid", "val"), ("data/test", "test")):
            if f"/{folder}/" in path:
                assert side == wanted, path
    assert {side for path, side in found.items() if "/elsewhere/" in path} != {"test"}
    RUN("undo")
    RUN("split", "--train", "1", "--no-folders")
    assert {row["side"] for row in RUN("ls", "--json").rows("item")} == {"train"}


def test_tables_called_so_are_sides_too(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "train.csv").write_text("text\none sentence of the first\nanother of the same table\n")
    (tmp_path / "test.csv").write_text("text\nwhat nobody has learnt from\n")
    RUN("add", "train.csv", "test.csv", "--text-column", "text")
    RUN("split")
    found = {row["text"]: row["side"] for row in RUN("ls", "--json").rows("item")}
    assert found == {
        "one sentence of the first": "train",
        "another of the same table": "train",
        "what nobody has learnt from": "test",
    }


def test_captions_go_with_their_picture_and_folders_stay_whole(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for number in range(12):
        folder = tmp_path / "photos" / f"walk{number // 3}"
        folder.mkdir(parents=True, exist_ok=True)
        scene(number).save(folder / f"{number}.png")
        (folder / f"{number}.txt").write_text(" ".join(WORDS[number::12]))
    RUN("add", "photos", "--captions")
    RUN("split", "--train", "0.5", "--val", "0.25", "--test", "0.25", "--together", "folder")
    on = {}
    for row in RUN("ls", "--json").rows("item"):
        on.setdefault(row["path"].split("/")[-2], set()).add(row["side"])
    assert all(len(found) == 1 for found in on.values()) and len({frozenset(found) for found in on.values()}) == 3


def test_what_is_taken_back_can_be_done_again(here):
    RUN("split")
    first = sides()
    ran = RUN("undo")
    assert set(sides().values()) == {None}
    RUN("undo", re.search(r"curator undo (\d+) redoes", ran.err + ran.out)[1])
    assert sides() == first


def test_a_copy_that_stays_takes_over_the_side_of_the_file_that_goes(here):
    RUN("split", "--test", "1", "--where", "name:0-small.png")
    RUN("trust", "--yes")  # the workspace was copied here
    assert RUN("dedupe", "--apply", "--include", "copy", "--where", "name:0*").code == 0
    assert sides()["0.png"] == "test"


def test_what_cannot_be_had_is_said(here):
    RUN("label", "rare", "photos/cat/1.png", "--group", "colour")
    ran = RUN("split", "--by", "colour", "--train", "0.8", "--val", "0.1", "--test", "0.1")
    assert "no item of some labels on a side" in ran.err or "with no item on a side: rare (val, test)" in ran.err


@pytest.mark.parametrize(
    ("args", "code", "words"),
    [
        (("--train", "0.8", "--val", "0.1"), 2, "--train 0.8, --val 0.1 add up to 0.9: the shares have to add up to 1"),
        (("--train", "1.2"), 2, "1.2"),
        (("--train", "0", "--test", "0"), 2, "--train 0, --test 0 add up to 0"),
        (("--repair", "--anew"), 2, "give one of them"),
        (("--by", "kinds"), 3, "did you mean 'kind'"),
        (("--together", "sceen"), 3, "no group 'sceen'"),
    ],
)
def test_bad_input_is_one_line_and_nothing_is_written(here, args, code, words):
    ran = RUN("split", *args)
    ran.assert_failed(code, words)
    assert set(sides().values()) == {None}


def test_a_head_learns_from_one_side_and_is_measured_on_the_other(here):
    RUN("train", "--group", "kind", "--split").assert_failed(4, "curator split puts some there")
    RUN("split", "--by", "kind", "--train", "0.6", "--test", "0.4")
    rows = {row["metric"]: row for row in RUN("train", "--group", "kind", "--split", "--json").rows("held-out")}
    listed = Counter(sides().values())
    assert rows["accuracy"]["items"] == listed["train"]
    assert rows["accuracy"]["test_items"] == listed["test"]
    RUN("train", "--group", "kind", "--split", "--test", "photos").assert_failed(2, "not both")


def test_what_lies_in_two_sides_as_the_same_bytes_is_told(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for side in ("train", "test"):
        (tmp_path / "data" / side).mkdir(parents=True)
        (tmp_path / "data" / side / "same.txt").write_text("one text in both")
        (tmp_path / "data" / side / "own.txt").write_text(
            f"what stands in {side} alone " + " ".join(WORDS[: len(side)])
        )
    RUN("add", "data")
    ran = RUN("split", "--json")
    assert "1 item lies in folders of several sides, as the same bytes" in ran.err
    assert sides()["own.txt"] in ("train", "test")


def test_the_shares_of_a_split_with_one_side_say_nothing(here):
    RUN("split", "--test", "1", "--where", "name:1.png")
    ran = RUN("split", "--json")
    assert {row["side"]: row["wanted"] for row in ran.rows("side")} == {"train": 0.8, "val": 0.1, "test": 0.1}
    ran = RUN("split", "--train", "0.2", "--val", "0.4", "--test", "0.4")
    assert "all of these items are on a side already: --anew deals them out again" in ran.err


SHARES = ("--train", "0.6", "--val", "0.2", "--test", "0.2")


def test_what_it_was_made_with_holds_for_what_comes_later(here):
    first = RUN("split", "--by", "kind", "--together", "folder", *SHARES)
    assert first.code == 0 and "as before" not in first.err
    for number in range(100, 106):
        scene(number).save(here / f"photos/cat/{number}.png")
    assert RUN("add", "photos").code == 0
    later = RUN("split", "--json")
    assert "as before: --by kind --together folder (--anew forgets that)" in later.err
    assert {row["group"] for row in later.rows("stratum")} == {"kind"}
    found = sides("--under", "photos/cat")
    assert len(set(found.values())) == 1 and "105.png" in found
    third = RUN("split", "--together", "scene", "--json")  # each by itself, and past a run that gave neither
    assert "as before: --by kind (--anew" in third.err and "folder" not in third.err
    assert RUN("split", "--anew", *SHARES).code == 0
    assert "as before" not in RUN("split").err


def test_what_was_undone_or_is_gone_does_not_hold(here):
    assert RUN("split", "--by", "kind", *SHARES).code == 0
    assert RUN("undo").code == 0
    assert "as before" not in RUN("split", *SHARES).err
    assert RUN("undo").code == 0
    assert RUN("label", "odd", "id:1", "--group", "other").code == 0
    assert RUN("split", "--by", "other", *SHARES).code == 0
    labelled = next(row for row in RUN("log", "--json").rows("run") if row["command"] == "label")
    assert RUN("undo", str(labelled["run"])).code == 0
    later = RUN("split")
    assert later.code == 0 and "--by other was kept so far, and is no longer: no group 'other'" in later.err
