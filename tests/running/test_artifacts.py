"""Files that actions make: refused before the work begins, whole or not at all, and never over what is catalogued."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import fakes
import pytest
from cli_kit import kind_of

from curator.errors import BadInput, CuratorError, NotFound
from curator.reporter import Silent
from curator.running.artifacts import Targets


@pytest.fixture
def ws(tmp_path):
    reporter = Silent()
    with fakes.open_fake(tmp_path / "workspace", reporter=reporter) as workspace:
        for number in range(4):
            fakes.picture(tmp_path / "photos" / f"{number}.png", number)
        workspace.add(tmp_path / "photos")
        reporter.said.clear()
        yield workspace


@pytest.fixture
def out(tmp_path):
    (tmp_path / "out").mkdir()
    return tmp_path / "out"


def similar(ws, sheet, **more):
    return ws.run("similar", query="id:1", k=2, sheet=sheet, **more)


def test_a_sheet_is_made_beside_the_findings(ws, out):
    before = os.umask(0o027)
    try:
        rows = similar(ws, out / "sheet.png")
    finally:
        os.umask(before)
    assert [row["kind"] for row in rows] == ["neighbour"] * 2
    assert os.listdir(out) == ["sheet.png"]
    assert kind_of(out / "sheet.png") == "PNG"
    assert (out / "sheet.png").stat().st_mode & 0o777 == 0o640
    assert ws.reporter.said == [f"wrote {out / 'sheet.png'}"]


def test_a_path_counts_from_this_folder(ws, out, monkeypatch):
    monkeypatch.chdir(out)
    similar(ws, "a.pdf")
    assert (out / "a.pdf").read_bytes().startswith(b"%PDF")


def test_only_force_writes_over_a_file(ws, out):
    (out / "sheet.png").write_text("mine")
    with pytest.raises(BadInput, match="exists: name another file, or add --force"):
        similar(ws, out / "sheet.png")
    assert (out / "sheet.png").read_text() == "mine"
    similar(ws, out / "sheet.png", force=True)
    assert kind_of(out / "sheet.png") == "PNG"


def refusals(folder, out):
    photo = folder / "photos" / "1.png"
    (out / "folder.png").mkdir()
    os.link(photo, out / "hard.png")
    (out / "soft.png").symlink_to(photo)
    (out / "dangling.png").symlink_to(out / "nowhere.png")
    return {
        out / "sheet.gif": (BadInput, "ends in .png"),
        out / "sheet": (BadInput, "ends in .png"),
        out / "folder.png": (BadInput, "is a folder"),
        out / "missing" / "sheet.png": (NotFound, "no file or folder"),
        photo / "sheet.png": (BadInput, "is a file, not a folder"),
        folder / "workspace" / "sheet.png": (BadInput, "lies in the workspace"),
        folder / "workspace" / "objects" / ".." / "sheet.png": (BadInput, "lies in the workspace|no file or folder"),
        photo: (BadInput, "is a catalogued file"),
        out / "hard.png": (BadInput, "is a catalogued file"),
        out / "soft.png": (BadInput, "is a catalogued file"),
    }


@pytest.mark.parametrize("force", [False, True])
def test_what_cannot_be_made_is_refused_before_the_work_begins(ws, out, tmp_path, force):
    fakes.counts.clear()
    fakes.picture(tmp_path / "new.png", 9)
    for path, (error, words) in refusals(tmp_path, out).items():
        photo = (tmp_path / "photos" / "1.png").read_bytes()
        with pytest.raises(error, match=words):
            ws.run("similar", query=str(tmp_path / "new.png"), sheet=path, force=force)
        assert (tmp_path / "photos" / "1.png").read_bytes() == photo
    assert fakes.counts["encoded"] == 0, "the query was embedded for nothing"
    ws.run("similar", query=str(tmp_path / "new.png"))
    assert fakes.counts["encoded"] == 1
    assert not (out / "nowhere.png").exists()


def test_the_place_of_a_photo_that_is_gone_stays_free(ws, tmp_path):
    (tmp_path / "photos" / "3.png").unlink()
    with pytest.raises(BadInput, match="is a catalogued file"):
        similar(ws, tmp_path / "photos" / "3.png", force=True)


def test_a_link_is_replaced_and_not_what_it_points_to(ws, out):
    (out / "target.png").write_text("mine")
    (out / "link.png").symlink_to(out / "target.png")
    similar(ws, out / "link.png", force=True)
    assert (out / "target.png").read_text() == "mine"
    assert not (out / "link.png").is_symlink()


def test_what_somebody_puts_there_in_the_meantime_stays(ws, out):
    def render(file):
        file.write(b"ours")
        (out / "sheet.png").write_text("theirs")

    with pytest.raises(BadInput, match="exists"):
        Targets(ws.folder, ws.items.places).write(out / "sheet.png", render)
    assert (out / "sheet.png").read_text() == "theirs"
    assert os.listdir(out) == ["sheet.png"]


@pytest.mark.parametrize("force", [False, True])
@pytest.mark.parametrize("error", [RuntimeError("no"), OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_what_fails_halfway_leaves_what_was_there(ws, out, force, error):
    if force:
        (out / "sheet.png").write_text("mine")

    def render(file):
        file.write(b"half")
        raise error

    with pytest.raises(CuratorError if isinstance(error, OSError) else type(error)) as raised:
        Targets(ws.folder, ws.items.places, force).write(out / "sheet.png", render)
    if isinstance(error, OSError):
        assert "cannot write" in str(raised.value) and "no space left on device" in str(raised.value)
    assert {path.name: path.read_text() for path in out.iterdir()} == ({"sheet.png": "mine"} if force else {})


KILLED = """
import os, signal, sys
from pathlib import Path
sys.path.insert(0, sys.argv[3])
import fakes
from curator.running.artifacts import Targets

def render(file):
    file.write(b"half" * 100_000)
    file.flush()
    os.kill(os.getpid(), signal.SIGKILL)

with fakes.open_fake(Path(sys.argv[1])) as ws:
    Targets(ws.folder, ws.items.places, force=True).write(Path(sys.argv[2]), render)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
def test_a_kill_in_the_middle_leaves_nothing(ws, out):
    (out / "sheet.png").write_text("mine")
    tests = os.path.dirname(fakes.__file__)
    command = [sys.executable, "-c", KILLED, str(ws.folder), str(out / "sheet.png"), tests]
    assert subprocess.run(command).returncode == -signal.SIGKILL
    assert {path.name: path.read_text() for path in out.iterdir()} == {"sheet.png": "mine"}
