"""`curator dedupe` through the real command line: what it shows, what it moves, and that nothing is ever lost."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import cli_kit
import pytest
import setting_aside
from PIL import Image
from scenes import save, scene

HARNESS = Path(setting_aside.__file__)
ENDLESS = 10**6


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """The photos; tests take copies."""
    folder = tmp_path_factory.mktemp("drawn")
    save(scene(8), folder / "a.jpg")
    shutil.copy2(folder / "a.jpg", folder / "copy.jpg")
    for name in ("a.xmp", "copy.xmp"):
        (folder / name).write_text("about the photo")
    with Image.open(folder / "a.jpg") as image:
        save(image, folder / "a.png")
        save(image.resize((180, 150)), folder / "small.jpg")
    save(scene(2), folder / "b.jpg")
    return folder


@pytest.fixture
def photos(drawn, run, tmp_path):
    """a.jpg and copy.jpg of the same bytes, with sidecars; a.png of the same pixels; small.jpg near it; b.jpg."""
    folder = tmp_path / "photos"
    shutil.copytree(drawn, folder)
    assert run("add", "photos", "--no-encode").code == 0
    return folder


KEEP = ("--keep", "path:photos/a.jpg")
FOUND = [
    ("exact", "keep", "a.jpg"),
    ("exact", "go", "copy.jpg"),
    ("same picture", "keep", "a.jpg"),
    ("same picture", "go", "a.png"),
    ("copy", "keep", "a.jpg"),
    ("copy", "stay", "small.jpg"),
]


def shown(ran):
    return [(row["match"], row["do"], os.path.basename(row["path"])) for row in ran.rows("duplicate")]


def names(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.slow
def test_the_plan_moves_nothing_and_says_how_to(run, photos, tmp_path):
    assert run("encode").code == 0
    before, runs = setting_aside.state(tmp_path), run("log", "--json").out
    ran = run("dedupe", *KEEP, "--json")
    assert shown(ran) == FOUND
    assert [row["why"] for row in ran.rows("duplicate")][:4] == [
        "path:photos/a.jpg",
        "same bytes; with copy.xmp",
        "path:photos/a.jpg",
        "same pixels",
    ]
    assert [(row["match"], row["groups"], row["copies"], row["go"]) for row in ran.rows("total")] == [
        ("exact", 1, 1, 1),
        ("same picture", 1, 1, 1),
        ("copy", 1, 1, 0),
    ]
    assert "2 files would go to quarantine: --apply moves them" in ran.err
    assert setting_aside.state(tmp_path) == before
    assert run("log", "--json").out == runs


@pytest.mark.slow
def test_apply_undo_and_redo(run, photos, tmp_path):
    assert run("encode").code == 0
    before = setting_aside.state(tmp_path)
    ran = run("dedupe", *KEEP, "--apply", "--json")
    assert ran.code == 0 and shown(ran) == FOUND and "2 files moved to quarantine" in ran.err
    assert names(photos) == ["a.jpg", "a.xmp", "b.jpg", "small.jpg"]
    quarantined = run("quarantine", "list", "--json").rows("quarantined")
    assert [(Path(row["path"]).name, row["why"]) for row in quarantined] == [
        ("copy.jpg", "exact"),
        ("copy.xmp", "sidecar"),
        ("a.png", "same picture"),
    ]
    assert shown(run("dedupe", *KEEP, "--json")) == FOUND[4:]
    after = setting_aside.state(tmp_path)
    assert "3 files" in run("undo").out
    assert setting_aside.state(tmp_path) == before  # content, times and modes
    assert shown(run("dedupe", *KEEP, "--json")) == FOUND
    undone = run("log", "--json", "--limit", "1").row("run")
    assert undone["command"] == "undo" and run("undo", str(undone["run"])).code == 0
    assert setting_aside.state(tmp_path) == after


def test_a_text_with_a_byte_order_mark_is_called_what_it_is_and_goes(run, tmp_path):
    folder = tmp_path / "notes"
    folder.mkdir()
    files = {"a.txt": b"The same words in both", "b.txt": b"\xef\xbb\xbfThe same words in both"}
    for name, data in files.items():
        (folder / name).write_bytes(data)
    assert run("add", "notes", "--no-encode").code == 0
    ran = run("dedupe", "--keep", "path:notes/a.txt", "--apply", "--json")
    assert ran.code == 0 and ran.rows("duplicate")[1]["why"] == "same text in another encoding"
    assert names(folder) == ["a.txt"] and (folder / "a.txt").read_bytes() == files["a.txt"]
    assert files["b.txt"] in [
        path.read_bytes() for path in tmp_path.rglob("workspace/quarantine/**/*") if path.is_file()
    ]
    assert run("undo").code == 0
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == files


@pytest.mark.parametrize("level", ["copy", "near"])
def test_copies_go_when_included(run, photos, level):
    ran = run("dedupe", *KEEP, "--include", level, "--apply", "--json", "--encode")
    assert shown(ran)[-1] == ("copy", "go", "small.jpg")
    assert names(photos) == ["a.jpg", "a.xmp", "b.jpg"]


@pytest.mark.slow
def test_what_lies_below_reference_stays_and_is_kept(run, photos, tmp_path):
    library = tmp_path / "library"
    library.mkdir()
    for name in ("one.jpg", "two.jpg"):
        shutil.copy2(photos / "a.jpg", library / name)
    shutil.copy2(photos / "a.xmp", library / "one.xmp")
    assert run("add", "library", "--no-encode").code == 0
    ran = run("dedupe", "--reference", "library", "--apply", "--json", "--encode")
    assert shown(ran) == [
        ("exact", "keep", "one.jpg"),  # and not two.jpg, which is no copy among those in question
        ("exact", "go", "a.jpg"),
        ("exact", "go", "copy.jpg"),
        ("same picture", "keep", "one.jpg"),
        ("same picture", "go", "a.png"),
        ("copy", "keep", "one.jpg"),
        ("copy", "stay", "small.jpg"),
    ]
    assert "copies stay where they are: --include copy" in ran.err
    assert names(library) == ["one.jpg", "one.xmp", "two.jpg"] and names(photos) == ["b.jpg", "small.jpg"]


@pytest.mark.parametrize(
    ("args", "code", "words"),
    [
        (("--keep", "biggest"), 2, ("--keep takes largest, oldest, newest or path:PATTERN", "'biggest'")),
        (("--keep", "path:"), 2, ("--keep takes", "'path:'")),
        (("--include", "similar"), 2, ("'similar'", "near")),
        (("--threshold", "1.5"), 2, ("1.5",)),
        (("--reference", "nowhere"), 3, ("no file or folder", "nowhere")),
        (("--reference", "empty"), 3, ("no file below --reference", "empty", "curator add")),
        (("--under", "nowhere"), 3, ("no file or folder", "nowhere")),
        (("-e", "nothing"), 3, ("'nothing'",)),
        (("--sheet", "photos/a.jpg", "--force"), 2, ("is a catalogued file",)),
    ],
)
def test_bad_input_is_one_line_and_moves_nothing(run, photos, tmp_path, args, code, words):
    (tmp_path / "empty").mkdir()
    before = setting_aside.state(tmp_path)
    run("dedupe", *args, "--apply").assert_ended(code, *words)
    assert setting_aside.state(tmp_path) == before


def test_without_a_workspace(run):
    run("dedupe").assert_failed(3, "no workspace", "curator add FOLDER")


def test_no_copies_is_said(run, tmp_path):
    save(scene(1), tmp_path / "photos" / "a.jpg")
    assert run("add", "photos", "--no-encode").code == 0
    ran = run("dedupe", "--sheet", "out.png")
    assert ran.out == "nothing found\n" and "no sheet was made: there are no copies" in ran.err
    assert not (tmp_path / "out.png").exists()


def test_a_sheet_of_the_groups(run, photos, tmp_path):
    ran = run("dedupe", *KEEP, "--sheet", "out.png", "--encode")
    assert ran.code == 0 and cli_kit.kind_of(tmp_path / "out.png") == "PNG"
    with Image.open(tmp_path / "out.png") as sheet:
        frames = sum(1 for _, colour in sheet.convert("RGB").getcolors(2**24) if colour == (0xD1, 0x48, 0x1F))
    assert frames, "nothing is framed"


def test_a_sheet_of_more_than_webp_can_hold_shows_the_first(run, tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    for number in range(45):
        for side in "ab":
            Image.new("RGB", (8, 8), (5 * number, 0, 0)).save(folder / f"{number}{side}.png")
    assert run("add", "photos", "--no-encode").code == 0
    ran = run("dedupe", "--sheet", "s.webp")
    assert ran.code == 0 and cli_kit.kind_of(tmp_path / "s.webp") == "WEBP"
    assert "the sheet shows the first 7" in ran.err and "of 90; a .pdf holds more" in ran.err
    with Image.open(tmp_path / "s.webp") as sheet:
        assert 15_900 < sheet.height <= 16_383


def test_a_copy_that_changed_after_the_plan_stays(run, photos, tmp_path):
    """The plan is made anew by --apply; what changed since it was catalogued is in none."""
    assert run("dedupe", *KEEP, "--encode").code == 0
    save(scene(3), photos / "copy.jpg")
    (photos / "a.png").unlink()
    ran = run("dedupe", *KEEP, "--apply", "--json")
    assert shown(ran) == FOUND[4:] and names(photos) == ["a.jpg", "a.xmp", "b.jpg", "copy.jpg", "copy.xmp", "small.jpg"]


def test_one_file_under_several_names_is_no_copy(run, tmp_path):
    folder = tmp_path / "photos"
    save(scene(1), folder / "a.jpg")
    os.link(folder / "a.jpg", folder / "hard.jpg")
    (folder / "soft.jpg").symlink_to("a.jpg")
    (tmp_path / "other").symlink_to("photos")
    for source in ("photos", "photos/soft.jpg", "other/a.jpg"):
        assert run("add", source, "--no-encode").code == 0
    assert shown(run("dedupe", "--apply", "--include", "near", "--json")) == []
    assert names(folder) == ["a.jpg", "hard.jpg", "soft.jpg"]


@pytest.mark.slow
def test_killed_at_each_step_of_apply_and_of_its_undo(run, photos, tmp_path):
    """After the next start each file is where the catalogue says, exactly once, and running again completes."""

    def killed(steps, *args):
        command = [sys.executable, HARNESS, str(steps), *args]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, env=cli_kit.environment(), timeout=120)

    def to_the_end(*args):
        """Kill it at its first step, then go on and kill it at the second of what is left, until it is through."""
        for number in range(ENDLESS):
            done = killed(number, *args)
            if done.returncode == 0:
                return number
            assert done.returncode == -9, done
            checked = run("check", "--json")  # the next start
            assert {row["wrong"] for row in checked.rows("fault")} <= {"was killed"}, checked
            assert {hash_: len(paths) for hash_, paths in setting_aside.contents(*folders).items()} == contents
        raise AssertionError

    assert run("encode").code == 0
    folders = (photos, tmp_path / "workspace")
    before = setting_aside.state(photos)
    contents = {hash_: len(paths) for hash_, paths in setting_aside.contents(*folders).items()}
    assert to_the_end("dedupe", *KEEP, "--include", "near", "--apply") >= 7
    assert names(photos) == ["a.jpg", "a.xmp", "b.jpg"]
    while not (photos / "copy.xmp").exists() or len(names(photos)) < 6:
        to_the_end("undo")
    assert setting_aside.state(photos) == before
    assert run("check", "--repair").code == 0


def test_texts_that_differ_in_a_number_alone_stay_and_those_that_do_not_go(run, tmp_path):
    pairs = [("1.5 kg", "15 kg"), ("-5", "5"), ("10:30", "1030"), ("第3章", "第三十章"), ("1,000 km", "1000 KM!")]
    (tmp_path / "texts").mkdir()
    for number, pair in enumerate(pairs):
        for side, body in zip("ab", pair, strict=True):
            (tmp_path / "texts" / f"{number}{side}.txt").write_text(body, encoding="utf-8")
    assert run("add", "texts", "--no-encode").code == 0
    before = setting_aside.state(tmp_path / "texts")
    run("dedupe", "--include", "copy", "--apply")
    assert setting_aside.state(tmp_path / "texts") == before  # KM may not be km
    assert "1 file moved" in run("dedupe", "--include", "near", "--apply").err
    assert len(list((tmp_path / "texts").iterdir())) == 9
    assert [name for name in ("4a.txt", "4b.txt") if not (tmp_path / "texts" / name).exists()]


def test_a_text_that_was_only_typed_again_goes_and_the_plain_one_stays(run, tmp_path):
    folder = tmp_path / "texts"
    folder.mkdir()
    (folder / "a space.txt").write_text("It’s  a   fine day  –  he said.  \r\n", encoding="utf-8")
    (folder / "plain.txt").write_text("It's a fine day - he said.\n")
    os.utime(folder / "plain.txt", (10**9, 10**9))
    (folder / "password.txt").write_text("It's a Fine Day - he said.\n")
    assert run("add", "texts", "--no-encode").code == 0
    assert "how spaces and marks are typed" in run("dedupe", "--include", "copy", "--apply").out
    assert names(folder) == ["password.txt", "plain.txt"]


def test_the_younger_copy_stays_for_its_caption_and_what_goes_along_is_counted(run, tmp_path):
    folder = tmp_path / "photos"
    save(scene(1), folder / "a.jpg")
    shutil.copyfile(folder / "a.jpg", folder / "D.jpg")
    os.utime(folder / "a.jpg", ns=(10**18, 10**18))
    (folder / "D.txt").write_text("a street in the rain")
    assert run("add", "photos", "--no-encode").code == 0
    before = setting_aside.state(tmp_path)
    ran = run("dedupe", "--apply", "--json")
    assert ran.rows("duplicate")[0]["companions"] == [str(folder / "D.txt")]
    assert names(folder) == ["D.jpg", "D.txt"] and "1 file moved to quarantine (" in ran.err
    assert run("undo").code == 0 and setting_aside.state(tmp_path) == before
    shutil.copyfile(folder / "D.txt", folder / "a.txt")
    ran = run("dedupe", "--apply", "--keep", "path:a.jpg", "--json", "--media", "image")
    assert names(folder) == ["a.jpg", "a.txt"] and "1 file moved to quarantine with 1 beside it (" in ran.err
    assert run("undo").code == 0 and names(folder) == ["D.jpg", "D.txt", "a.jpg", "a.txt"]


def test_no_silence_is_taken_for_an_all_clear(run, tmp_path):
    folder = tmp_path / "photos"
    save(scene(1), folder / "a.jpg")
    shutil.copyfile(folder / "a.jpg", folder / "b.jpg")
    assert run("add", "photos", "--no-encode").code == 0
    for name in names(folder):
        os.utime(folder / name, ns=(10**18, 10**18))
    ran = run("dedupe")
    assert ran.code == 0 and "2 files are not as they were when they were added" in ran.err
    assert f"`curator add {folder}` reads them again" in ran.err
    folder.rename(tmp_path / "elsewhere")
    assert f"the folder '{folder}' is gone, and its 2 files were not looked at" in run("dedupe").err
