"""Suspicious labels: contradictions, then as many as the confident joint counts, then outliers."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from curator.kit.trust.suspects import (
    CONTRADICTION,
    OUTLIER,
    UNBELIEVED,
    contradictions,
    outliers,
    suspects,
    unbelieved,
    wrong_labels,
)


def test_by_hand():
    """Thresholds are 0.3 and 31/60: of three labelled 0 two are counted as 1, of three labelled 1 one as 0."""
    yes = np.array([0.9, 0.8, 0.4, 0.1, 0.8, 0.65])
    targets = np.array([0, 0, 0, 1, 1, 1])
    said = np.stack([1 - yes, yes], axis=1).astype(np.float32)
    assert wrong_labels(said, targets) == 3
    found = unbelieved(said, targets)
    assert [(suspect.index, suspect.label, suspect.rather) for suspect in found] == [(0, 0, 1), (3, 1, 0), (1, 0, 1)]
    assert [round(suspect.suspicion, 3) for suspect in found] == [0.9, 0.9, 0.8]


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 500), st.integers(1, 60), st.integers(2, 5))
def test_suspicions_are_shares_in_order_and_never_of_what_is_best(seed, count, classes):
    rng = np.random.default_rng(seed)
    said = rng.dirichlet(np.ones(classes) * 0.5, count).astype(np.float32)
    targets = rng.integers(0, classes, count)
    found = unbelieved(said, targets)
    assert [suspect.suspicion for suspect in found] == sorted((suspect.suspicion for suspect in found), reverse=True)
    assert len(found) <= wrong_labels(said, targets) <= count
    for suspect in found:
        assert suspect.label == targets[suspect.index] != suspect.rather == said[suspect.index].argmax()
        assert 0 <= suspect.suspicion <= 1


def test_turned_labels_come_first():
    rng = np.random.default_rng(0)
    true = rng.integers(0, 4, 400)
    said = np.full((400, 4), 0.05)
    said[np.arange(400), true] = 0.85
    said += rng.random((400, 4)) * 0.1
    targets = true.copy()
    targets[:20] = (true[:20] + 1) % 4
    found = unbelieved((said / said.sum(axis=1, keepdims=True)).astype(np.float32), targets)
    assert 15 <= len(found) <= 20 and {suspect.index for suspect in found} <= set(range(20))
    assert all(suspect.rather == true[suspect.index] for suspect in found)


def test_where_all_labels_are_believed_none_is_suspicious():
    said = np.float32([[0.9, 0.1], [0.8, 0.2], [0.1, 0.9], [0.3, 0.7]])
    assert wrong_labels(said, np.array([0, 0, 1, 1])) == 0 and unbelieved(said, np.array([0, 0, 1, 1])) == []


def test_nothing_held_out_nothing_suspicious():
    assert unbelieved(np.zeros((0, 3), np.float32), np.zeros(0, np.int64)) == []


def unit(rows):
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def blobs(rng, sizes, dim=24, noise=0.25):
    """Unit rows about as many centres, and the centre of each."""
    targets = np.repeat(np.arange(len(sizes)), sizes)
    return unit(np.eye(len(sizes), dim)[targets] + rng.normal(0, noise / dim**0.5, (len(targets), dim))), targets


def test_copies_that_contradict_each_other_are_judged_by_most_then_by_what_is_believed():
    said = np.float32([[0.9, 0.1], [0.8, 0.2], [0.7, 0.3], [0.2, 0.8], [0.6, 0.4], [0.4, 0.6]])
    targets, originals = np.array([0, 0, 1, 0, 1, 1]), np.array([7, 7, 7, 3, 3, 5])
    found = contradictions(said, targets, originals)
    assert [(suspect.index, suspect.label, suspect.rather) for suspect in found] == [(3, 0, 1), (2, 1, 0)]
    assert {suspect.why for suspect in found} == {CONTRADICTION}
    assert [round(suspect.suspicion, 3) for suspect in found] == [0.8, 0.7]


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 500))
def test_what_is_unlike_its_class_is_found_and_little_else(seed):
    rng = np.random.default_rng(seed)
    vectors, targets = blobs(rng, [30, 25, 40])
    strange = unit(np.eye(24)[[20, 21, 22]] + rng.normal(0, 0.05, (3, 24)))  # none of the three
    vectors, targets = np.concatenate([vectors, strange]), np.concatenate([targets, [0, 1, 2]])
    found = outliers(vectors, targets, np.arange(len(targets)))
    assert set(found[:3]) == {95, 96, 97} and len(found) <= 3 + 0.1 * 95


def test_versions_of_one_original_do_not_hide_each_other_as_outliers():
    rng = np.random.default_rng(4)
    vectors, targets = blobs(rng, [30, 30])
    strange = np.repeat(unit(np.eye(24)[[20]]), 4, axis=0)
    vectors, targets = np.concatenate([vectors, strange]), np.concatenate([targets, [1] * 4])
    originals = np.concatenate([np.arange(60), [60] * 4])
    assert set(outliers(vectors, targets, originals)[:4]) == {60, 61, 62, 63}
    assert not {60, 61, 62, 63} & set(outliers(vectors, targets, np.arange(64)))


def test_of_a_large_class_some_are_compared_with_and_all_are_looked_at(monkeypatch):
    monkeypatch.setattr("curator.kit.trust.suspects.MOST", 20)
    rng = np.random.default_rng(6)
    vectors, targets = blobs(rng, [300, 90])
    vectors[[7, 388]] = unit(np.eye(24)[[20, 21]])
    assert set(outliers(vectors, targets, np.arange(390))[:2]) == {7, 388}


def test_a_class_of_any_kind_has_no_outliers_and_few_items_have_none():
    rng = np.random.default_rng(5)
    vectors, targets = blobs(rng, [30, 30])
    vectors[0] = np.eye(24)[20]
    assert 0 in outliers(vectors, targets, np.arange(60)) and 0 not in outliers(vectors, targets, np.arange(60), (0,))
    assert outliers(vectors[:19], targets[:19], np.arange(19)) == []


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 500), st.integers(1, 60), st.integers(2, 5))
def test_each_row_is_named_once_in_the_order_of_the_reasons(seed, count, classes):
    rng = np.random.default_rng(seed)
    said = rng.dirichlet(np.ones(classes) * 0.5, count).astype(np.float32)
    targets, originals = rng.integers(0, classes, count), rng.integers(0, count, count)
    found = suspects(said, targets, unit(rng.normal(size=(count, 8))), originals, originals)
    assert len({suspect.index for suspect in found}) == len(found)
    order = [(CONTRADICTION, UNBELIEVED, OUTLIER).index(suspect.why) for suspect in found]
    assert order == sorted(order)
    for suspect in found:
        assert suspect.label == targets[suspect.index] != suspect.rather
        assert (suspect.rather is None) == (suspect.why == OUTLIER) and 0 <= suspect.suspicion <= 1
