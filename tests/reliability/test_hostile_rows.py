"""A catalogue whose rows contradict what curator takes for granted: one line for each command, and nothing outside.

SQLite finds nothing wrong with most of them: a value of another row, of another column, none where there may be none,
a row twice, a name that nothing has. Some are of another type than the column, as one may write who loosens the schema,
writes, and puts it back.
"""

from __future__ import annotations

import contextlib
import functools
import os
import random
import shutil
import sqlite3
import time

import cli_kit
import pytest

SEED = os.environ.get("CURATOR_TESTS_SEED", "1")
SECONDS = 20

READING = [
    line.split()
    for line in """status
status --problems
log
log --json
ls --json
ls --labelled cat
ls --under texts
show id:1
show id:5 --json
check
encoders
heads
heads --json
plugins
metrics
metrics taste
quarantine list
quarantine list --json
similar id:1 -k 3
similar texts/cats/1.txt
similar --text cats
similar id:1 --metric taste
classify --label cat --head prototype
classify --group kind --head prototype --json
cluster -k 2
audit --label cat --head prototype
dedupe
complete cat
explain id:9 --label cat
trust""".splitlines()
]
WRITING = [
    line.split()
    for line in """label dog id:1
label dog id:2 --group kind
label cat id:1 --remove
pair id:1 id:2 --metric taste
add texts --no-encode
add texts pictures table.csv --text-column text
add table.csv
add texts --verify
encode
encode --retry
encode -e ngram
encoders --use lstm-clm
undo
undo 2
undo 7
train --label cat --head prototype
classify --label cat --head prototype --accept 0.5
dedupe --apply
quarantine restore --all
quarantine purge --older-than 0 --yes
forget id:2 --yes
forget texts/cats/1.txt --yes
relocate texts elsewhere --anyway
check --repair
backup b.tar --force
pretrain lstm-clm -o width=8 -o embedding=8 -o epochs=1""".splitlines()
]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A workspace with something in every table."""
    base = tmp_path_factory.mktemp("made")
    build(base)
    return base


def build(base):
    run = functools.partial(cli_kit.curator, cwd=base)
    for folder in ("cats", "dogs"):
        cli_kit.texts(base / "texts" / folder, 4, about=folder)
    shutil.copy2(base / "texts/cats/1.txt", base / "texts/cats/copy.txt")
    (base / "pictures").mkdir()
    for seed in range(3):
        cli_kit.photo(base / "pictures" / f"{seed}.jpg", seed, 48)
    shutil.copy2(base / "pictures/1.jpg", base / "pictures/copy.jpg")
    (base / "pictures" / "1.txt").write_text("what is seen in it")
    cli_kit.truncated_photo(base / "pictures" / "bad.jpg", 3)
    (base / "table.csv").write_text("nr,text\n1,one of a table\n2,two of a table\n3,\xff\n4\n", encoding="utf-8")
    (base / "bad.csv").write_bytes(b"nr,text\n1,one more of a table\n2,two \xff\xfe\n3,\n")
    for command in (
        "add texts",
        "add pictures --captions",
        "add table.csv --text-column text",
        "add bad.csv --text-column text",
        "label cat texts/cats/1.txt texts/cats/2.txt",
        "label cat texts/dogs/1.txt texts/dogs/2.txt --negative",
        "label small texts/cats/1.txt texts/cats/2.txt --group kind",
        "label large texts/dogs/1.txt texts/dogs/2.txt --group kind",
        "pair texts/cats/1.txt texts/cats/2.txt --metric taste",
        "pair texts/cats/1.txt texts/dogs/2.txt --metric taste --not-alike",
        "classify --label cat --head prototype",
        "train --group kind --head prototype",
        "dedupe --apply",
        "label gone id:3",
        "undo",
        "pretrain lstm-clm -o width=8 -o embedding=8 -o epochs=1",
        "similar --text cats",
    ):
        done = run(*command.split())
        assert done.code in (0, 5), (command, done)


def copied(made, folder):
    """A copy of it, whose rows name the places of the copy."""
    shutil.copytree(made, folder)
    with contextlib.closing(sqlite3.connect(folder / "workspace" / "catalogue.db")) as connection, connection:
        for table, column in (
            ("root", "path"),
            ("source_table", "path"),
            ("problem", "path"),
            ("move", "outside"),
            ("quarantined", "outside"),
            ("quarantined", "keeper"),
        ):
            connection.execute(f"UPDATE {table} SET {column} = replace({column}, ?, ?)", (str(made), str(folder)))


VALUES = [
    None,
    "",
    "x",
    "\0",
    "猫/..",
    "..",
    "/",
    0,
    -1,
    1,
    2,
    10**6,
    2**31,
    2**53 + 1,
    2**63 - 1,
    -(2**63),
    0.5,
    float("inf"),
    -1e308,
    b"",
    b"\xff",
    b"x\0",
    "7",
    "[]",
    "{}",
    "null",
    "[1]",
    '"x"',
    "1e999",
    "NaN",
    "[" * 3000,
    "x" * 100_000,
    "image",
    "text",
    "ngram",
    "label:cat",
    "0" * 64,
    "\u202e\x1b[2J\n",
    "2026-11-29",
]


class Sender:
    """Writes into a database whatever the seed says."""

    def __init__(self, path, chance):
        self.path, self.chance = path, chance
        self.said = []

    def tables(self, connection):
        sql = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '%sqlite%'"
        return [row[0] for row in connection.execute(sql)]

    def write(self, count, loose):
        with contextlib.closing(sqlite3.connect(self.path, isolation_level=None)) as connection:
            for setting in ("writable_schema = ON", "ignore_check_constraints = ON", "foreign_keys = OFF"):
                connection.execute(f"PRAGMA {setting}")
            kept = connection.execute("SELECT rowid, sql FROM sqlite_master WHERE type = 'table'").fetchall()
            if loose:
                connection.execute(
                    "UPDATE sqlite_master SET sql = replace(replace(sql, 'STRICT', ''), ' NOT NULL', '') "
                    "WHERE type = 'table' AND name NOT LIKE '%sqlite%'"
                )
        with contextlib.closing(sqlite3.connect(self.path, isolation_level=None)) as connection:
            for setting in ("ignore_check_constraints = ON", "foreign_keys = OFF"):
                connection.execute(f"PRAGMA {setting}")
            for _ in range(count):
                with contextlib.suppress(sqlite3.IntegrityError, sqlite3.OperationalError):
                    self.one(connection)
            connection.execute("PRAGMA writable_schema = ON")
            if loose:
                for rowid, sql in kept:
                    connection.execute("UPDATE sqlite_master SET sql = ? WHERE rowid = ?", (sql, rowid))

    def one(self, connection):
        chance = self.chance
        table = chance.choice(self.tables(connection))
        columns = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
        rows = [row[0] for row in connection.execute(f"SELECT rowid FROM {table}")]
        if not rows:
            return
        column, other, row, another = *(chance.choice(columns) for _ in "ab"), *(chance.choice(rows) for _ in "ab")
        where = chance.choice(["", f" WHERE rowid = {row}", f" WHERE rowid = {row}"])
        way = chance.randrange(8)
        if way < 4:
            value = chance.choice(VALUES)
            sql, values = f"UPDATE {table} SET {column} = ?{where}", [value]
        elif way == 4:
            sql = f"UPDATE {table} SET {column} = (SELECT {column} FROM {table} WHERE rowid = {another}){where}"
            values = []
        elif way == 5:
            sql, values = f"UPDATE {table} SET {column} = {other}{where}", []
        elif way == 6:
            free = [name for name in columns if name != "id"]
            names = ", ".join(free)
            chosen = ", ".join("?" if name == column else name for name in free)
            sql = f"INSERT INTO {table} ({names}) SELECT {chosen} FROM {table} WHERE rowid = {row}"
            values = [chance.choice(VALUES)] * (column != "id")
        else:
            sql, values = f"DELETE FROM {table}{where}", []
        connection.execute(sql, values)
        self.said.append(f"{sql} {[f'{value!r:.40}' for value in values] if values else ''}")


def wrong_with(ran, seconds):
    """What is not as it should be of a command: empty where it did its work, or said in a line why it does not."""
    last = ran.err.strip().splitlines()[-1:] or [""]
    if "Traceback" in ran.err:
        return last[0]
    if ran.code not in (0, 1, 2, 3, 4, 5, 7):  # 6 would be called a plugin's failure
        return f"exit code {ran.code}: {last[0]}"
    if ran.code and not last[0].startswith("Error: "):
        return f"exit code {ran.code}, and no line says why: {last[0]}"
    return f"{seconds:.0f} seconds" if seconds > SECONDS else ""


def trial(made, folder, seed, readers=3, writers=2):
    """Write into a copy of the workspace, then use it; what went wrong, and how many commands there were."""
    chance = random.Random(f"{SEED} {seed}")
    home = folder / f"received {seed}"
    copied(made, home)
    decoy = folder / "decoy"
    decoy.write_text("of somebody")
    sender = Sender(home / "workspace" / chance.choice(["catalogue.db"] * 5 + ["derived.db"]), chance)
    loose = chance.random() < 0.3
    sender.write(chance.choice([1, 1, 1, 2, 5]), loose)
    commands = chance.sample(READING, readers) + chance.sample(WRITING, writers)
    if chance.random() < 0.5:
        commands.insert(0, ["trust", "--yes"])
    wrong = []
    for command in commands:
        begin = time.monotonic()
        ran = cli_kit.curator(*command, cwd=home)
        found = wrong_with(ran, time.monotonic() - begin)
        found += "" if decoy.read_text() == "of somebody" else "something outside was touched"
        if found:
            wrong.append((f"{seed} {'loose ' * loose}{' '.join(command)}: {found}; {sender.said}", ran.err))
    shutil.rmtree(home)
    return wrong, len(commands)


def many(made, folder, count):
    wrong, commands = [], 0
    for seed in range(count):
        found, number = trial(made, folder, seed)
        wrong += [told for told, _ in found]
        commands += number
    print(f"\nhostile rows: {count} workspaces, {commands} commands", end="")
    assert not wrong, "\n".join(wrong)


def test_some_rows(made, tmp_path):
    many(made, tmp_path, 4)


@pytest.mark.slow
def test_many_rows(made, tmp_path):
    many(made, tmp_path, 40 if os.environ.get("CURATOR_RELIABILITY") != "long" else 1000)


CONTRADICTIONS = [
    ("DELETE FROM root", "ls", 7, "refers to a row of root that is gone"),
    ("UPDATE root SET id = 9223372036854775807", "cluster -k 2", 7, "refers to a row of root that is gone"),
    ("UPDATE item SET hash = 'text' WHERE id = 2", "classify --label cat --head prototype", 7, "row 2 of item, hash"),
    ("UPDATE root SET path = x'7800'", "dedupe", 7, "row 3 of root, path"),
    (
        "UPDATE model SET encoder = 'x' WHERE encoder = 'ngram'; DELETE FROM setting WHERE key LIKE 'model.%'",
        "encode",
        0,
        "",
    ),
]
"""What is written, the command, how it ends, and what it says."""


@pytest.mark.parametrize(
    ("sql", "command", "code", "words"), CONTRADICTIONS, ids=[row[0][:50] for row in CONTRADICTIONS]
)
def test_rows_that_contradict_each_other_are_named(made, tmp_path, sql, command, code, words):
    copied(made, tmp_path / "received")
    with contextlib.closing(sqlite3.connect(tmp_path / "received/workspace/catalogue.db")) as connection:
        connection.executescript(sql)
    ran = cli_kit.curator(*command.split(), cwd=tmp_path / "received")
    assert ran.code == code and words in ran.err, ran
    if code:
        assert "curator check" in ran.err.splitlines()[-1] and ran.err.endswith("\n") and "Traceback" not in ran.err, (
            ran
        )
        assert words.split(",")[0] in cli_kit.curator("check", cwd=tmp_path / "received").out
