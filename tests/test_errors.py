"""What an error says of what there is."""

from __future__ import annotations

import pytest

from curator.errors import NotFound

MANY = [f"label {number:02}" for number in range(9)]


@pytest.mark.parametrize(
    ("known", "said"),
    [
        ([], "no label 'zzzz': there is none yet"),
        (["hat"], "no label 'zzzz': there is 'hat'"),
        (["zzz", *MANY], "no label 'zzzz': did you mean 'zzz'?"),
        (MANY, "no label 'zzzz': `curator status` lists them"),
    ],
)
def test_what_there_is_is_said_be_it_none_few_or_many(known, said):
    assert str(NotFound.named("label", "zzzz", known, "there is none yet", "`curator status` lists them")) == said


def test_without_a_word_for_many_the_hint_holds_for_both():
    assert str(NotFound.named("action", "zzzz", MANY, "`curator plugins` lists them")).endswith("lists them")
