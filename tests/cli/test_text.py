"""What comes from files, labels and plugins is shown, never obeyed."""

from __future__ import annotations

import json
import os
import unicodedata
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from curator.cli.text import BIDI, json_line, one_line, printable, short_path

ANY = st.text(st.characters(codec=None, exclude_categories=()))
"""All characters, also surrogates and control characters."""


MARKS = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}


def is_obeyed(character):
    category, direction = unicodedata.category(character), unicodedata.bidirectional(character)
    return category in ("Cc", "Cs", "Zl", "Zp") or direction in MARKS


def obeyed(text):
    """What a terminal would act on, or could not even encode."""
    return list(filter(is_obeyed, text))


@given(ANY)
@example("\x1b[2J\x07\x9b31m\x7f")
@example("photo\u202egpj.exe")
@example("\u2028\u2029\u061c")
def test_nothing_that_a_terminal_obeys_survives(text):
    shown = printable(text)
    assert obeyed(shown) == []
    assert not set(shown) & BIDI
    shown.encode()
    assert printable(shown) == shown


@given(st.text(st.characters(categories=("L", "M", "N", "P", "S", "Zs"))))
@example("一只猫 café [bold]x[/bold] 👩‍🚀".replace("\u200d", ""))
def test_what_can_be_read_stays_as_it_is(text):
    assert printable(text) == text


def test_escapes_are_those_that_one_knows():
    assert printable("a\nb\t\x1b") == r"a\nb\t\x1b"
    assert printable("\u2028\u202e\u061c") == r"\u2028\u202e\u061c"
    assert printable(os.fsdecode(b"caf\xe9")) == r"caf\xe9"
    assert printable("\ud800") == "\ufffd"


@given(ANY, st.integers(1, 50))
def test_one_line_is_one_line_of_a_length(text, length):
    line = one_line(text, length)
    assert len(line.splitlines()) <= 1 and obeyed(line) == [] and "\t" not in line
    assert len(line) <= length


def test_long_texts_are_cut_where_it_shows():
    assert one_line("word " * 100, 10) == "word word…"
    assert one_line(" a \n b ", 10) == "a b"


@given(
    st.dictionaries(ANY, st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | ANY | st.lists(ANY))
)
@example({"path": os.fsdecode(b"caf\xe9\x9b.png")})
def test_json_is_one_line_that_comes_back_as_it_was(row):
    line = json_line(row)
    assert json.loads(line) == row
    assert obeyed(line) == []
    assert len(line.splitlines()) == 1
    line.encode()


def test_json_of_readable_text_stays_readable():
    assert json_line({"text": "一只猫", "path": Path("/a/é.png")}) == '{"text": "一只猫", "path": "/a/é.png"}'


def test_paths_are_shown_as_they_would_be_typed_here(tmp_path, monkeypatch):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    assert short_path(tmp_path / "here" / "a" / "b.png") == os.path.join("a", "b.png")
    assert short_path(tmp_path / "b.png") == str(tmp_path / "b.png")


@pytest.mark.parametrize("name", [b"\xff\xfe.png", "日本.png".encode(), b"a b.png"])
def test_a_name_of_any_bytes_can_be_got_back_from_json(name):
    assert os.fsencode(json.loads(json_line({"path": Path(os.fsdecode(name))}))["path"]) == name
