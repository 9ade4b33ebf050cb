"""`curator export --format table`: tables go back out as they came in, with what was decided and without what was set
aside."""

from __future__ import annotations

import csv
import json

import cli_kit
import pytest

RUN = cli_kit.curator_here
ROWS = [
    ["1", "great shoes, fit well", "good"],
    ["2", "great shoes, fit well", "good"],
    ["3", "the soles\ncame off", "bad"],
    ["4", '他说“很好”; "yes"', "good"],
    ["5", "", "good"],
]


def write(path, rows=ROWS, header=("id", "text", "label"), delimiter=";", encoding="utf-8"):
    with path.open("w", encoding=encoding, newline="") as file:
        writer = csv.writer(file, delimiter=delimiter, lineterminator="\n")
        writer.writerows([header] * bool(header) + rows)
    return path


def add(name="reviews.csv", *more):
    columns = ("--text-column", "text", "--label-column", "label", "--id-column", "id")
    return RUN("add", name, "--no-encode", *(more or columns))


def read(path, delimiter=";", encoding="utf-8"):
    with path.open(encoding=encoding, newline="") as file:
        return list(csv.reader(file, delimiter=delimiter))


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("name", "delimiter", "encoding"),
    [
        ("reviews.csv", ";", "utf-8"),
        ("reviews.csv", ",", "utf-8-sig"),
        ("reviews.tsv", "\t", "utf-8"),
        ("reviews.csv", "|", "gb18030"),
        ("reviews.csv", ",", "utf-16"),
    ],
)
def test_as_it_came_in_with_more_columns(here, name, delimiter, encoding):
    path = write(here / name, delimiter=delimiter, encoding=encoding)
    before = path.read_bytes()
    assert add(name).code == 5, "one row is empty"
    ran = RUN("export", "out", "--format", "table")
    assert ran.code == 0, ran
    assert path.read_bytes() == before
    assert (here / "out" / name).read_bytes()[:3] == before[:3]
    header, *rows = read(here / "out" / name, delimiter, encoding)
    assert header[:3] == ["id", "text", "label"] and all(column.startswith("curator_") for column in header[3:])
    assert [row[:3] for row in rows] == ROWS, "rows that hold no item, too"


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
@pytest.mark.parametrize("quoting", [csv.QUOTE_ALL, csv.QUOTE_MINIMAL])
def test_with_the_quotation_marks_and_line_ends_that_it_has(here, quoting, ending):
    rows = [["id", "text", "label"], *ROWS, *[[str(n), f"plain text {n}", "good"] for n in range(10, 300)]]
    with (here / "reviews.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, quoting=quoting, lineterminator=ending).writerows(rows)
    assert add().code == 5, "one row is empty"
    assert RUN("export", "out", "--format", "table").code == 0
    given = (here / "reviews.csv").read_bytes().decode().split(ending)
    out = (here / "out/reviews.csv").read_bytes().decode().split(ending)
    assert len(out) == len(given) > 290
    assert all(one.startswith(other) for one, other in zip(out, given, strict=True) if other)
    added = out[-2].removeprefix(given[-2])
    assert added.startswith(',"' if quoting == csv.QUOTE_ALL else ",")


@pytest.mark.parametrize("name", ["prices.jsonl", "prices.json"])
def test_numbers_of_json_go_out_as_they_are_written(here, name):
    lines = [
        f'{{"text": "a thing of number {n}", "price": {n}.50, "more": [1.0e3, {{"x": -0.0}}, null, true], "whole": 7}}'
        for n in range(5)
    ]
    (here / name).write_text("\n".join(lines) if name.endswith("l") else "[\n" + ",\n".join(lines) + "\n]\n")
    assert RUN("add", name, "--text-column", "text", "--label-column", "price", "--no-encode").code == 0
    assert (
        RUN("ls", "--labelled", "2.5", "--json").row("item")["text"] == "a thing of number 2"
    )  # it is what it is worth
    assert RUN("export", "out", "--format", "table").code == 0
    out = (here / "out" / name).read_text()
    assert all(line[:-1] in out for line in lines)
    rows = json.loads(out) if name == "prices.json" else [json.loads(line) for line in out.splitlines()]
    assert [row["price"] for row in rows] == [n + 0.5 for n in range(5)]


def test_without_what_was_set_aside_and_with_what_was_decided(here):
    write(here / "reviews.csv")
    add()
    RUN("dedupe", "--apply")
    bad = next(row["id"] for row in RUN("ls", "--json").rows("item") if "soles" in row["text"])
    RUN("label", "checked", f"id:{bad}")
    RUN("split", "--test", "1", "--where", f"id:{bad}")
    ran = RUN("export", "out", "--format", "table")
    assert "left out: 1 item set aside" in ran.err
    header, *rows = read(here / "out" / "reviews.csv")
    found = {row[0]: dict(zip(header, row, strict=True)) for row in rows}
    assert found.keys() == {"1", "3", "4", "5"}
    assert (found["3"]["curator_side"], found["3"]["curator_checked"]) == ("test", "true")
    assert (found["1"]["curator_side"], found["1"]["curator_checked"]) == ("", "")
    who = json.loads(found["3"]["curator_said"])
    assert {(one["label"], one["source"]) for one in who} == {("bad", "import"), ("checked", "human")}


def test_it_can_be_added_again_and_says_the_same(here):
    write(here / "reviews.csv")
    add()
    RUN("export", "out", "--format", "table")
    ran = add("out/reviews.csv")
    assert ran.code == 5, "the empty row"
    assert {row["id"] for row in RUN("ls", "--json", "--under", "out").rows("item")} == {
        row["id"] for row in RUN("ls", "--json", "--under", "reviews.csv").rows("item")
    }


def test_only_rows_whose_items_were_chosen(here):
    write(here / "reviews.csv", ROWS[:4])
    add()
    ran = RUN("export", "out", "--format", "table", "--labelled", "bad")
    assert [row[0] for row in read(here / "out" / "reviews.csv")[1:]] == ["3"]
    assert "left out: 3 items not chosen" in ran.err


def test_json_lines_and_arrays(here):
    values = [{"n": 1, "text": "one thing", "deep": {"a": [1, None]}}, {"n": 2, "text": "另一个"}]
    (here / "lines.jsonl").write_text("\n".join(json.dumps(value) for value in values))
    (here / "array.json").write_text(json.dumps([{**value, "text": value["text"] + "!"} for value in values]))
    add("lines.jsonl", "--text-column", "text")
    add("array.json", "--text-column", "text")
    RUN("label", "seen", "id:1")
    assert RUN("export", "out", "--format", "table").code == 0
    lines = [json.loads(line) for line in (here / "out" / "lines.jsonl").read_text().splitlines()]
    array = json.loads((here / "out" / "array.json").read_text())
    for value, row in zip(values, lines, strict=True):
        assert {name: row[name] for name in value} == value
    assert (lines[0]["curator_seen"], lines[1]["curator_seen"]) == (True, None)
    assert [row["text"] for row in array] == ["one thing!", "另一个!"]


def test_without_a_header_as_without_one(here):
    write(here / "plain.csv", ROWS[:2], header=(), delimiter=",")
    add("plain.csv", "--no-header", "--text-column", "2")
    RUN("export", "out", "--format", "table")
    rows = read(here / "out" / "plain.csv", ",")
    assert [row[:3] for row in rows] == ROWS[:2]


def test_an_encoding_that_is_asked_for(here):
    write(here / "reviews.csv")
    add()
    RUN("export", "out", "--format", "table", "--encoding", "gb18030")
    assert "很好" in (here / "out" / "reviews.csv").read_bytes().decode("gb18030")
    ran = RUN("export", "latin", "--format", "table", "--encoding", "latin-1")
    ran.assert_failed(2, "latin-1 cannot hold", "--encoding utf-8 writes it")
    RUN("export", "none", "--format", "table", "--encoding", "klingon").assert_failed(2, "no encoding 'klingon'")
    RUN("export", "csv", "--format", "csv", "--encoding", "gb18030").assert_failed(2, "leave out --encoding gb18030")
    assert sorted(path.name for path in here.iterdir()) == ["out", "reviews.csv", "workspace"], "nothing half-written"


def test_a_table_that_changed_is_not_written_from(here):
    path = write(here / "reviews.csv")
    add()
    path.write_text(path.read_text() + "6;late;good\n")
    ran = RUN("export", "out", "--format", "table")
    ran.assert_failed(4, "reviews.csv", "not as it was when it was added", "curator add it again")
    assert not (here / "out").exists()


def test_files_alone_are_no_table(here):
    (here / "texts").mkdir()
    (here / "texts" / "a.txt").write_text("a text")
    RUN("add", "texts", "--no-encode")
    RUN("export", "out", "--format", "table").assert_failed(4, "curator add TABLE --text-column COLUMN")


def test_a_table_that_was_exported_before_has_its_columns_written_anew(here):
    write(here / "reviews.csv", ROWS[:4])
    add()
    RUN("split", "--test", "1")
    RUN("export", "out", "--format", "table")
    (here / "again").mkdir()
    (here / "out" / "reviews.csv").rename(here / "again" / "reviews.csv")
    RUN("undo")
    add("again/reviews.csv")
    RUN("split", "--train", "1", "--no-folders")
    RUN("export", "later", "--format", "table", "--where", "under:again")
    header, *rows = read(here / "later" / "reviews.csv")
    assert header == read(here / "again" / "reviews.csv")[0]
    assert {row[header.index("curator_side")] for row in rows} == {"train"}


def test_a_table_that_changed_is_told_where_others_go_out(here):
    write(here / "reviews.csv", ROWS[:4])
    other = write(here / "other.csv", [["9", "one more", "good"]])
    add()
    add("other.csv")
    other.write_text(other.read_text() + "10;late;good\n")
    ran = RUN("export", "out", "--format", "table")
    assert ran.code == 5 and "other.csv, which is gone or not as it was (curator add)" in ran.err
    assert "1 table could not be exported" in ran.err
    assert [path.name for path in (here / "out").glob("*.csv")] == ["reviews.csv"]


def test_a_table_that_was_added_is_not_replaced(here):
    write(here / "reviews.csv", ROWS[:4])
    add()
    RUN("export", "out", "--format", "table")
    add("out/reviews.csv")
    RUN("export", "out", "--format", "table", "--force").assert_failed(2, "out/reviews.csv", "which was added")


def test_nothing_chosen_is_said_to_be_nothing_chosen(here):
    write(here / "reviews.csv", ROWS[:4])
    add()
    RUN("export", "out", "--format", "table", "--where", "id:1 id:2").assert_failed(4, "no item was chosen")
    ran = RUN("export", "out", "--format", "csv", "--by", "label", "--label", "good")
    ran.assert_failed(2, "give --by GROUP or --label NAME, not both")
