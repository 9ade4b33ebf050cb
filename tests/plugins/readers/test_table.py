"""The reader of tables: CSV and TSV as people have them, JSON lines and Parquet, in the encodings that are met."""

from __future__ import annotations

import csv
import importlib.util
import io
import json
import sys

import pytest
from curator_plugins.readers import table as reader
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from curator.api import ReadOptions, Row, Skipped
from curator.errors import BadInput, NotReady

ENCODINGS = ["utf-8", "utf-8-sig", "utf-16", "gb18030"]


def listed(path, **options):
    """[(line, values)] of the rows, [(line, reason)] of what could not be read."""
    entries = list(reader.read(path, ReadOptions(**options)))
    rows = [(entry.line, dict(entry.values)) for entry in entries if isinstance(entry, Row)]
    bad = [(entry.line, entry.reason) for entry in entries if isinstance(entry, Skipped)]
    assert all(entry.problem and entry.path == path for entry in entries if isinstance(entry, Skipped))
    return rows, bad


def columns(path, **options):
    return list(reader.columns(path, ReadOptions(**options)))


@pytest.fixture
def write(tmp_path):
    def write(body, name="t.csv", encoding="utf-8"):
        path = tmp_path / name
        path.write_bytes(body if isinstance(body, bytes) else body.encode(encoding))
        return path

    return write


# --- what is written comes back ---


def encoded(text, encoding):
    """Bytes of a text; few Chinese characters in GB18030 can be UTF-8 by chance, and then nobody can tell."""
    data = text.encode(encoding)
    if encoding == "gb18030":
        assume(data.decode("utf-8", "replace").count("\ufffd") or data.isascii())
    return data


CHARACTERS = st.characters(codec="utf-8", exclude_characters="\0\r")
FIELDS = st.text(CHARACTERS, max_size=12)
NAMES = st.text(st.sampled_from("abcxyz标题一二"), min_size=1, max_size=4)


@st.composite
def tables(draw):
    """At least two columns, and rows that are not blank throughout."""
    names = draw(st.lists(NAMES, min_size=2, max_size=4, unique=True))
    row = st.lists(FIELDS, min_size=len(names), max_size=len(names)).filter(
        lambda row: any(map(str.strip, row)) and row != names
    )
    return names, draw(st.lists(row, max_size=8))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(tables(), st.sampled_from(",;\t|"), st.sampled_from(ENCODINGS), st.sampled_from(["\n", "\r\n"]), st.booleans())
@example((["标题", "a"], [["一,二;三\t四", 'x"y'], ["a\nb", ""]]), ";", "gb18030", "\r\n", True)
@example((["a", "b", "aa"], [["", ",", ",0"]]), ";", "utf-8", "\n", False)
@example((["a", "b", "aa"], [["", ",", ","]]), ";", "utf-8", "\n", False)
def test_any_table_that_csv_writes_is_read_as_it_was(tmp_path, table, delimiter, encoding, end, header):
    names, rows = table
    file = io.StringIO()
    # What the fields hold must not decide which delimiter it is.
    writer = csv.writer(file, delimiter=delimiter, lineterminator=end, quoting=csv.QUOTE_ALL)
    writer.writerows([names, *rows] if header else rows)
    path = tmp_path / "t.csv"
    path.write_bytes(encoded(file.getvalue(), encoding))
    reader._encoding.cache_clear()
    said = "gb18030" if encoding == "gb18030" else None  # single characters do not tell it
    if not header:
        names = [str(number) for number in range(1, len(names) + 1)]
    if header or rows:
        assert columns(path, header=header, encoding=said) == names
    found, bad = listed(path, header=header, encoding=said)
    assert ([values for _, values in found], bad) == ([dict(zip(names, row, strict=True)) for row in rows], [])


VALUES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(CHARACTERS, max_size=12)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(st.dictionaries(NAMES, VALUES | st.lists(VALUES, max_size=2), min_size=1)), st.sampled_from(ENCODINGS))
def test_any_objects_that_json_writes_are_read_as_they_were(tmp_path, objects, encoding):
    path = tmp_path / "t.jsonl"
    path.write_bytes(encoded("".join(json.dumps(o, ensure_ascii=False) + "\n" for o in objects), encoding))
    reader._encoding.cache_clear()
    said = "gb18030" if encoding == "gb18030" else None
    assert listed(path, encoding=said) == (list(enumerate(objects, 1)), [])
    if objects:
        assert columns(path, encoding=said) == list(dict.fromkeys(name for values in objects for name in values))


# --- CSV as people have it ---


@pytest.mark.parametrize("delimiter", [";", ",", "|", "\t"])
def test_the_first_line_with_which_excel_says_the_delimiter_is_no_row(write, delimiter):
    path = write(f"sep={delimiter}\na{delimiter}b\n1,5{delimiter}2;5\n".replace("1,5", "x").replace("2;5", "y"))
    assert columns(path) == ["a", "b"]
    assert listed(path) == ([(3, {"a": "x", "b": "y"})], [])


def test_the_names_of_the_columns_once_more_are_named_and_no_row(write):
    path = write("text,kind\na,1\ntext,kind\nb,2\n")
    rows = [(2, {"text": "a", "kind": "1"}), (4, {"text": "b", "kind": "2"})]
    assert listed(path) == (rows, [(3, "the names of the columns once more, not a row")])
    assert len(listed(path, header=False)[0]) == 4


def test_lines_are_counted_as_an_editor_does(write):
    path = write('text,label\r\n"two\r\nlines",a\r\n\r\n  ,\r\nlast,b')
    rows = [(2, {"text": "two\r\nlines", "label": "a"}), (6, {"text": "last", "label": "b"})]
    assert listed(path) == (rows, [])


@pytest.mark.parametrize(
    ("body", "name", "found"),
    [
        ("text;price\nhello, world;2,50\n", "t.csv", ["text", "price"]),
        ("text,label\na;b,x\nc;d,y\n", "t.csv", ["text", "label"]),
        ("a\tb,c\n1\t2,3\n", "t.tsv", ["a", "b,c"]),
        ("text\nhello; world\nyes, you\n", "t.csv", ["text"]),
        ("headline, with comma\t3\nanother\t4\nmore\t5\n", "t.txt", ["1", "2"]),
        ("a|b\n1|2\n", "t.csv", ["a", "b"]),
    ],
)
def test_the_delimiter_is_told_by_the_records(write, body, name, found):
    assert columns(write(body, name), header=name != "t.txt") == found


def test_columns_without_a_name_are_numbers_and_names_are_trimmed(write):
    assert columns(write(", text ,label\n0,a,b\n")) == ["1", "text", "label"]
    assert columns(write("a,a\n")) == ["a", "a"]
    assert columns(write("x,y\n1,2\n"), header=False) == ["1", "2"]


def test_rows_of_another_width_are_problems_and_trailing_delimiters_are_not(write):
    path = write("text,label\na\nb,x,\nc,d,e\nf,g\n")
    rows, bad = listed(path)
    assert rows == [(3, {"text": "b", "label": "x"}), (5, {"text": "f", "label": "g"})]
    assert bad == [(2, "1 field where the first row has 2"), (4, "3 fields where the first row has 2")]


def test_a_quote_that_is_never_closed_is_a_problem_not_a_text(write):
    rows, bad = listed(write('text,label\na,x\n"open,y\nb,z\nc,z\n'))
    assert rows == [(2, {"text": "a", "label": "x"})]
    assert bad == [(3, "a quote opens here and is never closed: 2 more lines could not be read")]


def test_fields_may_be_long_but_not_endless(write):
    body = "x" * 200_000
    assert listed(write(f"text,label\n{body},a\n"))[0][0][1]["text"] == body
    endless = "text,label\n" + "y" * (reader.LONGEST_FIELD + 1) + ",a\nb,c\n"
    rows, bad = listed(write(endless))
    assert rows == [(3, {"text": "b", "label": "c"})]
    assert [line for line, _ in bad] == [2] and "is a quote open" in bad[0][1]


def test_a_nul_byte_stays_in_its_row(write):
    assert listed(write(b"text,label\na\0b,x\nc,y\n"))[0][1] == (3, {"text": "c", "label": "y"})


@pytest.mark.parametrize(
    ("body", "name", "says"),
    [
        (b"", "t.csv", "holds no table"),
        (b"\n\n", "t.csv", "holds no table"),
        (b"", "t.jsonl", "holds no table"),
        (b"[1]\n", "t.jsonl", "holds no table"),
        (b"text,la\0bel\na,b\n", "t.csv", "NUL bytes"),
        (b"text\n\xff\xff\xff\xff", "t.csv", "not a table in UTF-8"),
        (b"\xff\xfea", "t.csv", "not a table in UTF-8"),
        (b'"open', "t.csv", "never closed"),
    ],
)
def test_what_is_no_table_is_refused(write, body, name, says):
    reader._encoding.cache_clear()
    with pytest.raises(BadInput, match=says):
        columns(write(body, name))


# --- JSON lines ---


def test_lines_that_are_no_objects_are_problems(write):
    path = write('{"a": 1}\n\n[1, 2]\n{"a": \n"text"\nnull\n' + "[" * 100_000 + "\n" + '{"b": NaN}', "t.ndjson")
    rows, bad = listed(path)
    assert [line for line, _ in rows] == [1, 8]
    reasons = dict(bad)
    assert reasons[3] == "not a JSON object but [1, 2]"
    assert reasons[4].startswith("not JSON: expecting value at character")
    assert reasons[5] == 'not a JSON object but "text"' and reasons[6] == "not a JSON object but null"
    assert reasons[7].startswith("not JSON that can be read")


@pytest.mark.parametrize("name", ["t.jsonl", "t.parquet"])
def test_no_header_is_for_tables_that_may_have_one(write, name):
    with pytest.raises(BadInput, match="--no-header is for CSV and TSV"):
        columns(write('{"a": 1}', name), header=False)


# --- Parquet ---


def test_parquet_without_its_package_names_it(write, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(NotReady, match="pip install pyarrow"):
        columns(write(b"PAR1", "t.parquet"))


@pytest.mark.skipif(importlib.util.find_spec("pyarrow") is None, reason="pyarrow is not installed")
def test_parquet(tmp_path, write):
    import pyarrow
    import pyarrow.parquet

    rows = [{"text": f"text {n}", "label": n % 3 or None, "more": [n]} for n in range(3000)]
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), tmp_path / "t.parquet")
    assert columns(tmp_path / "t.parquet") == ["text", "label", "more"]
    assert listed(tmp_path / "t.parquet") == (list(enumerate(rows, 1)), [])
    with pytest.raises(BadInput, match="is not a Parquet file"):
        columns(write(b"PAR1 but not quite", "bad.parquet"))


def test_sources_that_it_takes(tmp_path):
    (tmp_path / "folder.csv").mkdir()
    names = ["a.csv", "b.TSV", "c.jsonl", "d.ndjson", "e.parquet", "f.json", "g.txt", "folder.csv"]
    assert [name for name in names if reader.matches(tmp_path / name)] == names[:6]
