"""The journal: every row that is written is in it, and how a run ends."""

from __future__ import annotations

import contextlib
from collections import Counter

import pytest
import setting_aside
from fakes import dump, open_fake, picture, text

from curator.api import ItemSet
from curator.errors import NotFound, NotReady, PluginError
from curator.reporter import Silent


def runs(ws):
    """(command, state) of every run."""
    return [tuple(row) for row in ws.database.rows("SELECT command, state FROM run ORDER BY id")]


def last_run(ws):
    return ws.database.value("SELECT max(id) FROM run") or 0


def inserted(ws, run):
    sql = "SELECT table_name FROM change WHERE run_id = ? AND kind = 'insert'"
    return Counter(row[0] for row in ws.database.rows(sql, run))


def sizes(ws):
    return Counter({table: len(rows) for table, rows in dump(ws).items()})


@pytest.fixture
def two_classes(photos):
    for n in range(4):
        picture(photos / "red" / f"{n}.png", n, color=(220, 30, 30))
        picture(photos / "blue" / f"{n}.png", 100 + n, color=(30, 30, 220))
        picture(photos / "new" / f"{n}.png", 200 + n, color=(200, 50, 30))
    return photos


def test_every_row_that_a_run_makes_is_journalled(tmp_path, two_classes):
    with setting_aside.opened(tmp_path / "workspace") as ws:
        every_row_is_journalled(ws, two_classes)


def every_row_is_journalled(ws, two_classes):
    goes = two_classes / "red" / "0.png"
    text(two_classes / "red" / "0.txt", "a red one")
    (two_classes / "red" / "bad.png").write_text("no picture")
    table = text(two_classes / "table.csv", "words\na red one\ntoo,many\n")
    calls = [
        lambda: ws.add(table, text_column="words"),
        lambda: ws.add(two_classes / "red", captions=True, label="seen"),
        lambda: ws.add(two_classes, labels_from_folders=True, group="colour"),
        lambda: ws.label("mine", ["id:1", "id:2"]),
        lambda: ws.pair("taste", two_classes / "red" / "1.png", two_classes / "red" / "2.png"),
        lambda: ws.selections.save("mine", ItemSet(label="mine")),
        lambda: ws.train(group="colour"),
        lambda: ws.run("tidy", goes=str(goes), keeper=str(goes.with_name("1.png")), kind="near", apply=True),
    ]
    tables = Counter()
    for call in calls:
        before, was = sizes(ws), last_run(ws)
        call()
        assert last_run(ws) == was + 1
        made = inserted(ws, was + 1)
        deleted = Counter(
            row[0]
            for row in ws.database.rows("SELECT table_name FROM change WHERE run_id = ? AND kind = 'delete'", was + 1)
        )
        assert sizes(ws) == before + made - deleted
        tables += made
    # Nothing above was left out: all tables have been written.
    assert {table for table, rows in dump(ws).items() if rows} == set(tables) == set(dump(ws))
    assert {state for _, state in runs(ws)} == {"done"}


def test_a_failing_run_ends_as_failed_and_keeps_what_was_done(tmp_path, photos):
    picture(photos / "a.png", 1)
    with open_fake(tmp_path / "workspace", "histogram_broken") as ws:
        with pytest.raises(PluginError, match=r"histogram_broken.*failed at loading histogram: .*no memory"):
            ws.add(photos)
        assert runs(ws) == [("add", "failed")]
        assert len(ws.items.select()) == 1
        assert ws.database.value("SELECT finished FROM run") is not None


def test_an_interrupted_run_ends_as_interrupted_and_goes_on_next_time(tmp_path, photos, monkeypatch):
    from curator.ingest import ingest

    monkeypatch.setattr(ingest, "COMMIT_EVERY", 2)

    class Impatient(Silent):
        @contextlib.contextmanager
        def progress(self, title, total):
            def advance(done):
                raise KeyboardInterrupt

            yield advance

    for n in range(5):
        picture(photos / f"{n}.png", n)
    with open_fake(tmp_path / "workspace", reporter=Impatient()) as ws:
        with pytest.raises(KeyboardInterrupt):
            ws.add(photos)
        assert runs(ws) == [("add", "interrupted")]
        assert len(ws.items.select()) == 2
    with open_fake(tmp_path / "workspace") as ws:
        report = ws.add(photos)
        assert (report.unchanged, report.added, report.decoded, report.encoded) == (2, 3, 3, 5)
        assert runs(ws) == [("add", "interrupted"), ("add", "done")]


def test_a_run_of_a_dead_process_is_interrupted_for_the_next_one(ws, photos):
    ws.add(text(photos / "a.txt", "one text"))
    ws.database.execute("UPDATE run SET state = 'running', finished = NULL")
    ws.label("x", [1])
    assert runs(ws) == [("add", "interrupted"), ("label", "done")]


def test_reading_leaves_no_run(ws, two_classes):
    from curator.maintenance.item_details import details
    from curator.maintenance.status import Status

    ws.add(two_classes, labels_from_folders=True, group="colour")
    ws.run("classify", group="colour")
    ws.label("unused", ["id:1"])
    ws.label("unused", ["id:1"], None)
    before, was = dump(ws), runs(ws)
    ws.run("similar", query="id:1")
    ws.run("classify", group="colour")
    ws.train(group="colour")
    ws.encode()
    ws.add(two_classes)
    with pytest.raises(NotFound):
        ws.label("colour", [999])
    with pytest.raises(NotReady, match="has 0 examples"):
        ws.run("classify", label="unused")
    list(details(ws, "id:1"))
    list(Status(ws).next_steps())
    assert (dump(ws), runs(ws)) == (before, was)
