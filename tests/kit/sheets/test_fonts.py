"""Any text is set: by a font that has it, else as an escape; and it fits."""

from __future__ import annotations

import os

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from curator.kit.sheets import fonts as module
from curator.kit.sheets.fonts import Fonts, escape, single_line

ANY = st.text(st.characters(codec=None, exclude_categories=()), max_size=60)


@pytest.fixture
def no_fonts(monkeypatch):
    """A system where nobody has installed any font."""
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(module, "FOLDERS", ())
    module._usual.cache_clear()
    yield
    module._usual.cache_clear()


@pytest.fixture(scope="module")
def fonts():
    return Fonts(["café 香蕉 한글 Ω"])


@settings(max_examples=100, deadline=None)
@given(ANY)
@example(os.fsdecode(b"caf\xe9.jpg"))
@example("夏天的猕猴桃\u202egpj.exe\n\x1b[1m")
def test_no_character_is_drawn_by_a_font_that_lacks_it(text):
    kept = Fonts([text[:5]])  # also what it was not made for
    for run, font in kept.runs(text, 16):
        box = bytes(font.getmask("\U0010ffff"))
        assert all(character.isprintable() for character in run)
        assert all(character == " " or bytes(font.getmask(character)) not in (b"", box) for character in run)


@settings(max_examples=100, deadline=None)
@given(text=ANY, width=st.integers(60, 300))
@example(text="Alpro-Blueberry-Soyghurt_很长的名字_012.jpg", width=120)
@example(text=".000\x1b", width=60)
def test_an_elided_text_fits_and_keeps_both_ends(fonts, text, width):
    cut = fonts.elided(text, 17, width)
    assert fonts.width(cut, 17) <= width
    whole = single_line(text)
    if cut != whole:
        # The text may hold dots of its own beside the three that stand for what is left out.
        parts = [(cut[:at], cut[at + 3 :]) for at in range(len(cut)) if cut[at : at + 3] == "..."]
        assert any(whole.startswith(head) and whole.endswith(tail) and len(tail) >= len(head) for head, tail in parts)


@settings(max_examples=100, deadline=None)
@given(text=ANY, width=st.integers(120, 300), lines=st.integers(1, 6))
@example(text="我今天心情很好，因为天气不错。" * 5, width=212, lines=4)
@example(text="aVeryLongWordWithoutAnySpace" * 9, width=150, lines=3)
def test_a_wrapped_text_fits_and_loses_nothing_but_its_end(fonts, text, width, lines):
    found = fonts.wrapped(text, 17, width, lines)
    assert len(found) <= lines
    assert all(fonts.width(line, 17) <= width for line in found)
    joined = "".join(found).replace(" ", "")
    whole = single_line(text).replace(" ", "")
    assert joined == whole or (joined.endswith("...") and whole.startswith(joined[:-3]))


def test_words_stay_in_one_font_and_plain_ones_in_pillows_own():
    runs = [(run, font.getname()) for run, font in Fonts(["plain café"]).runs("plain café", 17)]
    if len(runs) == 1:
        pytest.skip("no font on this system has an é")
    assert [run for run, _ in runs] == ["plain ", "café"]


def test_words_that_are_set_from_the_right_are_one_run():
    arabic = Fonts(["قط كلب"])
    if arabic.missing:
        pytest.skip("no font on this system has Arabic")
    assert [run for run, _ in arabic.runs("قط كلب", 17)] == ["قط كلب"]


def test_without_fonts_what_is_not_ascii_is_an_escape(no_fonts):
    bare = Fonts(["香蕉_1.jpg"])
    assert bare.missing == {"香", "蕉"}
    assert "".join(run for run, _ in bare.runs("香蕉_1.jpg", 17)) == r"\u9999\u8549_1.jpg"


def test_escapes_are_those_that_one_knows():
    assert [escape(character) for character in ("\n", "\u202e", "\udcff", "猫")] == [
        r"\n",
        r"\u202e",
        r"\xff",
        r"\u732b",
    ]
