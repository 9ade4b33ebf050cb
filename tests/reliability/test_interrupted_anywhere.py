"""Ctrl-C before any line that curator runs: catalogue and disk say the same, and the same command ends the work."""

from __future__ import annotations

import os
import random

import pytest
import trials

from curator.history.file_moves import Move, Moves

SEED = int(os.environ.get("CURATOR_TESTS_SEED", "1"))
"""Which of the boundaries the quick tests take."""

FEW = {"train": 1, "add": 3}
"""Of what takes longer, fewer than of the others."""

pytestmark = pytest.mark.skipif(not hasattr(os, "link"), reason="scenes are put back by second names")


def some(scene, name, count=8):
    """Boundaries of a scene, with what else a trial draws."""
    draw = random.Random(f"{SEED} {name}")
    return draw, draw.sample(scene.boundaries, min(FEW.get(name, count), len(scene.boundaries)))


def hold(scene, stops):
    """Hold each to what must be after an interrupt; `stops` are (boundary, what else a trial takes)."""
    lost = []
    for at, more in stops:
        scene.put_back()
        where = scene.interrupted(at, **more)
        lost += [f"{where or 'the end'} (boundary {at} {more}): {line}" for line in scene.faults("again" in more)]
    assert not lost, "\n".join(lost)


def test_the_harness_finds_what_a_wrong_way_back_loses(scenes, monkeypatch):
    """As it was done before: by what this process was about to do, whatever was committed by then."""

    def settle(moves, run):
        for row in reversed(moves.store.of_run(run)):
            moves._take_back(row.id, Move(row.direction, row.outside, row.inside, row.hash))

    monkeypatch.setattr(Moves, "_settle", settle)
    scene = scenes("restore")
    last_third = scene.boundaries[2 * len(scene.boundaries) // 3 :]
    with pytest.raises(AssertionError, match=r"file .*b\.png: is gone"):
        hold(scene, [(at, {}) for at in last_third[::6]])


@pytest.mark.parametrize("name", trials.SCENES)
def test_interrupted_at_some_lines(scenes, name):
    scene = scenes(name)
    assert not scene.losses() and len(scene.boundaries) > 100
    _, boundaries = some(scene, name)
    hold(scene, [(at, {}) for at in boundaries])


@pytest.mark.parametrize("name", ["set aside", "undo restore", "label", "write"])
def test_who_goes_on_in_the_open_workspace(scenes, name):
    scene = scenes(name)
    _, boundaries = some(scene, name, 6)
    hold(scene, [(at, {"goes_on": True}) for at in boundaries])


# The second may come while Python closes a generator, which keeps it to itself.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("name", ["set aside", "restore", "purge", "back up"])
def test_interrupted_again_while_the_first_is_seen_to(scenes, name):
    scene = scenes(name)
    draw, boundaries = some(scene, name, 6)
    hold(scene, [(at, {"again": draw.randrange(60)}) for at in boundaries])


@pytest.mark.parametrize("name", ["set aside", "restore", "undo set aside"])
def test_across_disks(scenes, name, other_disk):
    scene = scenes(name, other_disk / name)
    _, boundaries = some(scene, name, 6)
    hold(scene, [(at, {}) for at in boundaries])


def many(scene, default):
    """As many of its boundaries as `CURATOR_INTERRUPTS` says, or `all`; drawn by the seed."""
    most = os.environ.get("CURATOR_INTERRUPTS", str(default))
    if most == "all" or int(most) >= len(scene.boundaries):
        return scene.boundaries
    return random.Random(SEED).sample(scene.boundaries, int(most))


@pytest.mark.slow
@pytest.mark.parametrize("name", trials.SCENES)
def test_interrupted_at_many_lines(scenes, name):
    """Two thousand lines of `train` would take half an hour."""
    hold(scenes(name), [(at, {}) for at in many(scenes(name), 60 if name == "train" else 1500)])


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in trials.SCENES if name != "train"])
def test_interrupted_twice_at_many_lines(scenes, name):
    draw = random.Random(f"{SEED} {name}")
    hold(scenes(name), [(at, {"again": draw.randrange(60)}) for at in many(scenes(name), 200)])
