"""What comes from files, labels and plugins is shown, never obeyed."""

from __future__ import annotations

import json
import os
import time
import unicodedata
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from curator.cli.text import BIDI, MARKS, UNSEEN, json_line, one_line, printable
from curator.reporter import short_path

ANY = st.text(st.characters(codec=None, exclude_categories=()))
"""All characters, also surrogates and control characters."""


ORDERING = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}


def is_obeyed(character):
    category, direction = unicodedata.category(character), unicodedata.bidirectional(character)
    return category in ("Cc", "Cs", "Zl", "Zp") or direction in ORDERING


def obeyed(text):
    """What a terminal would act on, or could not even encode."""
    return list(filter(is_obeyed, text))


@given(ANY)
@example("\x1b[2J\x07\x9b31m\x7f")
@example("photo\u202egpj.exe")
@example("\u2028\u2029\u061c")
@example("א\u200f\u200f\u061c")
def test_nothing_that_a_terminal_obeys_survives(text):
    shown = printable(text)
    assert obeyed(shown) == []
    assert not set(shown) & (BIDI - MARKS)
    shown.encode()
    assert printable(shown) == shown


@given(st.text(st.characters(categories=("L", "M", "N", "P", "S", "Zs"))))
@example("一只猫 café [bold]x[/bold] 👩🚀")
def test_what_can_be_read_stays_as_it_is(text):
    text = UNSEEN.sub("", text)  # some letters are nothing that anybody sees
    assert printable(text) == text


WRITTEN = {
    "emoji": "👩\u200d🚀 👩🏽\u200d🚀 ❤\ufe0f\u200d🔥 🏳\ufe0f\u200d🌈 🙂\u200d↔\ufe0f ☎\ufe0e ©\ufe0f ‼\ufe0f",
    "keys": "1\ufe0f\u20e3 #\ufe0f\u20e3",
    "a flag": "\U0001f3f4\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f.png",
    "persian": "می\u200cخواهم",
    "an arabic letter": "ه\u200d \u200dه",
    "hebrew": "שלום (c++)\u200e.txt, 12\u200f%",
    "hindi": "क्\u200dष श्रीमान्\u200cजी",
    "bengali": "র\u200d্যাব",
    "khmer": "ភាសា\u200bខ្មែរ",
    "mongolian": "ᠮᠣᠩᠭᠣᠯ ᠤᠨ\u180b",
    "a name in japanese": "葛\U000e0100城",
}


@pytest.mark.parametrize("text", WRITTEN.values(), ids=WRITTEN)
def test_what_is_invisible_stays_where_it_does_what_it_is_for(text):
    assert printable(text) == text
    assert json_line({"text": text}) == f'{{"text": "{text}"}}'


HIDDEN = (
    "ca\u200bt a\u200db a\u200cb \ufeffcat cat\u200e a\ufe0f 1\ufe0f a\ufe0f\u200d🔥 🔥\ufe0f\ufe0f "
    "🔥\u200d 🔥\u200d\u200d🔥 "
    "\U0001f3f4\U000e0068\U000e0069\U000e007f \U000e0041 \u3164 \xad \u2060 سلام\u200c. א\u200f\u200f +\u200d="
)


@pytest.mark.parametrize("text", HIDDEN.split(" "), ids=ascii)
def test_what_is_invisible_and_does_nothing_is_shown(text):
    shown = printable(text)
    assert shown != text and "\\" in shown and printable(shown) == shown
    assert json.loads(line := json_line({"text": text})) == {"text": text} and line.isascii()


def test_a_text_of_marks_alone_takes_no_time():
    many = "a\u200e" * 200_000
    begin = time.process_time()
    assert printable(many) == r"a\u200e" * 200_000
    assert time.process_time() - begin < 5


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
