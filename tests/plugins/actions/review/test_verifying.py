"""The plan of `review --verify`: how many answers prove a share, and that it is wrong no more often than it says."""

from __future__ import annotations

import numpy as np
import pytest
from curator_plugins.actions.review.verifying import ERROR, FIRST, REST, needed, questions
from scipy.stats import binom, hypergeom


def outcome(right, first, share, most=40, seed=0):
    asked, asking = [], questions(len(right), first, share, most, seed)
    try:
        place = next(asking)
        while True:
            asked.append(place)
            place = asking.send(bool(right[place]))
    except StopIteration as end:
        return end.value, asked


def test_of_very_many_it_is_what_the_exact_bounds_say():
    assert needed(10**6, 0.9, 100, 0.1) == (23, 56) or needed(10**6, 0.9, 40, 0.1) == (28, 40)
    none, one = needed(10**6, 0.9, 40, 0.1)
    passes = binom.pmf(0, none, 0.1) + binom.pmf(1, none, 0.1) * binom.pmf(0, one - none, 0.1)
    assert passes <= 0.1 and binom.pmf(0, none, 0.1) < 0.1
    assert needed(10**6, 0.9, 22, 0.1) == (22, None) and needed(10**6, 0.95, 45, 0.1) == (45, None)
    assert needed(10**6, 0.9, 21, 0.1) is None


@pytest.mark.parametrize(("items", "share", "error"), [(30, 0.9, 0.07), (100, 0.8, 0.03), (60, 0.9, 0.1)])
def test_a_line_that_breaks_the_promise_by_a_hair_passes_no_more_often_than_allowed(items, share, error):
    none, one = needed(items, share, 40, error)
    bad = int((1 - share) * items + 1e-9) + 1
    passes = hypergeom.pmf(0, items, bad, none)
    if one is not None:
        passes += hypergeom.pmf(1, items, bad, none) * hypergeom.pmf(0, items - none, bad - 1, one - none)
    assert passes <= error


def test_where_all_are_right_it_goes_on_to_more_and_asks_about_none_twice():
    found, asked = outcome(np.ones(500, bool), 60, 0.9)
    assert found.line > 60 and found.asked == len(asked) == len(set(asked)) <= 40
    assert found.right == found.drawn == len(asked)
    assert max(asked) < 500 and len({place // 20 for place in asked if place < 60}) == 3  # from all of the line


def test_nothing_is_proven_where_nothing_holds():
    found, asked = outcome(np.zeros(500, bool), 60, 0.9)
    assert (found.line, found.drawn) == (0, 0) and len(asked) <= 4
    found, asked = outcome(np.arange(500) % 2 == 0, 0, 0.9)
    assert found.line == 0


def test_a_line_that_fails_moves_to_where_it_is_right():
    right = np.arange(500) < 60
    found = [outcome(right, 150, 0.9, seed=seed)[0] for seed in range(20)]
    assert {one.line for one in found if one.line} and all(right[: one.line].mean() >= 0.9 for one in found)
    assert sum(one.line > 0 for one in found) >= 15


def test_few_items_are_all_asked_about():
    found, asked = outcome(np.ones(12, bool), 0, 0.95)
    assert found.line == 12 and len(asked) <= 12


@pytest.mark.parametrize("purity", [0.7, 0.85, 0.895])
def test_what_is_said_to_be_proven_is_not_so_in_one_of_ten_at_most(purity):
    """The worst case: everywhere the same share, just too low."""
    assert FIRST + REST <= ERROR
    draws = np.random.default_rng(1)
    wrong = 0
    for seed in range(400):
        right = draws.random(300) < purity
        found = outcome(right, 100, 0.9, seed=seed)[0]
        wrong += found.line > 0 and right[: found.line].mean() < 0.9
    assert wrong / 400 <= ERROR + 0.03  # two standard errors
