"""A workspace that somebody sent: whatever its databases hold, one line, the right exit code, and nothing of it is run.

Each attack is made on a copy of a good workspace, as its sender could with SQLite's own shell.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import os
import shutil
import sqlite3
import time

import cli_kit
import pytest

from curator.store import derived, migrations, schema

SECONDS = 20
"""No command may take longer: one that hangs would be ended by the kit after two minutes."""

ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Texts with a label, a head and what it said."""
    base = tmp_path_factory.mktemp("made")
    run = functools.partial(cli_kit.curator, cwd=base)
    for folder in ("cats", "dogs"):
        cli_kit.texts(base / "texts" / folder, 4, about=folder)
    (base / "table.csv").write_text("nr,text\n1,one of a table\n", encoding="utf-8")
    for command in (
        ("add", "texts"),
        ("add", "table.csv", "--text-column", "text"),
        ("label", "cat", "texts/cats/1.txt", "texts/cats/2.txt"),
        ("label", "cat", "texts/dogs/1.txt", "texts/dogs/2.txt", "--negative"),
        ("classify", "--label", "cat", "--head", "prototype"),
    ):
        assert run(*command).code == 0
    return base


@pytest.fixture
def sent(made, tmp_path):
    """A copy, in which the places still are those of the original."""
    shutil.copytree(made / "workspace", tmp_path / "workspace")
    return tmp_path


def change(home, database, *statements):
    """Write as the sender did: with the schema writable, and nothing checked."""
    with contextlib.closing(sqlite3.connect(home / "workspace" / database, isolation_level=None)) as connection:
        for setting in ("writable_schema = ON", "ignore_check_constraints = ON", "foreign_keys = OFF"):
            connection.execute(f"PRAGMA {setting}")
        for statement in statements:
            connection.execute(statement)


def quickly(home, *command):
    begin = time.monotonic()
    ran = cli_kit.curator(*command, cwd=home)
    assert time.monotonic() - begin < SECONDS, command
    assert "Traceback" not in ran.err, ran
    return ran


# --- what SQLite would run ---

CATALOGUE, CACHE = "catalogue.db", "derived.db"
RUN = [
    (CATALOGUE, "trigger 'evil' on 'run'", ["CREATE TRIGGER evil AFTER INSERT ON run BEGIN DELETE FROM label; END"]),
    (
        CATALOGUE,
        "view 'verdict' is not",
        ["DROP VIEW verdict", f"CREATE VIEW verdict AS {ENDLESS} i, i, i, i, i FROM n"],
    ),
    (CATALOGUE, "view 'more'", [f"CREATE VIEW more AS {ENDLESS} i FROM n"]),
    (CATALOGUE, "table 'words'", ["CREATE VIRTUAL TABLE words USING fts5(text)"]),
    (CATALOGUE, "table 'label' is not", ["ALTER TABLE label ADD COLUMN loud TEXT AS (upper(name))"]),
    (CATALOGUE, "table 'label' is not", ["ALTER TABLE label ADD COLUMN age INTEGER DEFAULT 7"]),
    (CATALOGUE, "table 'notes'", ["CREATE TABLE notes (at TEXT DEFAULT (hex(zeroblob(1000000000))))"]),
    (
        CATALOGUE,
        "table 'run' is not",
        ["UPDATE sqlite_master SET sql = replace(sql, 'started TEXT', 'started BLOB') WHERE name = 'run'"],
    ),
    (CATALOGUE, "index 'costly'", ["CREATE INDEX costly ON item (hex(text))"]),
    (CATALOGUE, "index 'one'", ["CREATE UNIQUE INDEX one ON statement (run_id, id)"]),
    (CATALOGUE, "index 'some'", ["CREATE INDEX some ON item (size) WHERE size > 3"]),
    (CATALOGUE, "lacks the index 'place_by_inode'", ["DROP INDEX place_by_inode"]),
    (CATALOGUE, "lacks the table 'pair'", ["DROP TABLE pair"]),
    (
        CATALOGUE,
        "view 'sqlite_stat9'",
        [
            "CREATE VIEW bait AS SELECT 1",
            "UPDATE sqlite_master SET name = 'sqlite_stat9', tbl_name = 'sqlite_stat9', "
            "sql = 'CREATE VIEW sqlite_stat9 AS SELECT 1' WHERE name = 'bait'",
        ],
    ),
    (CATALOGUE, "table '_sqlite_migrations'", ["ALTER TABLE _sqlite_migrations ADD COLUMN x AS (hex(name))"]),
    (
        CATALOGUE,
        "trigger 'early'",
        ["PRAGMA user_version = 5", "CREATE TRIGGER early UPDATE ON head BEGIN DELETE FROM item; END"],
    ),
    (CATALOGUE, "not a catalogue made by curator", ["PRAGMA user_version = -3"]),
    (CATALOGUE, "newer curator", ["PRAGMA user_version = 2147483647"]),
    (CACHE, "trigger 'evil' on 'space'", ["CREATE TRIGGER evil INSERT ON space BEGIN DELETE FROM vector; END"]),
    (
        CACHE,
        "view 'vector'",
        [
            *(f"DROP TRIGGER vector_{done}" for done in ("inserted", "updated", "deleted")),
            "ALTER TABLE vector RENAME TO kept",
            f"CREATE VIEW vector AS {ENDLESS} 1 AS space_id, i AS hash FROM n",
        ],
    ),
    (CACHE, "table 'space' is not", ["ALTER TABLE space ADD COLUMN x TEXT AS (hex(fingerprint))"]),
    (CACHE, "index 'costly'", ["CREATE INDEX costly ON failure (hex(reason))"]),
]


@pytest.mark.parametrize(("database", "words", "statements"), RUN, ids=[f"{row[0][:3]}-{row[1]}" for row in RUN])
def test_what_is_none_of_curators_is_refused_before_it_runs(sent, database, words, statements):
    change(sent, database, *statements)
    before = cli_kit.contents(sent / "workspace")
    remedy = {CATALOGUE: ("backup", "pip install"), CACHE: ("delete it", "delete it")}[database]
    line = quickly(sent, "status").assert_failed(7, database if "newer" not in words else "workspace", words)
    assert any(word in line for word in remedy)
    assert {name: data for name, data in cli_kit.contents(sent / "workspace").items() if name in before} == before


def test_what_helps_sqlite_alone_is_no_attack(sent):
    for database, table in ((CATALOGUE, "item (size)"), (CACHE, "failure (reason)")):
        change(sent, database, f"CREATE INDEX mine ON {table}", "ANALYZE")
    for command in (("status",), ("check", "--json"), ("label", "dog", "id:1")):
        assert quickly(sent, *command).code == 0


def test_the_schemas_of_all_versions_are_known():
    """A version without its digest would still open, but twenty milliseconds later."""
    for module, latest in ((migrations, migrations.LATEST), (derived, derived.LAYOUT)):
        assert list(module.DIGESTS) == list(range(1, latest + 1))
        for version, known in module.DIGESTS.items():
            assert schema.digest(schema.made(module.STEPS, version)) == known, (module.__name__, version)


# --- values in rows ---

DEEP = "[" * 100_000
ROWS = [
    ("UPDATE run SET arguments = 'nonsense'", ("log",), 0, ""),
    (f"UPDATE run SET arguments = '{DEEP}'", ("log",), 0, ""),
    ("UPDATE run SET arguments = '[1]'", ("log", "--json"), 0, ""),
    ("UPDATE run SET arguments = '{'", ("check",), 5, "left"),
    ("UPDATE run SET arguments = '{}', command = 'forget'", ("undo",), 7, "run"),
    ("UPDATE run SET arguments = '[1]'", ("forget", "id:1", "--yes"), 7, "run"),
    ("UPDATE run SET started = 'yesterday'", ("log",), 7, "started"),
    ("UPDATE run SET started = 'yesterday'", ("check",), 5, "left"),
    ("UPDATE change SET before = 'nonsense', kind = 'delete'", ("undo",), 7, "'before'"),
    ('UPDATE change SET before = \'{"id": {"bytes": "zz"}}\', kind = \'delete\'', ("undo",), 7, "'before'"),
    ("UPDATE change SET before = '{\"id\": 1e999, \"x\": []}', kind = 'delete'", ("undo",), 7, "'before'"),
    ("UPDATE change SET before = '{\"id\": 1}', kind = 'update', after = '{\"nix\": 1}'", ("undo",), 7, ""),
    (
        "UPDATE change SET before = '{\"id=1; drop table item;--\": 1}', kind = 'update'",
        ("undo",),
        7,
        "none of curator's",
    ),
    ("UPDATE change SET before = '{}', after = NULL, kind = 'delete'", ("undo",), 7, "no curator wrote"),
    ("UPDATE change SET table_name = 'sqlite_master'", ("undo",), 7, "'sqlite_master'"),
    ("UPDATE change SET table_name = 'item WHERE 0; --'", ("undo",), 7, "none of curator's"),
    (
        "UPDATE change SET table_name = 'setting', kind = 'delete', "
        'before = \'{"id": 99, "key, value) VALUES (1, 2); --": 1}\'',
        ("undo",),
        7,
        "none of curator's",
    ),
    ("UPDATE model SET weights = 'nonsense'", ("encode", "--retry"), 7, "'weights'"),
    ("UPDATE model SET weights = '[1, 2]'", ("backup", "b.tar"), 7, "'weights'"),
    ('UPDATE model SET weights = \'{"files": {"../../out": "HASH"}}\'', ("encode", "--retry"), 7, "'weights'"),
    ('UPDATE model SET weights = \'{"files": {"a": "../../../etc/passwd"}}\'', ("backup", "b.tar"), 5, "left out"),
    ("UPDATE model SET weights = '{\"files\": 7}'", ("check",), 5, "left"),
    ("UPDATE space SET modalities = 'null'", ("similar", "id:1"), 7, "'modalities'"),
    ("UPDATE space SET modalities = '[\"smell\"]'", ("encoders",), 7, "'modalities'"),
    ("UPDATE space SET dim = 1000000000000000", ("similar", "id:1"), 7, "1000000000000000"),
    ("UPDATE space SET dim = -1", ("encode",), 7, "-1"),
    ("UPDATE space SET dim = 7", ("similar", "id:1"), 4, "not of 7 numbers"),
    ("UPDATE head SET classes = '{}'", ("heads",), 7, "'classes'"),
    ("UPDATE head SET classes = '[]'", ("heads",), 7, "'classes'"),
    ("UPDATE head SET calibration = '[1]'", ("classify", "--label", "cat", "--head", "prototype"), 7, "'calibration'"),
    ("UPDATE head SET metrics = '3'", ("heads",), 7, "'metrics'"),
    ('UPDATE head SET metrics = \'{"items": "many"}\'', ("heads",), 7, "'metrics'"),
    ("UPDATE head SET counts = '[\"a\"]'", ("heads",), 7, "'counts'"),
    ("UPDATE head SET object = '../../../../etc/passwd'", ("check",), 5, "left"),
    (
        "UPDATE head SET object = '../dev/zero'",  # whose first two letters and the rest are folders
        ("classify", "--label", "cat", "--head", "prototype", "--json"),
        0,
        "",
    ),
    ("INSERT OR REPLACE INTO setting (key, value) VALUES ('default.text', '7')", ("encode",), 7, "'default.text'"),
    ("INSERT OR REPLACE INTO setting (key, value) VALUES ('default.text', '7')", ("check",), 5, "left"),
    ("UPDATE setting SET value = '[[1]]'", ("similar", "id:1"), 7, "'value'"),
    ("UPDATE source_table SET options = '{}'", ("show", "id:9"), 7, "'options'"),
    ("UPDATE label SET name = CAST(x'ff' AS TEXT)", ("status",), 7, "UTF-8"),
]


@pytest.mark.parametrize(("statement", "command", "code", "word"), ROWS, ids=[f"{r[0][7:60]}-{r[1][0]}" for r in ROWS])
def test_values_that_no_curator_wrote(sent, statement, command, code, word):
    change(sent, CATALOGUE, statement.replace("HASH", "0" * 64))
    ran = quickly(sent, *command)
    if code:
        ran.assert_ended(code, word)
    assert ran.code == code, ran
    assert {path.name for path in sent.iterdir()} <= {"workspace", "b.tar"}


@pytest.mark.parametrize(
    "said", ["arguments = '[1]'", """arguments = '{"within": [1]}'""", "arguments = '{}', command = 'relocate'"]
)
def test_what_was_added_is_read_as_carefully(made, sent, said):
    change(sent, CATALOGUE, f"UPDATE run SET {said} WHERE command = 'add'")
    quickly(sent, "add", str(made / "texts"), "--no-encode").assert_ended(7, "'arguments'", "check")


def test_check_names_the_rows(sent):
    change(sent, CATALOGUE, "UPDATE model SET weights = '[1]'", "UPDATE run SET arguments = '' WHERE id = 2")
    rows = quickly(sent, "check", "--json").rows("fault")
    assert {(row["which"], row["repairable"]) for row in rows} == {("row 1 of model", False), ("row 2 of run", False)}
    assert "'weights'" in rows[1]["wrong"] + rows[0]["wrong"]


# --- the cache, and what is kept beside the databases ---


def embedded(home):
    (row,) = quickly(home, "status", "--json").rows("holding")
    return row["embedded"]


@pytest.mark.parametrize("vector", ["x''", "x'00'", "zeroblob(1000000)", "x'0000c07f0000c07f'"])
def test_vectors_of_another_length(sent, vector):
    change(sent, CACHE, f"UPDATE vector SET vector = {vector}")
    quickly(sent, "similar", "id:1").assert_failed(4, "not of", "numbers", "curator check --repair")
    assert quickly(sent, "check", "--repair").code == 0
    assert quickly(sent, "encode").code == 0 and quickly(sent, "similar", "id:1").code == 0


def test_compiled_forms_that_cannot_be_run(sent):
    digest = hashlib.sha256(b"\xca\xfe").hexdigest()
    (sent / "workspace" / f"derived.db.form-{digest[:32]}").write_bytes(b"\xca\xfe")
    change(sent, CACHE, f"INSERT OR REPLACE INTO form SELECT fingerprint, 'text', '{digest}', '', '', x'00' FROM space")
    assert quickly(sent, "similar", "--text", "cats").code == 0
    change(sent, CACHE, "INSERT INTO form VALUES ('nowhere', 'smell', '', '', '', x'')")
    change(sent, CACHE, "INSERT INTO form VALUES ('elsewhere', 'text', '../../catalogue.db', '', '', x'')")
    rows = quickly(sent, "check", "--json").rows("fault")
    lost = "belongs to a space that the catalogue lacks"
    assert sorted(row["wrong"] for row in rows) == [lost, lost, "cannot be run"]
    assert quickly(sent, "check", "--repair").code == 0 and not quickly(sent, "check", "--json").out


@pytest.mark.parametrize("place", ["../elsewhere", "/elsewhere", "link"])
def test_a_compiled_form_whose_weights_are_said_to_lie_elsewhere(sent, place):
    """Of which nothing is read: what comes out of it could be shown."""
    from onnx import TensorProto, external_data_helper, helper

    workspace = sent / "workspace"
    (sent / "elsewhere").write_bytes(bytes(64))
    (workspace / "link").symlink_to(sent / "elsewhere")
    weights = helper.make_tensor("w", TensorProto.FLOAT, [4, 4], bytes(64), raw=True)
    where = os.fspath(sent / "elsewhere") if place == "/elsewhere" else place
    external_data_helper.set_external_data(weights, where, 0, 64)
    weights.ClearField("raw_data")
    given, vector = (helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", 4]) for name in ("x", "vector"))
    graph = helper.make_graph([helper.make_node("MatMul", ["x", "w"], ["vector"])], "g", [given], [vector], [weights])
    form = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9).SerializeToString()
    digest = hashlib.sha256(form).hexdigest()
    (workspace / f"derived.db.form-{digest[:32]}").write_bytes(form)
    change(sent, CACHE, f"INSERT OR REPLACE INTO form SELECT fingerprint, 'text', '{digest}', '', '', x'00' FROM space")
    (row,) = [row for row in quickly(sent, "check", "--json").rows("fault") if "compiled" in row["which"]]
    assert row["wrong"] == "cannot be run"


@pytest.mark.parametrize("data", [b"", b"nonsense", (2**62).to_bytes(8, "little"), b"\x80\x04}."])
def test_objects_that_are_no_head(sent, data):
    """Under their own hash, so that nothing is wrong with the object as such."""
    name = hashlib.sha256(data).hexdigest()
    path = sent / "workspace" / "objects" / name[:2] / name[2:]
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(data)
    change(sent, CATALOGUE, f"UPDATE head SET object = '{name}', held_out = '{name}'")
    ran = quickly(sent, "classify", "--label", "cat", "--head", "prototype")
    ran.assert_ended(7, name[:12], "not what curator keeps of a head")


def test_rates_that_no_machine_has(sent):
    for rate in ("-1", "0", "1e999", "1e-300"):
        change(sent, CACHE, f"UPDATE space SET rate = {rate}", "DELETE FROM vector")
        assert quickly(sent, "similar", "id:1", "--encode").code == 0
    assert embedded(sent) >= 8


def test_a_history_that_names_itself(sent):
    """An undo of an undo of itself."""
    change(sent, CATALOGUE, "UPDATE run SET undoes = id")
    assert quickly(sent, "undo").code in (4, 7)
    assert quickly(sent, "log").code == 0
    assert json.loads(quickly(sent, "log", "--json").out.splitlines()[0])
