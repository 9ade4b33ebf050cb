"""A disk that becomes full at any moment of a command: one line that says so, nothing lost, and with room it goes on.

The disk is a small one of memory, filled but for so much, where one can be mounted; else no file may become larger.
"""

from __future__ import annotations

import contextlib
import os
import random
import subprocess
from collections import Counter
from pathlib import Path

import cli_kit
import pytest
from commanded import COMMANDS, Commanded

resource = pytest.importorskip("resource")

SEED = int(os.environ.get("CURATOR_TESTS_SEED", "1"))
PAGE = 4096
TOLD = ("no space", "disk is full", "make room", "no room")
TOLD_OF_A_LIMIT = (*TOLD, "too large", "cannot be written", "cannot write")


class Small:
    """A disk of its own."""

    told = TOLD

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ballast = folder / "ballast"

    def run(self, scene: Commanded, room: int) -> cli_kit.Ran:
        """The command, where no more than this is free."""
        free = os.statvfs(self.folder).f_bfree * PAGE
        with self.ballast.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, free - room)
        ran = cli_kit.curator(*scene.args, cwd=scene.folder)
        status = cli_kit.curator("status", cwd=scene.folder)  # what only reads does not break, either
        assert "Traceback" not in status.err and (status.code == 0 or any(word in status.err for word in TOLD)), status
        self.ballast.unlink()
        return ran


class Limited:
    """A limit to the size of a file, in place of that."""

    told = TOLD_OF_A_LIMIT

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def run(self, scene: Commanded, room: int) -> cli_kit.Ran:
        def limit() -> None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))

        return cli_kit.curator(*scene.args, cwd=scene.folder, before=limit)


@pytest.fixture
def disk(tmp_path):
    """The small disk, where this user may mount one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = False
    with contextlib.suppress(OSError):
        command = ["mount", "-t", "tmpfs", "-o", "size=64m", "curator-tests", str(folder)]
        mounted = subprocess.run(command, capture_output=True).returncode == 0
    try:
        yield Small(folder) if mounted else Limited(folder)
    finally:
        if mounted:
            subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(disk, name, count):
    """Do it where so much is free, drawn: from a page to two megabytes; how it ended each time."""
    scene = Commanded(name, disk.folder / "scene")
    draw, ended, lost = random.Random(f"{SEED} full {name}"), Counter(), []
    for _ in range(count):
        scene.put_back()
        room = int(2 ** draw.uniform(0, 9)) * PAGE
        ran = disk.run(scene, room)
        ended[ran.code] += 1
        if ran.code:
            told = ran.err.splitlines()[-1].startswith("Error: ") and any(word in ran.err for word in disk.told)
            lost += [] if told and ran.code in (1, 5, 7) else [f"{room}: {ran}"]
        lost += [f"{room}: {line}" for line in ("Traceback",) if line in ran.err]
        lost += [f"{room} ({ran.code}): {line}" for line in scene.faults(killed=True)]
    print(f"\nfull {name}: {dict(ended)}", end="")
    assert not lost, "\n".join(lost)
    return ended


@pytest.mark.parametrize("name", ["quarantine restore", "restore"])
def test_a_disk_that_is_almost_full(disk, name):
    fill(disk, name, 2)


def test_where_no_disk_can_be_mounted_files_are_limited(tmp_path):
    fill(Limited(tmp_path), "add", 1)


@pytest.mark.slow
@pytest.mark.parametrize("name", COMMANDS)
def test_a_disk_with_little_room(disk, name):
    assert set(fill(disk, name, 8)) - {0}
