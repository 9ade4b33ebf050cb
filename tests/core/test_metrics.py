"""Held-out figures: folds, copies, baselines."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curator.core.metrics import caution, cross_validate, folds, scores_of


def random_set(seed, sizes, dim=4):
    rng = np.random.default_rng(seed)
    targets = np.repeat(np.arange(len(sizes)), sizes)
    return rng.standard_normal((len(targets), dim)).astype(np.float32), targets.astype(np.int64)


def test_every_item_is_held_out_once_and_classes_are_spread():
    vectors, targets = random_set(0, [40, 20, 5])
    found = folds(vectors, targets, 0)
    assert len(found) == 5
    assert sorted(np.concatenate([test for _, test in found])) == list(range(65))
    for train, test in found:
        assert not set(train) & set(test)
        assert np.bincount(targets[test]).tolist() == [8, 4, 1]


@pytest.mark.parametrize(("smallest", "count"), [(1, 0), (2, 2), (4, 4), (9, 5)])
def test_as_many_folds_as_the_smallest_class_allows(smallest, count):
    assert len(folds(*random_set(0, [20, smallest]), 0)) == count


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 2)), min_size=4, max_size=30), st.integers(0, 3))
def test_copies_share_a_fold_even_across_classes(drawn, seed):
    """Drawn: which of six pictures, and how it is labelled."""
    which = np.array([picture for picture, _ in drawn])
    targets = np.unique([label for _, label in drawn], return_inverse=True)[1]
    vectors = np.eye(6, dtype=np.float32)[which]
    for train, test in folds(vectors, targets, seed):
        assert len(test) and len(train)
        assert not set(which[train]) & set(which[test])


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 2)), min_size=4, max_size=30))
def test_figures_are_shares_whatever_was_labelled(drawn):
    which = np.array([picture for picture, _ in drawn])
    targets = np.unique([label for _, label in drawn], return_inverse=True)[1].astype(np.int64)
    classes = int(targets.max()) + 1
    vectors = np.eye(6, dtype=np.float32)[which]
    metrics = cross_validate(
        lambda train, wanted, test: np.full((len(test), classes), 1 / classes), vectors, targets, classes, 0
    )
    assert 0 <= metrics.pop("items") <= len(drawn)
    assert all(0 <= value <= 1 for value in metrics.values())


def test_one_picture_in_several_files_cannot_be_held_out_from_itself():
    vectors = np.repeat(np.eye(2, dtype=np.float32), 5, axis=0)
    targets = np.repeat([0, 1], 5)
    assert cross_validate(lambda *_: pytest.fail("nothing to hold out"), vectors, targets, 2, 0) == {"items": 0.0}


def test_folds_are_the_same_in_every_process():
    """Copies are told by their bytes, whose hash() is another in each process."""
    code = (
        "import numpy as np; from curator.core.metrics import folds\n"
        "rows = np.random.default_rng(0).standard_normal((30, 3)).astype('f4')[np.arange(60) % 30]\n"
        "print([test.tolist() for _, test in folds(rows, np.arange(60) % 30 % 2, 0)])"
    )
    told = [
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={"PYTHONHASHSEED": seed}
        ).stdout
        for seed in ("1", "2")
    ]
    assert told[0] == told[1] != ""


def test_the_majority_baseline_is_that_of_the_training_items():
    seen = np.array([0, 0, 0, 1, 2])
    wanted = np.array([0, 1, 1, 2])
    probabilities = np.eye(3, dtype=np.float32)[[0, 1, 2, 2]]
    scores = scores_of(probabilities, wanted, seen, 3)
    assert scores["majority baseline"] == 0.25
    assert scores["accuracy"] == 0.75
    assert scores["balanced accuracy"] == pytest.approx((1 + 0.5 + 1) / 3)


def test_two_classes_have_figures_about_the_second():
    wanted = np.array([0, 0, 1, 1, 1])
    positive = np.array([0.1, 0.7, 0.6, 0.9, 0.2], dtype=np.float32)
    scores = scores_of(np.stack([1 - positive, positive], axis=1), wanted, wanted, 2)
    assert (scores["precision"], scores["recall"]) == pytest.approx((2 / 3, 2 / 3))
    # Ranked: 0.9 (yes), 0.7 (no), 0.6 (yes), 0.2 (yes), 0.1 (no).
    assert scores["average precision"] == pytest.approx((1 + 2 / 3 + 3 / 4) / 3)
    assert scores["roc auc"] == pytest.approx(4 / 6)


def test_nothing_is_measured_on_what_was_fitted():
    """A head that only knows its examples by heart is no better than chance here."""
    vectors, targets = random_set(1, [60, 60], dim=3)
    known = {}

    def by_heart(train, wanted, test):
        known.clear()
        known.update({row.tobytes(): label for row, label in zip(train, wanted, strict=True)})
        assert not any(row.tobytes() in known for row in test)
        said = [known.get(row.tobytes(), 0) for row in test]
        return np.eye(2, dtype=np.float32)[said]

    assert cross_validate(by_heart, vectors, targets, 2, 0)["accuracy"] == 0.5


def test_caution_for_small_classes():
    assert caution([30, 400]) is None
    assert caution([29, 400]) == "the smallest class has 29 examples: figures about it can be off by 19 points"
    assert caution([4, 4]) == "the smallest class has 4 examples: figures about it can be off by 50 points"
    assert "1 example:" in caution([1, 9])
