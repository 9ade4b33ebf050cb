"""What is no plugin's failure, nor a matter of permissions, is not said to be: what is so, and what mends it."""

from __future__ import annotations

import contextlib
import resource
import shutil
import sqlite3
import subprocess
import sys

import cli_kit
import pytest
from plugin_kit import Site, action, encoder

from curator.errors import lacking

SHORT = """
import errno, sqlite3
import numpy as np

class Encoder:
    def encode(self, batch):
        FAILURE
    def close(self):
        pass
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    base = tmp_path_factory.mktemp("made")
    cli_kit.texts(base / "texts", 3)
    assert cli_kit.curator("add", "texts", cwd=base).code == 0
    return base


@pytest.fixture
def copied(made, tmp_path):
    shutil.copytree(made / "workspace", tmp_path / "workspace")
    return tmp_path / "workspace"


def frozen(folder):
    """Nothing in it may be written."""
    for path in (*folder.rglob("*"), folder):
        path.chmod(0o500 if path.is_dir() else 0o400)


@pytest.mark.parametrize(
    "command",
    [
        (b"ls", b"--labelled", b"\xff"),
        (b"label", b"\xff", b"id:1"),
        (b"encode", b"-e", b"ng\xff"),
        (b"similar", b"--text", b"caf\xe9"),
        (b"train", b"--label", b"x", b"-o", b"c=\xff"),
    ],
)
def test_words_in_another_encoding(copied, run, command):
    line = run(*command).assert_failed(2, "is not valid UTF-8", "encoding")
    assert r"\xff" in line or r"\xe9" in line


def test_a_log_without_its_companion_on_read_only_media(copied, run, obedient):
    away = copied.with_name("away")
    with contextlib.closing(sqlite3.connect(copied / "catalogue.db")) as connection:
        connection.execute("UPDATE run SET version = 'x'")
        connection.commit()
        shutil.copytree(copied, away, ignore=shutil.ignore_patterns("*-shm"))
    frozen(away)
    line = run("status", "-w", "away", before=obedient).assert_failed(7, "catalogue.db-wal", "copy the whole workspace")
    assert "permission" not in line


def test_a_cache_of_another_layout_on_read_only_media(copied, run, obedient):
    with contextlib.closing(sqlite3.connect(copied / "derived.db")) as connection:
        connection.execute("PRAGMA user_version = 99")
    frozen(copied)
    line = run("ls", before=obedient).assert_failed(7, "newer curator (layout 99", "in a copy of the workspace")
    assert "permission" not in line


@pytest.mark.parametrize(
    ("failure", "words"),
    [
        ("raise MemoryError", "there is not enough memory"),
        (
            "raise OSError(errno.ENOSPC, 'No space left on device', '/there')",
            "no space is left on the disk for '/there'",
        ),
        ("raise sqlite3.OperationalError('database or disk is full')", "no space is left on the disk"),
        ("np.ones((1 << 50,))", "there is not enough memory"),
        ("raise type('OutOfMemoryError', (RuntimeError,), {})('CUDA out of memory')", "there is not enough memory"),
    ],
)
def test_what_a_machine_is_short_of_is_no_failure_of_a_plugin(copied, tmp_path, failure, words):
    (tmp_path / "site").mkdir()
    site = Site(tmp_path / "site", tmp_path)
    offer = encoder("short", resolve="lambda variant, source: Resolved(4)", load="lambda resolved, device: Encoder()")
    site.lay("curator-short", SHORT.replace("FAILURE", failure) + offer)
    ran = site.run("encode", "-e", "short")
    line = ran.err.splitlines()[-1]
    assert ran.code == 1 and words in line and "Traceback" not in ran.err, ran
    assert "failed" not in line and "curator-short" not in line
    (row,) = cli_kit.curator("status", "--json", cwd=tmp_path).rows("holding")
    assert row["failed"] == 0


GREEDY = """
from curator.api import Listing

def rows(held):
    for number in range(1 << 20):
        held.append(bytearray(8 << 20))
        yield {"number": number}

def plan(context, params):
    yield Listing("number", 1 << 20, rows([]))

""" + action("hold", plan="plan", tables="(Table('number', 'Numbers', (Column('number', 'a number', 'integer'),)),)")


@pytest.mark.skipif(sys.platform != "linux", reason="the system holds nobody to less memory")
def test_a_plugin_that_takes_all_there_is(copied, tmp_path):
    """Which may be of a process that runs beside it: so much as the system gives to this one."""
    (tmp_path / "site").mkdir()
    site = Site(tmp_path / "site", tmp_path)
    site.lay("curator-greedy", GREEDY)
    limited = f"import resource; resource.setrlimit(resource.RLIMIT_AS, ({2 << 30}, {2 << 30}))"
    ran = site.run("hold", "--json", code=f"{limited}\nfrom curator.cli import main\nmain()")
    line = ran.err.splitlines()[-1]
    assert ran.code == 1 and "there is not enough memory: close other programs" in line, ran.err
    assert "Traceback" not in ran.err and "failed" not in line and "curator-greedy" not in line
    assert site.run("status").code == 0


def test_a_full_disk(copied, run):
    """Of a size that the kernel makes small: nothing of the step is kept, and it can be done again."""

    def small():
        resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, 400_000))

    body = "long " * 100_000
    (copied.parent / "texts").mkdir()
    (copied.parent / "texts" / "long.txt").write_text(body)
    ran = run("add", "texts", "--no-encode", before=small)
    assert ran.code in (1, 7) and "Traceback" not in ran.err and "failed at" not in ran.err, ran
    assert "catalogue.db cannot be written" in ran.err and "permission" not in ran.err
    assert run("add", "texts", "--no-encode").code == 0


def test_what_is_behind_an_error_is_found():
    assert lacking(None) is None and lacking(ValueError()) is None and lacking(OSError(2, "no such file")) is None
    try:
        try:
            raise MemoryError
        except MemoryError as error:
            raise ValueError from error
    except ValueError as error:
        assert "memory" in (lacking(error) or "")


MAPPED = "/lib/_sparse.so: failed to map segment from shared object"


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ValueError("Error while serializing: I/O error: No space left on device (os error 28)"), "no space is left"),
        (OSError(12, "Cannot allocate memory"), "not enough memory"),
        (sqlite3.OperationalError("database or disk is full"), "no space is left"),
        (RuntimeError("[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory: you"), "not enough"),
        (type("error", (Exception,), {})("OpenCV(5.0.0) alloc.cpp:73: error: (-4:Insufficient memory)"), "not enough"),
        (ImportError(MAPPED), "not enough memory"),
        (ImportError(f"{MAPPED}: Operation not permitted"), ""),
        (ImportError("no module"), ""),
        (ImportError(), ""),
        (ValueError("no space", 28), ""),
        (ValueError(), ""),
    ],
)
def test_a_library_that_tells_of_it_by_an_error_of_its_own(error, words):
    assert words in (lacking(error) or "") and bool(lacking(error)) == bool(words)


@pytest.fixture
def small_disk(tmp_path):
    """`small_disk(room)`: a file system of 6 MB, of which so many kilobytes are free."""
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", disk], capture_output=True).returncode:
        pytest.skip("nothing can be mounted here")

    def leave(room):
        (disk / "filler").unlink(missing_ok=True)
        with contextlib.suppress(OSError), open(disk / "filler", "wb", buffering=0) as file:
            while (free := shutil.disk_usage(disk).free - 1024 * room) > 0:
                file.write(bytes(min(free, 4096)))

    leave.folder = disk
    try:
        yield leave
    finally:
        subprocess.run(["umount", "-l", disk], check=True)


def test_a_disk_that_is_full(made, run, small_disk):
    """Nothing can be opened, as SQLite has no room for what processes share; with little room, each says what is so."""
    where = ("-w", small_disk.folder / "workspace")
    shutil.copytree(made / "workspace", where[1])
    small_disk(0)
    run("status", *where).assert_failed(7, "catalogue.db", "the disk is full", "make room")
    small_disk(100)
    assert run("status", *where).code == 0
    (made / "long.txt").write_text("long " * 80_000)
    for command in (("add", made / "long.txt"), ("pretrain", "lstm-clm", "-o", "width=24", "-o", "epochs=2")):
        ran = run(*command, *where)
        line = ran.err.splitlines()[-1]
        assert ran.code in (1, 7) and ("disk is full" in line or "no space is left" in line), ran
        assert "plugin" not in line and "failed" not in line and "make room" in line
    small_disk(0)
    ran = run("plugins", "new", "mine", "--kind", "head", "--folder", small_disk.folder)
    ran.assert_failed(2, "no space left on device")
    small_disk(3000)
    assert run("label", "cat", "id:1", *where).code == 0 and run("check", *where).code == 0


@pytest.fixture
def read_only(tmp_path):
    """Texts and a workspace, with a copy that was taken out and another, seen where nothing can be written."""
    shown, held = tmp_path / "shown", tmp_path / "held"
    shown.mkdir()
    cli_kit.texts(held / "texts", 3)
    if subprocess.run(["mount", "--bind", held, shown], capture_output=True).returncode:
        pytest.skip("nothing can be mounted here")
    try:
        shutil.copy(shown / "texts" / "1.txt", shown / "texts" / "copy.txt")
        for command in (("add", "texts"), ("dedupe", "--apply"), ("trust", "--forget")):
            assert (ran := cli_kit.curator(*command, cwd=shown)).code == 0, ran
        shutil.copy(shown / "texts" / "2.txt", shown / "texts" / "another.txt")
        assert cli_kit.curator("add", "texts", cwd=shown).code == 0
        subprocess.run(["mount", "-o", "remount,bind,ro", shown], check=True)
        yield shown
    finally:
        subprocess.run(["umount", "-l", shown], check=True)


def test_media_on_which_nothing_can_be_written(read_only):
    """Nobody is asked to trust what could not be moved anyway, and no permission is at fault."""
    for command in (("status",), ("ls",), ("check",), ("similar", "id:1"), ("dedupe",)):
        assert (ran := cli_kit.curator(*command, cwd=read_only)).code == 0, ran
    changing = (
        ("label", "cat", "id:1"),
        ("pretrain", "lstm-clm"),
        ("dedupe", "--apply"),
        ("undo",),
        ("quarantine", "restore", "--all"),
        ("check", "--repair"),
        ("forget", "id:1", "--yes"),
    )
    for command in changing:
        ran = cli_kit.curator(*command, cwd=read_only)
        line = ran.assert_ended(7, "is read-only: nothing was changed")
        assert "trust" not in ran.err and "permission" not in line, (command, ran)
    ran = cli_kit.curator("similar", "id:1", "--sheet", "s.png", cwd=read_only)
    ran.assert_failed(2, "cannot write 's.png'", "read-only file system")
