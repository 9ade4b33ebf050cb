"""Bounds of a share: as tabulated, and held to what they promise on draws."""

from __future__ import annotations

import numpy as np
import pytest

from curator.kit.trust.promises import answers_to_prove, lower_share, upper_share


def test_as_tabulated():
    assert lower_share(22, 22) == pytest.approx(0.1 ** (1 / 22)) and lower_share(22, 22) > 0.9 > lower_share(21, 21)
    assert lower_share(0, 5) == 0 and upper_share(5, 5) == 1
    assert lower_share(15, 20, 0.975) == pytest.approx(0.509, abs=1e-3)  # Clopper and Pearson's, two-sided 95 %
    assert upper_share(15, 20, 0.975) == pytest.approx(0.913, abs=1e-3)


def test_so_many_answers_prove_it_and_one_fewer_does_not():
    assert [answers_to_prove(share) for share in (0, 0.5, 0.9, 0.95, 1)] == [0, 4, 22, 45, None]
    for share in (0.3, 0.7, 0.8, 0.9, 0.99):
        needed = answers_to_prove(share)
        assert lower_share(needed, needed) >= share > lower_share(needed - 1, needed - 1)


def test_a_bound_is_wrong_no_more_often_than_it_says():
    drawn = np.random.default_rng(0)
    for share in (0.6, 0.9, 0.97):
        right = drawn.binomial(30, share, 2_000)
        bounds = {int(count): lower_share(int(count), 30) for count in np.unique(right)}
        assert np.mean([bounds[int(count)] > share for count in right]) <= 0.115
