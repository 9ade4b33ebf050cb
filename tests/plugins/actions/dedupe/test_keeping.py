"""Which copy stays, and what goes or stays with it: each case on the disk, after the move and after its undo."""

from __future__ import annotations

import os
import random
import shutil
import time
from types import SimpleNamespace

import cv2
import numpy as np
import phone
import pytest
import setting_aside
from curator_plugins.actions.dedupe.auxiliary import auxiliary
from curator_plugins.actions.dedupe.keeping import Preference
from fakes import dump, open_fake, text
from PIL import Image, ImageDraw, ImageFilter, ImageOps
from scenes import save, scene

from curator.kit.images import opened
from curator.store.catalogue.items import CaptionStore


@pytest.fixture
def photos(tmp_path):
    return tmp_path / "photos"


@pytest.fixture
def ws(tmp_path):
    with open_fake(tmp_path / "workspace", "histogram", "numbers") as workspace:
        yield workspace


@pytest.fixture
def tidied(ws, photos):
    """Adds the folder, lets copies go, and takes that back again: what went, and the rows by name."""

    def tidied(**options):
        ws.add(photos, encode=False, hidden=True)
        before = setting_aside.state(photos)
        rows = {row["path"].name: row for row in ws.run("dedupe", apply=True, **options) if row["kind"] == "duplicate"}
        after = setting_aside.state(photos)
        if before != after:
            ws.undo()
        assert setting_aside.state(photos) == before
        return sorted(os.path.relpath(path, photos) for path in before.keys() - after.keys()), rows

    return tidied


def aged(path, days):
    """The same file, last changed so many days after another one of 0 days."""
    path.parent.mkdir(parents=True, exist_ok=True)
    when = 10**18 + days * 86_400 * 10**9
    os.utime(path, ns=(when, when))
    return path


def copy(path, to, days=1):
    """A younger copy of the same bytes."""
    to.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(path, to)
    return aged(to, days)


def original(photos, name="a.jpg", seed=1):
    return aged(save(scene(seed), photos / name), 0)


# --- names and folders ---


@pytest.mark.parametrize(
    "name",
    [
        "#recycle/a.jpg",
        "$RECYCLE.BIN/S-1-5-21/a.jpg",
        "Trash/a.jpg",
        "app cache/a.jpg",
        "Thumbnails/a.jpg",
        "@eaDir/a.jpg",
        "Backup/a.jpg",
        "phone backup 2019/a.jpg",
        "a (1).jpg",
        "Copy of a.jpg",
        "a - Copy (2).jpg",
        "a copy.jpg",
        "a副本.jpg",
    ],
)
def test_what_was_thrown_away_or_copied_goes_though_it_is_older(tidied, photos, name):
    older = original(photos, name)
    copy(older, photos / "kept" / "a.jpg")
    gone, rows = tidied()
    assert gone == [name]
    assert rows["a.jpg"]["why"] == "same bytes" if name.endswith("/a.jpg") else rows["a.jpg"]["do"] == "keep"


def test_names_that_only_look_alike_are_as_good_as_any(tidied, photos):
    older = original(photos, "trashed-wall/copying (in colour).jpg")
    copy(older, photos / "a.jpg")
    assert tidied()[0] == ["a.jpg"]


def test_what_a_person_prefers_counts_first(tidied, photos):
    copy(original(photos, "Trash/a.jpg"), photos / "b.jpg")
    gone, rows = tidied(keep=("path:Trash/*",))
    assert gone == ["b.jpg"] and rows["a.jpg"]["why"] == "path:Trash/*"


# --- labels and captions ---


def resaved(path, to, days=1, **how):
    """The same pixels in another file."""
    with Image.open(path) as image:
        save(image, to, **how)
    return aged(to, days)


def test_the_labelled_copy_stays_though_it_is_younger(ws, tidied, photos):
    resaved(original(photos), photos / "b.png")
    ws.add(photos, encode=False)
    ws.label("cat", [photos / "b.png"])
    gone, rows = tidied()
    assert gone == ["a.jpg"] and rows["b.png"]["why"] == "labelled"


def test_the_captioned_copy_stays_with_its_caption(tidied, photos):
    copy(original(photos), photos / "D.jpg")
    text(photos / "D.txt", "a street in the rain")
    gone, rows = tidied()
    assert gone == ["a.jpg"] and rows["D.jpg"]["why"] == "captioned"
    assert rows["D.jpg"]["companions"] == [photos / "D.txt"]


def test_a_caption_that_only_the_other_one_has_keeps_both(tidied, photos):
    copy(original(photos), photos / "D.jpg")
    text(photos / "D.txt", "a street in the rain")
    gone, rows = tidied(keep=("oldest",))
    assert gone == [] and rows["D.jpg"]["why"] == "same bytes; stays: only beside it lies D.txt"


def test_two_captions_that_say_the_same_are_one(tidied, photos):
    copy(original(photos), photos / "D.jpg")
    for name in ("a.txt", "D.txt"):
        text(photos / name, "a street in the rain")
    gone, rows = tidied()
    assert gone == ["D.jpg", "D.txt"] and rows["D.jpg"]["why"] == "same bytes; with D.txt"
    assert (rows["a.txt"]["do"], rows["D.txt"]["do"]) == ("keep", "go")


def test_two_captions_that_differ_keep_both_unless_that_is_asked_for(tidied, photos):
    copy(original(photos), photos / "D.jpg")
    text(photos / "a.txt", "a street in the rain")
    text(photos / "D.txt", "a wet road")
    gone, rows = tidied()
    assert gone == [] and "D.txt says something else than a.txt" in rows["D.jpg"]["why"]
    assert tidied(despite=True)[0] == ["D.jpg", "D.txt"]


def test_captions_of_one_wording_stay_with_their_pictures(tidied, photos):
    for number in range(3):
        original(photos, f"{number}.jpg", seed=number)
        text(photos / f"{number}.txt", "a street in the rain")
    gone, rows = tidied()
    assert gone == [] and rows["1.txt"]["why"] == "same bytes; stays: belongs to 1.jpg"


# --- what lies beside ---


def test_a_raw_file_goes_only_where_a_copy_of_it_stays(tidied, photos):
    jpg = original(photos, "card/IMG_1.JPG")
    (photos / "card" / "IMG_1.CR2").write_bytes(b"raw" * 1000)
    copy(jpg, photos / "desk" / "one.jpg", days=-1)
    gone, rows = tidied()
    assert gone == ["desk/one.jpg"] and rows["IMG_1.JPG"]["why"] == "with more beside it"
    gone, rows = tidied(keep=("path:desk/*",))
    assert gone == [] and rows["IMG_1.JPG"]["why"].endswith("stays: only beside it lies IMG_1.CR2")
    (photos / "desk" / "one.cr2").write_bytes(b"other")
    assert tidied(keep=("path:desk/*",), despite=True)[0] == []
    shutil.copyfile(photos / "card" / "IMG_1.CR2", photos / "desk" / "one.cr2")
    assert tidied(keep=("path:desk/*",))[0] == ["card/IMG_1.CR2", "card/IMG_1.JPG"]


@pytest.mark.parametrize(
    ("name", "beside"),
    [
        ("a.jpg", ["a.MOV"]),
        ("a.jpg", ["a.xmp", "a.jpg.xmp", "a.AAE", "a.WAV", "a.thm"]),
        ("a.jpg", ["a.json", "a.jpg.json", "a.jpg.supplemental-metadata.json"]),
        ("a(1).jpg", ["a.jpg(1).json"]),
        ("a.jpg", ["a.nef", "a.nef.xmp"]),
    ],
)
def test_what_belongs_together_goes_together(tidied, photos, name, beside):
    path = original(photos, f"old/{name}")
    for other in beside:
        (photos / "old" / other).write_bytes(other.encode() * 9)
    shutil.copytree(photos / "old", photos / "new")
    aged(photos / "new" / name, 5)
    (photos / "old" / "b.jpg.xmp").write_bytes(b"of another")
    gone, rows = tidied(keep=("path:old/*",))
    assert path.exists() and gone == sorted(f"new/{other}" for other in (name, *beside))
    assert sorted(one.name for one in rows[name]["companions"]) == sorted(beside)


def test_what_is_shared_stays_with_the_one_that_stays(tidied, photos):
    resaved(original(photos), photos / "a.png")
    (photos / "a.xmp").write_text("about both")
    gone, rows = tidied()
    assert gone == ["a.png"] and "with" not in rows["a.png"]["why"]


def test_what_is_shared_by_two_that_go_keeps_the_second(tidied, photos):
    resaved(original(photos), photos / "a.png")
    (photos / "a.xmp").write_text("about both")
    copy(photos / "a.jpg", photos / "b.jpg")
    gone, rows = tidied(keep=("path:b.jpg",))
    assert gone == ["a.jpg"] and rows["a.png"]["why"].endswith("stays: only beside it lies a.xmp")


def test_a_picture_and_its_raw_file_are_no_copies_to_choose_from(tidied, photos):
    with Image.open(original(photos)) as image:
        save(image, photos / "a.dng", format="TIFF")
    gone, _ = tidied(include=("near",))
    assert gone == []


# --- what is in the file ---

FILM = b"\0\0\0\x18ftypmp42" + bytes(range(256)) * 8


def exif(**told):
    found = Image.Exif()
    if "camera" in told:
        found[0x010F] = told["camera"]
    if "time" in told:
        found.get_ifd(0x8769)[0x9003] = told["time"]
    return found


def test_a_motion_photo_stays_and_its_still_goes(tidied, photos):
    still = original(photos, "still.jpg")
    moving = photos / "moving.jpg"
    moving.write_bytes(still.read_bytes() + FILM)
    aged(moving, 5)
    gone, rows = tidied()
    assert gone == ["still.jpg"] and rows["moving.jpg"]["why"] == "holds a film, too"
    gone, rows = tidied(keep=("path:still.jpg",))  # the film is nowhere else, whatever is preferred
    assert gone == [] and rows["moving.jpg"]["why"] == "same pixels; stays: it holds a film, too"


@pytest.mark.skipif(not phone.HAS_HEIC, reason="pillow-heif is not installed")
@pytest.mark.parametrize(
    ("kind", "holds"),
    [(phone.DEPTH, "a depth map"), (phone.GAIN, "a gain map"), (phone.MATTE, "another picture"), (phone.ALPHA, "")],
)
def test_a_heic_stays_for_what_it_holds_beside_its_picture(tidied, photos, kind, holds):
    photos.mkdir()
    phone.heic_with(photos / "portrait.heic", kind, scene(3, (96, 72)))
    aged(photos / "portrait.heic", 5)
    with opened(photos / "portrait.heic") as image:
        image.save(photos / "a.png")
    aged(photos / "a.png", 1)
    gone, rows = tidied()
    if holds:
        assert gone == ["a.png"] and rows["portrait.heic"]["why"] == f"holds {holds}, too"
        gone, rows = tidied(keep=("path:a.png",))
        assert gone == [] and rows["portrait.heic"]["why"] == f"same pixels; stays: it holds {holds}, too"
    else:  # what is transparent is a part of the picture
        assert gone == ["portrait.heic"]


@pytest.mark.parametrize("by", phone.GAINS)
def test_a_jpeg_stays_for_its_gain_map(tidied, photos, by):
    plain = original(photos, "a.jpg")
    bright = photos / "bright.jpg"
    bright.write_bytes(plain.read_bytes() + phone.gain_map(scene(4, (96, 72)), by))
    aged(bright, 5)
    gone, rows = tidied()
    assert gone == ["a.jpg"] and rows["bright.jpg"]["why"] == "holds a gain map, too"
    gone, rows = tidied(keep=("path:a.jpg",))
    assert gone == [] and rows["bright.jpg"]["why"] == "same pixels; stays: it holds a gain map, too"


def test_a_film_behind_a_gain_map_is_more_than_the_map_alone(tidied, photos):
    bright = original(photos, "a.jpg")
    bright.write_bytes(bright.read_bytes() + phone.gain_map(scene(4, (96, 72)), "ISO"))
    (photos / "moving.jpg").write_bytes(bright.read_bytes() + FILM)
    aged(photos / "moving.jpg", 5)
    gone, rows = tidied()
    assert gone == ["a.jpg"] and rows["moving.jpg"]["why"] == "holds a film, too"


@pytest.mark.skipif(not phone.HAS_HEIC, reason="pillow-heif is not installed")
def test_a_heic_stays_for_the_gain_map_of_its_brighter_picture(tidied, photos):
    photos.mkdir()
    bright = phone.heic_brighter(photos / "bright.heic", scene(3, (96, 72)), scene(4, (48, 36)))
    aged(photos / "bright.heic", 5)
    with opened(photos / "bright.heic") as image:
        image.save(photos / "a.png")
    aged(photos / "a.png", 1)
    gone, rows = tidied()
    assert gone == ["a.png"] and rows["bright.heic"]["why"] == "holds a gain map, too"
    (kind, content), other = next(auxiliary(bright)), scene(5, (48, 36))
    for image, told in ((scene(4, (48, 36)), b"half as bright as it gets"), (other, b"as bright as it gets")):
        phone.heic_brighter(photos / "other.heic", scene(3, (96, 72)), image, told)
        found = dict(auxiliary((photos / "other.heic").read_bytes()))
        assert found.keys() == {kind} and found[kind] != content


@pytest.mark.skipif(not phone.HAS_HEIC, reason="pillow-heif is not installed")
def test_a_damaged_heic_holds_nothing_and_takes_no_time(tmp_path):
    begin = time.process_time()
    for sound in (
        phone.heic_with(tmp_path / "a.heic", phone.DEPTH, scene(3, (96, 72))),
        phone.heic_brighter(tmp_path / "b.heic", scene(3, (96, 72)), scene(4, (48, 36))),
    ):
        _, content = next(auxiliary(sound))
        assert 100 < len(content) < len(sound)
        for seed in range(300):
            damaged, rng = bytearray(sound), random.Random(seed)
            for _ in range(8):
                damaged[rng.randrange(-600, 500)] = rng.choice((0, 255, rng.randrange(256)))
            cut = rng.choice((len(sound), rng.randrange(len(sound))))
            found = [*auxiliary(bytes(damaged[:cut]))]
            assert sum(len(data) for _, data in found) <= len(found) * len(sound)
    assert time.process_time() - begin < 5


def test_filling_behind_a_picture_is_nothing(tidied, photos):
    still = original(photos, "a.jpg")
    (photos / "b.jpg").write_bytes(still.read_bytes() + bytes(5000))
    aged(photos / "b.jpg", 5)
    assert tidied()[0] == ["b.jpg"]


def test_the_one_with_its_metadata_stays(tidied, photos):
    stripped = original(photos, "a.jpg")
    with Image.open(stripped) as image:
        image.save(photos / "b.png", exif=exif(camera="Canon", time="2024:05:01 10:00:00"))
    aged(photos / "b.png", 5)
    gone, rows = tidied()
    assert gone == ["a.jpg"] and rows["b.png"]["why"] == "tells of camera, time"


def test_what_each_has_alone_keeps_both(ws, tidied, photos):
    """A label on the one, a film in the other: neither is lost for the other's sake."""
    still = original(photos, "still.jpg")
    (photos / "moving.jpg").write_bytes(still.read_bytes() + FILM)
    ws.add(photos, encode=False)
    ws.label("cat", [still])
    gone, rows = tidied()
    assert gone == [] and rows["still.jpg"]["do"] == "keep"


# --- labels ---


def small(path, to, days=1):
    with Image.open(path) as image:
        save(image.resize((image.width // 3, image.height // 3), Image.Resampling.LANCZOS), to)
    return aged(to, days)


def test_a_labelled_thumbnail_and_its_original_both_stay(ws, tidied, photos):
    thumb = small(original(photos), photos / "b.jpg")
    ws.add(photos, encode=False)
    ws.label("cat", [thumb])
    gone, rows = tidied(include=("near",))
    assert gone == [] and rows["b.jpg"]["do"] == "keep"
    assert "shows more detail than the one that is kept (labelled)" in rows["a.jpg"]["why"]
    gone, rows = tidied(include=("near",), keep=("largest",))
    assert gone == ["b.jpg"] and rows["b.jpg"]["why"].endswith("cat taken over")


def said(ws, path):
    """What is said of a file: label, value and whose word."""
    (item,) = [ws.items.by_reference(path)]
    return [(row.name, row.value, row.source) for row in ws.labels.store.of_item(item.id)]


def captions(ws, path):
    item = ws.items.by_reference(path)
    return sorted(text for _, text in CaptionStore(ws.database).of_image(item.id))


def test_labels_captions_and_pairs_are_taken_over_and_undone(ws, photos):
    path = original(photos)
    other = save(scene(9), photos / "other.png")
    thumb = small(path, photos / "b.jpg")
    text(photos / "a.txt", "a street in the rain")
    text(photos / "b.txt", "a wet road")
    ws.add(photos, captions=True, encode=False)
    ws.encode("histogram")
    ws.label("cat", [thumb])
    ws.label("dog", [thumb], value=False)
    ws.pair("metric", thumb, other)
    before = dump(ws)
    ws.run("dedupe", apply=True, include=("near",), keep=("largest",), despite=True)
    assert not thumb.exists()
    assert said(ws, path) == [("cat", 1, 1), ("dog", -1, 1)]  # on the word of a rule
    (row,) = ws.database.rows("SELECT origin FROM statement WHERE source = 1 AND value = 1")
    (first,) = ws.database.rows("SELECT id FROM statement WHERE source = 3 AND value = 1")
    assert row["origin"] == first["id"]
    assert len(ws.pairs.of("metric")) == 2
    assert captions(ws, path) == ["a street in the rain", "a wet road"]
    ws.label("cat", [path], value=False)
    assert said(ws, path)[0] == ("cat", -1, 3)  # a person's word wins
    ws.undo()
    ws.undo()
    assert thumb.exists() and dump(ws) == before


def test_labels_that_contradict_keep_both_unless_that_is_asked_for(ws, tidied, photos):
    path = original(photos)
    thumb = small(path, photos / "b.jpg")
    ws.add(photos, encode=False)
    ws.label("cat", [thumb], group="animal")
    ws.label("dog", [path], group="animal")
    gone, rows = tidied(include=("near",))
    assert gone == []
    assert "is said to be animal/cat, and a.jpg is said to be animal/dog" in rows["b.jpg"]["why"]
    ws.run("dedupe", apply=True, include=("near",), despite=True)
    assert not thumb.exists() and said(ws, path) == [("dog", 1, 3)]


def test_two_that_go_may_not_contradict_each_other_either(ws, tidied, photos):
    path = original(photos)
    first, second = small(path, photos / "b.jpg"), resaved(path, photos / "c.jpg", quality=60)
    ws.add(photos, encode=False)
    ws.label("cat", [first], group="animal")
    ws.label("dog", [second], group="animal")
    gone, _ = tidied(include=("near",), keep=("path:a.jpg",))
    assert gone == []


# --- what was not looked at ---


def test_files_whose_times_moved_are_told_and_found_once_they_are_added_again(ws, photos, tmp_path):
    copy(original(photos), photos / "b.jpg")
    ws.add(photos, encode=False)
    for name in ("a.jpg", "b.jpg"):
        aged(photos / name, 100)
    assert ws.run("dedupe") == []
    assert ws.reporter.said[-1] == (
        f"2 files are not as they were when they were added (time, inode or content), and were not looked at: "
        f"`curator add {photos}` reads them again"
    )
    original(photos, "sub/c.jpg", seed=2)
    ws.add(photos / "sub", encode=False)
    ws.run("dedupe", reference=(str(photos / "sub"),))
    assert ws.reporter.said[-1].startswith("2 files are not as they were")  # a reference narrows nothing down
    ws.add(photos, encode=False)
    assert len(ws.run("dedupe")) == 3


def test_a_folder_that_is_gone_is_told(ws, photos, tmp_path):
    copy(original(photos), photos / "sub" / "b.jpg")
    ws.add(photos, encode=False)
    os.rename(photos, tmp_path / "elsewhere")
    assert ws.run("dedupe") == []
    assert ws.reporter.said[-1].startswith(f"the folder {str(photos)!r} is gone, and its 2 files were not looked at")
    os.rename(tmp_path / "elsewhere", photos)
    (photos / "a.jpg").unlink()
    assert ws.run("dedupe") == []
    assert ws.reporter.said[-1] == f"1 file is gone, and was not looked at: `curator add {photos}` takes note of that"


# --- what its colours mean ---


@pytest.mark.parametrize("size", [(360, 300), (100, 80)])
def test_a_copy_that_lost_its_profile_goes_and_the_one_with_it_stays(tidied, photos, size):
    """Pillow leaves it out where it is not told to keep it."""
    path = aged(save(scene(1, size), photos / "a.jpg", icc_profile=phone.profile()), 5)
    made(path, photos / "b.jpg", lambda image: image.convert("RGB"), 0, quality=80, icc_profile=None)
    gone, rows = tidied(include=("copy",))
    assert gone == ["b.jpg"] and rows["a.jpg"]["why"] == "tells of what its colours mean"
    assert rows["b.jpg"]["why"] == "saved again, one of them without its colour profile"
    gone, rows = tidied(include=("copy",), keep=("path:b.jpg",))
    assert gone == ["a.jpg"]


def test_a_profile_that_would_be_lost_keeps_both(ws, tidied, photos):
    path = aged(save(scene(1), photos / "a.jpg", icc_profile=phone.profile()), 5)
    other = made(path, photos / "b.jpg", lambda image: image, 0, quality=80, icc_profile=None)
    ws.add(photos, encode=False)
    ws.label("cat", [other])
    gone, rows = tidied(include=("copy",))
    assert gone == [] and rows["a.jpg"]["why"].endswith("stays: it tells of what its colours mean")


def test_other_numbers_or_two_profiles_are_no_copy(tidied, photos):
    path = aged(save(scene(1), photos / "a.jpg", icc_profile=phone.profile()), 0)
    made(path, photos / "b.jpg", written_over, 1, icc_profile=None)
    made(path, photos / "c.jpg", lambda image: image, 1, icc_profile=phone.profile(gamma=1.2))
    _, rows = tidied()
    assert [rows[name]["match"] for name in ("b.jpg", "c.jpg")] == ["edited"] * 2


# --- how much of a picture is real ---


def test_a_flag_of_which_two_bands_are_as_bars_is_measured_too(tidied, photos):
    """What is left within them is of one shade, and correlates with nothing."""
    flag = Image.new("RGB", (240, 160), "#ffffff")
    flag.paste("#002b7f", (0, 0, 80, 160))
    flag.paste("#ef4135", (160, 0, 240, 160))
    aged(save(flag, photos / "a.png"), 0)
    aged(save(flag, photos / "b.jpg"), 1)
    gone, rows = tidied(include=("copy",))
    assert gone == ["b.jpg"] and rows["b.jpg"]["match"] == "copy"


def made(path, to, change, days=1, **how):
    """A picture made of another one."""
    with Image.open(path) as image:
        save(change(image), to, **how)
    return aged(to, days)


def times(factor, resampling=Image.Resampling.BICUBIC):
    return lambda image: image.resize((round(image.width * factor), round(image.height * factor)), resampling)


def written_over(image):
    image = image.copy()
    ImageDraw.Draw(image).text((40, 120), "SAMPLE PICTURE", font_size=36, fill="white")
    return image


LETTERBOXES = {
    "black": lambda image: ImageOps.pad(image, (image.width, image.width * 4 // 3), color="black"),
    "white": lambda image: ImageOps.pad(image, (image.height * 2, image.height), color="white"),
}


@pytest.mark.parametrize("days", [-5, 5])
@pytest.mark.parametrize(
    ("change", "why"),
    [
        (times(2), "the other one was enlarged"),
        (times(3, Image.Resampling.LANCZOS), "the other one was enlarged"),
        (LETTERBOXES["black"], "without bars"),
        (LETTERBOXES["white"], "without bars"),
        (written_over, "seems to have less laid over it"),
        (times(0.5), "more detail"),
    ],
)
def test_the_real_picture_stays_whatever_its_age_and_pixels(tidied, photos, change, why, days):
    path = original(photos)
    made(path, photos / "b.jpg", change, days, quality=95)
    gone, rows = tidied(include=("near",))
    assert gone == ["b.jpg"] and rows["a.jpg"]["why"] == why


def test_the_original_that_is_larger_stays_and_what_was_made_of_it_is_no_reason(tidied, photos):
    """Three of one picture: the small one was enlarged again."""
    small = made(original(photos), photos / "b.jpg", times(1 / 3), 1)
    made(small, photos / "c.jpg", times(3), -3)
    assert tidied(include=("near",))[0] == ["b.jpg", "c.jpg"]


def test_the_one_that_is_compressed_less_stays_unless_it_was_only_saved_again(tidied, photos):
    path = aged(save(scene(1), photos / "a.jpg", quality=40), 0)
    aged(save(scene(1), photos / "b.jpg", quality=90), 5)
    gone, rows = tidied(include=("near",))
    assert gone == ["a.jpg"] and rows["b.jpg"]["why"] == "compressed less"
    made(path, photos / "b.jpg", lambda image: image, 5, quality=90)
    gone, rows = tidied(include=("near",))
    assert gone == ["b.jpg"] and rows["a.jpg"]["why"] == "oldest"


def vignetted(image):
    """Dark towards the corners."""
    y, x = np.mgrid[0 : image.height, 0 : image.width]
    far = ((x / image.width - 0.5) ** 2 + (y / image.height - 0.5) ** 2) / 0.5
    return Image.fromarray((np.asarray(image) * (1 - 0.75 * far[..., None])).astype(np.uint8))


EDITS = {
    "mirrored": ImageOps.mirror,
    "lighter": lambda image: Image.eval(image, lambda value: min(255, value * 5 // 4)),
    "turned": lambda image: image.transpose(Image.Transpose.ROTATE_90),
    "vignetted": vignetted,
}


@pytest.mark.parametrize("name", EDITS)
@pytest.mark.parametrize("size", [(400, 400), (120, 120)])
def test_what_was_edited_and_saved_finer_is_not_compressed_less(tidied, photos, name, size):
    path = aged(save(scene(2, size), photos / "a.jpg", quality=75), 0)
    made(path, photos / "b.jpg", EDITS[name], 5, quality=92)
    gone, rows = tidied(include=("near",))
    assert gone == ["b.jpg"] and rows["a.jpg"]["why"] == "oldest"


def test_a_thing_before_white_has_no_bars(tidied, photos):
    image = Image.new("RGB", (400, 400), "white")
    ImageDraw.Draw(image).ellipse((80, 60, 320, 340), fill=(200, 30, 60))
    image.paste(scene(3, (120, 120)), (140, 140))
    path = aged(save(image, photos / "a.jpg"), 0)
    made(path, photos / "b.jpg", lambda image: image.crop((70, 50, 330, 350)), 5)
    _, rows = tidied(include=("near",))
    assert not rows or rows["a.jpg"]["do"] == "keep"


def test_the_margin_of_an_icon_is_no_bar_that_its_enlarged_copy_lacks(tidied, photos):
    icon = Image.new("RGB", (64, 64), "navy")
    icon.paste(scene(3, (40, 40)), (12, 12))
    path = aged(save(icon, photos / "a.png"), 0)
    made(path, photos / "b.png", times(6, Image.Resampling.LANCZOS), 5)
    _, rows = tidied(include=("near",))
    assert rows["b.png"]["match"] in ("copy", "edited")
    assert not any("bars" in row["why"] for row in rows.values())


@pytest.mark.parametrize("size", [(300, 300), (100, 100)])
@pytest.mark.parametrize("colour", ["black", "white", "#c0a060"])
def test_a_square_picture_stays_and_not_the_one_in_a_frame(tidied, photos, size, colour):
    path = aged(save(scene(1, size), photos / "a.jpg"), 0)
    made(path, photos / "b.jpg", lambda image: ImageOps.expand(image, size[0] // 10, colour), -5)
    gone, rows = tidied(include=("near",))
    assert gone == ["b.jpg"] and rows["a.jpg"]["why"] == "without bars"


PALE = {
    "white along its edge": (lambda image: image.paste("white", (0, 0, image.width, image.height * 2 // 3)), "white"),
    "as light as the frame": (lambda image: image.paste("#6090c0", (0, 0, image.width, image.height // 3)), "#b08060"),
}


@pytest.mark.parametrize("edge", PALE)
@pytest.mark.parametrize("size", [(420, 300), (300, 300)])
def test_a_frame_is_seen_though_the_picture_has_its_shade_along_the_edge(tidied, photos, edge, size):
    paste, colour = PALE[edge]
    picture, thing = Image.new("RGB", size), scene(4, size)
    picture.paste(thing)
    paste(picture)
    picture.paste(thing.crop((60, 60, 240, 240)), (60, 60))
    path = aged(save(picture, photos / "a.jpg"), 0)
    made(path, photos / "b.jpg", lambda image: ImageOps.expand(image, 36, colour), -5)
    gone, rows = tidied(include=("near",))
    assert gone == ["b.jpg"] and rows["a.jpg"]["why"] == "without bars"


def test_what_matches_only_the_one_that_stays_after_all_is_a_copy_of_that(ws, tidied, photos):
    """The largest, in a frame, is looked at first; a crop shares too little with it."""
    path = original(photos)
    made(path, photos / "b.jpg", lambda image: ImageOps.expand(image, 40, "black"), 5)
    made(path, photos / "c.jpg", lambda image: image.crop((40, 40, 40 + image.width * 7 // 10, 40 + 195)), 5)
    ws.add(photos)
    gone, rows = tidied(include=("near",))
    assert gone == ["b.jpg", "c.jpg"] and rows["a.jpg"]["do"] == "keep"


def test_a_lighter_copy_is_not_taken_for_one_without_something_over_it(tidied, photos):
    path = original(photos)
    made(path, photos / "b.jpg", lambda image: Image.eval(image, lambda value: min(255, value * 3 // 2)), 5)
    gone, rows = tidied(include=("near",))
    assert gone == ["b.jpg"] and "laid over" not in rows["a.jpg"]["why"]


def turned_hues(image):
    hue, saturation, value = image.convert("HSV").split()
    return Image.merge("HSV", (hue.point(lambda level: (level + 85) % 256), saturation, value)).convert("RGB")


@pytest.mark.parametrize("seed", [10, 12])
def test_a_recoloured_copy_is_not_taken_for_one_without_something_over_it(tidied, photos, seed):
    """What stands out among one set of colours is even among another."""
    path = aged(save(scene(seed, (240, 200)), photos / "a.jpg"), 0)
    made(path, photos / "b.jpg", turned_hues)
    gone, rows = tidied(include=("near",))
    assert gone == ["b.jpg"] and rows["a.jpg"]["why"] == "oldest", rows


@pytest.mark.parametrize("seed", range(1, 5))
def test_what_a_filter_took_away_did_not_lie_over_the_original(tidied, photos, seed):
    path = aged(save(scene(seed, (240, 200)), photos / "a.jpg"), 0)
    made(path, photos / "b.jpg", lambda image: Image.fromarray(cv2.medianBlur(np.asarray(image), 9)), 5)
    gone, rows = tidied(include=("near",))
    assert gone == ["b.jpg"] and rows["a.jpg"]["why"] in ("oldest", "more detail")


def test_a_mirrored_copy_that_was_saved_finer_is_not_compressed_less(tidied, photos):
    path = aged(save(scene(110_004), photos / "a.jpg", quality=75), 0)
    made(path, photos / "b.jpg", ImageOps.mirror, 5, quality=90)
    gone, rows = tidied(include=("near",))
    assert gone == ["b.jpg"] and rows["a.jpg"]["why"] == "oldest"


@pytest.mark.parametrize("blur", [1.5, 3])
def test_a_soft_picture_was_not_enlarged_from_what_was_cut_from_it(tidied, photos, blur):
    path = aged(save(scene(1).filter(ImageFilter.GaussianBlur(blur)), photos / "a.jpg"), 0)
    made(path, photos / "b.jpg", lambda image: image.crop((30, 20, 282, 230)), -5)
    gone, rows = tidied(include=("near",))
    assert gone == ["b.jpg"] and rows["a.jpg"]["why"] == "more detail"


def test_the_reason_is_none_of_the_rules_by_which_the_kept_one_is_behind():
    """What is measured is no order: each of three may be before another."""
    before = {("a", "b"): "finer", ("b", "c"): "sharper", ("c", "a"): "with more beside it"}

    def by(rule):
        return lambda one, other: rule if before.get((one, other)) == rule else ""

    measures = SimpleNamespace(all=[by(rule) for rule in ("with more beside it", "finer", "sharper")])
    preference = Preference((), None, measures)
    preference.first, preference.last = [], []
    assert preference.best(["a", "b", "c"]) == "c"
    assert [preference.reason(kept, [*{"a", "b", "c"} - {kept}]) for kept in "abc"] == [
        "finer",
        "sharper",
        "with more beside it",
    ]


def test_a_labelled_copy_with_writing_and_its_clean_original_both_stay(ws, tidied, photos):
    marked = made(original(photos), photos / "b.jpg", written_over)
    ws.add(photos, encode=False)
    ws.label("cat", [marked])
    gone, rows = tidied(include=("near",))
    assert gone == [] and rows["a.jpg"]["why"].endswith("stays: it seems to have less laid over it")
