"""`curator export`: what is exported and what is left out, and that a folder appears whole or not at all."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import cli_kit
import pytest
from plugin_kit import Site, hook

LIST = ".curator-files.jsonl"


def start(folder, *args):
    """A command that goes on by itself, in a process group of its own."""
    pipe = subprocess.PIPE
    command = [cli_kit.CURATOR, *args]
    return subprocess.Popen(
        command, cwd=folder, env=cli_kit.environment(), stdout=pipe, stderr=pipe, text=True, start_new_session=True
    )


def finished(process):
    out, err = process.communicate(timeout=60)
    return cli_kit.Ran(process.returncode, out, err)


@pytest.fixture
def here(tmp_path, monkeypatch, run):
    """Three photos of cats and three of dogs, labelled in the group `kind`."""
    monkeypatch.chdir(tmp_path)
    for number in range(6):
        folder = tmp_path / "photos" / ("cat", "dog")[number % 2]
        folder.mkdir(parents=True, exist_ok=True)
        cli_kit.photo(folder / f"{number}.jpg", number)
    assert run("add", "photos", "--labels-from-folders", "--group", "kind", "--no-encode").code == 0
    return tmp_path


def exported(run, *more, to="set", name="imagefolder"):
    ran = run("export", to, "--format", name, *more)
    assert ran.code == 0, ran
    return ran


def files(folder, *but):
    """The files of an export beside its lists, by path."""
    lists = {LIST, "items.jsonl", *but}
    return {path: content for path, content in cli_kit.contents(Path(folder)).items() if path not in lists}


def told(ran, begin):
    """The lines of stderr that begin so."""
    return [line for line in ran.err.splitlines() if line.startswith(begin)]


def rows(folder="set"):
    return [json.loads(line) for line in (Path(folder) / "items.jsonl").read_text(encoding="utf-8").splitlines()]


def hidden(folder="."):
    return sorted(path.name for path in Path(folder).iterdir() if path.name.startswith("."))


# --- what is exported ---


def test_a_folder_for_each_class(run, here):
    ran = exported(run, "--by", "kind", "--json")
    assert files("set") == cli_kit.contents(here / "photos")
    assert ran.rows("exported") == [
        {"kind": "exported", "side": None, "label": "cat", "items": 3},
        {"kind": "exported", "side": None, "label": "dog", "items": 3},
    ]
    assert ran.err.splitlines() == ["made set: 7 files"]
    assert {row["file_name"]: row["label"] for row in rows()} == {path: path[:3] for path in files("set")}
    assert hidden() == []


def test_times_of_files_are_kept(run, here):
    os.utime("photos/cat/0.jpg", ns=(10**18, 10**18))
    assert run("add", "photos", "--no-encode").code == 0
    exported(run, "--by", "kind")
    assert Path("set/cat/0.jpg").stat().st_mtime_ns == 10**18


def test_a_label_is_a_class_and_what_it_is_not_the_other(run, here):
    assert run("label", "hat", "photos/cat/0.jpg", "photos/cat/2.jpg").code == 0
    assert run("label", "hat", "--negative", "photos/dog/1.jpg").code == 0
    ran = exported(run, "--label", "hat")
    assert sorted(files("set")) == ["hat/0.jpg", "hat/2.jpg", "not hat/1.jpg"]
    assert "left out: 3 items without a label of hat" in ran.err.splitlines()


def test_a_label_of_a_group_excludes_its_siblings(run, here):
    exported(run, "--label", "cat")
    assert sorted(files("set")) == [
        *(f"cat/{number}.jpg" for number in (0, 2, 4)),
        *(f"not cat/{number}.jpg" for number in (1, 3, 5)),
    ]


def test_what_is_said_to_be_none_or_several_has_no_place_and_is_told(run, here):
    cli_kit.photo(here / "photos/cat/7.jpg", 7)
    shutil.copy(here / "photos/cat/0.jpg", here / "photos/dog/again.jpg")  # one content, filed under both
    assert run("add", "photos", "--labels-from-folders", "--group", "kind", "--no-encode").code == 0
    assert run("label", "cat", "--group", "kind", "--negative", "photos/cat/2.jpg").code == 0
    (here / "alone").mkdir()
    cli_kit.photo(here / "alone/8.jpg", 8)
    assert run("add", "alone", "--no-encode").code == 0
    ran = exported(run, "--by", "kind")
    told = set(ran.err.splitlines()) - {"made set: 6 files"}
    assert told == {
        "left out: 1 item said to be several of kind",
        "left out: 1 item said to be none of kind",
        "left out: 1 item without a label of kind",
    }


def test_tables_take_what_has_no_class_and_no_side(run, here):
    assert run("label", "kind/cat", "photos/cat/0.jpg", "--remove").code in (0, 3)
    cli_kit.texts(here / "texts", 2)
    assert run("add", "texts", "--no-encode").code == 0
    exported(run, "--by", "kind", name="jsonl")
    assert [row["label"] for row in rows() if row["media"] == "text"] == [None, None]
    assert len(rows()) == 8


def test_what_a_head_says_is_left_out_unless_it_is_wanted(run, here):
    """A label that classify gave is a guess: who wants it says so, and the rows say who said it, and how sure."""
    for about in ("rain and clouds over the hills", "the team scored another goal"):
        cli_kit.texts(here / about[:4], 6, about)
    assert run("add", "rain", "the ", "--no-encode").code == 0
    wet = ("label", "wet")
    assert run(*wet, *(f"rain/{number}.txt" for number in (1, 2, 3))).code == 0
    assert run(*wet, "--negative", *(f"the /{number}.txt" for number in (1, 2, 3))).code == 0
    taken = run("classify", "--label", "wet", "--media", "text", "--accept", "0.5", "--head", "prototype", "--encode")
    assert "accepted as labels (source: head)" in taken.err, taken
    ran = exported(run, "--media", "text", name="jsonl")
    assert told(ran, "left out: ") == ["left out: 3 labels on the word of a head (--accept-from head takes them)"]
    assert {one["source"] for row in rows() for one in row["said"]} == {"human"}
    ran = exported(run, "--media", "text", "--accept-from", "head", "--force", name="jsonl")
    assert not told(ran, "left out: ")
    guessed = {Path(row["source"]).parent.name for row in rows() for one in row["said"] if one["source"] == "head"}
    assert guessed == {"rain", "the "}
    assert all(0.5 <= one["score"] <= 1 for row in rows() for one in row["said"] if one["source"] == "head")
    assert all(row["wet"] is (Path(row["source"]).parent.name == "rain") for row in rows())


def test_a_class_that_a_side_lacks_is_told(run, here):
    split = {"train": (0, 1, 2, 3), "test": (4,)}
    for side, numbers in split.items():
        for number in numbers:
            folder = here / "sides" / side / ("cat", "dog")[number % 2]
            folder.mkdir(parents=True, exist_ok=True)
            cli_kit.photo(folder / f"{number}.jpg", 100 + number)
    assert (
        run("add", "sides", "--labels-from-folders", "--label-level", "2", "--group", "kind", "--no-encode").code == 0
    )
    assert run("split", "--under", "sides").code == 0
    ran = exported(run, "--by", "kind", "--under", "sides")
    assert [line for line in ran.err.splitlines() if line.startswith("test has no item of dog: ")], ran
    ran = exported(run, "--by", "kind", to="all")
    assert "left out: 6 items on no side of the split (curator split)" in ran.err.splitlines()
    ran = exported(run, "--by", "kind", "--no-split", to="whole")
    assert len(files("whole")) == 11
    run("export", "wanted", "--format", "yolo", "--by", "kind").assert_failed(4, "the side val", "curator split")


# --- bad input: what is asked for ---


def test_without_a_format_they_are_listed(run, here):
    line = run("export", "set").assert_failed(2, "--format")
    for name in ("csv", "jsonl", "parquet", "imagefolder", "yolo", "coco", "huggingface", "webdataset"):
        assert f"{name} (" in line


@pytest.mark.parametrize(
    ("args", "code", "words"),
    [
        (("--format", "imagefoldr"), 3, ("imagefoldr", "imagefolder")),
        (("--format", "imagefolder"), 2, ("--by GROUP", "--label NAME")),
        (("--format", "imagefolder", "--by", "knd"), 3, ("knd",)),
        (("--format", "imagefolder", "--by", "kind", "--label", "cat"), 2, ("not both",)),
        (("--format", "imagefolder", "--by", "kind", "--media", "text"), 4, ("no item was chosen",)),
        (("--format", "csv", "--link", "hard"), 2, ("csv brings in no files", "--link")),
        (("--format", "csv", "--accept-from", "nobody"), 2, ("nobody",)),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else str(value),
)
def test_what_is_asked_for_and_cannot_be_had_is_said_in_a_line(run, here, args, code, words):
    run("export", "set", *args).assert_failed(code, *words)
    assert not Path("set").exists() and hidden() == []


def test_no_label_at_all(run, here):
    assert run("label", "hat", "photos/cat/0.jpg").code == 0
    line = run("export", "set", "--format", "imagefolder", "--label", "hat", "--under", "photos/dog").err
    assert "none of these items has a label of hat" in line and not Path("set").exists()


def test_parquet_without_pyarrow_says_what_to_install(run, here):
    blocked = here / "blocked"
    blocked.mkdir()
    (blocked / "sitecustomize.py").write_text(
        "import sys\nclass No:\n    def find_spec(self, name, path=None, target=None):\n"
        "        if name.partition('.')[0] == 'pyarrow': raise ModuleNotFoundError(name)\n"
        "sys.meta_path.insert(0, No())\n"
    )
    for name in ("parquet", "huggingface"):
        ran = run("export", "set", "--format", name, env={"PYTHONPATH": str(blocked)})
        ran.assert_failed(4, "pip install pyarrow")


# --- bad input: files ---


def test_files_that_are_gone_or_changed_are_left_out_and_the_others_are_there(run, here):
    Path("photos/cat/0.jpg").unlink()
    cli_kit.photo("photos/cat/2.jpg", 99)
    for name, more in (("imagefolder", ("--by", "kind")), ("coco", ()), ("webdataset", ()), ("csv", ())):
        ran = run("export", name, "--format", name, *more)
        ran.assert_ended(5, "2 of 6 items could not be exported")
        (line,) = [line for line in ran.err.splitlines() if line.startswith("left out: ")]
        assert (
            line.startswith("left out: 2 items whose file is gone or not as it was (curator add): ") and "2.jpg" in line
        )
    assert sorted(files("imagefolder")) == ["cat/4.jpg", "dog/1.jpg", "dog/3.jpg", "dog/5.jpg"]


def test_a_picture_that_cannot_be_decoded_is_left_out_of_files_and_told(run, here):
    cli_kit.truncated_photo(here / "photos" / "cat" / "cut.jpg", 9)
    assert run("add", "photos", "--labels-from-folders", "--group", "kind").code == 5
    ran = run("export", "set", "--format", "imagefolder", "--by", "kind")
    ran.assert_ended(5, "1 of 7 items could not be exported")
    (line,) = told(ran, "left out")
    assert "1 item whose picture cannot be decoded (curator status --problems): " in line and "cut.jpg" in line
    assert not any("cut" in path for path in files("set"))
    assert run("export", "list", "--format", "csv").code == 0  # which has no files


@pytest.mark.parametrize("link", ["copy", "hard", "symbolic"])
def test_a_file_that_changed_is_not_exported_as_if_it_had_not(run, here, link):
    """Also where size and time say nothing of it, as long as it is read."""
    path = Path("photos/cat/0.jpg")
    status, content = path.stat(), bytearray(path.read_bytes())
    content[-3] ^= 1
    path.write_bytes(content)
    if link != "copy":
        ran = run("export", "set", "--format", "imagefolder", "--by", "kind", "--link", link)
        ran.assert_ended(5)
        assert "cat/0.jpg" not in files("set")
        return
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    for name, more in (("imagefolder", ("--by", "kind")), ("webdataset", ())):
        run("export", name, "--format", name, *more).assert_ended(5, "1 of 6 items")
    assert "cat/0.jpg" not in files("imagefolder")


def test_a_picture_that_torchvision_would_pass_over_is_told(run, here):
    from PIL import Image

    Image.new("RGB", (8, 8), "red").save("photos/cat/red.gif")
    assert run("add", "photos", "--labels-from-folders", "--group", "kind", "--no-encode").code == 0
    ran = run("export", "set", "--format", "imagefolder", "--by", "kind")
    ran.assert_ended(5, "1 of 7 items")
    assert any("cannot open: " in line and "red.gif" in line for line in ran.err.splitlines())
    assert len(files("set")) == 6


# --- names ---

ODD = {
    "CON.jpg": "CON_.jpg",
    "a:b?.jpg": "a_b_.jpg",
    "trailing. .jpg": None,
    "图片.jpg": "图片.jpg",
    "..jpg": None,
    "e\u0301.jpg": "é.jpg",
    "line\nbreak.jpg": "line_break.jpg",
    f"{'long' * 60}.jpg": None,
}


def test_names_of_files_that_others_cannot_store_are_changed(run, here):
    for number, name in enumerate(ODD):
        cli_kit.photo(here / "photos/cat" / name, 200 + number)
    cli_kit.photo(os.fsencode(here / "photos/cat") + b"/caf\xe9.jpg", 300)
    assert run("add", "photos", "--labels-from-folders", "--group", "kind", "--no-encode").code == 0
    ran = run("export", "set", "--format", "imagefolder", "--by", "kind")
    made = {name.rpartition("/")[2] for name in files("set")}
    assert {name for name in ODD.values() if name} <= made, made
    assert len(made) >= 6 + len(ODD) and all(len(name.encode()) <= 200 and name == name.strip() for name in made)
    assert all(name.encode().decode() == name and name.endswith(".jpg") for name in made)
    assert any(
        line.startswith("names that are taken or that other systems cannot store") for line in ran.err.splitlines()
    )
    assert ran.code == 0, ran
    (row,) = [row for row in rows() if "caf" in row["source"]]
    assert row["source"].endswith("caf\\xe9.jpg")
    for name in ("csv", "coco", "webdataset"):
        assert run("export", name, "--format", name).code == 0


def test_names_that_differ_in_case_alone_or_not_at_all(run, here):
    for number, folder in enumerate(("one", "two", "three")):
        (here / "more" / folder).mkdir(parents=True)
        name = ("same.jpg", "SAME.jpg", "same.JPG")[number]
        cli_kit.photo(here / "more" / folder / name, 400 + number)
    assert run("add", "more", "--label", "odd", "--no-encode").code == 0
    exported(run, "--label", "odd")
    made = files("set")
    assert len(made) == 3 == len({name.lower() for name in made}) == len(set(made.values()))


LABELS = {"a/b": 0, "a_b": 1, "Cat": 2, "cAT": 3, "CON": 4, "红色": 5, "..": 6}


def test_labels_that_are_no_names_of_folders(run, here):
    """Each label is one folder of its own, by one name on every side, and the rows say which."""
    sides = ("train", "val", "test")
    for number in LABELS.values():
        for turn, side in enumerate(sides):
            folder = here / "odd" / side
            folder.mkdir(parents=True, exist_ok=True)
            cli_kit.photo(folder / f"{(number + turn) % 7}-{turn}-{number}.jpg", 500 + 10 * number + turn)
    assert run("add", "odd", "--no-encode").code == 0
    for number, label in enumerate(LABELS):
        paths = [str(path) for path in sorted((here / "odd").rglob(f"*-{number}.jpg"))]
        assert run("label", "--group", "shade", "--", label, *paths).code == 0
    assert run("split", "--under", "odd").code == 0
    exported(run, "--by", "shade", "--under", "odd")
    of = {}
    for row in rows():
        side, folder, _ = row["file_name"].split("/")
        of.setdefault(row["label"], set()).add(folder)
        assert side == row["side"]
    assert set(of) == set(LABELS) and all(len(folders) == 1 for folders in of.values()), of
    assert len({folder.lower() for (folder,) in of.values()}) == len(LABELS)


# --- where to ---


def test_a_target_in_a_source_or_in_the_workspace(run, here):
    (here / "photos" / "new").mkdir()
    run("export", "photos/set", "--format", "csv").assert_failed(2, "photos/set", "files were added", "outside")
    run("export", "photos/new/set", "--format", "csv").assert_failed(2, "files were added")
    run("export", "photos/new", "--format", "csv").assert_failed(2, "files were added")
    run("export", "workspace/set", "--format", "csv").assert_failed(2, "lies in the workspace")
    (here / "through").symlink_to("photos")
    run("export", "through/set", "--format", "csv").assert_failed(2, "files were added")
    assert sorted(cli_kit.contents(here / "photos")) == sorted(
        [*(f"cat/{number}.jpg" for number in (0, 2, 4)), *(f"dog/{number}.jpg" for number in (1, 3, 5))]
    )


def test_beside_a_table_that_was_added_there_is_room(run, here):
    """The folder in which people work is then on record, and what else was added there with it."""
    Path("reviews.csv").write_text("text\nfine\nbad\n")
    cli_kit.texts(here / "notes", 2)
    cli_kit.photo(os.fsencode(here) + b"/photos/caf\xe9.jpg", 9)
    assert run("add", "photos", "notes", "--no-encode").code == 0
    assert run("add", "reviews.csv", "--text-column", "text", "--no-encode").code == 0
    exported(run, name="csv")
    for folder in ("photos", "notes"):
        run("export", f"{folder}/set", "--format", "csv").assert_failed(2, f"/{folder}'", "files were added")
    cli_kit.photo("one.jpg", 10)
    assert run("add", "one.jpg", "--no-encode").code == 0
    run("export", "other", "--format", "csv").assert_failed(2, "files were added")


def test_over_other_data(run, here):
    Path("set").mkdir()
    Path("set/mine.txt").write_text("mine")
    for more in ((), ("--force",)):
        run("export", "set", "--format", "csv", *more).assert_failed(2, "set", "was not made by curator")
    Path("file").write_text("mine")
    run("export", "file", "--format", "csv", "--force").assert_failed(2, "was not made by curator")
    assert Path("set/mine.txt").read_text() == "mine" and Path("file").read_text() == "mine"
    run("export", "nowhere/set", "--format", "csv").assert_failed(3, "nowhere", "make that folder first")
    Path("empty").mkdir()
    exported(run, to="empty", name="csv")


def test_over_another_export_with_force_alone(run, here):
    exported(run, "--by", "kind")
    before = cli_kit.contents(here / "set")
    run("export", "set", "--format", "csv").assert_failed(2, "set", "another export", "--force")
    assert cli_kit.contents(here / "set") == before
    exported(run, "--force", name="csv")
    assert sorted(cli_kit.contents(here / "set")) == [LIST, "items.csv"]
    assert hidden() == []


def test_an_export_with_a_file_that_is_not_its_own_is_not_replaced(run, here):
    """What a person laid into it would go with it."""
    exported(run, name="csv")
    Path("set/notes.txt").write_text("mine")
    run("export", "set", "--format", "csv", "--force").assert_failed(2, "notes.txt", "is not of that export")
    assert Path("set/notes.txt").read_text() == "mine"


def test_a_symbolic_link_is_no_folder_to_replace(run, here):
    exported(run, name="csv")
    Path("link").symlink_to("set")
    run("export", "link", "--format", "csv", "--force").assert_failed(2, "link", "was not made by curator")
    Path("broken").symlink_to("nothing")
    run("export", "broken", "--format", "csv", "--force").assert_failed(2, "broken")
    (here / "mine").mkdir()
    Path("mine/kept.txt").write_text("kept")
    Path(".new.curator-making").symlink_to("mine")
    run("export", "new", "--format", "csv").assert_failed(2, ".new.curator-making", "symbolic link")
    assert Path("mine/kept.txt").read_text() == "kept"


def test_a_folder_in_which_nothing_may_be_made(run, here):
    (here / "closed").mkdir(mode=0o555)
    before = ("export", "closed/set", "--format", "csv")
    run(*before, before=cli_kit.obey_permissions).assert_failed(2, "closed/set", "nothing may be made in its folder")


# --- links ---


def test_hard_links_share_what_they_hold_and_copies_do_not(run, here):
    exported(run, "--by", "kind", "--link", "hard", to="hard")
    exported(run, "--by", "kind", "--link", "symbolic", to="symbolic")
    exported(run, "--by", "kind", to="copy")
    source = here / "photos/cat/0.jpg"
    assert (here / "hard/cat/0.jpg").samefile(source) and not (here / "hard/cat/0.jpg").is_symlink()
    assert (here / "symbolic/cat/0.jpg").readlink() == source
    assert not (here / "copy/cat/0.jpg").samefile(source)
    assert files("hard") == files("symbolic") == files("copy")
    assert run("check").code == 0  # a second name changes nothing of what is recorded


@pytest.mark.skipif(not os.path.isdir("/dev/shm"), reason="needs another disk")
def test_hard_links_to_another_disk_are_copies_and_that_is_told(run, here):
    there = Path("/dev/shm") / f"curator-export-{os.getpid()}"
    there.mkdir()
    try:
        ran = exported(run, "--by", "kind", "--link", "hard", to=there / "set")
        assert any("6 files copied" in line for line in ran.err.splitlines()), ran
        assert len(files(there / "set")) == 6
    finally:
        shutil.rmtree(there)


# --- cut short ---

MANY = 1500


@pytest.fixture(scope="module")
def album(tmp_path_factory):
    """A workspace whose export takes a moment."""
    base = tmp_path_factory.mktemp("album")
    (base / "many").mkdir()
    content = (base / "one.jpg", base / "many")
    cli_kit.photo(content[0], 1, 16)
    data = content[0].read_bytes()
    for number in range(MANY):
        (base / "many" / f"{number:04}.jpg").write_bytes(data + str(number).encode())
    ran = cli_kit.curator("add", "many", "--label", "thing", "--no-encode", cwd=base)
    assert ran.code == 0, ran
    return base


def making(base, name, least):
    """Wait until so many files are in the hidden folder; returns it."""
    part = base / f".{name}.curator-making"
    end = time.monotonic() + 60
    while time.monotonic() < end:
        with contextlib.suppress(OSError):
            if len(list((part / "thing").iterdir())) >= least:
                return part
        time.sleep(0.002)
    raise AssertionError("it never began")


def command(name):
    return ("export", name, "--format", "imagefolder", "--label", "thing")


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL], ids=["Ctrl-C", "kill"])
def test_the_same_command_goes_on_from_what_was_made(album, how):
    name = f"set-{how.name}"
    process = start(album, *command(name))
    part = making(album, name, 50)
    process.send_signal(how)
    ran = finished(process)
    assert ran.code == (130 if how == signal.SIGINT else -9), ran
    assert not (album / name).exists()
    if how == signal.SIGINT:
        assert f"is kept in .{name}.curator-making: the same command goes on from it" in ran.err, ran
    were = {path.name: path.stat().st_ino for path in (part / "thing").iterdir()}
    assert len(were) >= 50
    ran = cli_kit.curator(*command(name), cwd=album)
    assert ran.code == 0, ran
    now = {path.name: path.stat().st_ino for path in (album / name / "thing").iterdir()}
    whole = [name for name in were if now[name] == were[name]]
    assert len(now) == MANY and len(whole) >= len(were) - 1  # the last may have been half a file
    assert not part.exists()


def test_two_at_once_the_second_says_so(album):
    first = start(album, *command("twice"))
    making(album, "twice", 5)
    os.killpg(first.pid, signal.SIGSTOP)  # so that it has not ended when the second begins
    second = cli_kit.curator(*command("twice"), cwd=album)
    os.killpg(first.pid, signal.SIGCONT)
    assert finished(first).code == 0
    second.assert_failed(2, "another curator is making", "twice")
    assert len(list((album / "twice" / "thing").iterdir())) == MANY


def test_a_full_disk_leaves_nothing_half_made(album, tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "curator-tests", str(disk)]
    if subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("no disk can be mounted here")
    try:
        for name in ("imagefolder", "coco", "webdataset"):
            ran = cli_kit.curator("export", disk / "set", "--format", name, "--label", "thing", cwd=album)
            ran.assert_ended(1, "cannot make", "no space left on device", "make room")
            assert sorted(path.name for path in disk.iterdir()) == []
    finally:
        subprocess.run(["umount", "--lazy", str(disk)], check=True)


EXPORTER = """
def write(dataset, folder):
    with folder.open("half.txt") as file:
        file.write(b"half")
    raise ValueError("no more")
"""


def test_what_an_exporter_raises_names_it_and_leaves_nothing(here, tmp_path_factory):
    site = Site(tmp_path_factory.mktemp("site"), here)
    site.lay("my-format", EXPORTER + hook("register_exporters", "[ExporterSpec('mine', 's', write)]"))
    ran = site.run("export", "set", "--format", "mine")
    assert ran.code == 6 and "my-format" in ran.err.splitlines()[-1] and "no more" in ran.err, ran
    assert not Path("set").exists() and hidden() == []


# --- curator check FOLDER ---


def test_an_export_is_checked_without_a_workspace(run, here, tmp_path_factory):
    exported(run, "--by", "kind")
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    shutil.move(here / "set", elsewhere / "set")
    ran = cli_kit.curator("check", "set", cwd=elsewhere)
    assert (ran.code, ran.out) == (0, "no faults: every file is as it was exported\n"), ran
    assert not (elsewhere / "workspace").exists()
    (elsewhere / "set/cat/0.jpg").unlink()
    (elsewhere / "set/cat/2.jpg").write_bytes(b"other")
    (elsewhere / "set/new.txt").write_text("new")
    ran = cli_kit.curator("check", "set", "--json", cwd=elsewhere)
    ran.assert_ended(5, "3 files of 'set' not as exported")
    assert {(row["part"], row["which"], row["wrong"]) for row in ran.rows("fault")} == {
        ("export", "cat/0.jpg", "is gone"),
        ("export", "cat/2.jpg", "its content changed"),
        ("export", "new.txt", "is not of this export"),
    }


def test_a_link_to_a_file_that_went_or_changed_shows(run, here):
    exported(run, "--by", "kind", "--link", "symbolic")
    assert run("check", "set").code == 0
    Path("photos/cat/0.jpg").unlink()
    cli_kit.photo("photos/cat/2.jpg", 99)
    ran = run("check", "set", "--json")
    assert {row["which"]: row["wrong"] for row in ran.rows("fault")} == {
        "cat/0.jpg": "is gone",
        "cat/2.jpg": "its content changed",
    }


def test_what_is_no_export_cannot_be_checked_as_one(run, here):
    run("check", "photos").assert_failed(2, "photos", "was not made by curator export")
    run("check", "nowhere").assert_failed(3, "nowhere")
    exported(run, name="csv")
    run("check", "set", "--repair").assert_failed(2, "--repair", "export")
    path = Path("set") / LIST
    lines = path.read_text().splitlines(keepends=True)
    for damaged in ("".join(lines[:-1]), "[]\n", "no JSON\n", "", lines[1], '{"path": 1}\n' + lines[1]):
        path.write_text(damaged)
        run("check", "set").assert_failed(2, "cannot be checked", "list of files")
        run("export", "set", "--format", "csv", "--force").assert_failed(2, "cannot be replaced")
    row = json.loads(lines[0])
    path.write_text(json.dumps({**row, "path": "../photos/cat/0.jpg"}) + "\n" + lines[1])
    ran = run("check", "set", "--json")
    assert {row["which"]: row["wrong"] for row in ran.rows("fault")}["../photos/cat/0.jpg"] == "is gone"


def test_an_export_within_what_is_added_is_not_added_with_it(run, here):
    """Else the next `add .` would make copies of all that was exported."""
    assert run("export", "dataset", "--format", "imagefolder", "--by", "kind").code == 0
    ran = run("add", ".", "--no-encode", "--json")
    assert ran.row("added")["copies"] == 0
    assert "made by curator export" in run("add", ".", "--no-encode").out
    assert run("add", "dataset", "--no-encode", "--json").row("added")["copies"] == 6
