"""Quarantine through the real command line; and processes that are killed at each step of moving files."""

from __future__ import annotations

import os
import pty
import shutil
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

import cli_kit
import pytest
import setting_aside

HARNESS = Path(setting_aside.__file__)
ENDLESS = 10**6


@pytest.fixture
def tidy(tmp_path):
    """`tidy(N, "tidy", ...)`: `curator` with an action that sets aside, killed at the Nth step."""
    return lambda steps, *args, **how: killed(tmp_path, steps, *args, **how)


def killed(folder, steps, *args, before=None):
    return cli_kit.script(HARNESS, str(steps), *args, cwd=folder, before=before)


@pytest.fixture
def photos(tmp_path, run):
    return made(tmp_path, run)


def made(tmp_path, run, *where):
    """a.png; b.png and c.png are copies of it, b.png with two sidecars."""
    folder = tmp_path / "photos"
    folder.mkdir()
    cli_kit.photo(folder / "a.png", 1)
    for name in ("b.png", "c.png"):
        shutil.copyfile(folder / "a.png", folder / name)
    (folder / "b.xmp").write_text("about b")
    (folder / "b.json").write_text("{}")
    assert run("add", "photos", "--no-encode", *where).code == 0
    return folder


APPLY = ("tidy", "photos/b.png,photos/c.png", "--keeper", "photos/a.png", "--apply")


def catalogue(folder):
    """Where the catalogue says that files are: live places, and what lies in quarantine."""
    with closing(sqlite3.connect(folder / "catalogue.db")) as connection:
        rows = connection.execute("SELECT root.path || '/' || place.path FROM place JOIN root ON root.id = root_id")
        inside = connection.execute("SELECT inside FROM quarantined")
        planned = connection.execute("SELECT count(*) FROM move WHERE state = 'planned'").fetchone()[0]
        assert not connection.execute("PRAGMA foreign_key_check").fetchall()
        return {*(row[0] for row in rows), *(str(folder / "quarantine" / row[0]) for row in inside)}, planned


def assert_whole(folder, workspace, before):
    """Every file exists exactly once, where the catalogue says, and nothing is left over."""
    told, planned = catalogue(workspace)
    assert planned == 0
    now = setting_aside.contents(folder / "photos", workspace)
    assert {key: len(paths) for key, paths in now.items()} == {key: len(paths) for key, paths in before.items()}
    items = {path for paths in now.values() for path in paths if path.endswith(".png")}
    assert items == {path for path in told if path.endswith(".png")}


def at_every_step(tidy, folder, workspace, args, restore):
    """Kill `args` at its first step, its second, ... until it comes to its end; returns the names of the steps."""
    names = []
    for number in range(ENDLESS):
        before = setting_aside.contents(folder / "photos", workspace)
        done = tidy(number, *args)
        if done.code == 0:
            return names
        assert done.code == -9, done
        names.append(done.out.splitlines()[-1])
        assert tidy(ENDLESS, "ls", "-w", str(workspace)).code == 0  # the next start
        assert_whole(folder, workspace, before)
        restore()
    raise AssertionError


@pytest.mark.slow
def test_killed_at_each_step_of_apply_and_of_undo(tidy, run, photos, tmp_path):
    workspace = tmp_path / "workspace"
    at_first = setting_aside.state(tmp_path)

    def start_again():
        while (undone := run("undo", "--json")).code == 0 and undone.row("undone")["command"] == "tidy":
            pass
        if undone.code == 0:
            assert run("undo", str(undone.row("undone")["by"])).code == 0  # the add
        assert setting_aside.state(tmp_path) == at_first

    steps = at_every_step(tidy, tmp_path, workspace, APPLY, start_again)
    assert set(steps) == {"planned", "linked", "removed", "moved", "done"} and len(steps) == 2 + 3 * 3 + 2 + 3
    gone = setting_aside.state(tmp_path)
    assert sorted(path.name for path in photos.iterdir()) == ["a.png"]

    def go_again():
        if sorted(path.name for path in photos.iterdir()) != ["a.png"]:
            (done,) = (row for row in run("log", "--json", "--limit", "1").rows("run"))
            assert done["command"] == "undo"
            assert run("undo", str(done["run"])).code == 0
        assert setting_aside.state(tmp_path) == gone

    steps = at_every_step(tidy, tmp_path, workspace, ("undo",), go_again)
    assert set(steps) == {"planned", "linked", "removed", "moved", "done"} and len(steps) == 1 + 4 * 3 + 1
    assert setting_aside.state(tmp_path) == at_first


def other_disk(tmp_path):
    shared = Path("/dev/shm")
    if not (shared.is_dir() and os.access(shared, os.W_OK) and shared.stat().st_dev != tmp_path.stat().st_dev):
        pytest.skip("there is no second disk here to move to")
    return shared / f"curator-{os.getpid()}-{tmp_path.name}"


@pytest.fixture
def elsewhere(tmp_path):
    """A workspace on another disk than the photos."""
    folder = other_disk(tmp_path)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.slow
def test_to_another_disk_and_killed_at_each_step(tidy, run, tmp_path, elsewhere):
    at = ("-w", str(elsewhere))
    photos = made(tmp_path, run, *at)
    before = setting_aside.state(photos)
    args = ("tidy", "photos/c.png", "--keeper", "photos/a.png", "--apply", *at)

    def start_again():
        if not (photos / "c.png").exists():
            assert run("undo", *at).code == 0
        assert setting_aside.state(photos) == before

    steps = at_every_step(tidy, tmp_path, elsewhere, args, start_again)
    assert steps == ["planned", "copied", "linked", "removed", "placed", "removed", "moved", "done"]
    assert not (photos / "c.png").exists()
    assert run("undo", *at).code == 0
    assert setting_aside.state(photos) == before  # content, time and mode


def test_a_full_disk_leaves_every_file_where_it_was(tidy, run, tmp_path, elsewhere):
    import resource

    at = ("-w", str(elsewhere))
    photos = made(tmp_path, run, *at)
    noise = photos / "large.bmp"
    cli_kit.photo(noise, 3, 600)  # a JPEG by content
    shutil.copyfile(noise, photos / "large2.bmp")
    assert run("add", "photos", "--no-encode", *at).code == 0
    before, told = setting_aside.state(tmp_path, elsewhere), catalogue(elsewhere)

    def no_more_than():
        resource.setrlimit(resource.RLIMIT_FSIZE, (150_000, 150_000))

    assert noise.stat().st_size > 150_000
    args = ("tidy", "photos/large2.bmp", "--keeper", "photos/large.bmp", "--apply", *at)
    done = tidy(ENDLESS, *args, before=no_more_than)
    done.assert_ended(5, "1 of 1 file could not be moved")
    assert "large2.bmp: cannot be moved to" in done.err and "file too large" in done.err
    assert (setting_aside.state(tmp_path, elsewhere), catalogue(elsewhere)) == (before, told)
    assert tidy(ENDLESS, *args).code == 0


def test_a_folder_that_cannot_be_written(tidy, run, photos, tmp_path, obedient):
    before, told = setting_aside.state(tmp_path), catalogue(tmp_path / "workspace")
    photos.chmod(0o555)
    try:
        done = tidy(ENDLESS, *APPLY, before=obedient)
    finally:
        photos.chmod(0o755)
    done.assert_ended(5, "2 of 2 files could not be moved")
    assert done.err.count("permission denied") == 2
    assert (setting_aside.state(tmp_path), catalogue(tmp_path / "workspace")) == (before, told)
    assert not list((tmp_path / "workspace").glob("quarantine/*"))


def test_a_name_that_folds_case_is_one_file(tidy, run, photos, tmp_path):
    """Where the file system folds case both names are one file; here a hard link stands for that."""
    os.link(photos / "b.png", photos / "B.PNG")
    added = run("add", "photos", "--no-encode", "--json").row("added")
    assert (added["same_file"], added["copies"]) == (1, 0)
    done = tidy(ENDLESS, "tidy", "photos/B.PNG", "--keeper", "photos/b.png", "--apply")
    done.assert_ended(5, "1 of 1 file could not be moved")
    assert (photos / "b.png").exists() and (photos / "B.PNG").exists()


def test_list_restore_and_purge(tidy, run, photos, tmp_path):
    assert run("quarantine", "list").out == "quarantine is empty\n"
    assert "4 files moved to quarantine" not in tidy(ENDLESS, *APPLY[:-1]).err
    assert "2 files moved to quarantine" in tidy(ENDLESS, *APPLY).err
    rows = run("quarantine", "list", "--json").rows("quarantined")
    assert [(Path(row["path"]).name, row["why"]) for row in rows] == [
        ("b.png", "exact"),
        ("b.json", "sidecar"),
        ("b.xmp", "sidecar"),
        ("c.png", "exact"),
    ]
    assert all(Path(row["stored"]).exists() for row in rows)
    assert "4 files in quarantine" in run("status").out

    run("quarantine", "restore").assert_failed(2, "name the files", "--all")
    run("quarantine", "restore", "nope.png").assert_failed(3, "no file in quarantine 'nope.png'")
    run("quarantine", "purge").assert_failed(2, "--older-than")
    run("quarantine", "purge", "--older-than", "soon").assert_failed(2, "'soon' is not an age", "30d")
    run("quarantine", "purge", "--older-than", "0").assert_failed(4, "no terminal to confirm on", "--yes", "4 files")
    assert len(run("quarantine", "list", "--json").rows("quarantined")) == 4

    restored = run("quarantine", "restore", "photos/b.png", "--json")
    assert len(restored.rows("returned")) == 3 and (photos / "b.xmp").exists()
    assert run("quarantine", "purge", "--older-than", "1d").out == "nothing removed\n"
    purged = run("quarantine", "purge", "--older-than", "0", "--yes")
    assert purged.code == 0 and purged.out.startswith("1 file removed")
    assert not (photos / "c.png").exists() and not list((tmp_path / "workspace/quarantine").rglob("*.png"))
    run("undo").assert_failed(2, "removed 1 file for good")


def test_what_was_purged_in_part_is_not_said_to_wait_for_an_undo_that_cannot_be(tidy, run, photos, tmp_path, obedient):
    assert tidy(ENDLESS, *APPLY).code == 0
    one = stored(run)["b.png"]
    put_in_the_way(one)
    assert run("quarantine", "purge", "--older-than", "0", "--yes").code == 5
    line = run("undo", "2").assert_failed(2, "run 2 cannot be undone: run 3 (quarantine purge) removed 1 file of it")
    assert "curator quarantine restore" in line


@pytest.mark.parametrize("what", [["restore", "--all"], ["purge", "--older-than", "0", "--yes"]])
def test_that_a_workspace_is_read_only_is_said_once(tidy, run, photos, tmp_path, obedient, what):
    assert tidy(ENDLESS, *APPLY).code == 0
    home = tmp_path / "workspace"
    for path in (home, *home.rglob("*")):
        path.chmod(path.stat().st_mode & ~0o222)
    try:
        run("quarantine", *what, before=obedient).assert_failed(7, "is read-only: nothing was changed")
    finally:
        for path in (home, *home.rglob("*")):
            path.chmod(path.stat().st_mode | 0o200)


@pytest.mark.slow
def test_a_purge_that_is_killed_is_gone_on_with(tidy, run, photos, tmp_path):
    assert tidy(ENDLESS, *APPLY).code == 0
    assert tidy(1, "quarantine", "purge", "--older-than", "0", "--yes").code == -9
    assert tidy(ENDLESS, "ls").code == 0
    told, planned = catalogue(tmp_path / "workspace")
    stored = {str(path) for path in (tmp_path / "workspace/quarantine").rglob("*") if path.is_file()}
    assert planned == 0 and {path for path in told if "/quarantine/" in path} == stored
    assert tidy(ENDLESS, "quarantine", "purge", "--older-than", "0", "--yes").code == 0
    assert sorted(path.name for path in photos.iterdir()) == ["a.png"]


def put_in_the_way(stored):
    """A folder that holds something in a file's place: what nobody's rights can unlink, not even root's."""
    stored.unlink()
    stored.mkdir()
    (stored / "inside.txt").write_text("mine")


def make_immutable(path):
    """As `chattr +i` does; skips where there is no such thing."""
    chattr = shutil.which("chattr")
    if chattr is None or subprocess.run([chattr, "+i", path], capture_output=True).returncode:
        pytest.skip("no file can be made immutable here")


def stored(run):
    return {
        Path(row["path"]).name: Path(row["stored"]) for row in run("quarantine", "list", "--json").rows("quarantined")
    }


@pytest.mark.parametrize("stop", [put_in_the_way, make_immutable])
def test_what_cannot_be_purged_is_told_stays_listed_and_stops_nothing(tidy, run, photos, tmp_path, stop):
    assert tidy(ENDLESS, *APPLY).code == 0
    before = run("quarantine", "list", "--json").rows("quarantined")
    one = stored(run)["b.png"]
    stop(one)
    try:
        ran = run("quarantine", "purge", "--older-than", "0", "--yes")
        # b.png, and the two sidecars that stay as long as it does.
        ran.assert_ended(5, "3 of 4 files could not be removed")
        assert f"b.png: {one}: cannot be removed: " in ran.err and ran.err.count("goes with") == 2
        assert run("quarantine", "list", "--json").rows("quarantined") == before[:3] and one.exists()
        for command in (["ls"], ["status"], ["add", "photos", "--no-encode"], ["check"]):
            later = run(*command)
            assert "remove" not in later.err and later.code == (
                5 if stop is put_in_the_way and command == ["check"] else 0
            )
        assert catalogue(tmp_path / "workspace")[1] == 0
        run("quarantine", "purge", "--older-than", "0", "--yes").assert_ended(5, "3 of 3 files could not be removed")
    finally:
        if stop is make_immutable:
            subprocess.run(["chattr", "-i", one], check=True)
        else:
            shutil.rmtree(one)
    assert run("quarantine", "purge", "--older-than", "0", "--yes").out.startswith("3 files removed")
    assert stored(run) == {} and not one.exists()


def test_what_a_killed_purge_cannot_go_on_with_is_one_line_until_it_can(tidy, run, photos, tmp_path):
    assert tidy(ENDLESS, *APPLY).code == 0
    left = stored(run)["b.png"]
    assert tidy(0, "quarantine", "purge", "--older-than", "0", "--yes").out.endswith("planned\n")
    put_in_the_way(left)
    for command, code in (
        (["ls"], 0),
        (["add", "photos", "--no-encode"], 0),
        (["check"], 5),
        (["check", "--repair"], 5),
    ):
        ran = run(*command)
        assert ran.code == code, ran
        assert ran.err.count("could not be removed yet (is a directory); the next command tries again") == 1
        assert str(left) in ran.err and "Traceback" not in ran.err
    assert "was being removed by a killed run, and is still there" in run("check").out
    assert (left / "inside.txt").read_text() == "mine"
    shutil.rmtree(left)
    assert run("ls").err == ""
    assert catalogue(tmp_path / "workspace")[1] == 0
    assert len(run("quarantine", "list", "--json").rows("quarantined")) == 3


@pytest.mark.parametrize(("answer", "removed"), [(b"\n", False), (b"n\n", False), (b"y\n", True)])
def test_purge_asks_at_a_terminal_and_only_yes_removes(tidy, run, photos, tmp_path, answer, removed):
    assert tidy(ENDLESS, *APPLY).code == 0
    ours, theirs = pty.openpty()
    command = [cli_kit.CURATOR, "quarantine", "purge", "--older-than", "0"]
    process = subprocess.Popen(
        command, cwd=tmp_path, stdin=theirs, stdout=theirs, stderr=theirs, env=cli_kit.environment()
    )
    os.close(theirs)
    asked = b""
    while b"[y/N]" not in asked:
        asked += os.read(ours, 4096)
    assert b"remove 4 files" in asked and b"from the disk for good?" in asked
    os.write(ours, answer)
    assert process.wait(60) == 0
    os.close(ours)
    assert len(run("quarantine", "list", "--json").rows("quarantined")) == (0 if removed else 4)


def test_what_is_in_quarantine_needs_no_embedding(tidy, run, tmp_path):
    cli_kit.texts(tmp_path / "texts", 3)
    run("add", "texts", "--no-encode")
    tidy(ENDLESS, "tidy", "texts/2.txt", "--keeper", "texts/1.txt", "--kind", "copy", "--apply")
    run("encode")
    told = run("status", "--json")
    (holding,) = told.rows("holding")
    assert (holding["items"], holding["embedded"]) == (2, 2)
    assert "curator encode" not in [row["command"] for row in told.rows("next")]
    assert run("quarantine", "restore", "--all").code == 0
    assert "curator encode" in [row["command"] for row in run("status", "--json").rows("next")]
