"""Files of codes, by which large spaces are searched, whatever befalls them: real commands, each a process of its own.

Two hundred texts count as many there. What a command finds is held to what it finds where all are compared.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
import sys

import cli_kit
import numpy as np
import pytest

from curator.store.vector_codes import PREFIX

SCRIPT = """import os, signal, sys
sys.path.insert(0, os.path.dirname(os.path.abspath(sys.argv[0])))
from curator.embedding import shortlist
from curator.store import vector_codes
exact, at = sys.argv.pop(1) == "exact", sys.argv.pop(1)
small = {"EXACT_UP_TO": 1 << 60 if exact else 20, "LEAST": 20, "PAYS": 2, "CHANGED": 10, "CHUNK": 16}
for name, value in small.items():
    setattr(shortlist, name, value)
steps = 0
def fatal(owner, name, after):
    do = getattr(owner, name)
    def done(*args, **more):
        global steps
        steps += 1
        now = at and steps == int(at)
        found = do(*args, **more) if after or not now else None
        if now:
            os.kill(os.getpid(), signal.SIGKILL)
        return found
    setattr(owner, name, done)
fatal(vector_codes.VectorCodes, "begin", True)
fatal(vector_codes.CodeFile, "write", True)
fatal(vector_codes.VectorCodes, "_put", True)   # within a transaction that is not committed yet
fatal(vector_codes.VectorCodes, "keep", True)
fatal(vector_codes.VectorCodes, "extend", True)
fatal(vector_codes.VectorCodes, "_tidy", False)
chosen = shortlist.Shortlist._chosen
def counted(*args):
    found = chosen(*args)
    print("by codes" if found is not None else "too deep", file=sys.stderr)
    return found
shortlist.Shortlist._chosen = counted
from curator.__main__ import main
main()
"""
SIMILAR = ("similar", "id:7", "-k", "8", "--copies", "--json")


def write(folder, numbers):
    """Texts about ten things, with few words in common beyond these."""
    (folder / "texts").mkdir(exist_ok=True)
    for number in numbers:
        chance = np.random.default_rng(number)
        words = [*(number % 10 * 20 + chance.integers(20, size=12)), *chance.integers(200, 400, size=3)]
        (folder / "texts" / f"{number}.txt").write_text(" ".join(f"{word * 7919 % 100_003:05}" for word in words))


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Texts with vectors, and no codes."""
    base = tmp_path_factory.mktemp("codes")
    write(base, range(200))
    (base / "search.py").write_text(SCRIPT)
    assert cli_kit.curator("add", "texts", cwd=base).code == 0
    return base


@pytest.fixture
def folder(made, tmp_path):
    shutil.copytree(made, tmp_path / "made")
    return tmp_path / "made"


def search(folder, at="", exact=False, before=None):
    """`similar` with codes, or with all vectors; killed at a step, if one is given."""
    words = ("exact" if exact else "codes", at, *SIMILAR)
    return cli_kit.script(folder / "search.py", *words, cwd=folder, before=before)


def files(folder):
    return sorted(path.name for path in (folder / "workspace").glob(PREFIX + "*"))


def hold(folder, by_codes=True, before=None):
    """What is found is what a search of all vectors finds, and by codes."""
    wanted, found = search(folder, exact=True, before=before), search(folder, before=before)
    assert (wanted.code, found.code) == (0, 0), found
    assert "by codes" not in wanted.err
    assert ("by codes" in found.err) == by_codes, found
    rows = [json.loads(line) for line in found.out.splitlines()]
    assert len(rows) == 8 and found.out == wanted.out


def more(folder, count=30):
    write(folder, range(200, 200 + count))
    assert cli_kit.curator("add", "texts", cwd=folder).code == 0


def test_a_kill_at_any_step_of_making_the_file_leaves_what_the_next_search_mends(folder):
    seen, at = set(), 0
    while True:
        at += 1
        killed = search(folder, str(at))
        seen.add(len(files(folder)))
        if killed.code == 0:
            break
        assert killed.code == -9, killed
        assert len(files(folder)) <= 1  # what was half written, and nothing that others left before
        with sqlite3.connect(folder / "workspace" / "derived.db") as database:
            database.execute("DELETE FROM coded")  # so that the next one makes it from the start
    assert at > 12 and seen >= {0, 1}
    hold(folder)
    assert len(files(folder)) == 1


@pytest.mark.parametrize("at", range(1, 13))
def test_a_kill_while_it_is_made_is_made_good_by_the_next_search(folder, at):
    assert search(folder, str(at)).code == -9
    hold(folder)
    assert len(files(folder)) == 1
    hold(folder)


@pytest.mark.parametrize("at", [1, 2, 3, 4])
def test_a_kill_while_it_grows_is_made_good_by_the_next_search(folder, at):
    hold(folder)
    (before,) = files(folder)
    more(folder)
    assert search(folder, str(at)).code == -9
    hold(folder)
    assert files(folder) == [before]


def test_an_older_cache_beside_a_newer_file_and_the_other_way_round(folder):
    """As from a backup that holds one of the two."""
    workspace = folder / "workspace"
    hold(folder)
    (name,) = files(folder)
    shutil.copytree(workspace, folder / "older")
    more(folder)
    hold(folder)
    grown = (workspace / name).stat().st_size
    assert grown > (folder / "older" / name).stat().st_size
    shutil.copytree(workspace, folder / "newer")
    shutil.copy(folder / "older" / name, workspace / name)  # the file is too short for what the cache says
    hold(folder)
    assert files(folder) != [name] and len(files(folder)) == 1
    shutil.rmtree(workspace)
    shutil.copytree(folder / "newer", workspace)
    for path in (folder / "older").glob("derived.db*"):
        if path.name != name:
            shutil.copy(path, workspace / path.name)  # the file is longer than what the cache knows of
    hold(folder)
    assert files(folder) == [name]


@pytest.mark.parametrize("at", [0.01, 0.5, 0.999])
def test_one_bit_that_is_another_is_told_and_mended(folder, at):
    hold(folder)
    (name,) = files(folder)
    path = folder / "workspace" / name
    content = bytearray(path.read_bytes())
    content[int(at * len(content))] ^= 4
    path.write_bytes(content)
    found = search(folder)
    assert found.code == 0 and "the codes of ngram are damaged: they are made anew" in found.err
    assert files(folder) != [name]
    hold(folder)


def test_two_commands_make_it_at_once(folder):
    """Whoever comes later gives way, or makes one of its own: both find what there is."""
    wanted = search(folder, exact=True).out
    for _ in range(3):
        both = [
            cli_kit.subprocess.Popen(
                [sys.executable, folder / "search.py", "codes", "", *SIMILAR],
                cwd=folder,
                env=cli_kit.environment(),
                stdout=cli_kit.subprocess.PIPE,
                stderr=cli_kit.subprocess.PIPE,
                text=True,
            )
            for _ in range(2)
        ]
        ended = [(*one.communicate(timeout=60), one.returncode) for one in both]
        assert [(out, code) for out, _, code in ended] == [(wanted, 0)] * 2, ended
        hold(folder)
        assert len(files(folder)) == 1
        with sqlite3.connect(folder / "workspace" / "derived.db") as database:
            database.execute("DELETE FROM coded")


def test_where_nothing_may_be_written_what_is_there_is_used(folder, obedient):
    workspace = folder / "workspace"
    hold(folder)
    more(folder, 5)
    assert cli_kit.curator("status", cwd=folder).code == 0

    def lock(mode, of_files):
        for path in workspace.iterdir():
            path.chmod(of_files)
        workspace.chmod(mode)

    lock(0o500, 0o400)
    try:
        before = {path.name: path.stat().st_size for path in workspace.iterdir()}
        hold(folder, before=obedient)
        assert {path.name: path.stat().st_size for path in workspace.iterdir()} == before
        lock(0o700, 0o600)
        for name in files(folder):
            (workspace / name).unlink()
        lock(0o500, 0o400)
        hold(folder, by_codes=False, before=obedient)
        assert files(folder) == []
    finally:
        lock(0o700, 0o600)
    hold(folder)
