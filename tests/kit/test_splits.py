"""Splits that nothing leaks through: strata, copies, near-copies, samples."""

from __future__ import annotations

import subprocess
import sys
import tracemalloc

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from curator.kit import splits
from curator.kit.splits import ALIKE, comparable, copies, folds, linked, near_copies, sample


def labelled(*sizes):
    return np.repeat(np.arange(len(sizes)), sizes)


def test_every_item_is_held_out_once_and_classes_are_spread():
    targets = labelled(40, 20, 5)
    found = folds(np.arange(65), targets, 5, 0)
    assert len(found) == 5
    assert sorted(np.concatenate([test for _, test in found])) == list(range(65))
    for train, test in found:
        assert not set(train) & set(test)
        assert np.bincount(targets[test]).tolist() == [8, 4, 1]


@pytest.mark.parametrize(("smallest", "count"), [(1, 0), (2, 2), (4, 4), (9, 5)])
def test_as_many_folds_as_the_smallest_class_allows(smallest, count):
    assert len(folds(np.arange(20 + smallest), labelled(20, smallest), 5, 0)) == count


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 2)), min_size=4, max_size=30), st.integers(0, 3))
def test_copies_share_a_fold_even_across_classes(drawn, seed):
    """Drawn: which of six pictures, and how it is labelled."""
    which = np.array([picture for picture, _ in drawn])
    targets = np.unique([label for _, label in drawn], return_inverse=True)[1]
    vectors = np.eye(6, dtype=np.float32)[which]
    for train, test in folds(copies(vectors), targets, 5, seed):
        assert len(test) and len(train)
        assert not set(which[train]) & set(which[test])


def test_folds_are_the_same_in_every_process():
    """Copies are told by their bytes, whose hash() is another in each process."""
    code = (
        "import numpy as np; from curator.kit.splits import copies, folds\n"
        "rows = np.random.default_rng(0).standard_normal((30, 3)).astype('f4')[np.arange(60) % 30]\n"
        "print([test.tolist() for _, test in folds(copies(rows), np.arange(60) % 30 % 2, 5, 0)])"
    )
    told = [
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={"PYTHONHASHSEED": seed}
        ).stdout
        for seed in ("1", "2")
    ]
    assert told[0] == told[1] != ""


def turned(angle, dim=8):
    """A unit vector, so many radians from the first axis."""
    row = np.zeros(dim, np.float32)
    row[:2] = np.cos(angle), np.sin(angle)
    return row


def test_near_copies_are_those_of_about_the_same_direction_and_what_is_near_to_these():
    step = np.arccos(ALIKE)
    rows = np.stack([turned(angle) for angle in (0, 0.9 * step, 1.8 * step, 3.5 * step, 3.5 * step)])
    assert near_copies(rows).tolist() == [0, 0, 0, 1, 1]
    assert copies(rows).tolist() == [0, 1, 2, 3, 3]


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10), st.integers(2, 40), st.integers(0, 2000))
def test_any_two_in_different_groups_are_not_near(seed, count, more):
    """Also where the rows take several blocks, and whatever their order."""
    rng = np.random.default_rng(seed)
    rows = rng.standard_normal((count, 3)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    rows = rows[rng.integers(0, count, count + more)]
    groups = near_copies(rows)
    first = np.unique(groups, return_index=True)[1]
    cosines = rows[first] @ rows.T
    assert (cosines[groups[first][:, None] != groups[None, :]] < ALIKE + 1e-6).all()
    mixed = rng.permutation(len(rows))
    assert len(np.unique(near_copies(rows[mixed]))) == len(first)


def plainly_linked(rows, least):
    """The same with all pairs at once: numbers spread to neighbours until nothing changes."""
    near = rows @ rows.T >= least
    numbers = np.arange(len(rows))
    while True:
        spread = np.where(near, numbers[None], len(rows)).min(axis=1, initial=len(rows))
        spread = np.minimum(spread, numbers)
        if (spread == numbers).all():
            return np.unique(numbers, return_inverse=True)[1]
        numbers = spread


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 60), st.integers(1, 5), st.sampled_from([1, 2, 7, 16, 1024]))
def test_block_by_block_is_as_with_all_pairs(seed, count, dim, block):
    """Also the numbers, which come as the rows do; among them equal rows, rows of zeros and single ones."""
    rng = np.random.default_rng(seed)
    rows = rng.standard_normal((count, dim)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    rows = np.concatenate([rows, rows[rng.integers(0, count, count // 3)], np.zeros((seed % 2, dim), np.float32)])
    rows = rows[rng.permutation(len(rows))]
    products = rows @ rows.T
    assume((np.abs(products - ALIKE) > 1e-5).all())  # what is just as near may be rounded either way
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(splits, "BLOCK", block)
        # A row of zeros is near to nothing, itself not excepted.
        assert linked(rows, ALIKE).tolist() == near_copies(rows).tolist() == plainly_linked(rows, ALIKE).tolist()


def test_a_chain_through_many_blocks_is_one(monkeypatch):
    """Each is near to the next alone, in an order in which no block holds two neighbours."""
    monkeypatch.setattr(splits, "BLOCK", 8)
    rows = np.zeros((200, 201), np.float32)
    for number in range(200):
        rows[number, number : number + 2] = 1
    order = np.arange(200).reshape(8, 25).T.ravel()
    assert not linked(rows[order], 0.5).any()
    assert len(np.unique(linked(rows[np.delete(order, 50)], 0.5))) == 2


@pytest.mark.parametrize("kinds", [1, 2, 2000])
def test_pairs_are_never_collected(kinds):
    """Of 4,000 rows that are near-copies of one another there are eight million pairs, of 16 bytes each."""
    rng = np.random.default_rng(0)
    rows = rng.standard_normal((kinds, 16))[np.arange(4000) % kinds] + 1e-3 * rng.standard_normal((4000, 16))
    rows = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    near_copies(rows[:10])  # what is imported at first is not counted
    tracemalloc.start()
    groups = near_copies(rows)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(np.unique(groups)) <= kinds and peak < 100e6


def test_of_very_many_only_equal_ones_are_found(monkeypatch):
    monkeypatch.setattr(splits, "MANY", 2000)
    rows = np.stack([turned(1e-3 * number, 2) for number in range(2001)])
    assert len(np.unique(near_copies(rows))) == len(rows) and not comparable(rows)
    assert len(np.unique(near_copies(rows[:-1]))) == 1 and comparable(rows[:-1])
    several = np.concatenate([rows[:-1], rows[:-1]])
    assert len(np.unique(near_copies(several))) == 1 and comparable(several)


@pytest.mark.parametrize("rows", [np.zeros((0, 3), np.float32), np.ones((1, 3), np.float32)])
def test_none_and_one(rows):
    assert near_copies(rows).tolist() == list(range(len(rows)))
    assert folds(near_copies(rows), np.zeros(len(rows), np.int64), 5, 0) == []


@given(st.lists(st.integers(0, 4), max_size=60), st.integers(1, 40), st.integers(0, 3))
def test_a_sample_takes_as_many_of_each_class_as_it_can(drawn, most, seed):
    targets = np.asarray(drawn, dtype=np.int64)
    rows = sample(targets, most, seed)
    assert rows.tolist() == sorted(set(rows.tolist())) and len(rows) == min(most, len(targets))
    taken, all_ = np.bincount(targets[rows], minlength=5), np.bincount(targets, minlength=5)
    for target in range(5):
        assert taken[target] == all_[target] or taken[target] >= taken.max() - 1
