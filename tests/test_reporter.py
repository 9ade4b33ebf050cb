"""What is told of work on the way: whatever a plugin gives, it can be shown, and nothing fails for it."""

from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curator.reporter import SHARES, figure, shares, them

ODD = [None, "half", [], {}, object(), True, np.float32(0.5), np.ones(2), Decimal("sNaN"), Fraction(1, 3), 10**400, 1j]
TOLD = st.floats() | st.floats(-0.5, 1.5) | st.integers() | st.text() | st.sampled_from(ODD)


@given(st.lists(TOLD, max_size=12))
def test_a_share_is_always_one_and_never_goes_back(told):
    steps = []
    tell = shares(steps.append)
    shown = [tell(done) for done in told]
    assert shown == sorted(shown) and all(0 <= share <= 1 for share in shown)
    assert all(step >= 0 for step in steps) and sum(steps) == int(SHARES * max(shown, default=0))


@given(st.lists(st.floats(0, 1)))
def test_good_shares_are_shown_as_they_are(told):
    tell = shares(lambda steps: None)
    assert [tell(done) for done in sorted(told)] == sorted(told)


@given(TOLD)
def test_a_figure_is_the_number_or_nan(told):
    found = figure(told)
    assert type(found) is float
    if isinstance(told, float) and not math.isnan(told):
        assert found == told


@pytest.mark.parametrize(("number", "said"), [(0, "them"), (1, "it"), (2, "them")])
def test_what_things_are_called_once_they_were_named(number, said):
    assert them(number) == said
