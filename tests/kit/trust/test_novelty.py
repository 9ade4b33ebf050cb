"""What looks like nothing that is labelled."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from curator.kit.trust.novelty import FEWEST, unlike


def rows(rng, centres, many, dim=32, noise=0.5):
    """Unit rows about some of the axes."""
    found = np.eye(dim)[rng.choice(centres, many)] + rng.normal(0, noise / dim**0.5, (many, dim))
    return (found / np.linalg.norm(found, axis=1, keepdims=True)).astype(np.float32)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 500))
def test_of_the_same_place_one_in_ten_is_and_of_another_nearly_all(seed):
    rng = np.random.default_rng(seed)
    labelled = rows(rng, [0, 1, 2], 120)
    assert unlike(labelled, rows(rng, [0, 1, 2], 400)).mean() < 0.3
    assert unlike(labelled, rows(rng, [7, 8], 400)).mean() > 0.9


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 500))
def test_other_shares_of_the_classes_are_no_other_place(seed):
    rng = np.random.default_rng(seed)
    labelled = np.concatenate([rows(rng, [0], 60), rows(rng, [1], 60)])
    others = np.concatenate([rows(rng, [0], 20), rows(rng, [1], 380)])
    assert unlike(labelled, others).mean() < 0.3


def test_copies_among_the_labelled_do_not_make_all_else_strange():
    rng = np.random.default_rng(3)
    labelled = rows(rng, [0, 1, 2], 60)
    bursts = np.repeat(labelled, 4, axis=0)
    others = rows(rng, [0, 1, 2], 300)
    assert unlike(bursts, others).mean() < 0.3


def test_of_too_few_nothing_is_said():
    rng = np.random.default_rng(4)
    few = np.repeat(rows(rng, [0, 1], FEWEST - 1), 3, axis=0)
    assert unlike(few, rows(rng, [0], 50)) is None
