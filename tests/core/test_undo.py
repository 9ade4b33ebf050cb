"""Undo and redo: the catalogue is row for row what it was, and nothing is undone under what builds on it."""

from __future__ import annotations

import contextlib
import os
import shutil
from pathlib import Path

import pytest
from fakes import dump, open_fake, picture, text
from history import STEPS, act
from hypothesis import given, settings
from hypothesis import strategies as st

from curator.errors import BadInput, NotFound, NotReady, WorkspaceError


def last_run(ws):
    return ws.database.value("SELECT max(id) FROM run") or 0


@pytest.fixture
def labelled(ws, photos):
    """Run 1: two items and a model; run 2 and 3: a label on each."""
    for n in range(2):
        text(photos / f"{n}.txt", f"text number {n}")
    ws.add(photos)
    ws.label("one", ["id:1"])
    ws.label("two", ["id:2"])
    return ws


def test_each_run_in_turn_then_nothing_is_left(ws, photos):
    for n in range(3):
        picture(photos / "red" / f"{n}.png", n, color=(220, 30, 30))
        picture(photos / "blue" / f"{n}.png", 100 + n, color=(30, 30, 220))
        picture(photos / "new" / f"{n}.png", 200 + n, color=(200, 50, 30))
    Path(os.fsdecode(os.fsencode(photos) + b"/\xff.png")).write_bytes((photos / "new" / "0.png").read_bytes())
    dumps = [dump(ws)]
    for step in [
        lambda: ws.add(photos / "red"),
        lambda: ws.add(photos, labels_from_folders=True, group="colour"),
        lambda: ((photos / "red" / "0.png").rename(photos / "blue" / "moved.png"), ws.add(photos)),
        lambda: ws.label("red", ["id:1", "id:5"], False),
        lambda: ws.run("classify", group="colour"),
    ]:
        step()
        dumps.append(dump(ws))
    assert len(dumps) == last_run(ws) + 1
    for run in range(len(dumps) - 1, 0, -1):
        assert dump(ws) == dumps[run] != dumps[run - 1]
        assert ws.undo().run == run
        assert dump(ws) == dumps[run - 1]
    with pytest.raises(NotReady, match="nothing to undo"):
        ws.undo()


def test_undoing_an_undo_does_it_again_as_often_as_one_likes(labelled):
    with_label = dump(labelled)
    undone = labelled.undo()
    assert (undone.run, undone.command, undone.by) == (3, "label", 4)
    without = dump(labelled)
    for by in (4, 5, 6, 7):
        assert labelled.undo(by).run == by
        assert dump(labelled) == (without if by % 2 else with_label)


def test_a_run_that_nothing_builds_on_is_undone_alone(labelled):
    labelled.undo(2)
    said = labelled.labels.of_items([1, 2])
    assert said == {2: ["two"]}


def test_what_others_build_on_stays_and_they_are_named(labelled):
    before = dump(labelled)
    with pytest.raises(
        NotReady, match=r"run 1 .* while run 2 \(label\), run 3 \(label\) build on it: .*curator undo 3"
    ):
        labelled.undo(1)
    assert dump(labelled) == before and last_run(labelled) == 3
    labelled.undo(2)
    with pytest.raises(NotReady, match=r"while run 3 \(label\) builds on it"):
        labelled.undo(1)
    labelled.undo(3)
    labelled.undo(1)
    assert not any(rows for rows in dump(labelled).values())


def test_a_later_word_on_the_same_row_builds_on_it(ws, photos):
    ws.add(text(photos / "a.txt", "first"))
    text(photos / "a.txt", "second, and longer")
    ws.add(photos / "a.txt")
    text(photos / "a.txt", "third, and longer still")
    ws.add(photos / "a.txt")
    with pytest.raises(NotReady, match=r"run 2 .* while run 3 \(add\) builds on it"):
        ws.undo(2)


def test_runs_that_cannot_be_chosen(labelled):
    labelled.undo(3)
    with pytest.raises(BadInput, match="run 3 is undone already: `curator undo 4` does it again"):
        labelled.undo(3)
    with pytest.raises(NotFound, match="no run 99: they go from 1 to 4"):
        labelled.undo(99)


def test_what_something_else_wrote_is_not_overwritten(labelled):
    labelled.database.execute("DELETE FROM statement WHERE item_id = 2")
    before = dump(labelled)
    with pytest.raises(WorkspaceError, match=r"row 2 of statement is not as run 3 left it"):
        labelled.undo()
    assert dump(labelled) == before and last_run(labelled) == 3


def test_content_that_was_added_again_is_not_brought_back_twice(ws, photos):
    ws.add(text(photos / "a.txt", "the same"))
    ws.undo()
    ws.add(photos)
    with pytest.raises(NotReady, match=r"run 2 cannot be undone"):
        ws.undo(2)


def test_labels_of_a_folder_go_and_the_embeddings_need_not_be_made_again(ws, photos, counts):
    picture(photos / "a.png", 1)
    ws.add(photos)
    ws.undo()
    counts.clear()
    report = ws.add(photos)
    assert (report.added, report.encoded) == (1, 0) and not counts["encoded"]


@settings(max_examples=25, deadline=None)
@given(steps=st.lists(st.one_of(STEPS, st.just(("undo",)), st.just(("again",))), min_size=3, max_size=16))
def test_any_history_can_be_taken_back_and_done_again(tmp_path_factory, steps):
    base = tmp_path_factory.mktemp("history")
    folder = base / "texts"
    text(folder / "a" / "1.txt", "the first text")
    with open_fake(base / "workspace") as ws:
        before = []
        for what, *how in [("add", ".", True), *steps, *[("undo",)] * len(steps)]:
            now, was = dump(ws), last_run(ws)
            if what == "undo" and before:
                ws.undo()
                assert dump(ws) == before.pop()
            elif what == "again" and before:
                undone = ws.undo()
                assert dump(ws) == before[-1]
                ws.undo(undone.by)
                assert dump(ws) == now
            elif what not in ("undo", "again"):
                with contextlib.suppress(NotFound, FileNotFoundError):
                    act(ws, folder, what, *how)
                if last_run(ws) != was:
                    before.append(now)
        assert not before and not any(rows for rows in dump(ws).values())
    shutil.rmtree(base)
