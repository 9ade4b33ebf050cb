"""Queries of what was written: runs, changes, moves, what lies in quarantine, and what cannot stand."""

from __future__ import annotations

import contextlib
import os
import sqlite3

import pytest

from curator.errors import WorkspaceError
from curator.store.catalogue import open_catalogue, path_to_value
from curator.store.catalogue.changes import ChangeRow, ChangeStore, decode_row
from curator.store.catalogue.integrity import DanglingRow, IntegrityStore, NamingRow, TwiceRow, users
from curator.store.catalogue.moves import MoveRow, MoveStore
from curator.store.catalogue.quarantine import QuarantinedRow, QuarantineStore
from curator.store.catalogue.rows import RowStore
from curator.store.catalogue.runs import LoggedRun, RunStore

NAME = os.fsdecode(b"caf\xe9")


@pytest.fixture
def catalogue(tmp_path):
    database = open_catalogue(tmp_path)
    runs = RunStore(database)
    for command in ("add", "label", "undo"):
        runs.begin(command, "{}", "2025-01-01T00:00:00+00:00", "1")
    yield database
    database.close()


def write(catalogue, run, kind, table, row_id, before=None, after=None):
    RowStore(catalogue).record(run, kind, table, row_id, before, after)


BY_KEY = {
    "a command": lambda db: RunStore(db).command(1),
    "whether a run changed rows": lambda db: ChangeStore(db).any_of_run(1),
    "changes of a run": lambda db: list(ChangeStore(db).of_run(1)),
    "changes of a run and row": lambda db: ChangeStore(db).of_run_and_row(1, "item", 1),
    "later changes of its rows": lambda db: list(ChangeStore(db).later_on_rows_of(1)),
    "who wrote a value": lambda db: ChangeStore(db).writer("item", 1, "text"),
    "who wrote a row": lambda db: ChangeStore(db).last_run("item", 1, but=2),
    "removed rows": lambda db: list(ChangeStore(db).removed("model")),
    "rows removed last": lambda db: ChangeStore(db).removed_last("model"),
    "a row": lambda db: ChangeStore(db).row("item", 1),
    "a row by values": lambda db: RowStore(db).find("setting", key="a"),
    "moves of a run": lambda db: MoveStore(db).of_run(1),
}


def plan(catalogue, sql):
    return catalogue.rows(f"EXPLAIN QUERY PLAN {sql}")


@pytest.mark.parametrize("query", BY_KEY.values(), ids=BY_KEY)
def test_what_is_asked_for_by_a_key_is_not_searched_for_in_the_whole_table(catalogue, query):
    asked = []
    catalogue.connection.set_trace_callback(asked.append)
    query(catalogue)
    catalogue.connection.set_trace_callback(None)
    steps = [row["detail"] for sql in asked if "pragma" not in sql.lower() for row in plan(catalogue, sql)]
    assert any(step.startswith("SEARCH") for step in steps)
    assert [step for step in steps if step.startswith("SCAN")] == []


def test_runs_begin_end_and_are_listed(catalogue):
    runs = RunStore(catalogue)
    runs.finish(1, "done", "2025-01-02T00:00:00+00:00")
    runs.set_undoes(3, 2)
    write(catalogue, 2, "insert", "item", 1)
    write(catalogue, 3, "delete", "item", 1, {"id": 1})
    runs.interrupt_all_but([3])
    started = "2025-01-01T00:00:00+00:00"
    assert runs.latest_first() == [
        LoggedRun(3, "undo", "{}", started, "running", 1),
        LoggedRun(2, "label", "{}", started, "interrupted", 1),
        LoggedRun(1, "add", "{}", started, "done", 0),
    ]
    assert (runs.count(), runs.last_id()) == (3, 3)
    assert (runs.command(2), runs.command(4)) == ("label", None)
    assert (runs.undoing(), runs.that_changed()) == ([(3, 2)], [2])
    runs.go_on(1)
    assert tuple(catalogue.row("SELECT state, finished FROM run WHERE id = 1")) == ("running", None)


def test_changes_are_told_by_run_row_and_table(catalogue):
    changes = ChangeStore(catalogue)
    gone = {"id": 4, "path": NAME.encode("utf-8", "surrogateescape")}
    write(catalogue, 1, "insert", "root", 4)
    write(catalogue, 1, "update", "root", 4, {"path": "a"}, {"path": "b"})
    write(catalogue, 2, "delete", "root", 4, gone)
    write(catalogue, 1, "insert", "root", 5)
    assert [(change.kind, change.row_id) for change in changes.of_run(1)] == [
        ("insert", 5),
        ("update", 4),
        ("insert", 4),
    ]
    (removed,) = changes.of_run_and_row(2, "root", 4)
    assert removed == ChangeRow(2, "delete", "root", 4, removed.before, None)
    assert removed.before is not None and decode_row(removed.before) == gone
    assert sorted(changes.later_on_rows_of(1)) == [(2, "insert", ("root", 4)), (2, "update", ("root", 4))]
    assert (changes.writer("root", 4, "path"), changes.writer("root", 9, "path")) == (1, None)
    assert (changes.last_run("root", 4), changes.last_run("root", 4, but=2)) == (2, 1)
    assert list(changes.removed("root")) == changes.removed_last("root") == [gone]
    write(catalogue, 3, "insert", "root", 4)
    assert list(changes.removed("root")) == [gone] and changes.removed_last("root") == []


def test_a_row_is_found_that_another_cannot_be_beside(catalogue):
    catalogue.execute("INSERT INTO root (id, path) VALUES (7, '/a')")
    catalogue.execute("INSERT INTO label (id, name) VALUES (8, 'cat')")
    changes = ChangeStore(catalogue)
    assert changes.in_place_of("root", {"id": 1, "path": "/a"}) == 7
    assert changes.in_place_of("root", {"id": 7, "path": "/b"}) is None
    assert changes.in_place_of("label", {"id": 1, "name": "cat", "group_id": None}) is None  # by an expression
    assert changes.row("root", 7) == {"id": 7, "path": "/a"} and changes.row("root", 1) is None


def test_moves_and_what_lies_in_quarantine_keep_paths_of_any_bytes(catalogue):
    moves = MoveStore(catalogue)
    one = moves.plan(1, "out", f"/{NAME}", f"1/{NAME}", "h")
    two = moves.plan(1, "back", "/b", "1/b", "h")
    first = MoveRow(one, 1, "out", f"/{NAME}", f"1/{NAME}", "h")
    assert [move.id for move in moves.planned()] == [one, two] and moves.of_run(1) == []
    moves.close([one], "done")
    moves.close([two], "lost")
    assert moves.planned() == [] and moves.of_run(1) == [first]
    assert moves.last(f"1/{NAME}") == first and moves.last("1/c") is None
    catalogue.execute(
        "INSERT INTO quarantined (id, outside, inside, hash, size, kind, reason, keeper, taken) "
        "VALUES (1, ?, ?, 'h', 3, 'exact', 'same', ?, 'now')",
        *map(path_to_value, (f"/{NAME}", f"1/{NAME}", f"/b/{NAME}")),
    )
    row = QuarantinedRow(1, None, f"/{NAME}", f"1/{NAME}", "h", 3, "exact", "same", f"/b/{NAME}", "now")
    assert QuarantineStore(catalogue).all() == [row]


def models(catalogue):
    catalogue.execute(
        "INSERT INTO space (id, fingerprint, dim, modalities, description) VALUES (1, 'f', 2, '[]', '{}')"
    )
    model = "INSERT INTO model (id, encoder, variant, version, space_id, weights) VALUES (?, ?, ?, ?, 1, ?)"
    catalogue.execute(model, 1, "ngram", "", 1, "null")
    catalogue.execute(model, 2, "resnet", "layer3", 2, "null")
    catalogue.execute(model, 3, "lstm", "", 1, '{"files": {"a": "o2", "b": "o1"}}')


def test_settings_and_models_are_told_by_name(catalogue):
    models(catalogue)
    catalogue.execute("INSERT INTO setting (id, key, value) VALUES (1, 'model.ngram', '9'), (2, 'other', 'torn')")
    integrity = IntegrityStore(catalogue)
    assert integrity.model_names() == {1: "ngram", 2: "resnet:layer3@2", 3: "lstm@1"}
    assert integrity.naming_models() == [NamingRow(1, "model.ngram", 9)]
    gone = {"encoder": "clip", "variant": "", "version": 1, "weights": "null"}
    for row_id in (5, 6):
        write(catalogue, 1, "delete", "model", row_id, {"id": row_id, **gone})
    assert (integrity.last_named("clip"), integrity.last_named("clip@2")) == (6, None)


def test_objects_have_users(catalogue):
    models(catalogue)
    catalogue.execute(
        "INSERT INTO head (target, version, kind, options, model_id, classes, counts, digest, metrics, notes, object) "
        "VALUES ('label:cat', 2, 'linear', '{}', 1, '[]', '[]', 'd', '{}', '[]', 'o1')"
    )
    assert users(catalogue) == {"o1": "head label:cat@2", "o2": "model lstm@1"}


def test_what_cannot_stand_is_found(catalogue):
    catalogue.execute("PRAGMA foreign_keys = OFF")
    catalogue.execute("INSERT INTO caption (id, image_id, text_id) VALUES (3, 77, 1)")
    catalogue.execute("INSERT INTO item (id, hash, modality, size) VALUES (1, 'a', 'image', 3)")
    catalogue.execute("INSERT INTO root (id, path) VALUES (1, '/data')")
    place = (
        "INSERT INTO place (id, item_id, root_id, path, size, mtime_ns, device, inode) VALUES (?, 1, 1, ?, 3, ?, 1, 2)"
    )
    for row_id, name, time in ((1, "a", 4), (2, NAME, 4), (3, "later", 5)):
        catalogue.execute(place, row_id, path_to_value(name), time)
    integrity = IntegrityStore(catalogue)
    assert list(integrity.dangling()) == [DanglingRow("caption", 3, "image_id", "item", 77)]
    assert list(integrity.twice()) == [TwiceRow(2, NAME, 1, "a")]


@pytest.mark.parametrize("inode", ["", "0"])
def test_numbers_that_no_file_system_gave_say_nothing_of_places(catalogue, inode):
    catalogue.execute("INSERT INTO item (id, hash, modality, size) VALUES (1, 'a', 'image', 3)")
    catalogue.execute("INSERT INTO root (id, path) VALUES (1, '/data')")
    for number in range(300):
        place = (
            "INSERT INTO place (item_id, root_id, path, size, mtime_ns, device, inode) VALUES (1, 1, ?, 3, 4, '', ?)"
        )
        catalogue.execute(place, path_to_value(f"{number}.jpg"), inode)
    steps = []
    catalogue.connection.set_progress_handler(lambda: steps.append(1), 100)
    assert list(IntegrityStore(catalogue).twice()) == []
    catalogue.connection.set_progress_handler(None, 100)
    assert len(steps) < 100  # each with each would be 45,000 rows


def test_what_is_durable_is_so_for_a_while(catalogue):
    with pytest.raises(KeyError), catalogue.durable():
        assert catalogue.value("PRAGMA synchronous") == 2
        raise KeyError
    assert catalogue.value("PRAGMA synchronous") == 1


def test_foreign_keys_count_at_the_end_of_a_transaction_that_defers_them(catalogue):
    caption = "INSERT INTO caption (image_id, text_id) VALUES (1, 2)"
    with pytest.raises(sqlite3.IntegrityError):
        catalogue.execute(caption)
    with catalogue.transaction():
        catalogue.defer_foreign_keys()
        catalogue.execute(caption)
        for row in (1, 2):
            catalogue.execute("INSERT INTO item (id, hash, modality, size) VALUES (?, ?, 'text', 1)", row, str(row))
    with pytest.raises(sqlite3.IntegrityError), catalogue.transaction():
        catalogue.defer_foreign_keys()
        catalogue.execute("INSERT INTO caption (image_id, text_id) VALUES (8, 9)")


def test_a_copy_is_of_one_moment_and_has_no_name(catalogue, tmp_path):
    """What others write meanwhile is neither in it nor in what is asked in the block."""
    beside = tmp_path / "beside"
    beside.mkdir()
    with catalogue.copied(beside) as copy:
        with contextlib.closing(sqlite3.connect(catalogue.path)) as other, other:
            other.execute("INSERT INTO root (path) VALUES ('/later')")
        assert RunStore(catalogue).count() == 3 and catalogue.rows("SELECT * FROM root") == []
        assert list(beside.iterdir()) == []
        data = copy.read()
    assert len(catalogue.rows("SELECT * FROM root")) == 1
    (tmp_path / "copy.db").write_bytes(data)
    with contextlib.closing(sqlite3.connect(tmp_path / "copy.db")) as copied:
        assert copied.execute("SELECT (SELECT count(*) FROM run), (SELECT count(*) FROM root)").fetchone() == (3, 0)
        assert copied.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_a_damaged_page_is_not_copied(tmp_path):
    database = open_catalogue(tmp_path)
    database.execute_many("INSERT INTO root (path) VALUES (?)", [(f"/{number:0500}",) for number in range(200)])
    page = database.value("SELECT rootpage FROM sqlite_master WHERE name = 'root'")
    database.close()
    file = tmp_path / "catalogue.db"
    data = bytearray(file.read_bytes())
    data[(page - 1) * 4096 + 8 : page * 4096] = b"\xff" * (4096 - 8)
    file.write_bytes(data)
    database = open_catalogue(tmp_path)
    with pytest.raises(WorkspaceError, match=r"catalogue\.db is damaged"), database.copied(tmp_path / "copy.db"):
        pass
    database.close()
