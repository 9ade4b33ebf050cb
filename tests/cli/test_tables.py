"""Tables on the command line: what is told of them, and that bad ones get one line and make no workspace."""

from __future__ import annotations

import json
import sys

import cli_kit
import pytest

QUESTIONS = "id,text,kind\n1,我的卡在哪里,card\n2,how much is it,fee\n"


@pytest.fixture
def questions(tmp_path):
    (tmp_path / "q.csv").write_bytes(QUESTIONS.encode("gb18030"))
    return ("add", "q.csv", "--text-column", "text", "--no-encode")


def test_a_table_is_told_in_rows(run, questions):
    ran = run(*questions, "--label-column", "kind")
    read_as = "read as GB18030 (1): --encoding NAME where that is wrong\n"
    assert (ran.code, ran.out) == (0, f"2 rows: 2 new items\n2 labels added\n{read_as}")
    assert run(*questions, "--label-column", "kind").out == "2 rows: 0 new items, 2 unchanged\n"
    assert [(row["text"], row["labels"]) for row in run("ls", "--under", "q.csv", "--json").rows("item")] == [
        ("我的卡在哪里", ["card"]),
        ("how much is it", ["fee"]),
    ]
    facts = {row["fact"]: row["value"] for row in run("show", "id:2", "--json").rows("fact")}
    assert (facts["row"], facts["place"].endswith("q.csv"), facts["label"]) == (
        "text of line 3",
        True,
        "kind/fee (by import)",
    )
    assert run("undo").code == 0
    assert run("ls", "--json").rows("item") == []


def test_images_and_rows_are_counted_apart(run, tmp_path):
    for name in ("a.jpg", "b.jpg"):
        cli_kit.photo(tmp_path / name, ord(name[0]))
    rows = [{"file": f"{name}.jpg", "says": f"this is {name}"} for name in "abc"]
    (tmp_path / "t.jsonl").write_text("\n".join(map(json.dumps, rows)))
    ran = run("add", "t.jsonl", "--image-column", "file", "--caption-column", "says", "--no-encode")
    assert ran.out == "3 rows and 3 files: 4 new items\n2 captions linked\n"
    ran.assert_ended(5, "1 of 3 rows and 3 files could not be used: curator status --problems")
    problem = run("status", "--problems", "--json").row("problem")
    assert problem["path"].endswith("t.jsonl")
    assert problem["reason"] == "line 3: 'c.jpg': no such file or directory"
    assert "1 row could not be used" in run("status").out


def test_a_table_without_header_whatever_its_name(run, tmp_path):
    (tmp_path / "headlines.txt").write_text("股市今天大跌\t0\n60年铁树开花(组图)\t5\n", encoding="utf-8")
    options = ("--reader", "table", "--no-header", "--text-column", "1", "--label-column", "2", "--group", "class")
    assert run("add", "headlines.txt", *options, "--no-encode").out == "2 rows: 2 new items\n2 labels added\n"
    assert {row["label"]: row["group"] for row in run("status", "--json").rows("label")} == {"0": "class", "5": "class"}


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["q.csv"], 2, ["'q.csv' is a table with the columns 'id', 'text', 'kind'", "--text-column", "--image-column"]),
        (["q.csv", "--text-column", "txt"], 3, ["no column 'txt'", "did you mean 'text'", "'id', 'text', 'kind'"]),
        (["q.csv", "--text-column", "text", "--id-column", "nr"], 3, ["no column 'nr'"]),
        (["q.csv", "--text-column", "text", "--caption-column", "kind"], 2, ["--image-column"]),
        (["q.csv", "--text-column", "text", "--labels-from-folders"], 2, ["is a table", "--label-column"]),
        (["q.csv", "--text-column", "text", "--group", "g"], 2, ["--group is for labels"]),
        (["texts", "--text-column", "text"], 2, ["--text-column is for tables", "'texts' is none"]),
        (["texts", "q.csv", "--text-column", "text"], 2, ["'texts' is none"]),
        (["empty.csv", "--text-column", "text"], 2, ["'empty.csv' holds no table"]),
        (["twice.csv", "--text-column", "text"], 2, ["2 columns named 'text'", "rename"]),
        (["binary.csv", "--text-column", "text"], 2, ["'binary.csv' is not a table"]),
        (["fake.parquet", "--text-column", "text"], None, ["fake.parquet", "arquet"]),
        (["q.jsonl", "--text-column", "text", "--no-header"], 2, ["--no-header is for CSV and TSV"]),
        (["none.csv", "--text-column", "text"], 3, ["no file or folder 'none.csv'"]),
        (["q.csv", "--text-column", "text", "--reader", "tables"], 3, ["no reader 'tables'", "'table'"]),
        (["q.xlsx"], 2, ["no reader takes 'q.xlsx'", ".csv"]),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) and value[0].startswith(("q", "t", "e")) else None,
)
def test_what_cannot_be_is_one_line_and_makes_no_workspace(run, questions, tmp_path, arguments, code, words):
    cli_kit.texts(tmp_path / "texts", 1)
    (tmp_path / "empty.csv").touch()
    (tmp_path / "twice.csv").write_text("text,text\na,b\n")
    (tmp_path / "binary.csv").write_bytes(b"\xff\xff\xfe\x00")
    (tmp_path / "fake.parquet").write_bytes(b"PAR1 no more")
    (tmp_path / "q.jsonl").write_text('{"text": "a"}\n')
    (tmp_path / "q.xlsx").write_bytes(b"PK")
    ran = run("add", *arguments)
    # Without pyarrow: the package to install; with it: what is wrong with the file.
    ran.assert_failed(ran.code if code is None else code, *words)
    assert ran.code in (2, 3, 4)
    assert not (tmp_path / "workspace").exists()


@pytest.mark.parametrize(
    ("name", "lines"),
    [
        ("t.csv", [b"text,kind", b"good one,a", b"bad \xff one,b", "好的,a".encode(), b"good two,a"]),
        (
            "t.jsonl",
            [b'{"text": "good one"}', '{"text": "好的"}'.encode(), b'{"text": "bad \xff\xfe"}', b'{"text": "x"}'],
        ),
    ],
)
def test_a_row_of_bytes_that_are_no_text_is_told_and_the_others_are_taken(run, tmp_path, name, lines):
    (tmp_path / name).write_bytes(b"\n".join(lines) + b"\n")
    ran = run("add", name, "--text-column", "text", "--no-encode")
    ran.assert_ended(5, "1 of ")
    assert f"{name}: line 3: bytes that are not UTF-8, as most of the file is" in ran.err
    texts = [row["text"] for row in run("ls", "--json").rows("item")]
    assert texts[0] == "good one" and "好的" in texts and len(texts) == 3


def test_a_table_whose_names_or_most_of_whose_lines_are_no_text_is_refused(run, tmp_path):
    (tmp_path / "names.csv").write_bytes(b"te\xffxt,kind\na,b\nc,d\n")
    run("add", "names.csv", "--text-column", "text").assert_failed(2, "names.csv", "line 1", "not UTF-8")
    (tmp_path / "most.csv").write_bytes(b"text\n" + b"\xff\xff\n" * 5)
    run("add", "most.csv", "--text-column", "text").assert_failed(2, "most.csv", "not a table in UTF-8")


def test_bad_rows_are_told_with_their_lines_and_the_others_taken(run, tmp_path):
    body = 'id,text\n1,good\n1,twice\n2,\n3\n4,"a ""quoted""\nline"\n5,\x00\n,no id\n6,"open\nend\n'
    (tmp_path / "t.csv").write_text(body)
    options = ("add", "t.csv", "--text-column", "text", "--id-column", "id", "--no-encode")
    for _ in range(2):
        ran = run(*options)
        ran.assert_ended(5, "6 of 8 rows could not be used")
        told = [line.partition("t.csv: ")[2] for line in ran.err.splitlines() if "t.csv: " in line]
        assert told == [
            "line 3: has the id '1', as line 2 has",
            "line 4: column 'text' is empty",
            "line 5: 1 field where the first row has 2",
            "line 8: column 'text' holds a NUL byte",
            "line 9: column 'id' is empty",
            "line 10: a quote opens here and is never closed: 1 more line could not be read",
        ]
    assert [row["text"] for row in run("ls", "--json").rows("item")] == ["good", 'a "quoted"\nline']


@pytest.mark.parametrize("good", ["good one {}", "好的 {}", "“naïve” {}"])
def test_one_row_of_latin_1_among_two_hundred_is_told_and_garbles_none(run, tmp_path, good):
    rows = [good.format(number) for number in range(200)]
    lines = [b"text,kind", *(f"{row},a".encode() for row in rows)]
    lines.insert(150, "two cafés,b".encode("latin-1"))
    (tmp_path / "t.csv").write_bytes(b"\n".join(lines))
    ran = run("add", "t.csv", "--text-column", "text", "--no-encode")
    ran.assert_ended(5, "1 of 201 rows could not be used")
    assert "t.csv: line 151: bytes that are not UTF-8, as most of the file is" in ran.err
    assert {row["text"] for row in run("ls", "--json").rows("item")} == set(rows)


def test_a_row_of_gb18030_that_is_damaged_is_told_and_the_others_are_read(run, tmp_path):
    lines = ["文本,类".encode("gb18030"), *(f"我的卡在哪里{number},卡".encode("gb18030") for number in range(20))]
    (tmp_path / "t.csv").write_bytes(b"\n".join([*lines, '"两行\n'.encode("gb18030") + b'\xff ",x', lines[1]]))
    ran = run("add", "t.csv", "--text-column", "文本", "--no-encode")
    ran.assert_ended(5, "1 of ")
    assert "line 22: bytes that are not GB18030, as most of the file is" in ran.err
    assert len(run("ls", "--json").rows("item")) == 20


def test_a_text_with_a_line_of_latin_1_is_refused_with_the_line(run, tmp_path):
    (tmp_path / "t.txt").write_bytes("“Good”\nnaïve\n".encode() + "two cafés\n".encode("latin-1"))
    ran = run("add", "t.txt", "--no-encode")
    assert ran.code == 5 and "line 3 holds bytes that are not UTF-8, as most of the text is" in ran.err


@pytest.mark.skipif(sys.platform != "linux", reason="the system holds nobody to less memory")
def test_a_parquet_file_of_one_kilobyte_may_not_take_gigabytes(run, tmp_path):
    """Each of its rows is one and the same long text, by a dictionary."""
    pyarrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    texts = pyarrow.DictionaryArray.from_arrays(
        pyarrow.array([0] * 400, pyarrow.int32()), pyarrow.array(["x" * 4_000_000])
    )
    parquet.write_table(pyarrow.table({"text": texts}), tmp_path / "t.parquet", compression="zstd", store_schema=False)
    assert (tmp_path / "t.parquet").stat().st_size < 2000
    run("add", "t.parquet", "--text-column", "text", "--no-encode", "--memory", "64M").assert_ended(5, "1 of 1 row")
    assert "32 rows take more memory than is allowed" in run("status", "--problems").out
    (tmp_path / "u.jsonl").write_text('{"text": "one"}\n')
    assert run("add", "u.jsonl", "--text-column", "text", "--no-encode", "--memory", "64M").code == 0


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("t.json", '[{"text": "a {one]", "label": "x"}, {"text": "b \\"two", "label": "y"}]'),
        ("t.jsonl", '[\n  {"text": "a {one]", "label": "x"},\n  {"text": "b \\"two", "label": "y"}\n]\n'),
        ("t.json", '{\n  "text": "a {one]",\n  "label": "x"\n}\n{\n  "text": "b \\"two",\n  "label": "y"\n}\n'),
        ("t.json", '{"text": "a {one]", "label": "x"}\n{"text": "b \\"two", "label": "y"}\n'),
    ],
    ids=["an array on a line", "an array", "objects on several lines", "lines"],
)
def test_json_is_read_as_lines_and_as_an_array_however_it_is_laid_out(run, tmp_path, name, body):
    (tmp_path / name).write_text(body)
    assert run("add", name, "--text-column", "text", "--label-column", "label", "--no-encode").code == 0
    rows = run("ls", "--json").rows("item")
    assert {(row["text"], *row["labels"]) for row in rows} == {("a {one]", "x"), ('b "two', "y")}


def test_what_is_no_object_in_an_array_is_named_and_an_array_that_is_cut_off_keeps_its_rows(run, tmp_path):
    (tmp_path / "t.json").write_text('[{"text": "one"}, 5, ["six"], {"text": "two"},\n {"text": "thr')
    ran = run("add", "t.json", "--text-column", "text", "--no-encode")
    assert ran.code == 5 and "not a JSON object but 5" in ran.err and 'but ["six"]' in ran.err
    assert {row["text"] for row in run("ls", "--json").rows("item")} == {"one", "two"}
    assert "line 4: not JSON" in ran.err


def test_what_json_lacks_is_said_in_plain_words(run, tmp_path):
    (tmp_path / "t.jsonl").write_text('{"text": "one"}\n{"text": "th\tree"}\n{"text": "two')
    ran = run("add", "t.jsonl", "--text-column", "text", "--no-encode")
    assert ran.code == 5 and " at at " not in ran.err
    assert "unterminated string starting at character 10" in ran.err and "invalid control character at chara" in ran.err


def test_json_that_is_no_table_says_what_one_is(run, tmp_path):
    (tmp_path / "t.json").write_text('[["a"], ["b"]]')
    ran = run("add", "t.json", "--text-column", "text", "--no-encode")
    ran.assert_failed(2, "t.json", "no object stands on a line of its own, or in an array")


def test_rows_of_tables_have_their_id_for_programs(run, tmp_path):
    (tmp_path / "q.csv").write_text("id,text\na 1,how much is it\n7,where is my card\n")
    (tmp_path / "plain.csv").write_text("text\nwhat a day\n")
    (tmp_path / "x.txt").write_text("a file of its own")
    assert run("add", "q.csv", "--text-column", "text", "--id-column", "id").code == 0
    assert run("add", "plain.csv", "--text-column", "text").code == 0
    assert run("add", "x.txt").code == 0
    rows = {"how much is it": "a 1", "where is my card": "7", "what a day": None, "a file of its own": None}
    assert {row["text"]: row["row"] for row in run("ls", "--json").rows("item")} == rows
    found = run("similar", "--text", "card", "--json").rows("neighbour")
    assert {row["text"]: row["row"] for row in found} == rows


def test_whatever_lists_items_gives_the_id_of_their_row(run, tmp_path):
    """As people with tables join what is found with what they have."""
    words = {"money": "how much do I pay for it", "cards": "where is my new card"}
    lines = [
        f"{kind} {n},{said} number {n} {chr(97 + n) * 5},{kind if n < 5 else ''}"
        for kind, said in words.items()
        for n in range(8)
    ]
    lines += ["money twice,how much do I pay for it number 0  aaaaa,", "cards wrong,how much do I pay in all,cards"]
    (tmp_path / "q.csv").write_text("\n".join(["id,text,kind", *lines]))
    table = ("--text-column", "text", "--id-column", "id", "--label-column", "kind", "--group", "kind")
    assert run("add", "q.csv", *table).code == 0
    ids = {row["text"]: row["row"] for row in run("ls", "--json").rows("item")}
    assert len(ids) == 18 and None not in ids.values()
    for kind, command in {
        "prediction": ("classify", "--group", "kind"),
        "question": ("review", "--group", "kind"),
        "suspect": ("audit", "--group", "kind"),
        "cluster": ("cluster", "-k", "2"),
        "member": ("cluster", "-k", "2", "--members"),
        "neighbour": ("similar", "--text", "card"),
        "duplicate": ("dedupe",),
    }.items():
        found = run(*command, "--json").rows(kind)
        assert found and all(row["row"] == ids[row["text"]] for row in found), command
    assert (
        run("label", "new", "id:1", "--json").row("labelled")["row"] == ids[run("ls", "--json").rows("item")[0]["text"]]
    )
    pair = run("pair", "id:1", "id:9", "--metric", "taste", "--json").row("pair")
    assert (pair["left_row"], pair["right_row"]) == ("money 0", "cards 0")
