"""Near pairs of hashes, beside comparing each with each."""

from __future__ import annotations

from unittest import mock

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curator.kit.copies import hamming


def brute(queries, hashes, radius):
    apart = np.bitwise_count(queries[:, None] ^ hashes[None])
    return [(int(i), int(j), int(apart[i, j])) for i, j in np.argwhere(apart <= radius)]


def found(queries, hashes, radius):
    return list(zip(*(column.tolist() for column in hamming.near_pairs(queries, hashes, radius)), strict=True))


@st.composite
def clustered(draw):
    """Hashes of which many are a few bits from another: what lies at the edge of the radius counts."""
    hashes = draw(st.lists(st.integers(0, 2**64 - 1), min_size=1, max_size=12))
    for _ in range(draw(st.integers(0, 30))):
        bits = draw(st.lists(st.integers(0, 63), max_size=10))
        flipped = draw(st.sampled_from(hashes))
        for bit in bits:
            flipped ^= 1 << bit
        hashes.append(flipped)
    return np.asarray(hashes, np.uint64)


@settings(deadline=None, max_examples=60)
@given(clustered(), clustered(), st.integers(0, 12))
def test_finds_what_comparing_each_with_each_finds(queries, hashes, radius):
    assert found(queries, hashes, radius) == brute(queries, hashes, radius)


@pytest.mark.parametrize("count", [3_000, 60_000])
def test_finds_every_planted_pair_whatever_the_parts(count):
    """60,000 are cut into other parts than a few."""
    rng = np.random.default_rng(count)
    hashes = rng.integers(0, 2**64, count, dtype=np.uint64)
    partner = hashes[:200].copy()
    for number in range(200):
        for bit in rng.choice(64, number % 8, replace=False):
            partner[number] ^= np.uint64(1) << np.uint64(bit)
    pairs = {(i, j): apart for i, j, apart in found(partner, hashes, 7)}
    assert {(i, i): i % 8 for i in range(200)}.items() <= pairs.items()


def test_large_heaps_of_candidates_are_compared_in_blocks(monkeypatch):
    hashes = np.random.default_rng(0).integers(0, 4, 300, dtype=np.uint64)
    whole = found(hashes, hashes, 1)
    monkeypatch.setattr(hamming, "AT_ONCE", 50)
    assert found(hashes, hashes, 1) == whole == brute(hashes, hashes, 1)


def test_nothing_among_nothing():
    nothing = np.zeros(0, np.uint64)
    assert found(nothing, nothing, 7) == [] == found(np.zeros(3, np.uint64), nothing, 7)


@settings(deadline=None, max_examples=60)
@given(clustered(), st.integers(1, 4), st.integers(0, 20), st.integers(1, 40))
def test_the_nearest_are_those_of_comparing_each_with_each(hashes, k, radius, at_once):
    apart = np.bitwise_count(hashes[:, None] ^ hashes[None]).astype(int)
    expected = set()
    for one in range(len(hashes)):
        others = sorted((other for other in range(len(hashes)) if other != one), key=lambda other: apart[one, other])
        expected |= {(one, other) for other in others[:k] if apart[one, other] <= radius}
    with mock.patch.object(hamming, "AT_ONCE", at_once):
        pairs = hamming.nearest_pairs(hashes, k, radius).tolist()
    assert len(pairs) == len(expected) and {(one, other) for one, other in pairs} == expected


def planted(count, kin, bits):
    """Hashes of which each `kin`-th is so many bits from the one before."""
    rng = np.random.default_rng(count)
    hashes = rng.integers(0, 2**64, count, dtype=np.uint64)
    for number in range(1, count, kin):
        hashes[number] = hashes[number - 1]
        for bit in rng.choice(64, bits, replace=False):
            hashes[number] ^= np.uint64(1) << np.uint64(bit)
    return hashes


@pytest.mark.parametrize(("side", "at_once"), [(2_000, 1 << 22), (7, 60)])
def test_in_lists_each_finds_what_it_finds_among_all_where_it_looks_everywhere(monkeypatch, side, at_once):
    hashes = planted(300, 3, 9)
    wanted = {tuple(pair) for pair in hamming.nearest_pairs(hashes, 1, 12).tolist()}
    for name, value in (("EXACT_UP_TO", 0), ("PROBED", 300), ("SIDE", side), ("AT_ONCE", at_once)):
        monkeypatch.setattr(hamming, name, value)
    found = [tuple(pair) for pair in hamming.nearest_pairs(hashes, 1, 12).tolist()]
    assert len(found) == len(set(found)) and set(found) == wanted and len(wanted) >= 200


def test_in_lists_nearly_all_that_are_close_are_found():
    """Of 30,000 hashes 10,000 are twelve bits from another."""
    hashes = planted(30_000, 3, 12)
    found = {tuple(sorted(pair)) for pair in hamming.nearest_pairs(hashes, 3, 16).tolist()}
    assert np.mean([(number - 1, number) in found for number in range(1, 30_000, 3)]) > 0.85
