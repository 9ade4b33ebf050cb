"""No id is given to two things, whatever is taken back and done again."""

from __future__ import annotations

import contextlib
import shutil

import pytest
from fakes import dump, open_fake, picture, text
from history import STEPS, act
from hypothesis import given, settings
from hypothesis import strategies as st

from curator.errors import NotFound, NotReady
from curator.history.journal import SAME, Journal
from curator.store.catalogue.changes import decode_row
from curator.store.catalogue.rows import RowStore

WHAT = SAME | {
    "item": ("hash",),
    "statement": ("item_id", "label_id", "value", "source"),
    "pair": ("metric", "left_id", "right_id", "value"),
    "saved_selection": ("name",),
}
"""By table what makes a row the thing that it is, which never changes."""


def things(ws):
    """(table, id) -> which thing it is, for every row; for what has a version also the other way round."""
    found = {}
    for table, columns in WHAT.items():
        for row in ws.database.rows(f"SELECT * FROM {table}"):
            found[table, row["id"]] = tuple(row[name] for name in columns)
            if table in ("model", "head"):
                found[table, row[columns[0]], row["version"]] = tuple(row[name] for name in columns)
    return found


def stands(ws, run):
    """Whether all that a run removed is there as it was."""
    sql = "SELECT table_name, row_id, before FROM change WHERE run_id = ? AND kind = 'delete'"
    for table, row_id, before in ws.database.rows(sql, run):
        row = ws.database.row(f"SELECT * FROM {table} WHERE id = ?", row_id)
        if row is None or dict(row) != decode_row(before):
            return False
    return True


@settings(max_examples=20, deadline=None)
@given(
    steps=st.lists(
        st.one_of(STEPS, st.just(("undo",)), st.tuples(st.just("redo"), st.integers(0, 3))), min_size=4, max_size=18
    )
)
def test_no_id_is_given_twice_in_any_history(tmp_path_factory, steps):
    base = tmp_path_factory.mktemp("history")
    folder = base / "texts"
    text(folder / "a" / "1.txt", "the first text")
    ever, undos = {}, []
    with open_fake(base / "workspace") as ws:
        for what, *how in [("add", ".", True), *steps]:
            before = dump(ws)
            with contextlib.suppress(NotFound, FileNotFoundError, NotReady):
                if what == "undo":
                    undos.append(ws.undo().by)
                elif what == "redo":
                    if undos:
                        run = undos.pop(-1 - how[0] % len(undos))
                        by = ws.undo(run).by
                        assert stands(ws, run)
                        after = dump(ws)
                        again = ws.undo(by).by
                        assert dump(ws) == before
                        ws.undo(again)
                        assert dump(ws) == after
                else:
                    act(ws, folder, what, *how)
            for key, value in things(ws).items():
                assert ever.setdefault(key, value) == value, key
        # Everything can be taken back, in some order that is said.
        for _ in range(200):
            try:
                ws.undo()
            except NotReady as error:
                if "nothing to undo" in str(error):
                    break
                ws.undo(int(str(error).rsplit("curator undo ", 1)[1].rstrip(")")))
        assert not any(rows for rows in dump(ws).values())
    shutil.rmtree(base)


def test_what_is_added_after_an_undo_gets_other_ids_and_both_can_be_there(ws, photos):
    ws.add(text(photos / "a.txt", "first"), label="seen")
    kept = dump(ws)
    undone = ws.undo()
    ws.add(text(photos / "b.txt", "second"), label="seen")
    other = dump(ws)
    assert [row[0] for row in other["item"]] == [2] and [row[0] for row in other["statement"]] == [2]
    # The folder, the label, the encoder and its version are the same things as before.
    shared = ("root", "label", "space", "model", "setting")
    assert {table: other[table] for table in shared} == {table: kept[table] for table in shared}
    redone = ws.undo(undone.by)
    assert redone.rows == 3  # the item, its place and what is said of it
    both = dump(ws)
    assert all(set(both[table]) == {*kept[table], *other[table]} for table in both)
    assert ws.labels.of_items([1, 2]) == {1: ["seen"], 2: ["seen"]} and ws.check() == []
    # What both need is not taken from the one by undoing the other.
    with pytest.raises(NotReady, match=rf"run 3 .* while run {redone.by} \(undo\) builds on it"):
        ws.undo()
    ws.undo(redone.by)
    assert dump(ws) == other
    ws.undo()
    assert not any(rows for rows in dump(ws).values())


def test_what_was_recorded_again_is_said_when_it_is_to_be_done_again(ws, photos):
    ws.add(text(photos / "a.txt", "the same"))
    undone = ws.undo()
    ws.add(photos)
    before = dump(ws)
    with pytest.raises(NotReady, match=r"run 3 \(add\) recorded again .*: undo that first \(curator undo 3\)"):
        ws.undo(undone.by)
    assert dump(ws) == before
    ws.undo(3)
    ws.undo(undone.by)
    assert ws.items.by_id(1).path == photos / "a.txt"


def test_a_version_never_names_two_models(ws, photos, tmp_path):
    weights = {name: tmp_path / name for name in "123"}
    for name, path in weights.items():
        path.write_text(name)
    ws.add(picture(photos / "a.png"))

    def version(name):
        ws.encode("histogram", weights=weights[name])
        found = ws.models.find("histogram")
        return found.id, found.version

    assert version("1") == (2, 2)
    undone = ws.undo()
    assert version("2") == (3, 3)
    assert version("1") == (2, 2)  # the same thing again
    with pytest.raises(NotReady):
        ws.undo(undone.by)
    assert version("3") == (4, 4)


def test_a_version_never_names_two_heads(ws, photos):
    for number in range(8):
        ws.add(picture(photos / f"{number}.png", number, color=(220, 30, 30) if number < 4 else (30, 30, 220)))
    ws.label("red", ["id:1", "id:2", "id:3"])
    ws.label("red", ["id:5", "id:6", "id:7"], False)
    first = ws.train("red")
    undone = ws.undo()
    ws.label("red", ["id:4"])
    second = ws.train("red")
    assert [(head.id, head.version) for head in (first, second)] == [(1, 1), (2, 2)]
    ws.undo()
    again = ws.train("red")
    assert (again.id, again.version) == (2, 2) and not again.reused
    ws.undo(undone.by)
    assert [(head.id, head.version) for head in ws.training.heads.all()] == [(1, 1), (2, 2)]


def test_ids_of_many_rows_count_on_from_all_that_ever_were(ws):
    journal = Journal(ws.database, "test", {})
    rows = [{"hash": str(number), "modality": "text", "size": 1, "text": "x"} for number in range(5)]
    assert journal.insert_many("item", rows[:3]) == [1, 2, 3]
    for row in (2, 3):
        journal.delete("item", row)
    assert journal.insert_many("item", rows[3:]) == [4, 5]
    assert journal.insert("item", hash="a", modality="text", size=1, text="x") == 6
    # As a catalogue that something else than the journal wrote to.
    ws.database.execute("INSERT INTO item (id, hash, modality, size, text) VALUES (90, 'b', 'text', 1, 'x')")
    assert journal.insert("item", hash="c", modality="text", size=1, text="x") == 91


def test_an_id_that_an_older_curator_gave_twice_goes_to_neither(ws, photos):
    """What was 1 was taken back, 1 was given to another, and that was taken back as well."""
    journal = Journal(ws.database, "test", {})
    for name in ("a", "b"):
        journal.insert("root", id=1, path=name)
        journal.delete("root", 1)
    assert journal.insert("root", path="a") == 2
    assert journal.insert("root", path="b") == 1  # nobody's since
    assert journal.insert("root", path="c") == 3


def test_a_catalogue_in_which_an_older_curator_gave_ids_twice_goes_on_safely(ws, photos, monkeypatch):
    with monkeypatch.context() as patch:
        newest = "SELECT coalesce(max(id), 0) + 1 FROM "
        patch.setattr(RowStore, "next_id", lambda rows, table: rows.database.value(newest + table))
        patch.setattr(Journal, "former", lambda journal, table, **values: None)
        ws.add(*(text(photos / f"a{number}.txt", f"first {number}") for number in range(3)), encode=False)
        undone = ws.undo()
        ws.add(text(photos / "b.txt", "second"), encode=False)
        assert [item.id for item in ws.items.select()] == [1]
    before = dump(ws)
    with pytest.raises(NotReady, match=r"run 2 .* while run 3 \(add\) builds on it"):
        ws.undo(undone.by)
    assert dump(ws) == before
    ws.add(text(photos / "c.txt", "third"), encode=False)
    assert [item.id for item in ws.items.select()] == [1, 4]  # not 2 or 3, which other texts had
    ws.undo()
    ws.undo()
    ws.undo(undone.by)
    assert [item.text for item in ws.items.select()] == ["first 0", "first 1", "first 2"]
