"""Adding tables: which items, places, labels and captions rows become, also when the table changes."""

from __future__ import annotations

import contextlib
import csv
import itertools
import json
import os
from collections import Counter

import pytest
from fakes import dump, open_fake, picture, places, shown, text
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from curator.api import ItemSet
from curator.errors import BadInput, NotFound, PluginError
from curator.maintenance.item_details import details
from curator.maintenance.status import Status
from curator.reporter import Silent


def table(path, *rows):
    """A CSV of mappings; the first gives the columns."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


class Listening(Silent):
    """Keeps the titles of what takes long; interrupts it after so many steps."""

    def __init__(self, stop_after=None):
        super().__init__()
        self.titles = []
        self.stop_after = stop_after

    @contextlib.contextmanager
    def progress(self, title, total):
        self.titles.append(title)
        steps = itertools.count(1)

        def advance(done):
            if next(steps) == self.stop_after:
                raise KeyboardInterrupt

        yield advance


@pytest.fixture
def questions(tmp_path):
    kinds = ["arrival", "arrival", "fee"]
    return table(
        tmp_path / "data" / "questions.csv",
        *({"id": n, "text": f"question {n}", "kind": kind} for n, kind in enumerate(kinds)),
    )


@pytest.fixture(autouse=True)
def data(tmp_path):
    (tmp_path / "data").mkdir()
    return tmp_path / "data"


def add(ws, path, **options):
    return ws.add(path, encode=False, **{"text_column": "text", **options})


def labels(ws):
    """Text or name of the file -> labels."""
    items = ws.items.select()
    found = ws.labels.of_items([item.id for item in items])
    return {item.text or item.path.name: found[item.id] for item in items if item.id in found}


def captions(ws):
    sql = "SELECT image_id, body.text FROM caption JOIN item AS body ON body.id = text_id"
    return {(ws.items.by_id(row["image_id"]).path.name, row["text"]) for row in ws.database.rows(sql)}


def live(ws):
    """The texts that rows hold now, as often as they do."""
    sql = "SELECT text FROM place JOIN item ON item.id = item_id WHERE row_key <> '' AND missing = 0"
    return Counter(row["text"] for row in ws.database.rows(sql))


# --- texts ---


def test_rows_become_texts_with_their_labels(ws, questions):
    report = add(ws, questions, label_column="kind")
    assert (report.rows, shown(report)) == (3, {"added": 3, "labelled": 3})
    assert labels(ws) == {"question 0": ["arrival"], "question 1": ["arrival"], "question 2": ["fee"]}
    assert {row.label: row.group for row in ws.labels.counts()} == {"arrival": "kind", "fee": "kind"}
    assert [item.path for item in ws.items.select()] == [questions] * 3
    assert places(ws) == {str(questions): 3}


def test_the_options_of_files_hold_for_rows(ws, questions):
    add(ws, questions, label="q", not_label=["answer"], label_column="kind", group="g")
    assert labels(ws)["question 2"] == ["fee", "q"]
    assert {row.label: (row.group, row.negatives) for row in ws.labels.counts()}["answer"] == ("g", 0)
    assert ws.add(questions, text_column="text").encoded == 3


def test_adding_again_an_unchanged_table_does_not_read_it(tmp_path, questions):
    reporter = Listening()
    with open_fake(tmp_path / "workspace", reporter=reporter) as ws:
        first = add(ws, questions, label_column="kind")
        assert reporter.titles == ["adding questions.csv"]
        before, runs = dump(ws), ws.database.value("SELECT count(*) FROM run")
        for options in ({}, {"verify": True}):
            again = add(ws, questions, label_column="kind", **options)
            assert (again.rows, shown(again), again.items) == (3, {"unchanged": 3}, first.items)
        assert (dump(ws), ws.database.value("SELECT count(*) FROM run")) == (before, runs)
        questions.touch()  # another time, the same bytes
        assert shown(add(ws, questions, label_column="kind")) == {"unchanged": 3}
        assert len(reporter.titles) == 1
        assert shown(add(ws, questions)) == {"unchanged": 3}  # asked for something else
        assert len(reporter.titles) == 2


@pytest.mark.parametrize("ids", [{}, {"id_column": "id"}], ids=["by text", "by id"])
def test_a_row_put_in_between_changes_no_other(ws, questions, ids):
    add(ws, questions, **ids)
    lines = questions.read_text().splitlines()
    questions.write_text("\n".join([*lines[:2], "9,a new one,fee", *lines[2:]]) + "\n")
    assert shown(add(ws, questions, **ids)) == {"added": 1, "unchanged": 3}
    assert live(ws) == Counter(["question 0", "a new one", "question 1", "question 2"])


def test_a_changed_row_is_an_update_of_its_place(ws, questions):
    add(ws, questions, id_column="id", label_column="kind")
    place = ws.database.row("SELECT * FROM place WHERE item_id = 2")
    questions.write_text(questions.read_text().replace("question 1,arrival", "another question,fee"))
    assert shown(add(ws, questions, id_column="id", label_column="kind")) == {
        "changed": 1,
        "unchanged": 2,
        "labelled": 1,
    }
    now = ws.database.row("SELECT * FROM place WHERE id = ?", place["id"])
    assert (now["row_key"], now["item_id"], now["size"]) == (place["row_key"], 4, len("another question"))
    assert ws.items.by_id(2).path is None
    assert labels(ws)["another question"] == ["fee"]


def test_without_an_id_a_changed_row_is_one_gone_and_one_new(ws, questions):
    add(ws, questions)
    questions.write_text(questions.read_text().replace("question 1", "another question"))
    assert shown(add(ws, questions)) == {"added": 1, "unchanged": 2, "missing": 1}
    assert live(ws) == Counter(["question 0", "another question", "question 2"])


def test_a_row_that_vanished_may_come_back(ws, questions):
    add(ws, questions)
    whole = questions.read_text()
    questions.write_text("".join(whole.splitlines(keepends=True)[:-1]))
    assert shown(add(ws, questions)) == {"unchanged": 2, "missing": 1}
    assert ws.items.by_id(3).path is None
    questions.write_text(whole)
    assert shown(add(ws, questions)) == {"unchanged": 3}
    assert ws.items.by_id(3).path == questions


def test_the_same_text_in_two_rows_and_a_file_is_one_item(ws, data):
    path = table(data / "t.csv", {"text": "a cat"}, {"text": "a dog"}, {"text": "a cat"})
    text(data / "cat.txt", "a cat")
    assert shown(add(ws, path)) == {"added": 2, "copies": 1}
    assert shown(ws.add(data, encode=False)) == {"found": 1, "copies": 1, "decoded": 1}
    assert ws.database.value("SELECT count(*) FROM item") == 2
    path.write_text("text\na cat\n")
    assert shown(add(ws, path)) == {"unchanged": 1, "missing": 2}
    assert live(ws) == Counter(["a cat"])


def test_a_corrected_label_takes_the_place_of_the_old_one(ws, questions):
    add(ws, questions, label_column="kind")
    questions.write_text(questions.read_text().replace("question 1,arrival", "question 1,fee"))
    add(ws, questions, label_column="kind")
    assert labels(ws) == {"question 0": ["arrival"], "question 1": ["fee"], "question 2": ["fee"]}
    assert ws.labels.examples(ws.labels.target(group="kind")).conflicts == []
    questions.write_text(questions.read_text().replace("question 1,fee", "question 1,"))
    add(ws, questions, label_column="kind")
    assert "question 1" not in labels(ws)


def test_two_labels_of_one_text_are_a_conflict_until_the_table_says_one(ws, data):
    path = table(data / "t.csv", {"text": "a", "kind": "x"}, {"text": "a", "kind": "y"})
    add(ws, path, label_column="kind")
    assert ws.labels.examples(ws.labels.target(group="kind")).conflicts == [1]
    table(path, {"text": "a", "kind": "y"}, {"text": "a", "kind": "y"})
    add(ws, path, label_column="kind")
    assert ws.labels.examples(ws.labels.target(group="kind")).conflicts == []
    assert labels(ws) == {"a": ["y"]}


def test_what_another_table_says_is_not_taken_back(ws, data):
    one = table(data / "1.csv", {"text": "a", "kind": "x"})
    two = table(data / "2.csv", {"text": "a", "kind": "x"})
    for path in (one, two):
        add(ws, path, label_column="kind")
    table(one, {"text": "a", "kind": "y"})
    add(ws, one, label_column="kind")
    assert ws.labels.examples(ws.labels.target(group="kind")).conflicts == [1]


def test_a_person_overrides_a_table_for_good(ws, questions):
    add(ws, questions, label_column="kind")
    ws.label("arrival", ["id:1"], None)
    questions.write_text(questions.read_text() + "3,one more,fee\n")
    add(ws, questions, label_column="kind")
    assert "question 0" not in labels(ws)


# --- images and captions ---


@pytest.fixture
def captioned(data):
    for name in ("a.png", "b.png"):
        picture(data / "img" / name, ord(name[0]))
    rows = [("img/a.png", "a cat", "cat"), ("img/a.png", "an animal", "cat"), ("img\\b.png", "a dog", "dog")]
    return table(data / "t.csv", *({"file": file, "caption": c, "kind": kind} for file, c, kind in rows))


def show(ws, path):
    return ws.add(path, image_column="file", caption_column="caption", label_column="kind", encode=False)


def test_images_have_their_captions_and_labels(ws, captioned, data):
    report = show(ws, captioned)
    assert (report.rows, shown(report)) == (3, {"found": 2, "added": 5, "decoded": 2, "labelled": 2, "captions": 3})
    assert captions(ws) == {("a.png", "a cat"), ("a.png", "an animal"), ("b.png", "a dog")}
    assert labels(ws) == {"a.png": ["cat"], "b.png": ["dog"]}
    before = dump(ws)
    assert shown(show(ws, captioned)) == {"found": 2, "unchanged": 5}
    assert dump(ws) == before
    # Images of a table are files like any others.
    assert shown(ws.add(data / "img", encode=False)) == {"found": 2, "unchanged": 2}


def test_a_changed_caption_takes_the_place_of_the_old_one(ws, captioned):
    show(ws, captioned)
    captioned.write_text(
        captioned.read_text().replace("a cat", "a white cat").replace("a.png,an animal", "b.png,an animal")
    )
    assert shown(show(ws, captioned))["captions"] == 2
    assert captions(ws) == {("a.png", "a white cat"), ("b.png", "an animal"), ("b.png", "a dog")}


def test_an_image_that_comes_later_is_taken_though_the_table_is_unchanged(ws, captioned, data):
    (data / "img" / "b.png").rename(data / "away.png")
    report = show(ws, captioned)
    assert report.problems == [(str(captioned), r"line 4: 'img\\b.png': no such file or directory")]
    assert list(Status(ws).problems()) == report.problems
    assert labels(ws) == {"a.png": ["cat"]}
    (data / "away.png").rename(data / "img" / "b.png")
    assert shown(show(ws, captioned))["added"] == 2
    assert list(Status(ws).problems()) == []
    assert labels(ws) == {"a.png": ["cat"], "b.png": ["dog"]}


def test_paths_start_at_the_table_and_may_lead_anywhere(ws, data, tmp_path):
    outside, absolute = picture(tmp_path / "x" / "1.png", 1), picture(tmp_path / "y" / "2.png", 2)
    path = table(data / "t.csv", {"file": "../x/1.png"}, {"file": str(absolute)}, {"file": "./../x/1.png"})
    assert shown(ws.add(path, image_column="file", encode=False))["added"] == 2
    assert set(places(ws)) == {str(outside), str(absolute)}


def test_a_label_is_the_images_if_there_is_one_else_the_texts(ws, data):
    picture(data / "a.png", 1)
    rows = [("a.png", "words of one"), ("", "words of another")]
    path = table(data / "t.csv", *({"file": file, "text": words, "kind": "k"} for file, words in rows))
    add(ws, path, image_column="file", label_column="kind")
    assert labels(ws) == {"a.png": ["k"], "words of another": ["k"]}


# --- rows that cannot be used ---

BAD = {
    json.dumps({"id": 1, "text": " "}): "column 'text' is empty",
    json.dumps({"id": 2}): "column 'text' is empty",
    json.dumps({"id": None, "text": "a"}): "column 'id' is empty",
    json.dumps({"text": "b"}): "column 'id' is empty",
    json.dumps({"id": 3, "text": ["c"]}): "column 'text' holds a list, not a text",
    json.dumps({"id": 4, "text": {"d": 1}}): "column 'text' holds an object, not a text",
    json.dumps({"id": 5, "text": "a\0b"}): "column 'text' holds a NUL byte",
    json.dumps({"id": 6, "text": "\ud800"}): "half a character",
    json.dumps({"id": 7, "text": "x" * (17 << 20)}): "over the limit of 16 MB",
    json.dumps({"id": 0, "text": "e"}): "has the id '0', as line 1 has",
    json.dumps({"id": 8, "text": "f", "kind": "a\x1bb"}): "holds control characters",
    json.dumps(["g"]): "not a JSON object",
    "{": "not JSON",
}


@pytest.mark.parametrize("row", BAD, ids=lambda row: BAD[row] + row[:20])
def test_a_bad_row_is_recorded_and_the_others_are_taken(ws, data, row):
    path = text(
        data / "t.jsonl", "\n".join(['{"id": 0, "text": "first", "kind": 3}', row, '{"id": 99, "text": "last"}'])
    )
    report = add(ws, path, id_column="id", label_column="kind")
    ((where, reason),) = report.problems
    assert where == str(path) and reason.startswith("line 2: ") and BAD[row] in reason
    assert live(ws) == Counter(["first", "last"])
    assert labels(ws) == {"first": ["3"]}
    before = dump(ws)
    assert add(ws, path, id_column="id", label_column="kind").problems == report.problems
    assert dump(ws) == before
    text(path, '{"id": 0, "text": "first", "kind": 3}')
    assert add(ws, path, id_column="id", label_column="kind").problems == []
    assert list(Status(ws).problems()) == []


def test_a_page_is_not_fetched_and_no_picture_is_none(ws, data):
    text(data / "notes.png", "no picture")
    path = table(data / "t.csv", {"file": "https://example.org/a.png"}, {"file": "notes.png"}, {"file": "img"})
    (data / "img").mkdir()
    problems = dict(reason.split(": ", 1) for _, reason in ws.add(path, image_column="file", encode=False).problems)
    assert "is an address, not a file: download it" in problems["line 2"]
    assert problems["line 3"] == "'notes.png': not an image that Pillow can read"
    assert problems["line 4"] == "'img': a folder, not a file"
    assert ws.database.value("SELECT count(*) FROM item") == 0


@pytest.mark.parametrize(
    ("options", "error", "says"),
    [
        ({"text_column": None}, BadInput, "columns 'id', 'text', 'kind': say which"),
        ({"text_column": None, "label_column": "kind"}, BadInput, "say which"),
        (
            {"text_column": "txet"},
            NotFound,
            r"no column 'txet': did you mean 'text'\? Its columns are 'id', 'text', 'kind'",
        ),
        ({"label_column": "2"}, NotFound, "no column '2'"),
        ({"caption_column": "kind"}, BadInput, "--image-column"),
        ({"labels_from_folders": True}, BadInput, "is a table: use --label-column"),
        ({"captions": True}, BadInput, "is a table: use --caption-column"),
        ({"group": "g"}, BadInput, "--label-column"),
        ({"reader": "tabel"}, NotFound, "did you mean 'table'"),
    ],
    ids=str,
)
def test_what_cannot_be_is_said_before_anything_is_written(ws, questions, options, error, says):
    with pytest.raises(error, match=says):
        add(ws, questions, **options)
    assert ws.database.value("SELECT count(*) FROM run") == 0


def test_options_of_tables_are_for_tables(ws, data):
    text(data / "a.txt", "a\tb\n")
    for options in ({"text_column": "1"}, {"no_header": True}):
        with pytest.raises(BadInput, match=r"is for tables, and .* is none"):
            ws.add(data, **options)
    with pytest.raises(BadInput, match="2 columns named 'a'"):
        add(ws, text(data / "t.csv", "a,a\n1,2\n"), text_column="a")
    # Unless the reader is named, a .txt is one text.
    report = add(ws, data / "a.txt", text_column="1", label_column="2", no_header=True, reader="table")
    assert (report.rows, labels(ws)) == (1, {"a": ["b"]})


# --- the rest of curator ---


def test_items_of_a_table_are_selected_by_its_path_and_shown_with_their_line(ws, questions, data):
    add(ws, questions, id_column="id")
    text(data / "a.txt", "a file")
    ws.add(data, encode=False)
    assert [item.id for item in ws.items.select(ItemSet(under=questions))] == [1, 2, 3]
    assert len(ws.items.select(ItemSet(under=data))) == 4
    assert ("row", "text of line 3, id 1") in list(details(ws, "id:2"))
    with pytest.raises(BadInput, match="is a table: name an item of it by id:N"):
        ws.items.by_reference(str(questions))
    questions.write_text("id,text,kind\n")
    assert ("row", "text of id 1") in list(details(ws, "id:2"))


def test_a_table_in_a_folder_is_left_out_with_a_hint(ws, questions):
    report = ws.add(questions.parent, encode=False)
    assert report.left_out == Counter({".csv: a table: curator add FILE --text-column COLUMN": 1})


def test_a_table_that_is_gone_takes_its_rows_with_it(ws, questions, data):
    picture(data / "a.png", 1)
    add(ws, questions)
    away = questions.rename(questions.with_suffix(".away"))
    assert shown(ws.add(data, encode=False))["missing"] == 3
    assert not live(ws)
    away.rename(questions)
    assert shown(add(ws, questions)) == {"unchanged": 3}
    assert sum(live(ws).values()) == 3


def test_each_run_on_a_table_is_undone_row_by_row(ws, captioned):
    dumps = [dump(ws)]
    for change in ("a cat", "another cat", "img/none.png"):
        captioned.write_text(captioned.read_text().replace("a cat", change).replace("img/b.png", change))
        show(ws, captioned)
        dumps.append(dump(ws))
    while len(dumps) > 1:
        assert dump(ws) == dumps.pop()
        ws.undo()
        assert dump(ws) == dumps[-1]


@pytest.mark.parametrize(
    ("damage", "wrong", "mends"),
    [
        (lambda path: path.unlink(), "is gone", True),
        (lambda path: os.utime(path, (1, 1)), "has another time", True),
        (lambda path: path.write_text("text\nnone of these\n"), "its content changed", False),
    ],
    ids=["gone", "touched", "edited"],
)
def test_check_holds_a_table_to_what_was_read(ws, questions, damage, wrong, mends):
    add(ws, questions)
    assert list(ws.check()) == []
    damage(questions)
    ((fault, repaired),) = ws.check(repair=True)
    assert (fault.part, fault.which, repaired) == ("table", str(questions), mends) and wrong in fault.wrong
    assert bool(list(ws.check())) is not mends


def test_a_reading_that_was_broken_off_goes_on(tmp_path, data):
    path = table(data / "t.csv", *({"text": f"text {n}"} for n in range(5000)))
    with open_fake(tmp_path / "workspace", reporter=Listening(stop_after=2)) as ws:
        with pytest.raises(KeyboardInterrupt):
            add(ws, path)
        assert sum(live(ws).values()) == 4000
        assert [fault.wrong for fault, _ in ws.check()] == ["was not read to its end"]
    with open_fake(tmp_path / "workspace") as ws:
        assert shown(add(ws, path)) == {"added": 1000, "unchanged": 4000}
        assert list(ws.check()) == []


def test_a_table_of_another_format_needs_two_functions(tmp_path, data):
    path = text(data / "t.sheet", "nr=1|says=one|kind=a\n#nr=2|says=two\nnr=3|says=three\nnr=1|says=four\n")
    with open_fake(tmp_path / "workspace", "sheets") as ws:
        report = ws.add(path, text_column="says", id_column="nr", label_column="kind", encode=False)
        assert [reason for _, reason in report.problems] == [
            "line 2: struck out",
            "line 4: has the id '1', as line 1 has",
        ]
        assert (live(ws), labels(ws)) == (Counter(["one", "three"]), {"one": ["a"]})
        assert ("row", "text of line 3, id 3") in list(details(ws, "id:2"))
        with pytest.raises(NotFound, match="Its columns are 'nr', 'says', 'kind'"):
            ws.add(path, text_column="words")
        text(path, "says=one\nforgetful\n")
        with pytest.raises(
            PluginError, match=r"plugin 'sheets' .* failed at reading with sheets: gave a Skipped without"
        ):
            ws.add(path, text_column="says")


# --- any table, edited in any way ---

WORDS = st.sampled_from(["a", "b", "c", "d", "", " "])
ROWS = st.lists(st.tuples(st.sampled_from("12345"), WORDS, WORDS), max_size=6)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(ROWS, min_size=1, max_size=3), st.booleans())
def test_an_edited_table_is_as_the_new_one_alone(tmp_path_factory, versions, by_id):
    folder = tmp_path_factory.mktemp("edited")
    ids = {"id_column": "id"} if by_id else {}

    def state(ws):
        sql = "SELECT row_key, text FROM place JOIN item ON item.id = item_id WHERE missing = 0"
        said = labels(ws)
        rows = sorted(map(tuple, ws.database.rows(sql)))
        return rows, list(Status(ws).problems()), {words: said.get(words) for _, words in rows}

    with open_fake(folder / "edited") as edited, open_fake(folder / "fresh") as fresh:
        for version in versions:
            rows = [{"id": key, "text": words, "kind": kind} for key, words, kind in version]
            path = table(folder / "t.csv", {"id": "0", "text": "always", "kind": ""}, *rows)
            add(edited, path, label_column="kind", **ids)
        add(fresh, path, label_column="kind", **ids)
        assert state(edited) == state(fresh)
