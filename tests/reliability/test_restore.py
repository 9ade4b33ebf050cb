"""`curator restore`: what a backup holds, from whoever it comes, and nothing beside it."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import io
import os
import shutil
import signal
import sqlite3
import stat
import tarfile
import time
from pathlib import Path

import cli_kit
import pytest


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder with the backup of a workspace with a head."""
    base = tmp_path_factory.mktemp("made")
    run = functools.partial(cli_kit.curator, cwd=base)
    cli_kit.texts(base / "texts", 4)
    for command in (
        ("add", "texts"),
        ("label", "cat", "texts/1.txt", "texts/2.txt"),
        ("label", "cat", "texts/3.txt", "texts/4.txt", "--negative"),
        ("train", "--label", "cat", "--head", "prototype"),
        ("backup", "good.tar"),
    ):
        assert run(*command).code == 0
    return base


def rewritten(source, target, change=lambda entry, data: (entry, data), more=()):
    """The archive with entries changed, left out (None) or added."""
    with tarfile.open(source) as old, tarfile.open(target, "w") as new:
        for entry in old:
            changed = change(entry, old.extractfile(entry).read())
            if changed is not None:
                entry, data = changed
                entry.size = len(data)
                new.addfile(entry, io.BytesIO(data))
        for entry, data in more:
            entry.size = len(data)
            new.addfile(entry, io.BytesIO(data))


def entry(name, kind=tarfile.REGTYPE, link=""):
    made = tarfile.TarInfo(name)
    made.type, made.linkname = kind, link
    return made


def test_what_was_archived_is_there_and_its_owners_alone(made, run, tmp_path):
    row = run("restore", made / "good.tar", "--to", "new/folder", "--json").row("restored")
    assert (row["items"], row["objects"], row["missing"]) == (4, 2, [])
    folder = tmp_path / "new" / "folder"
    for path in (folder, *folder.rglob("*")):
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path
    assert run("heads", "-w", folder, "--json").out == cli_kit.curator("heads", "--json", cwd=made).out
    assert not run("check", "--json", "-w", folder).out
    run("restore", made / "good.tar", "--to", folder).assert_failed(2, "already exists", "--to")
    assert run("restore", made / "good.tar").code == 0 and (tmp_path / "workspace" / "catalogue.db").is_file()


HOSTILE = {
    "a path to elsewhere": [(entry("../outside"), b"x")],
    "an absolute path": [(entry("/tmp/curator-outside"), b"x")],
    "an object elsewhere": [(entry("objects/../../" + "0" * 64), b"x")],
    "a link": [(entry("objects/aa", tarfile.SYMTYPE, "/etc"), b"")],
    "a hard link": [(entry("derived.db", tarfile.LNKTYPE, "catalogue.db"), b"")],
    "a device": [(entry("catalogue.db-wal", tarfile.CHRTYPE), b"")],
    "a pipe": [(entry("objects/" + "aa/" + "0" * 62, tarfile.FIFOTYPE), b"")],
    "a cache": [(entry("derived.db"), b"x")],
    "the catalogue twice": [(entry("catalogue.db"), b"x")],
    "a log": [(entry("catalogue.db-wal"), b"x")],
}


@pytest.mark.parametrize("more", HOSTILE.values(), ids=HOSTILE)
def test_nothing_else_is_taken_out(made, run, tmp_path, more):
    rewritten(made / "good.tar", tmp_path / "bad.tar", more=more)
    run("restore", "bad.tar").assert_failed(2, "is not a backup made by curator: it holds", more[0][0].name)
    assert [path.name for path in tmp_path.iterdir()] == ["bad.tar"]


def test_a_changed_object_is_found(made, run, tmp_path):
    def change(entry, data):
        return entry, data if entry.name == "catalogue.db" else data[:-1] + b"?"

    rewritten(made / "good.tar", tmp_path / "bad.tar", change)
    run("restore", "bad.tar").assert_failed(7, "is damaged", "nothing was restored")
    assert [path.name for path in tmp_path.iterdir()] == ["bad.tar"]


def test_a_catalogue_with_a_trigger_is_refused(made, run, tmp_path):
    def change(entry, data):
        if entry.name == "catalogue.db":
            (tmp_path / "c").write_bytes(data)
            with contextlib.closing(sqlite3.connect(tmp_path / "c")) as catalogue:
                catalogue.execute("CREATE TRIGGER evil AFTER INSERT ON run BEGIN DELETE FROM label; END")
                catalogue.execute("PRAGMA journal_mode = DELETE")
            data = (tmp_path / "c").read_bytes()
            (tmp_path / "c").unlink()
        return entry, data

    rewritten(made / "good.tar", tmp_path / "bad.tar", change)
    run("restore", "bad.tar").assert_failed(7, "catalogue.db in", "bad.tar", "trigger 'evil'")
    assert [path.name for path in tmp_path.iterdir()] == ["bad.tar"]


def test_what_is_no_backup(made, run, tmp_path):
    (tmp_path / "words.tar").write_text("no archive")
    (tmp_path / "cut.tar").write_bytes((made / "good.tar").read_bytes()[:70_000])
    rewritten(made / "good.tar", tmp_path / "empty.tar", lambda entry, data: None)
    for name in ("words.tar", "cut.tar", "empty.tar"):
        line = run("restore", name).assert_failed(2, name, "is not a backup made by curator")
        assert "ReadError" not in line and "\\n" not in line
    run("restore", "nowhere.tar").assert_failed(3, "no file", "nowhere.tar")
    run("restore", ".").assert_failed(2, "is not a file")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cut.tar", "empty.tar", "words.tar"]


def test_an_object_that_was_left_out_is_said(made, run, tmp_path):
    rewritten(
        made / "good.tar", tmp_path / "part.tar", lambda entry, data: (entry, data) if "obj" not in entry.name else None
    )
    run("restore", "part.tar").assert_ended(5, "lacks what was learnt of head label:cat@1", "train again")
    assert run("classify", "--label", "cat", "--head", "prototype", "--encode").code == 0


def copies_without_a_name(pid):
    """The copies of a catalogue that a process has open."""
    found = []
    for link in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(OSError):  # closed since
            found.append(os.readlink(link))
    return [path for path in found if ".curator-backup-" in path and path.endswith(" (deleted)")]


@pytest.mark.skipif(not hasattr(os, "O_TMPFILE"), reason="files without a name are Linux's")
def test_a_killed_backup_leaves_nothing_behind(made, tmp_path):
    """Its files have no names until the archive is whole."""
    shutil.copytree(made / "workspace", tmp_path / "workspace")
    with contextlib.closing(sqlite3.connect(tmp_path / "workspace" / "catalogue.db")) as catalogue, catalogue:
        body = "word " * 20_000
        rows = ((hashlib.sha256(str(n).encode()).hexdigest(), "text", len(body), body) for n in range(400))
        catalogue.executemany("INSERT INTO item (hash, modality, size, text) VALUES (?, ?, ?, ?)", rows)
    (tmp_path / "out").mkdir()
    for wait in (0, 0.02, 0.05, 0.1, 0.2):
        null = [os.open(os.devnull, os.O_RDWR) for _ in range(3)]
        process = cli_kit.started(("backup", "out/b.tar.gz"), tmp_path, cli_kit.environment(), null)
        while not copies_without_a_name(process.pid):
            assert process.poll() is None
        time.sleep(wait)
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert {path.name for path in (tmp_path / "out").iterdir()} <= {"b.tar.gz"}
        (tmp_path / "out" / "b.tar.gz").unlink(missing_ok=True)
    (
        tmp_path / "out" / ".curator-backup-0123456789abcdef"
    ).touch()  # as the instant leaves it in which SQLite opens the copy
    assert cli_kit.curator("backup", "out/b.tar.gz", "--force", cwd=tmp_path).code == 0
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["b.tar.gz"]


def with_header(made, target, headers):
    """A sound backup with a further member of these pax headers, as somebody who makes them up would write it."""
    with tarfile.open(made / "good.tar") as good, tarfile.open(target, "w", format=tarfile.PAX_FORMAT) as bad:
        for entry in good:
            bad.addfile(entry, good.extractfile(entry))
        more = tarfile.TarInfo("objects/ab/" + "c" * 62)
        more.size, more.pax_headers = 4, headers
        bad.addfile(more, io.BytesIO(b"evil"))


@pytest.mark.parametrize(
    "headers",
    [
        {"GNU.sparse.size": "abc"},
        {"GNU.sparse.map": "0,4,0,4,", "GNU.sparse.size": "4", "GNU.sparse.numblocks": "2"},
        {"GNU.sparse.realsize": "abc", "GNU.sparse.name": "x"},
        {"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.name": "x", "GNU.sparse.realsize": "4"},
    ],
    ids=["size", "map", "real size", "1.0"],
)
def test_headers_that_somebody_made_up(made, run, tmp_path, headers):
    with_header(made, tmp_path / "bad.tar", headers)
    run("restore", "bad.tar").assert_failed(2, "bad.tar", "is not a backup made by curator")
    assert [path.name for path in tmp_path.iterdir()] == ["bad.tar"]


@pytest.mark.parametrize("length", [b"9" * 20, b"9" * 5000], ids=["overflow", "digits"])
@pytest.mark.parametrize("kind", [tarfile.XHDTYPE, tarfile.XGLTYPE], ids=["one", "all"])
def test_a_record_that_says_it_is_longer_than_all_there_is(made, run, tmp_path, length, kind):
    record = length + b" a=b\n"
    header = tarfile.TarInfo("x")
    header.type, header.size = kind, len(record)
    block = header.tobuf(tarfile.USTAR_FORMAT) + record + b"\0" * (-len(record) % 512)
    (tmp_path / "bad.tar").write_bytes(block + (made / "good.tar").read_bytes())
    run("restore", "bad.tar").assert_failed(2, "bad.tar", "is not a backup made by curator")
    assert [path.name for path in tmp_path.iterdir()] == ["bad.tar"]
