"""A workspace that somebody sent: whatever stands in it, opening and using it touches nothing outside of its folder.

Each attack writes what a sender may write (rows, names, links, journals), runs the real command, and looks at the
folder of decoys that it aims at. Those of `TRUSTED` hold although the user said `curator trust`; the others hold
because nobody did.
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
import shutil
import sqlite3
import stat
import struct
from contextlib import closing
from pathlib import Path

import cli_kit
import pytest

KEY = "ssh-ed25519 AAAA of the owner\n"
STATUS = (("status",),)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Texts of which one is a copy, embedded, and the copy set aside: a workspace with something of everything."""
    base = tmp_path_factory.mktemp("made")
    cli_kit.texts(base / "texts", 3)
    shutil.copy2(base / "texts" / "1.txt", base / "texts" / "copy.txt")
    run = functools.partial(cli_kit.curator, cwd=base)
    for command in (("add", "texts"), ("label", "cat", "texts/2.txt"), ("dedupe", "--apply")):
        assert (done := run(*command)).code == 0, done
    assert run("quarantine", "list", "--json").row("quarantined")
    return base


class Received:
    """A copy of it that somebody sent, and the home of the one who got it."""

    def __init__(self, made: Path, folder: Path) -> None:
        self.base = folder / "received"
        self.home = folder / "home"
        self.workspace = self.base / "workspace"
        self.quarantine = self.workspace / "quarantine"
        shutil.copytree(made, self.base)
        (self.home / ".ssh").mkdir(parents=True)
        self.key = self.home / ".ssh" / "authorized_keys"
        self.key.write_text(KEY)
        (self.home / "notes.txt").write_text("not for others\n")
        # What is sent names the folder that it is unpacked to, as a sender may know or guess.
        for table, column in (
            ("root", "path"),
            ("move", "outside"),
            ("quarantined", "outside"),
            ("quarantined", "keeper"),
        ):
            self.sql(f"UPDATE {table} SET {column} = replace({column}, ?, ?)", str(made), str(self.base))

    def sql(self, statement: str, *values: object, file: str = "catalogue.db") -> None:
        with closing(sqlite3.connect(self.workspace / file)) as connection, connection:
            connection.execute(statement, values)

    def ask(self, statement: str, *values: object) -> object:
        with closing(sqlite3.connect(self.workspace / "catalogue.db")) as connection:
            return connection.execute(statement, values).fetchone()[0]

    def root(self, path: Path) -> None:
        self.sql("INSERT INTO root (path) VALUES (?)", str(path))

    def move(self, direction: str, outside: object, inside: object, of: Path | None = None, state: str = "planned"):
        values = (direction, outside, inside, digest(of) if of else "0" * 64, state)
        sql = "INSERT INTO move (run_id, direction, outside, inside, hash, state) VALUES (?, ?, ?, ?, ?, ?)"
        self.sql(sql, self.ask("SELECT max(run_id) FROM move"), *values)

    def held(self, outside: object, inside: object, of: Path) -> None:
        """A row that says that a file lies in quarantine."""
        keeper = str(self.base / "texts" / "1.txt")
        sql = (
            "INSERT INTO quarantined (outside, inside, hash, size, kind, reason, keeper, taken) "
            "VALUES (?, ?, ?, 1, 'exact', 'told to', ?, '2020-01-01T00:00:00+00:00')"
        )
        self.sql(sql, outside, inside, digest(of), keeper)

    def stored(self, name: str = "9/evil", text: str = "ssh-ed25519 BBBB of the sender\n") -> Path:
        path = self.quarantine / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def object(self, text: str = "of the sender\n") -> str:
        name = hashlib.sha256(text.encode()).hexdigest()
        path = self.workspace / "objects" / name[:2] / name[2:]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return name

    def weights(self, files: object) -> None:
        """Say that the encoder of texts learnt here, and left these files."""
        self.sql("UPDATE model SET weights = ?", json.dumps({"files": files, "parent": None}))

    def link(self, name: str, target: Path) -> None:
        """Put a link in the place of what is there."""
        path = self.workspace / name
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        path.unlink(missing_ok=True)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.symlink_to(target)

    def up(self, path: Path, start: Path) -> str:
        return os.path.relpath(path, start)


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def state(folder: Path) -> dict[str, tuple[int, bytes | str]]:
    """Everything below a folder: kind and permissions, content, where a link leads."""
    found: dict[str, tuple[int, bytes | str]] = {}
    for path in [folder, *sorted(folder.rglob("*"))]:
        mode = path.lstat().st_mode
        held = os.readlink(path) if stat.S_ISLNK(mode) else path.read_bytes() if stat.S_ISREG(mode) else b""
        found[str(path.relative_to(folder))] = (mode, held)
    return found


TRUSTED, UNKNOWN = {}, {}


def attack(table, *commands):
    """An attack, with the commands that it waits for, by the name of what crafts it."""
    return lambda craft: table.setdefault(craft.__name__.replace("_", " "), (craft, commands or STATUS)) and craft


# --- moves that a run is said to have been killed at: what opening ends -------------------------------


@attack(TRUSTED)
def removal_by_a_name_with_dots(it):
    it.move("off", str(it.base / "x"), it.up(it.key, it.quarantine))


@attack(TRUSTED)
def removal_by_an_absolute_name(it):
    it.move("off", str(it.base / "x"), str(it.key))


@attack(TRUSTED)
def removal_behind_a_link_in_quarantine(it):
    it.link("quarantine/9", it.home / ".ssh")
    it.move("off", str(it.base / "x"), "9/authorized_keys")


@attack(TRUSTED)
def removal_behind_a_link_deep_in_quarantine(it):
    it.link("quarantine/9/a/b", it.home)
    it.move("off", str(it.base / "x"), "9/a/b/.ssh/authorized_keys")


@attack(TRUSTED)
def removal_where_quarantine_is_a_link(it):
    it.link("quarantine", it.home)
    it.move("off", str(it.base / "x"), ".ssh/authorized_keys")


@attack(UNKNOWN)
def a_file_planted_by_taking_back(it):
    it.root(it.home / ".ssh")
    it.move("out", str(it.home / ".ssh" / "authorized_keys2"), "9/evil", of=it.stored())


@attack(TRUSTED)
def a_file_planted_where_nothing_was_added(it):
    it.move("out", str(it.home / ".ssh" / "authorized_keys2"), "9/evil", of=it.stored())


@attack(UNKNOWN)
def a_file_planted_in_a_new_folder(it):
    it.root(it.home)
    it.move("out", str(it.home / ".config" / "autostart" / "evil.desktop"), "9/evil", of=it.stored())


@attack(UNKNOWN)
def a_file_removed_since_its_copy_was_sent_along(it):
    it.root(it.home)
    it.move("back", str(it.key), "9/evil", of=it.stored(text=KEY))


@attack(TRUSTED)
def a_file_removed_where_nothing_was_added(it):
    it.move("back", str(it.key), "9/evil", of=it.stored(text=KEY))


@attack(UNKNOWN)
def a_file_removed_by_its_temporary_name(it):
    (it.home / "work.curator-part").write_text("of the owner")
    it.root(it.home)
    it.move("back", str(it.home / "work"), "9/none")


@attack(TRUSTED)
def a_file_taken_by_a_name_with_dots(it):
    it.move("back", str(it.base / "texts" / "new.txt"), it.up(it.key, it.quarantine), of=it.key)


@attack(TRUSTED)
def a_file_planted_through_dots_in_a_folder_that_was_added(it):
    outside = f"{it.base}/texts/../../home/.ssh/authorized_keys2"
    it.move("out", outside, "9/evil", of=it.stored())


@attack(TRUSTED)
def a_file_planted_through_a_link_in_a_folder_that_was_added(it):
    (it.base / "texts" / "more").symlink_to(it.home)
    it.move("out", str(it.base / "texts" / "more" / "evil"), "9/evil", of=it.stored())


@attack(TRUSTED)
def a_file_planted_through_a_root_that_is_a_link(it):
    (it.base / "other").symlink_to(it.home)
    it.root(it.base / "other")
    it.move("out", str(it.base / "other" / "evil"), "9/evil", of=it.stored())


@attack(TRUSTED)
def a_name_with_nul(it):
    it.move("off", str(it.base / "x"), b"9/a\0b")
    it.move("out", os.fsencode(it.base / "texts") + b"/a\0b", "9/evil", of=it.stored())


@attack(TRUSTED)
def names_that_are_numbers(it):
    it.move("off", 7, 8)
    it.move("out", 9, 10)


@attack(TRUSTED)
def names_with_drive_letters(it):
    it.move("off", "C:\\Windows\\win.ini", "C:\\Windows\\win.ini")
    it.move("out", "C:/Windows/win.ini", "C:/Windows/win.ini")
    it.move("out", "\\\\server\\share\\x", "\\\\server\\share\\x")


@attack(TRUSTED)
def the_folder_itself_and_its_own_parent_as_names(it):
    for name in ("", ".", "..", "9/", "9//..", "/"):
        it.sql("DELETE FROM move WHERE inside = ?", name)
        it.move("off", str(it.base / "x"), name)


# --- what lies in quarantine: restore, purge, list, check ---------------------------------------------

RESTORE = (("quarantine", "list"), ("quarantine", "restore", "--all"))
PURGE = (("quarantine", "purge", "--older-than", "0", "--yes"),)


@attack(UNKNOWN, *RESTORE)
def restoring_into_another_s_folder(it):
    it.root(it.home)
    it.held(str(it.home / ".ssh" / "authorized_keys2"), "9/evil", it.stored())


@attack(TRUSTED, *RESTORE)
def restoring_to_where_nothing_was_added(it):
    it.held(str(it.home / ".ssh" / "authorized_keys2"), "9/evil", it.stored())


@attack(TRUSTED, *RESTORE)
def restoring_to_a_relative_path(it):
    it.held("../home/.ssh/authorized_keys2", "9/evil", it.stored())


@attack(TRUSTED, *RESTORE)
def restoring_what_is_not_in_quarantine(it):
    it.held(str(it.base / "texts" / "new.txt"), it.up(it.key, it.quarantine), it.key)


@attack(TRUSTED, *RESTORE)
def restoring_what_is_behind_a_link(it):
    it.link("quarantine/9", it.home)
    it.held(str(it.base / "texts" / "new.txt"), "9/notes.txt", it.home / "notes.txt")


@attack(TRUSTED, ("check", "--repair"), ("quarantine", "restore", "--all"))
def strays_of_a_quarantine_that_is_a_link(it):
    it.link("quarantine", it.home)
    it.move("out", str(it.base / "texts" / "new.txt"), "notes.txt", state="done")


@attack(TRUSTED, *PURGE)
def purging_by_a_name_with_dots(it):
    it.held(str(it.base / "texts" / "x.txt"), it.up(it.key, it.quarantine), it.key)


@attack(TRUSTED, *PURGE)
def purging_behind_a_link(it):
    it.link("quarantine/9", it.home)
    it.held(str(it.base / "texts" / "x.txt"), "9/notes.txt", it.home / "notes.txt")


@attack(TRUSTED, ("quarantine", "list"), ("check",), ("status",), ("backup", "../home.tar"))
def rows_of_quarantine_with_impossible_names(it):
    for number, name in enumerate((b"9/\0", 5, "", "..", "/", "9/" + "x" * 300)):
        it.held(b"\xff\0" if number else 3, name, it.key)


# --- undo, and what an action takes -------------------------------------------------------------------


def claimed(it: Received, direction: str, outside: Path, of: Path, inside: str) -> None:
    """Say that the latest run, which can be undone, moved this too."""
    it.move(direction, str(outside), inside, of=of, state="done")


@attack(UNKNOWN, ("undo",))
def undo_that_plants_a_file(it):
    it.root(it.home)
    claimed(it, "out", it.home / ".ssh" / "authorized_keys2", it.stored(), "9/evil")


@attack(TRUSTED, ("undo",))
def undo_that_plants_a_file_where_nothing_was_added(it):
    claimed(it, "out", it.home / ".ssh" / "authorized_keys2", it.stored(), "9/evil")


@attack(UNKNOWN, ("undo",))
def undo_that_takes_a_file(it):
    it.root(it.home)
    claimed(it, "back", it.key, it.key, "9/taken")


@attack(TRUSTED, ("undo",))
def undo_that_takes_a_file_from_where_nothing_was_added(it):
    claimed(it, "back", it.key, it.key, "9/taken")


@attack(UNKNOWN, ("check", "--repair"), ("dedupe", "--keep", "path:texts/1.txt", "--apply"))
def copies_that_are_none_of_the_sender_s(it):
    """Rows that say that a file of the owner's is a copy, so that it would go to quarantine."""
    shutil.copy2(it.base / "texts" / "1.txt", it.home / "1.txt")
    it.root(it.home)
    it.sql(
        "INSERT INTO place (item_id, root_id, path, size, mtime_ns, device, inode) "
        "SELECT item_id, (SELECT max(id) FROM root), '1.txt', size, 0, '0', '0' FROM place WHERE path = '1.txt'"
    )


# --- objects and models -------------------------------------------------------------------------------


def tmp_in_home(it: Received) -> None:
    (it.home / "aa").mkdir()
    (it.home / "aa" / "tmp-of-the-owner").write_text("unsaved work")
    (it.home / "aa" / ("0" * 62)).write_text("named like an object")


@attack(TRUSTED, ("check", "--repair"))
def objects_that_are_a_link(it):
    tmp_in_home(it)
    it.link("objects", it.home)


@attack(TRUSTED, ("check", "--repair"))
def a_folder_of_objects_that_is_a_link(it):
    tmp_in_home(it)
    it.link("objects/aa", it.home / "aa")


@attack(TRUSTED, ("check",), ("backup", "../out.tar"))
def objects_by_impossible_names(it):
    it.weights({"a": "../../../home/notes.txt", "b": "\0", "c": "", "d": "/etc/passwd", "e": "x" * 300})


@attack(TRUSTED, ("encode",))
def a_model_s_file_with_dots(it):
    it.weights({it.up(it.home, it.workspace / "models" / "x") + "/planted": it.object()})


@attack(TRUSTED, ("encode",))
def a_model_s_file_with_an_absolute_name(it):
    it.weights({str(it.home / "planted"): it.object()})


@attack(TRUSTED, ("encode",))
def a_model_s_file_over_another(it):
    it.weights({str(it.key): it.object()})


@attack(TRUSTED, ("encode",))
def a_model_s_file_with_nul(it):
    it.weights({"a\0b": it.object()})


@attack(TRUSTED, ("encode",))
def models_that_are_a_link(it):
    it.weights({"weights": it.object()})
    it.link("models", it.home)


@attack(TRUSTED, ("encode",))
def a_model_s_folder_that_is_a_link(it):
    files = {"weights": it.object()}
    it.weights(files)
    name = hashlib.sha256(json.dumps(files, sort_keys=True).encode()).hexdigest()[:16]
    it.link(f"models/{name}", it.home)


# --- locks, temporary names, databases and their journals ---------------------------------------------


@attack(TRUSTED, ("label", "dog", "id:1"))
def a_lock_that_is_a_link(it):
    it.link(".lock", it.key)


@attack(TRUSTED)
def the_lock_of_making_that_is_a_link(it):
    (it.workspace / "derived.db").unlink()
    it.link(".making", it.key)


@attack(TRUSTED, ("label", "dog", "id:1"))
def a_lock_that_is_a_link_to_nothing_yet(it):
    it.link(".lock", it.home / "planted")


@attack(TRUSTED)
def a_cache_that_is_a_link_to_nothing_yet(it):
    it.link("derived.db", it.home / "planted.db")


@attack(TRUSTED, ("encode", "--retry"), ("status",))
def a_cache_that_is_a_link_to_another_s(it):
    shutil.copy2(it.workspace / "derived.db", it.home / "derived.db")
    it.sql("DELETE FROM vector", file="derived.db")
    shutil.copy2(it.workspace / "derived.db", it.home / "derived.db")
    it.link("derived.db", it.home / "derived.db")


@attack(TRUSTED, ("label", "dog", "id:1"))
def a_catalogue_that_is_a_link_to_another_s(it):
    shutil.copy2(it.workspace / "catalogue.db", it.home / "catalogue.db")
    it.link("catalogue.db", it.home / "catalogue.db")


@attack(TRUSTED, ("label", "dog", "id:1"))
def a_log_that_is_a_link(it):
    it.link("catalogue.db-wal", it.key)


@attack(TRUSTED, ("label", "dog", "id:1"))
def an_index_of_the_log_that_is_a_link(it):
    it.link("catalogue.db-shm", it.home / "notes.txt")


@attack(TRUSTED)
def a_log_of_the_cache_that_is_a_link_to_nothing_yet(it):
    it.link("derived.db-wal", it.home / "planted")


def super_journal(database: Path, victim: Path) -> None:
    """A journal as SQLite leaves one of a transaction over several databases; playing it back removes the victim."""
    magic, name = bytes.fromhex("d9d505f920a163d7"), os.fsencode(victim)
    head = magic + struct.pack(">5I", 0, 0, database.stat().st_size // 4096, 512, 4096)
    page, checksum = struct.pack(">I", 0x40000000 // 4096 + 1), sum(struct.unpack(f"{len(name)}b", name)) & 0xFFFFFFFF
    tail = page + name + struct.pack(">2I", len(name), checksum) + magic
    database.with_name(database.name + "-journal").write_bytes(head.ljust(512, b"\0") + tail)


@attack(TRUSTED)
def a_journal_that_names_another_file(it):
    super_journal(it.workspace / "catalogue.db", it.key)


@attack(TRUSTED)
def a_journal_of_the_cache_that_names_another_file(it):
    super_journal(it.workspace / "derived.db", it.key)


@attack(TRUSTED, ("pretrain", "lstm-clm"))
def pretraining_in_a_link(it):
    it.link("pretraining", it.home)


@attack(TRUSTED, ("pretrain", "lstm-clm"))
def the_lock_of_pretraining_that_is_a_link(it):
    it.link("pretraining/.lstm-clm.lock", it.key)


@attack(TRUSTED, ("check",), ("status",))
def pipes_that_would_be_waited_for(it):
    (it.quarantine / "9").mkdir()
    os.mkfifo(it.quarantine / "9" / "pipe")
    it.held(str(it.base / "texts" / "x.txt"), "9/pipe", it.key)
    name = it.object()
    path = it.workspace / "objects" / name[:2] / name[2:]
    path.unlink()
    os.mkfifo(path)


ATTACKS = [
    (name, *what, trusted) for table, trusted in ((TRUSTED, True), (UNKNOWN, False)) for name, what in table.items()
]


@pytest.mark.parametrize(
    ("craft", "commands", "trusted"), [each[1:] for each in ATTACKS], ids=[each[0] for each in ATTACKS]
)
def test_nothing_outside_is_touched(made, tmp_path, craft, commands, trusted):
    it = Received(made, tmp_path)
    if trusted:
        cli_kit.curator("trust", "--yes", cwd=it.base)
    craft(it)
    before = state(it.home)
    for command in commands:
        ran = cli_kit.curator(*command, cwd=it.base)
        assert state(it.home) == before, ran
        assert "Traceback" not in ran.err and ran.code in (0, 3, 4, 5, 7), ran


@pytest.mark.parametrize("name", ["derived.db", "catalogue.db"])
def test_a_link_to_a_database_that_is_not_there_just_now_is_named_and_left(run, photos, tmp_path, name):
    cli_kit.photo(photos / "a.jpg", 1)
    assert run("add", "photos", "--no-encode").code == 0
    database = tmp_path / "workspace" / name
    database.rename(tmp_path / name)
    database.symlink_to(tmp_path / "not mounted" / name)
    for command in (["ls"], ["status"], ["add", "photos", "--no-encode"]):
        run(*command).assert_failed(7, name, "is a symbolic link")
    assert database.is_symlink()


def test_a_folder_where_the_lock_was_is_named(run, photos, tmp_path):
    cli_kit.photo(photos / "a.jpg", 1)
    assert run("add", "photos", "--no-encode").code == 0
    (tmp_path / "workspace" / ".lock").unlink(missing_ok=True)
    (tmp_path / "workspace" / ".lock").mkdir()
    run("label", "cat", "id:1").assert_failed(7, ".lock", "is a folder")


def test_a_stored_name_that_is_longer_than_any_path_stops_no_check(run, photos, tmp_path):
    cli_kit.photo(photos / "a.jpg", 1)
    shutil.copyfile(photos / "a.jpg", photos / "b.jpg")
    assert run("add", "photos", "--no-encode").code == 0
    assert run("dedupe", "--apply").code == 0
    with closing(sqlite3.connect(tmp_path / "workspace" / "catalogue.db")) as catalogue, catalogue:
        catalogue.execute("UPDATE quarantined SET inside = ?", ["a/" * 3000 + "b"])
    ran = run("check")
    assert ran.code == 5 and "longer than any path" in ran.out
    for command in (["quarantine", "list"], ["quarantine", "restore", "--all"], ["status"]):
        ran = run(*command)
        assert "Traceback" not in ran.err and "too long" not in ran.err
