"""Many commands at once in one workspace: none fails, none says what is not so, nothing is lost.

That a cache may be deleted at any time is part of it, also while commands use it.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import random
import sqlite3
import time

import cli_kit
import pytest
from commanded import COMMANDS, Commanded

import curator
from curator.errors import WorkspaceError
from curator.history import lock
from curator.history.lock import Presence

SEED = int(os.environ.get("CURATOR_TESTS_SEED", "1"))

READERS = [
    ("status",),
    ("ls", "--json"),
    ("log", "--limit", "5"),
    ("similar", "texts/1.txt", "-k", "3"),
    ("show", "texts/2.txt"),
    ("status", "--problems"),
    ("encoders",),
    ("ls", "--labelled", "dog"),
]


ADD = ("add", "texts", "--no-encode")


class Several:
    """Commands that begin at the same time."""

    def __init__(self, folder):
        self.folder = folder
        self.environment = cli_kit.environment()

    def begin(self, commands):
        """Start them; each with the file that its output goes to."""
        begun = []
        for number, command in enumerate(commands):
            said = self.folder / f"said-{number}"
            out = os.open(said, os.O_CREAT | os.O_TRUNC | os.O_WRONLY)
            process = cli_kit.started(
                command, self.folder, self.environment, (os.open(os.devnull, os.O_RDONLY), out, os.dup(out))
            )
            begun.append((command, process, said))
        return begun

    @staticmethod
    def end(begun, allowed=()):
        """Wait for them; none has failed, but for those that say what is allowed."""
        for command, process, said in begun:
            code, words = process.wait(), said.read_text(errors="replace")
            assert code == 0 or any(word in words for word in allowed), (command, code, words)


def writers(number):
    """Two commands that write, others in each round."""
    return [("label", "dog", f"texts/{number % 12 + 1}.txt"), ("add", "texts", "more")]


def hold(folder, seconds):
    """Rounds of eight readers and two writers, with the cache deleted before or during some."""
    several, chance = Several(folder), random.Random(7)
    cache = folder / "workspace" / "derived.db"
    end, rounds = time.monotonic() + seconds, 0
    for rounds in itertools.count(1):
        (folder / "more" / f"{rounds}.txt").write_text(f"one more text, of round {rounds}", encoding="utf-8")
        if rounds % 3 == 1:
            cache.unlink(missing_ok=True)
        begun = several.begin([*READERS, *writers(rounds)])
        if rounds % 3 == 2:
            time.sleep(chance.uniform(0, 0.3))
            cache.unlink(missing_ok=True)
        several.end(begun)
        if time.monotonic() > end:
            break
    with contextlib.closing(sqlite3.connect(folder / "workspace" / "catalogue.db")) as catalogue:
        assert catalogue.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        states = catalogue.execute("SELECT command, state, count(*) FROM run GROUP BY 1, 2 ORDER BY 1").fetchall()
        assert catalogue.execute("SELECT count(*) FROM item").fetchone() == (12 + rounds,)
    assert {state for _, state, _ in states} == {"done"}, states
    assert cli_kit.curator("encode", cwd=folder).code == 0
    assert not cli_kit.curator("check", "--json", cwd=folder).out
    return rounds


@pytest.fixture
def home(tmp_path):
    cli_kit.texts(tmp_path / "texts", 12)
    (tmp_path / "more").mkdir()
    return tmp_path


@pytest.fixture
def begun(home):
    """With a workspace in it."""
    assert cli_kit.curator("add", "texts", cwd=home).code == 0
    assert cli_kit.curator("label", "dog", "texts/12.txt", cwd=home).code == 0
    return home


def test_many_commands_begin_where_there_is_no_workspace_yet(home):
    """Whoever comes before it is whole is told that there is none."""
    several = Several(home)
    for _ in range(2):
        begun = several.begin([ADD, ("init",), *READERS[:2], ADD])
        several.end(begun, allowed=["no workspace at"])
        held = cli_kit.curator("ls", "--json", cwd=home)
        assert len(held.rows("item")) == 12
        for path in sorted((home / "workspace").rglob("*"), reverse=True):
            path.unlink() if path.is_file() else path.rmdir()


def test_eight_readers_and_two_writers(begun):
    assert hold(begun, 3) >= 1


@pytest.mark.slow
def test_eight_readers_and_two_writers_for_a_minute(begun):
    assert hold(begun, 60) >= 5


READ = [
    *(("ls",), ("status",), ("log",), ("show", "id:1"), ("similar", "id:1"), ("similar", "--text", "a text")),
    *(("encoders",), ("heads",), ("metrics",), ("quarantine", "list"), ("sample", "3"), ("backup", "saved.tar")),
]


def test_who_reads_does_not_wait_for_who_writes(begun):
    """A long `add` is within a transaction from here on; who waited for its end would never come back."""
    before = {command: cli_kit.curator(*command, cwd=begun).out for command in READ[:2]}
    with curator.open_workspace(begun / "workspace") as ws, ws.begin("add", {}) as journal, ws.database.transaction():
        journal.insert_many(
            "item", [{"hash": f"{n:064}", "modality": "text", "size": 1, "text": "x"} for n in range(9)]
        )
        for command in READ:
            ran = cli_kit.curator(*command, cwd=begun)
            assert ran.code == 0 and "waiting" not in ran.err, (command, ran)
            assert ran.out == before.get(command, ran.out)


def test_who_searches_while_another_adds_goes_on_without_what_is_not_embedded_yet(begun):
    """What a long `add` has committed is embedded at its end."""
    with curator.open_workspace(begun / "workspace") as ws, ws.begin("add", {}) as journal:
        journal.insert_many(
            "item", [{"hash": f"{n:064}", "modality": "text", "size": 1, "text": "x"} for n in range(9)]
        )
        ran = cli_kit.curator("similar", "id:1", "--json", cwd=begun)
        assert ran.code == 0 and len(ran.rows("neighbour")) == 10
        assert "9 texts not yet embedded with ngram, and another curator is at work here: left out" in ran.err
        assert "waiting" not in ran.err


def twice(name, folder, count):
    """The same command twice at once, the second begun at any moment of the first; every other first one is killed."""
    scene, draw, lost = Commanded(name, folder), random.Random(f"{SEED} twice {name}"), []
    for number in range(count):
        scene.put_back()
        codes = scene.twice(draw.uniform(0, scene.takes), kill=bool(number % 2))
        lost += [f"{codes}: {line}" for line in scene.faults(killed=-9 in codes)]
    print(f"\ntwice at once {name}: {count}", end="")
    assert not lost, "\n".join(lost)


@pytest.mark.parametrize("name", ["quarantine restore", "restore"])
def test_the_same_command_twice_at_once(tmp_path, name):
    twice(name, tmp_path, 2)


@pytest.mark.slow
@pytest.mark.parametrize("name", COMMANDS)
def test_the_same_command_twice_at_once_many_times(tmp_path, name):
    twice(name, tmp_path, 8)


def test_a_cache_is_made_again_only_when_nobody_uses_the_deleted_one(home, monkeypatch):
    """Else the user of the old one would remove the log of the new one, which has its name."""
    waited = []
    old, new = Presence(home), Presence(home, lambda: waited.append(1))
    old.enter()
    monkeypatch.setattr(lock, "LONGEST", 0.2)
    monkeypatch.setattr(lock, "SOON", 0.05)
    with pytest.raises(WorkspaceError, match="another curator still works in"), new.alone(lambda: True):
        pass
    assert waited == [1]
    with new.alone(lambda: False) as ours:  # somebody else made it meanwhile: nothing to wait for
        assert not ours
    old.leave()
    with new.alone(lambda: True) as ours:
        assert ours


@pytest.mark.parametrize("name", [".making", ".lock"])
def test_a_lock_that_is_a_link_is_refused_and_its_target_left(home, run, name):
    assert run(*ADD).code == 0
    target = home / "precious"
    target.write_text("kept")
    (home / "workspace" / name).unlink()
    (home / "workspace" / name).symlink_to(target)
    run("label", "dog", "texts/1.txt").assert_failed(7, f"{name}' is a symbolic link", "remove it")
    assert target.read_text() == "kept"
    target.unlink()  # and none is made through it
    run("label", "dog", "texts/1.txt").assert_failed(7, f"{name}' is a symbolic link")
    assert not target.exists()
