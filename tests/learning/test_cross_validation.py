"""Held-out quality: what is fitted on, what is measured, and how often."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curator.learning.cross_validation import FOLDS, REPEATS, cross_validate


def random_set(seed, sizes, dim=32):
    rng = np.random.default_rng(seed)
    targets = np.repeat(np.arange(len(sizes)), sizes)
    rows = rng.standard_normal((len(targets), dim))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32), targets.astype(np.int64)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 2)), min_size=4, max_size=30))
def test_figures_are_shares_whatever_was_labelled(drawn):
    which = np.array([picture for picture, _ in drawn])
    targets = np.unique([label for _, label in drawn], return_inverse=True)[1].astype(np.int64)
    classes = int(targets.max()) + 1
    vectors = np.eye(6, dtype=np.float32)[which]
    metrics = cross_validate(
        lambda train, wanted, test: np.full((len(test), classes), 1 / classes), vectors, targets, classes, 0
    ).metrics
    assert 0 <= metrics.pop("items") <= len(drawn)
    assert all(0 <= value <= 1 for value in metrics.values())


def test_one_picture_in_several_files_cannot_be_held_out_from_itself():
    vectors = np.repeat(np.eye(2, dtype=np.float32), 5, axis=0)
    targets = np.repeat([0, 1], 5)
    assert cross_validate(lambda *_: pytest.fail("nothing to hold out"), vectors, targets, 2, 0).metrics == {
        "items": 0.0
    }


def test_nothing_is_measured_on_what_was_fitted():
    """A head that only knows its examples by heart is no better than chance here."""
    vectors, targets = random_set(1, [60, 60])
    known = {}

    def by_heart(train, wanted, test):
        known.clear()
        known.update({row.tobytes(): label for row, label in zip(train, wanted, strict=True)})
        assert not any(row.tobytes() in known for row in test)
        said = [known.get(row.tobytes(), 0) for row in test]
        return np.eye(2, dtype=np.float32)[said]

    assert cross_validate(by_heart, vectors, targets, 2, 0).metrics["accuracy"] == 0.5


@pytest.mark.parametrize(("each", "times"), [(10, 5), (60, 3), (300, 1)])
def test_few_items_are_held_out_more_often_in_other_folds(each, times):
    vectors, targets = random_set(3, [each, each])
    held = np.zeros(2 * each, int)
    folds = []

    def fit_predict(train, wanted, unseen):
        rows = [int(np.flatnonzero((vectors == row).all(axis=1))[0]) for row in unseen]
        held[rows] += 1
        folds.append(frozenset(rows))
        return np.tile(np.float32([0.25, 0.75]), (len(unseen), 1))

    found = cross_validate(fit_predict, vectors, targets, 2, 0)
    assert (held == times).all() and len(set(folds)) > FOLDS * (times - 1)
    assert found.index.tolist() == list(range(2 * each)) and found.metrics["items"] == 2 * each
    assert np.allclose(found.probabilities, [0.25, 0.75])
    assert REPEATS[0][0] >= 20 and REPEATS[1][0] >= 120


def test_near_copies_are_never_on_both_sides():
    rng = np.random.default_rng(0)
    scenes = rng.standard_normal((12, 16))
    rows = np.repeat(scenes, 3, axis=0) + 0.02 * rng.standard_normal((36, 16))
    vectors = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    targets = np.repeat(np.arange(12) % 2, 3)

    def nearest(train, wanted, unseen):
        assert (unseen @ train.T).max() < 0.95
        return np.eye(2, dtype=np.float32)[wanted[(unseen @ train.T).argmax(axis=1)]]

    found = cross_validate(nearest, vectors, targets, 2, 0)
    assert found.apart and found.metrics["accuracy"] < 0.8  # by scenes alone it would be 1


def test_where_all_of_a_class_is_alike_equal_ones_alone_are_kept_together():
    angles = np.linspace(0, 0.1, 10)
    vectors = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    found = cross_validate(lambda train, wanted, unseen: np.full((len(unseen), 2), 0.5, np.float32), vectors,
                           np.arange(10) % 2, 2, 0)  # fmt: skip
    assert not found.apart and found.metrics["items"] == 10


def test_worse_copies_are_judged_by_heads_that_saw_no_copy_of_them():
    vectors, targets = random_set(5, [30, 30])
    rows = np.arange(0, 60, 3)
    fitted = []

    def fit_predict(train, wanted, unseen):
        fitted.append({row.tobytes() for row in train})
        for row in unseen:
            assert row.tobytes() not in fitted[-1] and (-row).tobytes() not in fitted[-1]
        return np.where(unseen[:, :1] == np.abs(unseen[:, :1]), [[0.0, 1.0]], [[1.0, 0.0]]).astype(np.float32)

    vectors[:, 0] = np.where(targets == 1, 0.5, -0.5)  # the first number tells the class; the view turns it round
    found = cross_validate(fit_predict, vectors, targets, 2, 0, views={"turned": (rows, -vectors[rows])})
    assert found.metrics["accuracy"] == 1 and found.disturbed["turned"]["accuracy"] == 0
