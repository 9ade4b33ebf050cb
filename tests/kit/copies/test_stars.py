"""Stars: each that may go matches the one that stays, and no thing is in two."""

from __future__ import annotations

from unittest import mock

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curator.kit.copies import stars as module
from curator.kit.copies.stars import Star, spokes, spokes_of, stars

COUNT = 12
PAIRS = st.sets(st.tuples(st.integers(0, COUNT - 1), st.integers(0, COUNT - 1)).filter(lambda pair: pair[0] < pair[1]))


def evidence(matching):
    return lambda lower, higher: f"{lower}-{higher}" if (lower, higher) in matching else None


@given(PAIRS, PAIRS, st.booleans())
def test_every_ray_matches_its_centre_and_stands_after_it(matching, asked, large):
    with mock.patch.object(module, "LARGE", 3 if large else 200):
        found = stars(COUNT, [*asked, *((b, a) for a, b in asked)], evidence(matching))
    for star in found:
        assert star.rays and all(said == f"{star.centre}-{ray}" for ray, said in star.rays)
        assert all((star.centre, ray) in matching for ray, _ in star.rays)
    seen = [thing for star in found for thing in (star.centre, *(ray for ray, _ in star.rays))]
    assert len(seen) == len(set(seen))
    # What was a candidate and matches is never passed over, unless one of the two went with another.
    rays = {ray for star in found for ray, _ in star.rays}
    assert all(lower in rays or higher in rays for lower, higher in matching & asked)


def test_a_chain_is_cut():
    chain = {(0, 1), (1, 2), (2, 3)}
    assert stars(4, chain, evidence(chain)) == [Star(0, [(1, "0-1")]), Star(2, [(3, "2-3")])]


def test_what_hangs_together_is_compared_beyond_the_candidates():
    """0 and 2 were no candidates, but both are like 1."""
    matching = {(0, 1), (1, 2), (0, 2)}
    assert stars(3, [(0, 1), (1, 2)], evidence(matching)) == [Star(0, [(1, "0-1"), (2, "0-2")])]


def test_the_best_of_a_star_becomes_its_centre_and_takes_what_the_first_did_not_match():
    """0 is the first, 1 the best of what matches it; 3 matches 1 alone, and 2 matches 0 alone."""
    both_ways = {pair for one, other in [(0, 1), (0, 2), (1, 3)] for pair in ((one, other), (other, one))}
    told = []
    found = stars(4, [(0, 1), (0, 2), (1, 3)], evidence(both_ways), best=lambda some: 1, linked=told.extend)
    assert found == [Star(1, [(0, "1-0"), (3, "1-3")])]
    assert sorted(told) == [0, 1, 2, 3]


@given(PAIRS, PAIRS, st.permutations(range(COUNT)), st.booleans())
def test_each_ray_matches_the_best_of_its_star(matching, asked, liked, large):
    """Also where what one says of the other is not what the other says of it."""
    with mock.patch.object(module, "LARGE", 3 if large else 200):
        some = {(a, b) if (a + b) % 3 else (b, a) for a, b in matching} | matching
        found = stars(COUNT, asked, evidence(some), best=lambda members: min(members, key=liked.index))
    assert all(said == f"{star.centre}-{ray}" for star in found for ray, said in star.rays)
    seen = [thing for star in found for thing in (star.centre, *(ray for ray, _ in star.rays))]
    assert len(seen) == len(set(seen))
    placed = {*seen}
    assert all({lower, higher} & placed for lower, higher in matching & asked)


@pytest.mark.parametrize("size", [10, 1000])
def test_a_thousand_copies_do_not_make_a_million_comparisons(size):
    compared = []

    def match(lower, higher):
        compared.append((lower, higher))
        return True

    (star,) = stars(size, spokes([0] * size), match)
    assert len(star.rays) == size - 1
    assert len(compared) == len(set(compared)) <= 2 * size


@given(st.lists(st.integers(0, 5)))
def test_spokes_join_each_key_and_nothing_else(keys):
    pairs = spokes(keys)
    assert all(a < b and keys[a] == keys[b] for a, b in pairs)
    assert {b for _, b in pairs} == {i for i, key in enumerate(keys) if key in keys[:i]}


@given(st.lists(st.integers(0, 5)))
def test_spokes_of_numbers_are_those_of_keys(keys):
    found = spokes_of(np.asarray(keys, np.uint64))
    assert found.shape[1] == 2 and {(a, b) for a, b in found.tolist()} == {*spokes(keys)}
