"""Texts and tables in older encodings: read right and told, or named; never other characters in silence."""

from __future__ import annotations

import pytest
from sentences import SENTENCES

ASCII = [f"plain row {number} of it" for number in range(60)]
ADD = ("add", "t.csv", "--text-column", "text", "--no-encode")


def texts(run):
    return {row["text"] for row in run("ls", "--json", "--limit", "500").rows("item")}


def table(tmp_path, *lines):
    (tmp_path / "t.csv").write_bytes(b"text\n" + b"\n".join(lines) + b"\n")


@pytest.mark.parametrize(
    ("word", "codec"),
    [
        ("今日", "cp932"),
        ("привет", "koi8_r"),
        ("привет", "cp1251"),
        ("안녕", "euc_kr"),
        ("今日", "euc_jp"),
        ("今天", "big5"),
    ],
)
def test_a_word_in_another_encoding_among_plain_rows_is_read_right_and_told_or_named(run, tmp_path, word, codec):
    table(tmp_path, *(row.encode() for row in ASCII[:30]), word.encode(codec), *(row.encode() for row in ASCII[30:]))
    ran = run(*ADD)
    if ran.code == 0:
        assert "read as " in ran.out and word in texts(run)
    else:
        assert ran.code == 5 and "line 32: bytes that are not UTF-8" in ran.err and "--encoding" in ran.err
        assert texts(run) == set(ASCII)


@pytest.mark.parametrize(
    ("line", "codec"), [("今日は天気がとても良いです", "cp932"), ("今天天气很好，价格三千元", "utf-8")]
)
def test_a_line_in_another_encoding_is_named_in_a_table_of_gbk(run, tmp_path, line, codec):
    lines = [row.encode("gbk") for row in SENTENCES["zh"][1:]]
    table(tmp_path, *lines[:4], line.encode(codec), *lines[4:])
    ran = run(*ADD)
    assert ran.code == 5 and "line 6: bytes that are not GB18030" in ran.err and "read as GB18030 (1)" in ran.out
    assert texts(run) == set(SENTENCES["zh"][1:])


def test_a_table_in_shift_jis_is_read_right_and_told_also_to_programs(run, tmp_path):
    table(tmp_path, *(row.encode("cp932") for row in SENTENCES["ja"]))
    ran = run(*ADD, "--json")
    assert ran.code == 0 and ran.row("added")["read_as"] == "read as Shift-JIS (1)"
    assert texts(run) == set(SENTENCES["ja"])


def test_what_does_not_show_is_refused_and_read_where_it_is_said(run, tmp_path):
    rows = ["Un café"]
    table(tmp_path, *(row.encode("cp1252") for row in rows))
    run(*ADD).assert_failed(2, "t.csv", "--encoding NAME")
    run(*ADD, "--encoding", "klingon").assert_failed(2, "'klingon' is not a known encoding")
    assert run(*ADD, "--encoding", "cp1252").code == 0
    assert texts(run) == set(rows)


def test_texts_are_told_refused_and_read_as_said(run, tmp_path):
    folder = tmp_path / "texts"
    folder.mkdir()
    (folder / "ja.txt").write_bytes("\n".join(SENTENCES["ja"]).encode("euc_jp"))
    (folder / "fr.txt").write_bytes("Un café".encode("cp1252"))
    ran = run("add", "texts", "--no-encode")
    assert ran.code == 5 and "fr.txt" in ran.err and "--encoding" in ran.err and "read as EUC-JP (1)" in ran.out
    assert texts(run) == {"\n".join(SENTENCES["ja"])}
    assert run("add", "texts/fr.txt", "--no-encode", "--encoding", "cp1252").code == 0
    assert texts(run) == {"\n".join(SENTENCES["ja"]), "Un café"}


def test_labels_are_in_the_encoding_of_their_table(run, tmp_path):
    rows = [f"{text},отзыв" for text in SENTENCES["ru"]]
    (tmp_path / "t.csv").write_bytes("\n".join(["text,класс", *rows]).replace(", ", " ").encode("koi8_r"))
    assert run(*ADD, "--label-column", "класс").code == 0
    assert {label for row in run("ls", "--json").rows("item") for label in row["labels"]} == {"отзыв"}


@pytest.mark.parametrize("mark", [b"", b"\xff\xfe"])
def test_utf_16_is_read_with_a_mark_and_without_which_is_told(run, tmp_path, mark):
    rows = "".join(f"{text}\tgut\r\n" for text in SENTENCES["de"])
    (tmp_path / "t.tsv").write_bytes(mark + f"text\tlabel\r\n{rows}".encode("utf-16-le"))
    (tmp_path / "x.txt").write_bytes(mark + "Größe und Farbe\n".encode("utf-16-le"))
    ran = run("add", "t.tsv", "--text-column", "text", "--no-encode")
    assert ran.code == 0 and ("read as UTF-16 (1)" in ran.out) == (not mark)
    assert texts(run) == set(SENTENCES["de"])
    assert run("add", "x.txt", "--no-encode").code == 0 and "Größe und Farbe\n" in texts(run)


def test_a_table_that_excel_saved_in_western_europe_is_read_and_told(run, tmp_path):
    rows = [f'"{text}";{label}' for text, label in zip(SENTENCES["fr"], ["négatif", "positif"] * 5, strict=True)]
    (tmp_path / "t.csv").write_bytes("\r\n".join(["sep=;", "text;classe", *rows, ""]).encode("cp1252"))
    ran = run(*ADD, "--label-column", "classe")
    assert ran.code == 0 and "read as Windows-1252 (1): --encoding NAME" in ran.out
    assert texts(run) == set(SENTENCES["fr"])
    assert {label for row in run("ls", "--json").rows("item") for label in row["labels"]} == {"négatif", "positif"}
