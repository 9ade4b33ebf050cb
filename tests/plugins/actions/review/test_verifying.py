"""The plan of `review --verify`: how many answers show a share, and that it is wrong no more often than it says."""

from __future__ import annotations

import numpy as np
import pytest
from curator_plugins.actions.review.verifying import ERROR, LEAST, Plan, enough, proceed
from scipy.stats import binom, hypergeom

TOLERANT, STRICT = Plan(0.9, 0.85, 40), Plan(0.9, 0.9, 40)


def outcome(right, first, plan=TOLERANT, seed=0, batch=1):
    """What came of it, and the places that were asked about in order."""
    answers = {}
    while True:
        places, came = proceed(len(right), first, plan, seed, answers, batch)
        if came is not None:
            assert came.asked == len(answers) <= plan.most
            return came, list(answers)
        assert 0 < len(places) <= batch and not {*places} & {*answers}
        answers |= {place: bool(right[place]) for place in places}


def test_of_very_many_it_is_what_the_exact_bounds_say():
    none, one = enough(10**6, 150_001, 0.9, 40)
    assert (none, one) == (18, 30) and binom.pmf(0, none, 0.15) <= 0.06 < binom.pmf(0, none - 1, 0.15)
    passes = binom.pmf(0, none, 0.15) + binom.pmf(1, none, 0.15) * binom.pmf(0, one - none, 0.15)
    assert passes <= 0.08
    assert enough(10**6, 100_001, 0.9, 40) == (27,) and enough(10**6, 100_001, 0.9, 26) == ()
    assert enough(10**6, 10_001, 0.99, 40) == ()


@pytest.mark.parametrize(("items", "bad", "most"), [(30, 4, 40), (100, 21, 40), (60, 10, 60), (25, 4, 25)])
def test_a_line_that_is_bad_by_a_hair_passes_no_more_often_than_allowed(items, bad, most):
    """By going through the draws one by one, as a person answers them."""
    needed = enough(items, bad, 0.5, most)
    assert len(needed) >= 2 and list(needed) == sorted(needed)
    draws, passed = np.random.default_rng(items), 0
    for _ in range(4_000):
        wrong = np.append(0, np.cumsum(draws.permutation(np.arange(items) < bad)))
        passed += any(wrong[count] <= allowed for allowed, count in enumerate(needed))
    assert hypergeom.pmf(0, items, bad, needed[0]) <= ERROR
    assert 0.3 * ERROR <= passed / 4_000 <= ERROR + 0.01  # not wasted either; two standard errors


def test_what_passes_has_the_share_that_is_wanted_too():
    """Where little is tolerated to be refuted, a few right ones would do, among which too many are wrong."""
    assert all(wrong <= 0.1 * count for wrong, count in enumerate(enough(100, 51, 0.9, 100)))
    for seed in range(30):
        right = np.random.default_rng(seed).random(200) < 0.88
        found = outcome(right, 100, seed=seed)[0]
        assert found.right >= 0.9 * found.drawn and found.drawn <= found.asked <= 40


def test_where_all_are_right_it_goes_on_to_more():
    found, places = outcome(np.ones(500, bool), 60)
    searched = places[: next(n for n in range(len(places)) if places[n] > places[n + 1]) + 1]
    assert found.line >= 200 and len(searched) >= 5 and searched[0] >= LEAST  # from few items to ever more
    assert found.right == found.drawn == sum(place < found.line for place in places[len(searched) :])
    strict = outcome(np.ones(500, bool), 60, STRICT)[0]
    assert LEAST <= strict.line < found.line


def test_a_few_questions_at_once_lose_no_verdict():
    """Those that would not have been asked count, too, and something is said when there are no answers left."""
    one, five = ([], [])
    for seed in range(40):
        right = np.random.default_rng(seed).random(600) < np.linspace(1.05, 0.2, 600)
        one.append(outcome(right, 100, seed=seed)[0])
        five.append(outcome(right, 100, seed=seed, batch=5)[0])
    shown = [np.mean([found.line > 0 for found in some]) for some in (one, five)]
    assert min(shown) >= 0.7 and abs(shown[0] - shown[1]) <= 0.1
    assert np.mean([found.line for found in five]) >= 0.85 * np.mean([found.line for found in one])


def test_nothing_is_shown_where_nothing_holds():
    found, places = outcome(np.zeros(500, bool), 60)
    assert (found.line, found.drawn) == (0, 0) and len(places) <= 8
    assert all(outcome(np.arange(500) % 2 == 0, 0, seed=seed)[0].line == 0 for seed in range(10))


@pytest.mark.parametrize("first", [0, 20, 150, 500])
def test_it_finds_where_they_end_wherever_it_begins(first):
    right = np.arange(500) < 60
    found = [outcome(right, first, seed=seed)[0] for seed in range(30)]
    lines = np.array([one.line for one in found])
    assert np.mean(lines > 0) >= 0.9 and np.median(lines[lines > 0]) >= 45
    assert np.mean([right[: one.line].mean() < 0.85 for one in found if one.line]) <= ERROR


def test_few_items_are_all_asked_about():
    found, places = outcome(np.ones(12, bool), 0, Plan(0.95, 0.95, 40))
    assert found.line == 12 and len(places) <= 12


@pytest.mark.parametrize("purity", [0.6, 0.8, 0.845])
def test_what_is_not_tolerated_is_passed_once_in_ten_at_most(purity):
    """The worst case: everywhere the same share, just too low."""
    draws = np.random.default_rng(1)
    wrong = 0
    for seed in range(400):
        right = draws.random(300) < purity
        found = outcome(right, 100, seed=seed, batch=5)[0]
        wrong += found.line > 0 and right[: found.line].mean() < 0.85
    assert wrong / 400 <= ERROR + 0.03  # two standard errors


def test_nor_where_the_tolerance_is_none():
    draws = np.random.default_rng(2)
    wrong = 0
    for seed in range(400):
        right = draws.random(300) < 0.895
        found = outcome(right, 100, STRICT, seed, 5)[0]
        wrong += found.line > 0 and right[: found.line].mean() < 0.9
    assert wrong / 400 <= ERROR + 0.03
