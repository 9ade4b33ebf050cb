"""SIGKILL before any line, at any moment of the real command, and again and again: the next command goes on.

A chain is the same done again and killed again, so that each but the first finds what a kill left.
"""

from __future__ import annotations

import os
import random
from collections import Counter

import pytest
import trials
from commanded import COMMANDS, Commanded

SEED = int(os.environ.get("CURATOR_TESTS_SEED", "1"))

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="what is killed is forked")


def drawn(name):
    return random.Random(f"{SEED} killed {name}")


def at_lines(scene, draw, count):
    """Kill it at so many lines, each time in the workspace as it was; returns what was lost."""
    lost = []
    for at in draw.sample(scene.boundaries, min(count, len(scene.boundaries))):
        scene.put_back()
        where = scene.killed(at)
        lost += [f"{where or 'the end'} (boundary {at}): {line}" for line in scene.faults(killed=True)]
    return lost


def in_chains(stop, scene, draw, count):
    """So many chains of kills; `stop` does it until a kill, and says where that was. Returns what was lost."""
    lost = []
    for _ in range(count):
        scene.put_back()
        places = [stop() for _ in range(draw.randint(2, 5))]
        lost += [f"{places}: {line}" for line in scene.faults(killed=True)]
    return lost


def hold(scene, lost):
    """Nothing was lost; says how often this scene was killed by now."""
    print(f"\nkilled at lines: {scene.kills}", end="")
    assert not lost, "\n".join(lost)


def test_the_harness_finds_what_a_kill_loses_where_nothing_is_taken_back(scenes, monkeypatch):
    monkeypatch.setattr("curator.history.file_moves.Moves.recover", lambda moves, reporter: None)
    scene = scenes("set aside")
    assert at_lines(scene, drawn("wrong"), 12)


@pytest.mark.parametrize("name", trials.SCENES)
def test_killed_at_some_lines(scenes, name):
    assert not at_lines(scenes(name), drawn(name), 1 if name in ("add", "train") else 2)


@pytest.mark.parametrize("name", ["set aside", "undo set aside", "restore", "purge", "forget", "restore a backup"])
def test_killed_in_chains(scenes, name):
    scene, draw = scenes(name), drawn(f"{name} in chains")
    assert not in_chains(lambda: scene.killed(draw.choice(scene.boundaries)), scene, draw, 1)


@pytest.mark.parametrize("name", ["set aside", "restore"])
def test_killed_across_disks(scenes, other_disk, name):
    assert not at_lines(scenes(name, other_disk / name), drawn(f"{name} across disks"), 4)


def at_moments(name, folder, kills, chains):
    """Kill the command at moments drawn from all that it takes; how it ended each time."""
    scene, draw = Commanded(name, folder), drawn(f"{name} at moments")
    ended, lost = Counter(), []

    def stop():
        code = scene.killed_after(draw.uniform(0, scene.takes))
        ended[code] += 1
        return code

    for _ in range(kills):
        scene.put_back()
        code = stop()
        lost += [f"ended with {code}: {line}" for line in scene.faults(killed=True)]
    lost += in_chains(stop, scene, draw, chains)
    print(f"\nkilled {name}: {dict(ended)}", end="")
    assert not lost, "\n".join(lost)
    return ended


@pytest.mark.parametrize("name", ["forget", "undo"])
def test_the_command_is_killed_at_a_few_moments(tmp_path, name):
    at_moments(name, tmp_path, 1, 1)


@pytest.mark.slow
@pytest.mark.parametrize("name", trials.SCENES)
def test_killed_at_many_lines(scenes, name):
    hold(scenes(name), at_lines(scenes(name), drawn(name), 4 if name == "train" else 25))


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in trials.SCENES if name != "train"])
def test_killed_in_many_chains(scenes, name):
    scene, draw = scenes(name), drawn(f"{name} in chains")
    hold(scene, in_chains(lambda: scene.killed(draw.choice(scene.boundaries)), scene, draw, 5))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["set aside", "restore", "undo set aside", "redo set aside"])
def test_killed_at_many_lines_across_disks(scenes, other_disk, name):
    scene = scenes(name, other_disk / name)
    hold(scene, at_lines(scene, drawn(f"{name} across disks"), 25))


@pytest.mark.slow
@pytest.mark.parametrize("name", COMMANDS)
def test_the_command_is_killed_at_many_moments(tmp_path, name):
    assert at_moments(name, tmp_path, 10, 2)[-9]
