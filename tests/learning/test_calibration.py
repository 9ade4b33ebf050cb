"""Calibration: percentages that are as often right as they say."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import softmax

from curator.learning.calibration import LEAST, STEEPEST, Calibration, fit_calibration
from curator.learning.scores import calibration_error


def drawn(seed, count, classes, scale, shift=0.0):
    """Probabilities of a head that is too sure by `scale`, and classes drawn by the true ones."""
    rng = np.random.default_rng(seed)
    logits = rng.standard_normal((count, classes)) * 1.5
    true = softmax(logits, axis=1)
    targets = (true.cumsum(axis=1) < rng.random((count, 1))).sum(axis=1)
    said = scale * logits
    said[:, -1] += shift
    return softmax(said, axis=1).astype(np.float32), targets


@pytest.mark.parametrize(("classes", "scale", "shift"), [(2, 4, 0), (2, 0.3, 2), (2, 1, -3), (5, 4, 0), (5, 0.3, 0)])
def test_what_is_too_sure_or_not_sure_enough_becomes_right(classes, scale, shift):
    said, targets = drawn(0, 4000, classes, scale, shift)
    found = fit_calibration(said, targets)
    assert found.scale == pytest.approx(1 / scale, rel=0.15)
    if classes == 2:
        assert found.shift == pytest.approx(-shift / scale, abs=0.1 + 0.1 * abs(shift / scale))
    others, wanted = drawn(1, 4000, classes, scale, shift)
    assert calibration_error(found.apply(others), wanted) < 0.03 < calibration_error(others, wanted)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 1000), st.integers(LEAST, 40), st.integers(2, 5))
def test_the_order_stays_and_rows_are_probabilities(seed, count, classes):
    rng = np.random.default_rng(seed)
    said = rng.dirichlet(np.ones(classes), count).astype(np.float32)
    targets = rng.integers(0, classes, count)
    found = fit_calibration(said, targets)
    if found is None:
        assert classes == 2 and np.bincount(targets, minlength=2).min() < 2
        return
    assert 1 / STEEPEST * 0.99 <= found.scale <= STEEPEST * 1.01
    made = found.apply(said)
    assert made.dtype == np.float32 and np.allclose(made.sum(axis=1), 1, atol=1e-5)
    if classes == 2:
        assert (np.diff(made[np.argsort(said[:, 1]), 1]) >= -1e-6).all()
    else:
        assert (made.max(axis=1) == made[np.arange(count), said.argmax(axis=1)]).all()


def test_a_few_that_were_all_right_are_not_certainty():
    said = np.tile(np.float32([0.01, 0.99]), (10, 1))
    said[5:] = said[5:, ::-1]
    made = fit_calibration(said, np.repeat([1, 0], 5)).apply(said)
    assert 0.8 < made.max() < 0.9  # six of seven, as if one more had been wrong


def test_too_few_are_left_as_they_are():
    said = np.tile(np.float32([0.4, 0.6]), (LEAST, 1))
    assert fit_calibration(said[:-1], np.arange(LEAST - 1) % 2) is None
    assert fit_calibration(said, np.eye(LEAST, dtype=np.int64)[0]) is None
    assert np.array_equal(Calibration().apply(said), said)
