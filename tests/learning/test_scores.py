"""Figures from probabilities, and what is said about them."""

from __future__ import annotations

import numpy as np
import pytest

from curator.learning.scores import calibration_error, caution, confusions, scores_of


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


def test_caution_for_small_classes():
    assert caution([30, 400]) is None
    assert caution([29, 400]) == "the smallest class has 29 examples: figures about it can be off by 19 points"
    assert caution([4, 4]) == "the smallest class has 4 examples: figures about it can be off by 50 points"
    assert "1 example:" in caution([1, 9])


def test_confusions_count_what_was_taken_for_what_the_most_first():
    wanted = np.array([0, 0, 0, 1, 1, 2])
    said = np.array([1, 1, 2, 1, 0, 2])
    found = confusions(said, wanted, ("cat", "dog", "hen"))
    assert found == [("cat", "dog", 2, 3), ("cat", "hen", 1, 3), ("dog", "cat", 1, 2)]
    assert confusions(wanted, wanted, ("cat", "dog", "hen")) == []


def test_the_calibration_error_is_how_far_shares_are_from_probabilities():
    yes = np.repeat(np.linspace(0.05, 0.95, 10).astype(np.float32), 100)
    wanted = (np.tile(np.arange(100), 10) < 50).astype(np.int64)  # half of each bin, whatever is said of it
    said = np.stack([1 - yes, yes], axis=1)
    assert calibration_error(said, wanted) == pytest.approx(np.abs(np.linspace(0.05, 0.95, 10) - 0.5).mean(), abs=1e-6)
    rng = np.random.default_rng(0)
    right = rng.random((20_000, 1)).astype(np.float32)
    drawn = (rng.random(20_000) < right[:, 0]).astype(np.int64)
    assert calibration_error(np.hstack([1 - right, right]), drawn) < 0.02
    assert calibration_error(np.hstack([right, 1 - right]), drawn) > 0.4
