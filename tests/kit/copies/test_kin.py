"""Which texts are of one original, whatever was done to them."""

from __future__ import annotations

import random
import unicodedata

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from sentences import SENTENCES

from curator.kit.copies.kin import kin_of_texts, large_group
from curator.kit.copies.text_copies import TextCopies

EVERY = [sentence for of_language in SENTENCES.values() for sentence in of_language]
WIDE = {code: code + 0xFEE0 for code in range(0x21, 0x7F)}
WAYS = {
    "as it is": lambda text, rng: text,
    "upper case": lambda text, rng: text.upper(),
    "punctuation": lambda text, rng: rng.choice(["«{}»", "{}!!", "... {}", "({})?", "{} —"]).format(
        text.rstrip(".?!。")
    ),
    "spaces": lambda text, rng: "  " + text.replace(" ", rng.choice(["  ", "\t", " \n "])) + "\n",
    "width": lambda text, rng: text.translate(WIDE),
    "composed": lambda text, rng: unicodedata.normalize("NFD", text),
    "mark": lambda text, rng: "\ufeff" + text,
}


def test_texts_of_almost_the_same_words_are_kin():
    texts = ["Please, help!", "please help", "Please help me", "今天，股市", "今天 股市", "!!", "??", "", ""]
    assert kin_of_texts(texts).tolist() == [0, 0, 1, 2, 2, 3, 4, 5, 6]
    assert kin_of_texts([]).tolist() == []


def test_numbers_and_denials_part_no_kin_and_let_no_text_go():
    one = "Take two of these tablets of 5 mg with a glass of water before you go to bed in the evening"
    others = [one.replace("5 mg", "6 mg"), one.replace("Take", "Do not take")]
    assert kin_of_texts([one, *others]).tolist() == [0, 0, 0]
    texts = TextCopies([one, *others])
    assert texts.match(0, 1) is None and texts.match(0, 2) is None


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(EVERY), min_size=2, max_size=12, unique=True), st.integers(0, 10**6))
def test_variants_of_a_text_are_kin_and_other_texts_are_none(originals, seed):
    rng = random.Random(seed)
    made = [(number, WAYS[way](text, rng)) for number, text in enumerate(originals) for way in WAYS]
    rng.shuffle(made)
    groups = kin_of_texts([text for _, text in made])
    assert len(set(zip(groups.tolist(), (number for number, _ in made), strict=True))) == len(originals)
    assert len(set(groups.tolist())) == len(originals)


def test_a_chain_of_small_changes_is_one():
    """The last has nothing left of the first."""
    words = [f"{first}{second}" for first in ("ka", "lo", "mi", "nu") for second in ("ran", "ber", "tis", "gol", "wen")]
    chain = [" ".join(word[::-1] for word in words[:many]) + " ".join(words[many:]) for many in range(21)]
    assert len(set(kin_of_texts(chain).tolist())) == 1
    assert len(set(kin_of_texts([chain[0], chain[-1]]).tolist())) == 2


def test_a_group_of_more_than_a_tenth_is_told_of():
    assert large_group(np.repeat([0, 1, 2, 3], [40, 120, 120, 120])) == 120
    assert large_group(np.arange(400) // 40) == 0 and large_group(np.arange(400) // 41) == 41
    assert large_group(np.array([0, 0, 1, 2])) == 0 and large_group(np.array([0, 0, 0, 1])) == 3
    assert large_group(np.zeros(0, np.int64)) == 0
