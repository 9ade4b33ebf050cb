"""Byte-level pieces: any text comes back, and what of a character is missing is known."""

from __future__ import annotations

import pytest
from curator_plugins.encoders.lstm_clm import vocabulary
from hypothesis import given, settings
from hypothesis import strategies as st

from curator.errors import BadInput

TEXTS = [
    "今天天气很好，我们去公园。",
    "The weather is fine 🙂",
    "naïve café",
    "한국어",
    "a\n\tb  c",
    "👩‍👩‍👧‍👦🇨🇳",
    "\ufeffx\x00",
]


@pytest.fixture(scope="module")
def found(texts):
    return vocabulary.train(texts, 400)


def spelt(found, text):
    (ids,) = found.encode([text])
    return b"".join(found.pieces[number] for number in ids)


@pytest.mark.parametrize("text", [*TEXTS, "", " ", "<|end|>", "a<|end|>b"])
def test_a_text_comes_back(found, text):
    assert spelt(found, text).decode() == text


@given(st.text(max_size=30))
@settings(max_examples=200, deadline=None)
def test_any_text_comes_back(text):
    found = vocabulary.train(["今天下雨 rain"], 300)
    assert spelt(found, text).decode() == text


def test_half_a_surrogate_pair_becomes_a_question_mark(found):
    assert spelt(found, "a\ud83db") == b"a?b"


def test_the_end_is_never_part_of_a_text(found):
    assert 0 not in found.encode(["<|end|>"])[0]


def test_frequent_words_are_one_piece_and_rare_characters_several(found):
    assert len(found.encode(["Please"])[0]) == len(found.encode(["今天"])[0]) == 1
    assert len(found.encode(["龘"])[0]) == 3


def test_training_again_gives_the_same(texts, found, tmp_path):
    found.save(tmp_path / "first.json")
    vocabulary.train(texts, 400).save(tmp_path / "second.json")
    assert (tmp_path / "first.json").read_bytes() == (tmp_path / "second.json").read_bytes()
    assert vocabulary.read(tmp_path / "first.json").encode(texts) == found.encode(texts)


def test_a_small_corpus_has_few_pieces_and_a_large_one_more():
    sizes = [vocabulary.size_for(characters) for characters in (0, 100, 10_000, 180_000, 1_000_000, 10**9)]
    assert sizes == [512, 512, 1200, 5091, 12000, 16000]
    assert vocabulary.train(["ab"], 5000).size == 257  # nothing comes twice


def test_shapes_say_what_is_missing(found):
    byte = {piece: number for number, piece in enumerate(found.pieces)}
    first, second, third = (byte[bytes([value])] for value in "好".encode())
    assert found.follows(0, first) == 2
    assert found.follows(2, second) == 1
    assert found.follows(1, third) == 0
    assert found.follows(0, second) is None  # the middle of a character cannot begin one
    assert found.follows(1, first) is None  # nor can another begin before it is whole
    assert found.follows(0, byte[b"a"]) == 0 and found.follows(2, byte[b"a"]) is None
    assert found.follows(0, 0) == 0 and found.follows(1, 0) is None  # the end
    assert found.follows(0, byte[b"\xff"]) is None  # no UTF-8 has it


@pytest.mark.parametrize("content", ["", "{}", "not json", '{"model": 1}'])
def test_what_is_no_tokenizer_is_refused(tmp_path, content):
    path = tmp_path / "tokenizer.json"
    path.write_text(content)
    with pytest.raises(BadInput, match=r"tokenizer\.json"):
        vocabulary.read(path)
