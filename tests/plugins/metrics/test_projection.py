"""The projection metric, beyond the contract (tests/plugins/test_contract.py)."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from curator_plugins.metrics.projection import Projection, _directions, _Loss
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import check_grad

from curator.errors import BadInput
from curator.testing.samples import pairs

SEEDS = st.integers(0, 2**16)


def fitted(left, right, alike):
    metric = Projection()
    metric.fit(left, right, alike, 0)
    return metric


def likeness(metric, left, right):
    return np.einsum("ij,ij->i", metric.transform(left), metric.transform(right))


@pytest.mark.parametrize("directions", [1, 7, 24])
def test_the_gradient_is_that_of_the_loss(directions):
    left, right, alike = pairs(30)
    rows = left.astype(np.float64), right.astype(np.float64)
    loss = _Loss(*rows, alike, _directions(np.concatenate(rows))[:directions])
    at = loss.start + np.random.default_rng(0).normal(0, 0.2, len(loss.start))
    assert (
        check_grad(lambda values: loss(values)[0], lambda values: loss(values)[1], at) < 1e-4 * abs(loss(at)[1]).max()
    )


@given(SEEDS, st.integers(4, 60))
@settings(max_examples=15, deadline=None)
def test_neither_side_nor_order_nor_axes_mean_anything(seed, number):
    left, right, alike = pairs(number, seed)
    probed = pairs(20, seed + 1)[:2]
    wanted = likeness(fitted(left, right, alike), *probed)
    rng = np.random.default_rng(seed)
    swapped, order = rng.random(number) < 0.5, rng.permutation(number)
    one, other = np.where(swapped[:, None], right, left)[order], np.where(swapped[:, None], left, right)[order]
    np.testing.assert_allclose(likeness(fitted(one, other, alike[order]), *probed), wanted, atol=5e-3)
    turn = np.linalg.qr(rng.standard_normal((24, 24)))[0].astype(np.float32)
    turned = fitted(left @ turn, right @ turn, alike)
    np.testing.assert_allclose(likeness(turned, *(rows @ turn for rows in probed)), wanted, atol=5e-3)


@given(SEEDS)
@settings(max_examples=5, deadline=None)
def test_few_pairs_change_little_and_more_change_more(seed):
    probed = pairs(200, seed + 1)[:2]
    plain = np.einsum("ij,ij->i", *probed)
    moved = [np.abs(likeness(fitted(*pairs(number, seed)), *probed) - plain).mean() for number in (4, 40, 400)]
    assert moved[0] < 0.15 and moved[0] < moved[1] < moved[2]


def test_what_the_pairs_say_nothing_of_stays_as_it_is():
    left, right, alike = pairs(3)
    metric = fitted(left, right, alike)
    basis = metric.state()["basis"]
    outside = np.random.default_rng(0).standard_normal((5, 24)).astype(np.float32)
    outside -= outside @ basis.T @ basis
    outside /= np.linalg.norm(outside, axis=1, keepdims=True)
    np.testing.assert_allclose(metric.transform(outside), outside, atol=1e-5)


def test_pairs_of_one_item_with_itself_change_nothing():
    rows = pairs(40)[0]
    metric = fitted(rows, rows, np.arange(40) % 2 == 0)
    np.testing.assert_allclose(metric.transform(rows), rows, atol=1e-5)


def test_empty_vectors_are_no_trouble():
    left, right, alike = pairs(20)
    left[:4] = right[2:6] = 0
    metric = fitted(left, right, alike)
    assert np.isfinite(metric.transform(right)).all() and not metric.transform(left)[:4].any()
    nothing = np.zeros_like(left)
    assert not fitted(nothing, nothing, alike).transform(nothing).any()


def test_equal_vectors_get_equal_rows_wherever_they_stand():
    metric = fitted(*pairs(60))
    row = pairs(1, 3)[0]
    given = metric.transform(np.repeat(row, 37, axis=0))
    assert (given == given[0]).all()


def test_it_needs_no_torch():
    code = (
        "import sys; from curator.testing.samples import pairs\n"
        "from curator_plugins.metrics.projection import Projection\n"
        "metric = Projection(); metric.fit(*pairs(20), 0); metric.transform(pairs(20)[0])\n"
        "assert not {'torch', 'sklearn'} & {*sys.modules}"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_before_it_is_fitted_it_says_so():
    with pytest.raises(BadInput, match="not been fitted"):
        Projection().transform(pairs(2)[0])
