"""The contract of plugins as checks: for an author's own tests, for `curator plugins check`, and for curator's own.

In a test file of a plugin:

    import my_encoder
    from curator.testing import parametrize

    @parametrize(my_encoder)
    def test_contract(check):
        check()

That makes a test of each property that the plugin and every spec it offers must have. One spec alone, weights that the
test makes, a property that is known to fail:

    @parametrize(SPEC, weights=make_weights, expected_failures={"check_odd_texts": "reads no emoji yet"})

Nothing is fetched while checks run: an encoder whose weights are neither here nor given is checked as far as it goes.
"""

from __future__ import annotations

from curator.testing.checks import Check, Outcome, checks, examine, parametrize
from curator.testing.given import Given, NotApplicable

__all__ = ["Check", "Given", "NotApplicable", "Outcome", "checks", "examine", "parametrize"]
