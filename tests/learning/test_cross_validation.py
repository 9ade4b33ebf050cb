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


def nearest_label(train, wanted, unseen):
    return np.eye(2, dtype=np.float32)[wanted[(unseen @ train.T).argmax(axis=1)]]


def test_near_copies_are_never_on_both_sides():
    rng = np.random.default_rng(0)
    scenes = rng.standard_normal((12, 16))
    rows = np.repeat(scenes, 3, axis=0) + 0.02 * rng.standard_normal((36, 16))
    vectors = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    targets = np.repeat(np.arange(12) % 2, 3)

    def nearest(train, wanted, unseen):
        assert (unseen @ train.T).max() < 0.95
        return nearest_label(train, wanted, unseen)

    found = cross_validate(nearest, vectors, targets, 2, 0)
    assert found.apart and found.metrics["accuracy"] < 0.8  # by scenes alone it would be 1


@pytest.mark.parametrize("narrow", [10, 100])
def test_a_narrow_cone_is_no_copy(narrow):
    """As of an encoder whose vectors all have a cosine above 0.95: the folds are those of the vectors without it."""
    vectors, targets = random_set(6, [20] * 10)
    cone = vectors + narrow * random_set(7, [1], vectors.shape[1])[0]
    cone /= np.linalg.norm(cone, axis=1, keepdims=True)
    found = [
        cross_validate(lambda *given: np.full((len(given[2]), 10), 0.1, np.float32), rows, targets, 10, 0)
        for rows in (vectors, cone)
    ]
    assert (cone @ cone.T).min() > 0.95 and found[1].largest == 0 and found[1].apart
    assert found[0].metrics["majority baseline"] == found[1].metrics["majority baseline"] == pytest.approx(0.1)


def test_what_is_kin_never_parts_however_far_its_vectors_lie():
    vectors, targets = random_set(7, [30, 30])
    kin = np.concatenate([np.arange(30) // 3, 10 + np.arange(30) // 3])

    def fit_predict(train, wanted, unseen):
        sides = [{int(np.flatnonzero((vectors == row).all(axis=1))[0]) for row in rows} for rows in (train, unseen)]
        assert not {kin[row] for row in sides[0]} & {kin[row] for row in sides[1]}
        return nearest_label(train, wanted, unseen)

    found = cross_validate(fit_predict, vectors, targets, 2, 0, kin=kin)
    assert found.metrics["items"] == 60 and found.largest == 0


def test_what_is_kin_of_an_item_that_the_encoder_saw_is_not_held_out():
    vectors, targets = random_set(8, [30, 30])
    kin, seen = np.arange(60), np.zeros(60, bool)
    seen[:3], kin[20:23] = True, kin[:3]
    found = cross_validate(nearest_label, vectors, targets, 2, 0, seen, kin=kin)
    assert not {0, 1, 2, 20, 21, 22} & set(found.index.tolist()) and found.metrics["items"] == 54


def test_where_all_of_a_class_lies_near_kin_alone_is_kept_together():
    rng = np.random.default_rng(0)
    scene = rng.standard_normal((1, 32)) + 0.02 * rng.standard_normal((8, 32))
    rows = np.concatenate([scene, rng.standard_normal((40, 32))])
    vectors = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    targets = np.repeat([0, 1], [8, 40])
    found = cross_validate(nearest_label, vectors, targets, 2, 0)
    assert not found.apart and found.metrics["items"] == 48
    kin = np.where(targets == 0, 48, np.arange(48))
    assert cross_validate(nearest_label, vectors, targets, 2, 0, kin=kin).metrics == {"items": 0.0}


def test_a_large_group_is_told_of():
    vectors, targets = random_set(9, [50, 50])
    kin = np.arange(100)
    kin[:9] = 0
    assert cross_validate(nearest_label, vectors, targets, 2, 0, kin=kin).largest == 0
    kin[:12] = 0
    assert cross_validate(nearest_label, vectors, targets, 2, 0, kin=kin).largest == 12


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
