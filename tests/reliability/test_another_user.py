"""A workspace of one user, and what another can do with it: one that the system itself keeps apart."""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

import cli_kit
import pytest
from cli_kit import Ran, contents, curator_here

from curator import open_workspace

OTHER = 65534
"""The user and the group of who owns nothing."""

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or os.geteuid() != 0, reason="only root can become another user"
)

ADD = ("add", "texts")
READING = (("status",), ("ls",), ("show", "id:1"), ("log",), ("dedupe",))
BACKUP = ("backup", "../theirs/b.tar")


def as_another(*command: str) -> Ran:
    """The command as that user, in a fork of this process: what Python itself is made of may be ours alone.

    All that it imports was imported here before, by the same commands.
    """
    here, there = os.pipe()
    child = os.fork()
    if not child:
        try:
            os.setgroups([])
            os.setgid(OTHER)
            os.setuid(OTHER)
            os.environ["XDG_STATE_HOME"] = os.path.abspath("../theirs")
            ran = curator_here(*command)
        except BaseException as error:
            ran = Ran(-1, "", repr(error))
        with open(there, "w") as file:
            json.dump(asdict(ran), file)
        os._exit(0)
    os.close(there)
    with open(here) as file:
        told = json.load(file)
    os.waitpid(child, 0)
    return Ran(**told)


def told(*command: str) -> Ran:
    """What it says here, where it goes well."""
    ran = curator_here(*command)
    assert ran.code == 0, ran
    return ran


def opened(folder: Path, group: int) -> None:
    """Give a folder to that group, which may do what these bits of a mode say, and nobody else anything."""
    for path in (folder, *folder.rglob("*")):
        os.chown(path, -1, OTHER)
        path.chmod(0o700 | group if path.is_dir() else 0o600 | (group & 0o060))


def moving() -> list[tuple[str, ...]]:
    """What would move files: from quarantine, by undoing what moved one there, and another to it."""
    run = max(row["run"] for row in told("log", "--json").rows("run") if row["command"] == "undo")
    return [("quarantine", "restore", "--all"), ("undo", str(run)), ("dedupe", "--apply")]


@pytest.fixture(scope="module")
def made():
    """`ours/`, with texts and a workspace: one copy of a text lies in quarantine, another beside it; and `theirs/`."""
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        base = Path(folder)
        base.chmod(0o755)
        (base / "theirs").mkdir()
        os.chown(base / "theirs", OTHER, OTHER)
        texts = cli_kit.texts(base / "ours" / "texts", 4)
        patch.chdir(base / "ours")
        shutil.copy(texts / "1.txt", texts / "copy.txt")
        told(*ADD, "--shared")
        told("label", "cat", "id:1", "id:2")
        told("label", "cat", "id:3", "id:4", "--negative")
        told("train", "--label", "cat", "--head", "prototype")
        told("dedupe", "--apply")
        told("quarantine", "restore", "--all")
        told("undo")
        told(*BACKUP)
        (base / "theirs" / "b.tar").unlink()
        shutil.copy(texts / "2.txt", texts / "another.txt")
        told(*ADD)
        yield base


@pytest.fixture
def ours(made, monkeypatch):
    """The folder of it, which is the current one."""
    monkeypatch.chdir(made / "ours")
    return made / "ours"


def test_a_private_one_is_refused_in_a_line(ours):
    opened(ours / "workspace", 0)
    before = contents(ours)
    for command in (*READING, BACKUP, ADD, ("label", "cat", "id:3"), *moving(), ("init", "-w", "workspace")):
        as_another(*command).assert_failed(7, str(ours / "workspace"), "cannot be looked into", "ask its owner")
    assert contents(ours) == before


def test_a_shared_one_is_read_and_nothing_else(ours):
    opened(ours / "workspace", 0o050)
    for command in READING:
        assert as_another(*command) == told(*command), command
    (ours.parent / "theirs" / "new.txt").write_text("a new text")
    for command in (("add", "../theirs/new.txt"), ("label", "cat", "id:3"), ("undo",)):
        as_another(*command).assert_failed(7, "is read-only: nothing was changed")


def test_one_is_read_while_its_owner_works_in_it(ours):
    """With what stands in the log of the catalogue alone."""
    with open_workspace("workspace") as ws:
        opened(ours / "workspace", 0o050)
        ws.label("hat", [3])
        assert (ours / "workspace" / "catalogue.db-wal").stat().st_size
        assert "hat" in as_another("status").out
        ws.label("hat", [3], None)


def test_what_may_not_be_read_is_left_out_of_a_backup_and_not_called_damaged(ours):
    opened(ours / "workspace", 0o050)
    assert as_another(*BACKUP).code == 0
    held = [path for path in (ours / "workspace" / "objects").rglob("*") if path.is_file()]
    held[0].chmod(0o600)
    ran = as_another(*BACKUP, "--force")
    ran.assert_ended(5, "1 object left out")
    assert "permission denied" in ran.err and "damaged" not in ran.err
    assert curator_here("check").code == 0


def test_nobody_is_made_to_move_files_by_the_workspace_of_another(ours):
    """Though the system lets them, as their group may write all of it: only on their own word, and for them alone."""
    opened(ours, 0o070)
    before = files(ours)
    for command in moving():
        as_another(*command).assert_ended(4, "nothing was moved", "was not made here", "`curator trust`")
        assert files(ours) == before
    assert as_another("trust", "--yes").code == 0
    assert as_another("quarantine", "restore", "--all").code == 0 and files(ours) != before
    told("undo")
    assert files(ours) == before


def files(ours: Path) -> dict[str, bytes]:
    """All that are people's."""
    return {**contents(ours / "texts"), **contents(ours / "workspace" / "quarantine")}
