"""Rows that are added at once are one change, and much is done a page at a time: what comes of it does not tell."""

from __future__ import annotations

import contextlib
import shutil

import pytest
from fakes import dump, open_fake, text
from history import STEPS, act
from hypothesis import given, settings
from hypothesis import strategies as st

from curator.errors import CuratorError
from curator.history import undo
from curator.history.journal import Journal
from curator.ingest import candidates, ingest, listing
from curator.maintenance import relocate
from curator.store import sqlite
from curator.store.catalogue import changes, places, rows
from curator.store.catalogue.changes import LONGEST, ChangeStore
from curator.store.catalogue.runs import RunStore

PAGES = (
    *((candidates, "PAGE"), (candidates, "FILES"), (ingest, "COMMIT_EVERY"), (listing, "PAGE"), (relocate, "PAGE")),
    *((changes, "PAGE"), (undo, "PAGE"), (places, "PAGE"), (sqlite, "CHUNK")),
)
"""How much is done at once."""

MORE = st.one_of(
    st.tuples(st.just("many"), st.integers(1, 3), st.integers(2, 7)),
    st.tuples(st.just("say of many"), st.sampled_from(["a", "x"]), st.booleans()),
    st.just(("undo",)),
    st.tuples(st.just("undo run"), st.integers(0, 9)),
    st.tuples(st.just("forget"), st.integers(1, 12)),
    st.tuples(st.just("relocate"), st.sampled_from([".", "a", "many1"])),
)


def history(ws):
    """What `log` tells, but for when it was."""
    return [
        (run.id, run.command, run.state, run.changes, run.arguments.replace(str(ws.folder), "workspace"))
        for run in RunStore(ws.database).latest_first()
    ]


def told(ws):
    """What the history knows of every row that was ever there."""
    store = ChangeStore(ws.database)
    tables = ("root", "item", "place", "label", "statement")
    following = {table: rows.RowStore(ws.database).next_id(table) for table in tables}
    every = [(table, row_id) for table, end in following.items() for row_id in range(1, end)]
    last = {row: (store.last_run(*row), store.comings_and_goings(*row)) for row in every}
    return following, last, [store.writer("place", row_id, "missing") for row_id in range(1, following["place"])]


def step(ws, folder, what, *how):
    """Take a step in a workspace; returns what came of it, in words."""
    try:
        if what == "many":
            return ws.add(folder / f"many{how[0]}", label="seen", encode=False).items
        if what == "say of many":
            return len(ws.label(how[0], [item.id for item in ws.items.select()], how[1]))
        if what == "undo":
            return ws.undo()
        if what == "undo run":
            return ws.undo(1 + how[0])
        if what == "relocate":
            return ws.relocate(folder / how[0], folder.parent / "elsewhere" / how[0], anyway=True)
        if what == "forget":
            return ws.forget(how[0], yes=True)
        return act(ws, folder, what, *how)
    except (CuratorError, FileNotFoundError) as error:
        return type(error), str(error).replace(str(ws.folder), "workspace")


@settings(max_examples=25, deadline=None)
@given(
    steps=st.lists(st.one_of(STEPS, MORE, MORE), min_size=4, max_size=18),
    mix=st.lists(st.sampled_from([1, 2, 3, LONGEST]), min_size=19, max_size=19),
)
def test_a_history_is_the_same_with_a_change_for_each_row_and_with_small_pages(tmp_path_factory, steps, mix):
    base = tmp_path_factory.mktemp("history")
    folder = base / "texts"
    text(folder / "a" / "1.txt", "the first text")
    with contextlib.ExitStack() as opened:
        several = [opened.enter_context(open_fake(base / name)) for name in ("one each", "at once", "mixed")]
        for number, (what, *how) in enumerate([("many", 1, 5), *steps]):
            if what == "many":
                for each in range(how[1]):
                    text(folder / f"many{how[0]}" / f"{each}.txt", f"{how[0]} and {each}")
            if what in ("write", "move", "remove"):
                with contextlib.suppress(FileNotFoundError):
                    act(None, folder, what, *how)
                continue
            came = []
            for ws, longest in zip(several, (1, LONGEST, mix[number]), strict=True):
                with pytest.MonkeyPatch.context() as patch:
                    patch.setattr(rows, "LONGEST", longest)
                    for module, name in PAGES if ws is several[2] else ():
                        patch.setattr(module, name, 2)
                    came.append((step(ws, folder, what, *how), dump(ws), history(ws), told(ws)))
            assert came[0] == came[1] == came[2], (what, how)
        faults = [[(fault.part, fault.which, fault.wrong) for fault, _ in ws.check()] for ws in several]
        assert faults[0] == faults[1] == faults[2]
        each, at_once = (ws.database.value("SELECT count(*) FROM change WHERE kind = 'insert'") for ws in several[:2])
        assert each > at_once
    shutil.rmtree(base)


def inserts(ws):
    sql = "SELECT id, run_id, row_id, last_row_id FROM change WHERE table_name = 'item' AND kind = 'insert' ORDER BY id"
    return [tuple(row) for row in ws.database.rows(sql)]


def test_rows_are_one_change_of_ten_thousand_at_most(ws):
    content = {"modality": "text", "size": 1, "text": "x"}
    journal = Journal(ws.database, "test", {})
    journal.insert_many("item", [{"hash": f"{number}", **content} for number in range(LONGEST + 2)])
    journal.insert("item", hash="one more", **content)
    assert inserts(ws) == [
        (1, 1, 1, LONGEST),
        (2, 1, LONGEST + 1, LONGEST + 2),
        (3, 1, LONGEST + 3, None),
    ]


def test_what_is_forgotten_leaves_the_others_where_they_were_in_the_history(ws, photos):
    """Of five rows the second and the fourth: three changes, before all that was done to them later."""
    ws.add(*(text(photos / f"{number}.txt", f"number {number}") for number in range(5)), encode=False)
    ws.label("seen", [1, 2, 3, 4, 5])
    assert ws.forget(2, 4, yes=True).items == 2
    found = inserts(ws)
    assert [each[1:] for each in found] == [(1, 1, None), (1, 3, None), (1, 5, None)]
    order = [row[0] for row in ws.database.rows("SELECT run_id FROM change ORDER BY id")]
    assert order == sorted(order)
    assert [(run, command, changes) for run, command, _, changes, _ in history(ws)[1:]] == [
        (2, "label", 4),
        (1, "add", 7),
    ]
    ws.undo(2)
    assert ws.undo(1).rows == 7 and ws.items.select() == []
