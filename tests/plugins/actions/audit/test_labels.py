"""Suspicious labels: as many as the confident joint counts, the least believed first."""

from __future__ import annotations

import numpy as np
from curator_plugins.actions.audit.labels import suspects, wrong_labels
from hypothesis import given, settings
from hypothesis import strategies as st


def test_by_hand():
    """Thresholds are 0.3 and 31/60: of three labelled 0 two are counted as 1, of three labelled 1 one as 0."""
    yes = np.array([0.9, 0.8, 0.4, 0.1, 0.8, 0.65])
    targets = np.array([0, 0, 0, 1, 1, 1])
    said = np.stack([1 - yes, yes], axis=1).astype(np.float32)
    assert wrong_labels(said, targets) == 3
    found = suspects(said, targets)
    assert [(suspect.index, suspect.label, suspect.rather) for suspect in found] == [(0, 0, 1), (3, 1, 0), (1, 0, 1)]
    assert [round(suspect.suspicion, 3) for suspect in found] == [0.9, 0.9, 0.8]


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 500), st.integers(1, 60), st.integers(2, 5))
def test_suspicions_are_shares_in_order_and_never_of_what_is_best(seed, count, classes):
    rng = np.random.default_rng(seed)
    said = rng.dirichlet(np.ones(classes) * 0.5, count).astype(np.float32)
    targets = rng.integers(0, classes, count)
    found = suspects(said, targets)
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
    found = suspects((said / said.sum(axis=1, keepdims=True)).astype(np.float32), targets)
    assert 15 <= len(found) <= 20 and {suspect.index for suspect in found} <= set(range(20))
    assert all(suspect.rather == true[suspect.index] for suspect in found)


def test_where_all_labels_are_believed_none_is_suspicious():
    said = np.float32([[0.9, 0.1], [0.8, 0.2], [0.1, 0.9], [0.3, 0.7]])
    assert wrong_labels(said, np.array([0, 0, 1, 1])) == 0 and suspects(said, np.array([0, 0, 1, 1])) == []


def test_nothing_held_out_nothing_suspicious():
    assert suspects(np.zeros((0, 3), np.float32), np.zeros(0, np.int64)) == []
