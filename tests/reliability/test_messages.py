"""What is no plugin's failure, nor a matter of permissions, is not said to be: what is so, and what mends it."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3

import cli_kit
import pytest
from plugin_kit import Site, encoder

from curator.errors import lacking

SHORT = """
import errno

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


def test_a_full_disk(copied, run):
    """Of a size that the kernel makes small: nothing of the step is kept, and it can be done again."""
    import resource

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
