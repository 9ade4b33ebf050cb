"""Bounds of a share: as tabulated, and held to what they promise on draws."""

from __future__ import annotations

import numpy as np
import pytest

from curator.api import HeldOut, Item
from curator.kit.trust.promises import (
    FIRST,
    answers_to_prove,
    line,
    line_of_none,
    lower_share,
    standing,
    upper_share,
)


def test_as_tabulated():
    assert lower_share(22, 22) == pytest.approx(0.1 ** (1 / 22)) and lower_share(22, 22) > 0.9 > lower_share(21, 21)
    assert lower_share(0, 5) == 0 and upper_share(5, 5) == 1
    assert lower_share(15, 20, 0.975) == pytest.approx(0.509, abs=1e-3)  # Clopper and Pearson's, two-sided 95 %
    assert upper_share(15, 20, 0.975) == pytest.approx(0.913, abs=1e-3)


def test_so_many_answers_prove_it_and_one_fewer_does_not():
    assert [answers_to_prove(share) for share in (0, 0.5, 0.9, 0.95, 1)] == [0, 4, 22, 45, None]
    for share in (0.3, 0.7, 0.8, 0.9, 0.99):
        needed = answers_to_prove(share)
        assert lower_share(needed, needed) >= share > lower_share(needed - 1, needed - 1)


def test_a_bound_is_wrong_no_more_often_than_it_says():
    drawn = np.random.default_rng(0)
    for share in (0.6, 0.9, 0.97):
        right = drawn.binomial(30, share, 2_000)
        bounds = {int(count): lower_share(int(count), 30) for count in np.unique(right)}
        assert np.mean([bounds[int(count)] > share for count in right]) <= 0.115


def drawn(seed, apart, examples=40, ours=150, others=1_350):
    """Scores of held-out examples, and of a pool with what each of it is."""
    rng = np.random.default_rng(seed)
    pool = np.concatenate([rng.normal(apart, 1, ours), rng.normal(0, 1, others)])
    return rng.normal(apart, 1, examples), pool, np.arange(len(pool)) < ours


def test_a_line_among_what_nobody_looked_at_holds_far_more_often_than_not():
    precisions, recalls = [], []
    for seed in range(40):
        examples, pool, ours = drawn(seed, 4.0)
        found = line(examples, np.ones(len(examples), bool), pool, 0.9)
        if found is not None:
            said = pool >= found.threshold
            assert said.sum() == found.said >= FIRST and found.at_least <= found.precision <= 1
            precisions.append(ours[said].mean())
            recalls.append((said & ours).sum() / ours.sum())
    assert len(precisions) >= 20 and np.mean(np.array(precisions) < 0.85) <= 0.1 and np.mean(recalls) > 0.4


def test_examples_that_stand_out_from_nothing_draw_no_line():
    """By themselves they would be all that there is, which cannot be ruled out; negative examples do."""
    for seed in range(20):
        counter = np.random.default_rng(100 + seed).normal(0, 1, 20)
        for apart in (0.0, 0.5):
            examples, pool, _ = drawn(seed, apart)
            assert line(examples, np.ones(40, bool), pool, 0.9, counter) is None


@pytest.mark.parametrize("items", [100, 300])
def test_nor_in_small_pools_unless_all_is_of_the_classes(items):
    """Where all is, examples stand out from the negative ones alone, which is enough."""
    alike, closed = 0, 0
    for seed in range(100):
        counter = np.random.default_rng(100 + seed).normal(0, 1, 10)
        examples, pool, _ = drawn(seed, 0.0, 20, items // 10, items - items // 10)
        alike += line(examples, np.ones(20, bool), pool, 0.9, counter) is not None
        examples, pool, _ = drawn(seed, 3.0, 20, items, 0)
        closed += line(examples, np.ones(20, bool), pool, 0.9, counter) is not None
    assert alike <= 3 and closed >= 45


def test_a_line_is_reached_by_more_than_a_few_of_the_examples():
    """Where the rest stand out from nothing, what those few share with thirty items may be no mark of the classes."""
    for seed in range(10):
        for few in (3, 5):
            examples, pool, _ = drawn(seed, 4.0, 40, 0)
            examples, pool = np.append(examples[few:] - 4, [9.0] * few), np.append(pool, [9.0] * 30)
            assert line(examples, np.ones(40, bool), pool, 0.9) is None


@pytest.mark.parametrize("examples", [10, 20, 40])
def test_where_hardly_any_is_of_the_classes_no_line_is_drawn(examples):
    """What stands out most is then of something else, however far it does."""
    drawn_lines = 0
    for seed in range(40):
        for ours in (0, 3, 8):
            known, pool, _ = drawn(seed, 4.0, examples, ours)
            known = np.minimum(known, pool.max())  # as places among the items give them
            drawn_lines += line(known, np.ones(examples, bool), pool, 0.9) is not None
    assert drawn_lines <= 0.05 * 120


def test_too_few_to_tell_draw_no_line():
    examples, pool, _ = drawn(0, 4.0)
    assert line(examples[:2], np.ones(2, bool), pool, 0.9) is None
    assert line(examples, np.ones(40, bool), pool[: FIRST - 1], 0.9) is None
    assert line(examples[:0], np.ones(0, bool), pool, 0.9) is None and line_of_none(examples[:0], pool, 0.9) is None


def test_what_is_of_none_turns_few_of_the_classes_away():
    for seed in range(10):
        examples, pool, ours = drawn(seed, 4.0)
        found = line_of_none(examples, pool, 0.9)
        assert found is not None and found.said == (pool <= found.threshold).sum() > 1_000
        assert (pool[ours] <= found.threshold).mean() <= 0.25  # of the 40 held out 0.1


def test_which_held_out_scores_count_for_a_line_and_which_against():
    examples, pool, _ = drawn(0, 4.0)
    negative = np.random.default_rng(1).normal(0, 1, 20)
    scores = np.concatenate([negative, examples]).astype(np.float32)
    targets = np.repeat([0, 1], [20, 40])
    said = np.float32([[0.2, 0.8]] * 50 + [[0.9, 0.1]] * 10)
    items = [Item(number, f"{number:064x}", "text", None, "") for number in range(60)]
    held_out = HeldOut(items, ("not x", "x"), targets, said, scores)
    of_label = standing(held_out, pool.astype(np.float32), True)
    assert of_label.held_out == pytest.approx(examples) and of_label.against == pytest.approx(negative)
    assert of_label.right.all() and of_label.found == pytest.approx(pool)
    assert of_label.line(0.9) == line(of_label.held_out, np.ones(40, bool), of_label.found, 0.9, of_label.against)
    assert of_label.line_of_none(0.9) == line_of_none(of_label.held_out, of_label.found, 0.9)
    of_group = standing(held_out, pool.astype(np.float32), False)
    assert len(of_group.held_out) == 60 and not len(of_group.against)
    assert list(of_group.right) == [False] * 20 + [True] * 30 + [False] * 10
