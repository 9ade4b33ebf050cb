"""Splits that nothing leaks through: strata, copies kept together, samples."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curator.kit.copies.vectors import copies, near_copies
from curator.kit.splits import folds, sample


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
        "import numpy as np; from curator.kit.copies.vectors import copies; from curator.kit.splits import folds\n"
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


@pytest.mark.parametrize("rows", [np.zeros((0, 3), np.float32), np.ones((1, 3), np.float32)])
def test_none_and_one_make_no_folds(rows):
    assert folds(near_copies(rows), np.zeros(len(rows), np.int64), 5, 0) == []


@given(st.lists(st.integers(0, 4), max_size=60), st.integers(1, 40), st.integers(0, 3))
def test_a_sample_takes_as_many_of_each_class_as_it_can(drawn, most, seed):
    targets = np.asarray(drawn, dtype=np.int64)
    rows = sample(targets, most, seed)
    assert rows.tolist() == sorted(set(rows.tolist())) and len(rows) == min(most, len(targets))
    taken, all_ = np.bincount(targets[rows], minlength=5), np.bincount(targets, minlength=5)
    for target in range(5):
        assert taken[target] == all_[target] or taken[target] >= taken.max() - 1
