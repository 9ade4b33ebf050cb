"""Undo and redo: the catalogue is row for row what it was, and nothing is undone under what builds on it."""

from __future__ import annotations

import contextlib
import itertools
import os
import re
import shutil
from pathlib import Path

import fakes
import numpy as np
import pytest
from fakes import dump, open_fake, picture, text
from history import STEPS, act
from hypothesis import given, settings
from hypothesis import strategies as st

import curator
from curator.errors import BadInput, NotFound, NotReady, WorkspaceError
from curator.history.undo import OF_CORE


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
        lambda: ws.train(group="colour"),
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


def test_what_only_reads_is_no_run_and_what_it_worked_out_goes_with_what_it_stands_on(ws, photos):
    for n in range(3):
        picture(photos / "red" / f"{n}.png", n, color=(220, 30, 30))
        picture(photos / "blue" / f"{n}.png", 100 + n, color=(30, 30, 220))
    ws.add(photos, labels_from_folders=True, group="colour", encode=False)
    added = dump(ws)
    ws.encode()  # run 2 records the model
    encoded = dump(ws)
    ws.label("seen", ["id:1"])
    ws.run("classify", group="colour")
    ws.run("similar", query="id:1")
    assert last_run(ws) == 3 and ws.training.heads.all()
    assert ws.undo().command == "label"
    assert ws.undo().run == 2  # the head goes with its model
    assert dump(ws)["head"] == [] and dump(ws)["model"] == added["model"]
    ws.run("classify", group="colour")  # records the model and fits the head again, off the record
    assert last_run(ws) == 5
    ws.undo(5)
    assert dump(ws)["model"] == encoded["model"] and len(ws.training.heads.all()) == 1


def test_a_head_that_a_prediction_fitted_again_is_none_that_somebody_else_wrote(tmp_path, photos, monkeypatch):
    """Its state was lost after a run had fitted it again, too; a head of another package may be another each time."""
    fitted = itertools.count()
    monkeypatch.setattr(
        fakes.CentroidHead, "state", lambda head: {"centroids": head.centroids, "times": np.asarray([next(fitted)])}
    )
    for n in range(3):
        picture(photos / "red" / f"{n}.png", n, color=(220, 30, 30))
        picture(photos / "blue" / f"{n}.png", 100 + n, color=(30, 30, 220))
    with open_fake(tmp_path / "again", "histogram", "centroid") as ws:
        ws.add(photos, labels_from_folders=True, group="colour")
        for again in (ws.train, ws.train, lambda **of: ws.run("classify", **of)):
            for row in ws.database.rows("SELECT object FROM head"):
                ws.objects.path(row["object"]).unlink()
            again(group="colour", head="centroid")
        (before,) = dump(ws)["head"]
        assert ws.undo().run == 3 and last_run(ws) == 4
        assert dump(ws)["head"] not in ([], [before])
        ws.undo(4)
        assert next(fitted) == 3 and ws.undo().run == 3


def test_the_runs_of_commands_of_the_core_are_known():
    """A new one that records a head or an encoder alone would be passed over as one that only read."""
    sources = (path.read_text(encoding="utf-8") for path in Path(curator.__file__).parent.rglob("*.py"))
    begun = {name for source in sources for name in re.findall(r"""\.begin\(\s*["']([^"']+)["']""", source)}
    assert {"train", "use"} <= begun <= OF_CORE


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
    with pytest.raises(BadInput, match="run 3 is undone already: `curator undo 4` redoes it"):
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


def test_who_named_a_thing_by_a_later_update_builds_on_it(ws, photos):
    ws.add(text(photos / "a.txt", "one"))
    ws.add(text(photos / "b.txt", "two and more"))
    text(photos / "a.txt", "two and more")
    ws.add(photos / "a.txt")
    before = dump(ws)
    with pytest.raises(NotReady, match=r"run 2 .* while run 3 \(add\) builds on it: .*curator undo 3"):
        ws.undo(2)
    assert dump(ws) == before


def test_a_choice_of_a_model_builds_on_the_run_that_recorded_it(ws, photos, tmp_path):
    (tmp_path / "weights").write_text("3")
    ws.add(picture(photos / "a.png"))
    ws.encode("histogram:plain", weights=tmp_path / "weights")
    ws.encode("histogram", weights=tmp_path / "weights")
    assert ws.models.find("histogram").version == 2
    with pytest.raises(NotReady, match=r"run 2 .* while run 3 \(encode\) builds on it"):
        ws.undo(2)
    ws.undo(3)
    ws.undo(2)
    assert ws.models.find("histogram").version == 1
    chosen = last_run(ws) + 1
    ws.use("histogram")
    with pytest.raises(NotReady, match=rf"run 1 .* while run {chosen} \(use\) builds on it"):
        ws.undo(1)
    use, add = ws.undo(chosen).by, ws.undo(1).by
    with pytest.raises(NotReady, match=rf"run {use} .* while run {add} \(undo\) builds on it"):
        ws.undo(use)
    ws.undo(add)
    ws.undo(use)
    assert ws.check() == []


def test_what_was_taken_from_under_it_is_named_when_it_is_done_again(labelled):
    label = labelled.undo(3).by
    labelled.undo(2)
    add = labelled.undo(1).by
    before = dump(labelled)
    with pytest.raises(NotReady, match=rf"run {label} .* while run {add} \(undo\) builds on it: .*curator undo {add}"):
        labelled.undo(label)
    assert dump(labelled) == before
    labelled.undo(add)
    labelled.undo(label)
    assert labelled.labels.of_items([1, 2]) == {2: ["two"]}


def test_what_was_broken_before_does_not_stop_an_undo(labelled):
    labelled.database.execute("PRAGMA foreign_keys = OFF")
    labelled.database.execute("DELETE FROM label WHERE id = 1")
    labelled.database.execute("PRAGMA foreign_keys = ON")
    assert labelled.undo().run == 3


def test_what_no_run_wrote_is_not_laid_to_one(labelled):
    labelled.undo(3)
    labelled.undo(2)
    sql = "INSERT INTO caption (image_id, text_id) VALUES (1, 2)"
    labelled.database.execute(sql)
    with pytest.raises(WorkspaceError, match=r"row 1 of caption stands in the way .* no run wrote it"):
        labelled.undo(1)


def test_a_folder_is_not_brought_back_above_one_that_was_added_since(ws, photos):
    for name in ("z", "a", "y"):
        text(photos / name / "1.txt", f"text of {name}")
        ws.add(photos / name)
    undone = ws.undo(2)
    text(photos / "a" / "b" / "2.txt", "below")
    ws.add(photos / "a" / "b")
    before = dump(ws)
    with pytest.raises(NotReady, match=r"b' lies below .*a'.* run 5 \(add\) .*curator undo 5"):
        ws.undo(undone.by)
    assert dump(ws) == before and last_run(ws) == 5
    ws.undo(5)
    ws.undo(undone.by)
    assert ws.add(photos / "a").added == 1


@pytest.mark.parametrize("same_state", [True, False])
def test_a_file_that_was_added_under_another_name_since_is_not_brought_back_beside_it(ws, photos, same_state):
    for name in ("z", "a", "y"):
        text(photos / name / "1.txt", "the same text")
        ws.add(photos / name)
    undone = ws.undo(2)
    (photos / "a").rename(photos / "b")
    if not same_state:
        # As where the system gives the number of a removed file to a new one.
        os.utime(photos / "b" / "1.txt", (1, 1))
    ws.add(photos / "b")
    if not same_state:
        assert ws.undo(undone.by).run == undone.by
        return
    before = dump(ws)
    with pytest.raises(NotReady, match=r"is the same file as .* run 5 \(add\) .*curator undo 5"):
        ws.undo(undone.by)
    assert dump(ws) == before


def test_after_an_undo_that_failed_the_workspace_goes_on(ws, photos):
    ws.add(text(photos / "a.txt", "one"))
    undone = ws.undo()
    ws.add(photos)
    with pytest.raises(NotReady):
        ws.undo(undone.by)
    ws.label("x", [photos / "a.txt"])
    assert not ws.database.connection.in_transaction
    assert ws.labels.of_items([1, 2]) == {2: ["x"]}


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
